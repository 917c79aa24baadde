// Package one compares a single item of a store with what a mailbox holds of it
// now. It changes nothing, neither there nor in the store.
package one

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"mailferry/ews"
	"mailferry/fts"
	"mailferry/store"
	"mailferry/upload/match"
	"mailferry/upload/place"
)

// Found says how the item was found at the target.
type Found string

// The ways, in the order in which they are gone.
const (
	ByID       Found = "id"       // it is the item itself, in its own mailbox
	ByJournal  Found = "journal"  // the store knows that it put it there
	ByLikeness Found = "likeness" // class, subject, message id and time of receipt, then content
)

// Report is what a comparison came to.
type Report struct {
	Found       Found            `json:"found_by,omitempty"` // empty: it is not there
	TargetID    string           `json:"target_id,omitempty"`
	Differences []fts.Difference `json:"differences,omitempty"` // nil: equal in content, or not there
}

// Comparison names an item and a mailbox. All fields are needed.
type Comparison struct {
	Client *ews.Client
	Store  *store.Store
	Item   store.Item
	Target string // address
}

// Run looks for the item and compares it with the stored one. What lies in
// Deleted Items is found by its id only.
func (c Comparison) Run(ctx context.Context) (Report, error) {
	r, err := c.known(ctx)
	if err == nil && r.Found == "" {
		r, err = c.alike(ctx)
	}
	if err != nil || r.Found == "" {
		return r, err
	}
	then, err := match.SourceContent(c.Store, c.Item)
	if err != nil {
		return r, fmt.Errorf("read the stored item: %w", err)
	}
	err = match.EachContent(ctx, c.Client, []ews.ItemID{{ID: r.TargetID}}, func(_ int, now *fts.Content, err error) error {
		switch {
		case err != nil && match.IsGone(err): // since it was found
			r = Report{}
			return nil
		case err != nil:
			return err
		}
		r.Differences = fts.Compare(then, now)
		return nil
	})
	if err != nil {
		err = fmt.Errorf("export the item of the target to compare it: %w", err)
	}
	return r, err
}

// journals returns those of the target, for each folder that a tree was put into.
func (c Comparison) journals() ([]*store.Journal, error) {
	names, err := c.Store.Targets()
	if err != nil {
		return nil, fmt.Errorf("read the journals: %w", err)
	}
	target := strings.ToLower(c.Target)
	var all []*store.Journal
	for _, name := range names {
		if name != target && !strings.HasPrefix(name, target+"/") {
			continue
		}
		j, err := c.Store.Journal(name)
		if err != nil {
			return nil, fmt.Errorf("open the journal: %w", err)
		}
		all = append(all, j)
	}
	return all, nil
}

// candidate is an item of the target that the store knows to be the one.
type candidate struct {
	id  string
	by  Found
	put time.Time
}

// known finds the item by an id that is known. Of several copies the one that was
// put there last counts.
func (c Comparison) known(ctx context.Context) (Report, error) {
	journals, err := c.journals()
	if err != nil {
		return Report{}, err
	}
	var all []candidate
	for _, j := range journals {
		e, found, err := j.Get(c.Item.Mailbox, c.Item.ID)
		if err != nil {
			return Report{}, fmt.Errorf("read the journal: %w", err)
		}
		if found && e.TargetID != "" {
			all = append(all, candidate{e.TargetID, ByJournal, e.At})
		}
	}
	slices.SortStableFunc(all, func(a, b candidate) int { return cmp.Compare(b.put.UnixNano(), a.put.UnixNano()) })
	if strings.EqualFold(c.Item.Mailbox, c.Target) {
		all = slices.Insert(all, 0, candidate{id: c.Item.ID, by: ByID})
	}
	if len(all) == 0 {
		return Report{}, nil
	}
	ids := make([]ews.ItemID, len(all))
	for i := range all {
		ids[i].ID = all[i].id
	}
	answers, err := c.Client.GetItems(ctx, ids, 0)
	switch {
	case err != nil:
		return Report{}, fmt.Errorf("look for the item at the target: %w", err)
	case len(answers) != len(ids):
		return Report{}, errors.New("look for the item at the target: the server answered for another number of items")
	}
	for i, a := range answers {
		switch {
		case a.Err == nil:
			return Report{Found: all[i].by, TargetID: all[i].id}, nil
		case !match.IsGone(a.Err):
			return Report{}, fmt.Errorf("look for the item at the target: %w", a.Err)
		}
	}
	return Report{}, nil
}

// alike looks in all folders for what has the item's fingerprint; of several the
// one that differs least counts.
func (c Comparison) alike(ctx context.Context) (Report, error) {
	wanted := match.NewWanted()
	wanted.Item(c.Item)
	if err := c.others(wanted); err != nil {
		return Report{}, err
	}
	tree, err := place.Read(ctx, c.Client, place.Trees{})
	if err != nil {
		return Report{}, err
	}
	traversal := ews.ShallowItems
	if c.Item.Associated {
		traversal = ews.AssociatedItems
	}
	l := match.NewListing()
	for _, n := range tree.Live() {
		if n.Total == 0 && !c.Item.Associated {
			continue
		}
		for it, err := range c.Client.FindItems(ctx, ews.FindItemsRequest{Folder: ews.FolderByID(n.ID), Traversal: traversal, Props: match.Props}) {
			if err != nil {
				return Report{}, fmt.Errorf("look for the item in %q: %w", n.Path(), err)
			}
			l.Add(it, wanted)
		}
	}
	var failed error
	found := match.NewCollector(&match.Matcher{
		Client: c.Client, Store: c.Store, Listing: l,
		Rule: match.Rule{Lone: true, Near: true, May: func(_ store.Item, at *match.Candidate) bool {
			another, err := c.another(at.ID)
			failed = errors.Join(failed, err)
			return !another
		}},
	}, wanted)
	decided, err := found.Offer(ctx, c.Item)
	if err == nil && len(decided) == 0 {
		decided, err = found.Flush(ctx)
	}
	if err = errors.Join(err, failed); err != nil {
		return Report{}, fmt.Errorf("look for the item at the target: %w", err)
	}
	for _, w := range decided {
		if w.Found >= 0 {
			return Report{Found: ByLikeness, TargetID: l.Items[w.Found].ID}, nil
		}
	}
	return Report{}, nil
}

// others leaves out what the store knows to be the copies of other items.
func (c Comparison) others(wanted *match.Wanted) error {
	journals, err := c.journals()
	if err != nil {
		return err
	}
	ids := make(match.Set)
	for _, j := range journals {
		for e, err := range j.All() {
			if err != nil {
				return fmt.Errorf("read the journal: %w", err)
			}
			if e.TargetID != "" && (e.Source.ID != c.Item.ID || !strings.EqualFold(e.Source.Mailbox, c.Item.Mailbox)) {
				ids.Add(e.TargetID)
			}
		}
	}
	wanted.Except(ids)
	return nil
}

// another says whether an item of the item's own mailbox is one that the store
// knows as another item.
func (c Comparison) another(id string) (bool, error) {
	if !strings.EqualFold(c.Item.Mailbox, c.Target) {
		return false, nil
	}
	other, known, err := c.Store.Item(c.Target, id)
	if err != nil {
		return false, fmt.Errorf("read an item of the store: %w", err)
	}
	return known && !other.Deleted && other.ID != c.Item.ID, nil
}
