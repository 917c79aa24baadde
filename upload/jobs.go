package upload

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"mailferry/ews"
	"mailferry/store"
	"mailferry/upload/match"
	"mailferry/upload/place"
	"mailferry/upload/plan"
)

// group is one folder of the target, what goes there, and what went there.
type group struct {
	*plan.Group
	fresh   int // items to look for or to send
	updates int
	seen    int  // items that were chosen, in place only
	put     int  // items that earlier runs put there, associated ones not counted
	folded  bool // associated items are among them
	sent    int  // new items of this run, associated ones not counted
	sentFAI int
}

// job is an item that is to be sent.
type job struct {
	item      store.Item
	folder    *store.Folder
	group     *group
	targetID  string    // replace this item; empty: make a new one
	parent    string    // folder that item is in; empty: the group's
	changeKey string    // of that item, when we left it there; empty: it was there before, or not known
	update    bool      // targetID was known before
	batch     uint64    // of the journal, when it was sent last
	first     time.Time // when it was sent first

	currentKey string // change key of the item that is about to be replaced

	tries     int // that ended with an error that may pass
	resends   int // that ended because an item before it failed
	lost      int // that ended without our knowing the outcome
	lostAlone int // of these, sent by itself
	most      int // items in its next batch at most; 0: as many as usual
}

// entry is what the journal says of a job.
func (j *job) entry(state store.State) store.JournalEntry {
	return store.JournalEntry{
		Source: j.item.ItemKey, SHA256: j.item.SHA256, State: state, Batch: j.batch,
		TargetFolder: j.where(), TargetID: j.targetID, TargetChangeKey: j.changeKey,
	}
}

// where is the folder of the target that the item goes to, or is in.
func (j *job) where() string {
	if j.parent != "" {
		return j.parent
	}
	return j.group.Node.ID
}

// settleAtOnce is how many items that are found at the target are written down
// together.
const settleAtOnce = 200

// jobs yields what is to be sent, folder by folder. Folders are made and read
// on the way, and what they hold already is written down.
func (r *run) jobs(ctx context.Context) iter.Seq2[*job, error] {
	return func(yield func(*job, error) bool) {
		for _, g := range r.groups {
			if err := r.folderJobs(ctx, g, func(j *job) bool { return yield(j, nil) }); err != nil {
				if err != errEnough {
					yield(nil, err)
				}
				return
			}
		}
	}
}

// errEnough says that nobody wants more jobs.
var errEnough = errors.New("enough")

func (r *run) folderJobs(ctx context.Context, g *group, yield func(*job) bool) error {
	if g.fresh+g.updates == 0 && !r.wantEmpty(g) {
		return nil
	}
	prepared := r.prepare(ctx, g)
	if prepared != nil && !isFolderFailure(prepared) {
		return prepared
	}
	if g.fresh+g.updates == 0 {
		return nil
	}
	var exists *match.Collector
	if prepared == nil {
		var err error
		if exists, err = r.collect(ctx, g); err != nil {
			return err
		}
	}
	var found []*job
	send := func(ws []*match.Want, byItem map[string]*store.Folder) error {
		for _, w := range ws {
			j := &job{item: w.Item, folder: byItem[w.Item.ID], group: g}
			delete(byItem, w.Item.ID)
			if w.Found >= 0 {
				j.targetID = exists.Listing().Items[w.Found].ID // not ours: what it is like says no change key
				if j.update = true; r.o.IfExists != Replace {
					if found = append(found, j); len(found) >= settleAtOnce {
						if err := r.there(ctx, found); err != nil {
							return err
						}
						found = found[:0]
					}
					continue
				}
			}
			if !yield(j) {
				return errEnough
			}
		}
		return nil
	}
	folders := make(map[string]*store.Folder)
	for it, err := range r.choice.Items(r.o.Store, r.o.Mailbox, g.Group) {
		if err != nil {
			return err
		}
		state, e, err := plan.Stand(r.journal, it.Item)
		if err != nil {
			return err
		}
		j := &job{item: it.Item, folder: it.Folder, group: g}
		switch {
		case state == plan.IsDone:
			continue
		case prepared != nil:
			if err := r.fail(ctx, j, prepared); err != nil {
				return err
			}
			continue
		case state == plan.IsOpen:
			continue // left: only a dry run, which settles nothing, comes here
		case state == plan.IsChanged:
			j.targetID, j.parent, j.changeKey, j.update = e.TargetID, e.TargetFolder, e.TargetChangeKey, true
			if !yield(j) {
				return errEnough
			}
			continue
		case exists == nil:
			if !yield(j) {
				return errEnough
			}
			continue
		}
		folders[it.ID] = it.Folder
		decided, err := exists.Offer(ctx, it.Item)
		if err != nil {
			return fmt.Errorf("look for items that the target has already: %w", err)
		}
		if err := send(decided, folders); err != nil {
			return err
		}
	}
	if exists == nil {
		return nil
	}
	decided, err := exists.Flush(ctx)
	if err != nil {
		return fmt.Errorf("look for items that the target has already: %w", err)
	}
	if err := send(decided, folders); err != nil {
		return err
	}
	return r.there(ctx, found)
}

// wantEmpty says that a folder is made even if no item goes there: the whole
// folder was asked for.
func (r *run) wantEmpty(g *group) bool {
	return g.Node.ID == "" && r.choice.WholeFolders()
}

// isFolderFailure says that an error concerns one folder alone.
func isFolderFailure(err error) bool {
	e, ok := errors.AsType[*ews.Error](err)
	if !ok || e.Op != "CreateFolder" {
		return false
	}
	if e.Code == "ErrorFolderExists" {
		return true // under a name that Exchange takes for this one, and we don't
	}
	a := ews.ActionFor(e.Op, e)
	return a.Verb != ews.Abort && a.Verb != ews.Bug && a.Then != ews.Abort
}

// prepare makes the folder of a group and writes down its baseline.
func (r *run) prepare(ctx context.Context, g *group) error {
	if r.o.DryRun {
		if g.Node.ID == "" {
			r.tellMissing(g.Node)
		}
		return nil
	}
	made := func(n *place.Node) { r.Emit(eventFolder("created", n)) }
	if err := g.Node.Make(ctx, r.o.Client, made); err != nil {
		return fmt.Errorf("make folder at the target: %w", err)
	}
	if g.fresh == 0 {
		return nil
	}
	return r.baseline(ctx, g.Node)
}

// tellMissing tells which folders would be made.
func (r *run) tellMissing(n *place.Node) {
	if n == nil || n.ID != "" || r.told[n] {
		return
	}
	r.tellMissing(n.Parent())
	r.told[n] = true
	r.Emit(eventFolder("would-create", n))
}

// baseline writes down the state of a folder before the first upload into it.
func (r *run) baseline(ctx context.Context, n *place.Node) error {
	_, known, err := r.journal.Baseline(n.ID)
	if err != nil {
		return fmt.Errorf("read the journal: %w", err)
	}
	if known {
		return nil
	}
	state := ""
	if !n.Fresh {
		for {
			page, err := r.o.Client.SyncItems(ctx, ews.SyncItemsRequest{Folder: ews.FolderByID(n.ID), State: state, Associated: true})
			if err != nil {
				if !folderGone(err) && !fatalFor("SyncFolderItems", err) {
					return nil // such a folder is listed as a whole instead
				}
				return fmt.Errorf("read the state of a folder of the target: %w", err)
			}
			stuck := page.State == state
			state = page.State
			if page.Last || stuck {
				break
			}
		}
	}
	if err := r.journal.PutBaseline(ctx, store.FolderBaseline{Folder: n.ID, SyncState: state}); err != nil {
		return fmt.Errorf("write the journal: %w", err)
	}
	return nil
}

// folderGone says that a folder of the target is not there any more.
func folderGone(err error) bool {
	e, ok := errors.AsType[*ews.Error](err)
	return ok && (e.Code == "ErrorFolderNotFound" || e.Code == "ErrorSyncFolderNotFound")
}

// fatalFor says that an error of the server concerns more than what was asked
// for. A sync state that it does not take any more is no such error: the folder
// can be listed instead.
func fatalFor(op string, err error) bool {
	e, ok := errors.AsType[*ews.Error](err)
	if !ok {
		return true
	}
	if e.Code == "ErrorInvalidSyncStateData" {
		return false
	}
	a := ews.ActionFor(op, e)
	return a.Verb == ews.Abort || a.Then == ews.Abort
}

// collect reads what the folder of a group holds, and returns who tells which
// items are among it; nil where none can be.
func (r *run) collect(ctx context.Context, g *group) (*match.Collector, error) {
	n := g.Node
	if r.o.IfExists == Copy || g.fresh == 0 || n.ID == "" || n.Fresh || n.Total == 0 && !g.folded {
		return nil, nil
	}
	wanted := match.NewWanted()
	for it, err := range r.choice.Items(r.o.Store, r.o.Mailbox, g.Group) {
		if err != nil {
			return nil, err
		}
		state, _, err := plan.Stand(r.journal, it.Item)
		if err != nil {
			return nil, err
		}
		if state == plan.IsNew {
			wanted.Item(it.Item)
		}
	}
	l, err := match.List(ctx, r.o.Client, n.ID, n.Total > 0, g.folded, wanted)
	if err != nil {
		return nil, err
	}
	if len(l.Items) == 0 {
		return nil, nil
	}
	if err := r.takeClaimed(l); err != nil {
		return nil, err
	}
	return match.NewCollector(&match.Matcher{Client: r.o.Client, Store: r.o.Store, Listing: l}, wanted), nil
}

// claims are the ids of the target that the journal names.
func (r *run) claims() (match.Set, error) {
	if r.claimed != nil {
		return r.claimed, nil
	}
	claimed := make(match.Set)
	for e, err := range r.journal.All() {
		if err != nil {
			return nil, fmt.Errorf("read the journal: %w", err)
		}
		if e.TargetID != "" {
			claimed.Add(e.TargetID)
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for id := range r.justClaimed {
		claimed[id] = struct{}{}
	}
	r.claimed, r.justClaimed = claimed, nil
	return claimed, nil
}

// claim notes that the journal names an id now.
func (r *run) claim(id string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.claimed != nil:
		r.claimed.Add(id)
	case r.justClaimed != nil:
		r.justClaimed.Add(id)
	}
}

// takeClaimed takes out of a listing what the journal accounts for.
func (r *run) takeClaimed(l *match.Listing) error {
	claimed, err := r.claims()
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	l.TakeAll(claimed)
	return nil
}
