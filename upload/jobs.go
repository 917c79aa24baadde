package upload

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"mailferry/ews"
	"mailferry/store"
)

// job is an item that is to be sent.
type job struct {
	item      store.Item
	folder    *store.Folder
	group     *group
	targetID  string // replace this item; empty: make a new one
	changeKey string // of it, where the server asks for it
	update    bool   // targetID was known before

	tries   int // that ended with an error that may pass
	resends int // that ended because an item before it failed
	lost    int // that ended without our knowing the outcome
	most    int // items in its next batch at most; 0: as many as usual
}

// entry is what the journal says of a job.
func (j *job) entry(state store.State) store.JournalEntry {
	return store.JournalEntry{
		Source: j.item.ItemKey, SHA256: j.item.SHA256, State: state,
		TargetFolder: j.group.node.id, TargetID: j.targetID, TargetChangeKey: j.changeKey,
	}
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
	var match *collector
	if prepared == nil {
		var err error
		if match, err = r.collect(ctx, g); err != nil {
			return err
		}
	}
	var found []*job
	send := func(ws []*want, byItem map[string]*store.Folder) error {
		for _, w := range ws {
			j := &job{item: w.item, folder: byItem[w.item.ID], group: g}
			delete(byItem, w.item.ID)
			if w.found >= 0 {
				c := match.m.listing.items[w.found]
				j.targetID, j.changeKey = c.id, c.changeKey
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
	for it, err := range r.choice.items(r.o.Store, r.o.Mailbox, g) {
		if err != nil {
			return err
		}
		state, e, err := stand(r.journal, it.Item)
		if err != nil {
			return err
		}
		j := &job{item: it.Item, folder: it.folder, group: g}
		switch {
		case state == isDone:
			continue
		case prepared != nil:
			if err := r.fail(ctx, j, prepared); err != nil {
				return err
			}
			continue
		case state == isOpen:
			continue // left: only a dry run, which settles nothing, comes here
		case state == isChanged:
			j.targetID, j.update = e.TargetID, true
			if !yield(j) {
				return errEnough
			}
			continue
		case match == nil:
			if !yield(j) {
				return errEnough
			}
			continue
		}
		folders[it.ID] = it.folder
		decided, err := match.offer(ctx, it.Item)
		if err != nil {
			return fmt.Errorf("look for items that the target has already: %w", err)
		}
		if err := send(decided, folders); err != nil {
			return err
		}
	}
	if match == nil {
		return nil
	}
	decided, err := match.flush(ctx)
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
	return g.node.id == "" && !r.choice.selection.ChoosesItems()
}

// isFolderFailure says that an error concerns one folder alone.
func isFolderFailure(err error) bool {
	e, ok := errors.AsType[*ews.Error](err)
	if !ok || e.Op != "CreateFolder" {
		return false
	}
	a := ews.ActionFor(e.Op, e)
	return a.Verb != ews.Abort && a.Verb != ews.Bug && a.Then != ews.Abort
}

// prepare makes the folder of a group and writes down its baseline.
func (r *run) prepare(ctx context.Context, g *group) error {
	if r.o.DryRun {
		if g.node.id == "" {
			r.tellMissing(g.node)
		}
		return nil
	}
	if err := r.ensure(ctx, g.node); err != nil {
		return fmt.Errorf("make folder at the target: %w", err)
	}
	if g.fresh == 0 {
		return nil
	}
	return r.baseline(ctx, g.node)
}

// tellMissing tells which folders would be made.
func (r *run) tellMissing(n *node) {
	if n == nil || n.id != "" || r.told[n] {
		return
	}
	r.tellMissing(n.parent)
	r.told[n] = true
	r.emit(eventFolder("would-create", n))
}

// baseline writes down the state of a folder before the first upload into it.
func (r *run) baseline(ctx context.Context, n *node) error {
	_, known, err := r.journal.Baseline(n.id)
	if err != nil {
		return fmt.Errorf("read the journal: %w", err)
	}
	if known {
		return nil
	}
	state := ""
	if !n.fresh {
		for {
			page, err := r.o.Client.SyncItems(ctx, ews.SyncItemsRequest{Folder: ews.FolderByID(n.id), State: state, Associated: true})
			if err != nil {
				if _, refused := errors.AsType[*ews.Error](err); refused && !fatalFor("SyncFolderItems", err) {
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
	if err := r.journal.PutBaseline(ctx, store.FolderBaseline{Folder: n.id, SyncState: state}); err != nil {
		return fmt.Errorf("write the journal: %w", err)
	}
	return nil
}

// fatalFor says that an error of the server concerns more than what was asked
// for.
func fatalFor(op string, err error) bool {
	e, ok := errors.AsType[*ews.Error](err)
	if !ok {
		return true
	}
	a := ews.ActionFor(op, e)
	return a.Verb == ews.Abort || a.Then == ews.Abort
}

// collect reads what the folder of a group holds, and returns who tells which
// items are among it; nil where none can be.
func (r *run) collect(ctx context.Context, g *group) (*collector, error) {
	n := g.node
	if r.o.IfExists == Copy || g.fresh == 0 || n.id == "" || n.fresh || n.total == 0 && !g.folded {
		return nil, nil
	}
	wanted := make(idSet)
	counts := make(map[uint64]int32)
	for it, err := range r.choice.items(r.o.Store, r.o.Mailbox, g) {
		if err != nil {
			return nil, err
		}
		state, _, err := stand(r.journal, it.Item)
		if err != nil {
			return nil, err
		}
		if state == isNew {
			print := sourcePrint(it.Item)
			wanted[print.weak()] = struct{}{}
			counts[print.key()]++
		}
	}
	l, err := listFolder(ctx, r.o.Client, n.id, n.total > 0, g.folded, wanted)
	if err != nil {
		return nil, err
	}
	if len(l.items) == 0 {
		return nil, nil
	}
	if err := r.takeClaimed(l); err != nil {
		return nil, err
	}
	return &collector{
		m:      &matcher{client: r.o.Client, store: r.o.Store, listing: l},
		counts: counts, waiting: make(map[uint64][]*want),
	}, nil
}

// listFolder lists a folder of the target: what is wanted of it, or all.
func listFolder(ctx context.Context, c *ews.Client, id string, normal, associated bool, wanted idSet) (*listing, error) {
	l := newListing()
	var traversals []ews.ItemTraversal
	if normal {
		traversals = append(traversals, ews.ShallowItems)
	}
	if associated {
		traversals = append(traversals, ews.AssociatedItems)
	}
	for _, t := range traversals {
		for it, err := range c.FindItems(ctx, ews.FindItemsRequest{Folder: ews.FolderByID(id), Traversal: t, Props: listProps}) {
			if err != nil {
				return nil, fmt.Errorf("list a folder of the target: %w", err)
			}
			l.add(it, wanted)
		}
	}
	return l, nil
}

// claims are the ids of the target that the journal names.
func (r *run) claims() (idSet, error) {
	if r.claimed != nil {
		return r.claimed, nil
	}
	claimed := make(idSet)
	for e, err := range r.journal.All() {
		if err != nil {
			return nil, fmt.Errorf("read the journal: %w", err)
		}
		if e.TargetID != "" {
			claimed.add(e.TargetID)
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
		r.claimed.add(id)
	case r.justClaimed != nil:
		r.justClaimed.add(id)
	}
}

// takeClaimed takes out of a listing what the journal accounts for.
func (r *run) takeClaimed(l *listing) error {
	claimed, err := r.claims()
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range l.items {
		if claimed.has(l.items[i].id) {
			l.items[i].taken = true
		}
	}
	return nil
}
