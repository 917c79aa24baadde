package verify

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"

	"mailferry/ews"
	"mailferry/internal/event"
	"mailferry/internal/proof"
	"mailferry/store"
	"mailferry/upload/match"
	"mailferry/upload/place"
	"mailferry/upload/plan"
)

// verification is a check under way.
type verification struct {
	plan.Teller
	o        Options
	choice   plan.Choice
	journal  *store.Journal
	accepted map[string]bool // items whose failure a person accepted
	tally    tally
	compare  *comparer
}

// Run compares what the store holds of a mailbox with a target mailbox.
// Nothing is changed at the target, and nothing is written to the store. The
// report is as far as it got when there is an error.
func Run(ctx context.Context, o Options) (Report, error) {
	if err := o.defaults(); err != nil {
		return Report{}, err
	}
	target, err := plan.JournalName(o.Store, o.Target, o.Into)
	if err != nil {
		return Report{}, err
	}
	v := &verification{
		Teller: plan.Teller{Events: o.Events, Mailbox: o.Mailbox, Target: target}, o: o,
		choice: plan.Choice{
			Selection: o.Selection, Match: o.Match, Associated: o.Associated, Deleted: o.IncludeDeleted,
			Trees: place.Trees{Hidden: o.Hidden, Archive: o.Archive, Recoverable: o.Recoverable, Public: o.Public},
		},
		accepted: make(map[string]bool),
		tally:    tally{report: Report{Level: o.Level}, groups: make(map[string]*Group)},
	}
	err = v.run(ctx, target)
	return v.tally.finish(), err
}

func (o *Options) defaults() error {
	if o.Level == "" {
		o.Level = Key
	}
	switch {
	case o.Client == nil || o.Store == nil:
		return errors.New("verify: a client and a store are needed")
	case o.Mailbox == "" || o.Target == "":
		return place.Usagef("verify: name the mailbox in the store and the target mailbox")
	case o.Level != Count && o.Level != Key && o.Level != Content:
		return place.Usagef("level %q: use count, key or content", o.Level)
	case !(o.Sample >= 0 && o.Sample <= 1):
		return place.Usagef("sample: give a share from 0 to 1")
	}
	if o.Workers <= 0 {
		o.Workers = 4
	}
	if o.BatchItems <= 0 {
		o.BatchItems = 50
	}
	if o.BatchBytes <= 0 {
		o.BatchBytes = 20e6
	}
	return nil
}

func (v *verification) run(ctx context.Context, target string) error {
	v.choice.NamedTrees()
	folders, err := plan.Source(v.o.Store, v.o.Mailbox, &v.choice)
	if err != nil {
		return err
	}
	if v.journal, err = v.o.Store.Journal(target); err != nil {
		return fmt.Errorf("open the journal: %w", err)
	}
	for f, err := range v.o.Store.Failures(store.FailureFilter{Mailbox: v.o.Mailbox, Direction: store.Upload, Target: target}) {
		if err != nil {
			return fmt.Errorf("read the failures: %w", err)
		}
		if !f.Accepted.IsZero() {
			v.accepted[f.ItemID] = true
		}
	}
	v.Phase("reading the target")
	tree, err := place.Read(ctx, v.o.Client, v.choice.Trees)
	if err != nil {
		return err
	}
	place, err := place.New(tree, folders, v.o.Into, v.o.Map)
	if err != nil {
		return err
	}
	groups, err := plan.Groups(place, folders, &v.choice, v.o.Store, v.o.Mailbox)
	if err != nil {
		return err
	}
	counts := make([]folderCount, len(groups))
	for i, g := range groups {
		if counts[i], err = v.count(ctx, g); err != nil {
			return err
		}
		v.tally.report.Folders += len(g.Sources)
		v.tally.report.Checked += counts[i].normal + counts[i].associated
	}
	var bytes int64
	for _, c := range counts {
		bytes += c.bytes
	}
	v.Planned(v.tally.report.Checked, bytes)
	v.Phase("comparing")
	v.compare = newComparer(ctx, v)
	for i, g := range groups {
		if err := v.folder(ctx, g, counts[i]); err != nil {
			return errors.Join(err, v.compare.wait())
		}
	}
	return v.compare.wait()
}

// folderCount is what a folder of the target should hold.
type folderCount struct {
	normal, associated int
	accepted           int // of the normal ones: may be missing
	bytes              int64
}

func (v *verification) count(ctx context.Context, g *plan.Group) (folderCount, error) {
	var c folderCount
	for it, err := range v.choice.Items(v.o.Store, v.o.Mailbox, g) {
		if err != nil {
			return c, err
		}
		if ctx.Err() != nil {
			return c, context.Cause(ctx)
		}
		c.bytes += it.Size
		if it.Associated {
			c.associated++
			continue
		}
		c.normal++
		if v.accepted[it.ID] {
			c.accepted++
		}
	}
	return c, nil
}

// folder looks at one folder of the target.
func (v *verification) folder(ctx context.Context, g *plan.Group, c folderCount) error {
	if c.normal+c.associated == 0 {
		return nil
	}
	if v.o.Level == Count {
		return v.folderCount(ctx, g, c)
	}
	return v.folderKeys(ctx, g, c)
}

// folderCount compares numbers. A folder that holds more than it should may
// hold other things, too, so it is looked at closely.
func (v *verification) folderCount(ctx context.Context, g *plan.Group, c folderCount) error {
	associated := 0
	if c.associated > 0 && g.Node.ID != "" {
		seen := make(match.Set)
		for it, err := range v.o.Client.FindItems(ctx, ews.FindItemsRequest{Folder: ews.FolderByID(g.Node.ID), Traversal: ews.AssociatedItems}) {
			if err != nil {
				return fmt.Errorf("list a folder of the target: %w", err)
			}
			seen.Add(it.ID)
		}
		associated = len(seen)
	}
	if g.Node.Total > c.normal || associated > c.associated {
		return v.folderKeys(ctx, g, c)
	}
	less := c.normal - g.Node.Total
	accepted := min(less, c.accepted)
	missing := less - accepted + c.associated - associated
	v.tally.mu.Lock()
	v.tally.report.Accepted += accepted
	v.tally.mu.Unlock()
	f := &g.Sources[0]
	if missing > 0 {
		what := fmt.Sprintf("the folder holds %d items instead of %d", g.Node.Total+associated, c.normal+c.associated)
		v.tally.note(Finding{Kind: Missing, Folder: f.Path, What: what, Count: missing}, missing)
	}
	v.Emit(event.Event{Kind: event.Folder, Action: "counted", Folder: f.Path, Items: g.Node.Total + associated})
	return nil
}

// missing notes an item that the target does not have.
func (v *verification) missing(it store.Item, f *store.Folder, what string) error {
	v.Item("missing", it, f, "")
	if v.accepted[it.ID] {
		return v.wasAccepted(it, "", what)
	}
	v.tally.note(finding(Missing, it, f, "", what), 1)
	return v.record(it, "", proof.Missing, what)
}

func (v *verification) wasAccepted(it store.Item, targetID, what string) error {
	v.tally.mu.Lock()
	v.tally.report.Accepted++
	v.tally.mu.Unlock()
	return v.record(it, targetID, proof.Accepted, what)
}

// record hands on what was found of an item.
func (v *verification) record(it store.Item, targetID string, r proof.Result, reasons ...string) error {
	if v.o.Record == nil {
		return nil
	}
	return v.o.Record(proof.Item{Item: it.ID, SHA256: hex.EncodeToString(it.SHA256[:]), Target: targetID, Result: r, Reasons: reasons})
}

// folderKeys finds each item, and what is there too often.
func (v *verification) folderKeys(ctx context.Context, g *plan.Group, c folderCount) error {
	if g.Node.ID == "" {
		for it, err := range v.choice.Items(v.o.Store, v.o.Mailbox, g) {
			if err != nil {
				return err
			}
			if err := v.missing(it.Item, it.Folder, "not there: the target has no such folder"); err != nil {
				return err
			}
		}
		return nil
	}
	l, err := v.list(ctx, g, c)
	if err != nil {
		return err
	}
	wanted := match.NewWanted()
	for it, err := range v.choice.Items(v.o.Store, v.o.Mailbox, g) {
		if err != nil {
			return err
		}
		_, e, err := plan.Stand(v.journal, it.Item)
		if err != nil {
			return err
		}
		if e.TargetID == "" || !l.TakeFor(e.TargetID, it.ID) {
			wanted.Item(it.Item)
		}
	}
	found := match.NewCollector(&match.Matcher{
		Client: v.o.Client, Store: v.o.Store, Listing: l,
		Rule: match.Rule{Lone: true, Near: true, Counts: v.o.Level != Content},
	}, wanted)
	folders := make(map[string]*store.Folder)
	decide := func(ws []*match.Want, err error) error {
		if err != nil {
			return fmt.Errorf("look for items of the store at the target: %w", err)
		}
		for _, w := range ws {
			f := folders[w.Item.ID]
			delete(folders, w.Item.ID)
			if w.Found < 0 {
				err = v.missing(w.Item, f, "not there")
			} else {
				err = v.there(w.Item, f, l.Items[w.Found].ID)
			}
			if err != nil {
				return err
			}
		}
		return nil
	}
	for it, err := range v.choice.Items(v.o.Store, v.o.Mailbox, g) {
		if err != nil {
			return err
		}
		state, e, err := plan.Stand(v.journal, it.Item)
		if err != nil {
			return err
		}
		if e.TargetID != "" && l.TakenFor(e.TargetID, it.ID) {
			if (state == plan.IsChanged || state == plan.IsOpen) && !v.compared(it.Item) {
				if err := v.older(it.Item, it.Folder, e.TargetID); err != nil {
					return err
				}
				continue
			}
			if err := v.there(it.Item, it.Folder, e.TargetID); err != nil {
				return err
			}
			continue
		}
		folders[it.ID] = it.Folder
		if err := decide(found.Offer(ctx, it.Item)); err != nil {
			return err
		}
	}
	if err := decide(found.Flush(ctx)); err != nil {
		return err
	}
	return v.doubled(ctx, g, l)
}

// list reads the folder: what the journal names, and what may be a copy.
func (v *verification) list(ctx context.Context, g *plan.Group, c folderCount) (*match.Listing, error) {
	wanted := match.NewWanted()
	for it, err := range v.choice.Items(v.o.Store, v.o.Mailbox, g) {
		if err != nil {
			return nil, err
		}
		wanted.Kin(it.Item)
		_, e, err := plan.Stand(v.journal, it.Item)
		if err != nil {
			return nil, err
		}
		if e.TargetID != "" {
			wanted.ID(e.TargetID)
		}
	}
	return match.List(ctx, v.o.Client, g.Node.ID, true, c.associated > 0, wanted)
}

// compared says whether the content of an item will be compared.
func (v *verification) compared(it store.Item) bool {
	return v.o.Level == Content && sampled(it.ID, v.o.Sample, v.o.Seed)
}

// older notes an item whose copy is of an earlier version, or may be.
func (v *verification) older(it store.Item, f *store.Folder, targetID string) error {
	const what = "this version was not uploaded, as far as the store knows"
	v.Item("verified", it, f, targetID)
	if v.accepted[it.ID] {
		return v.wasAccepted(it, targetID, what)
	}
	v.tally.note(finding(Different, it, f, targetID, what+": upload again"), 1)
	return v.record(it, targetID, proof.Different, what)
}

// there goes on with an item that was found.
func (v *verification) there(it store.Item, f *store.Folder, targetID string) error {
	if v.compared(it) {
		return v.compare.add(pair{it, f, targetID})
	}
	v.Item("verified", it, f, targetID)
	return v.record(it, targetID, proof.There)
}
