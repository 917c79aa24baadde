package inplace

import (
	"context"
	"errors"
	"fmt"
	"sort"
	"strings"
	"time"

	"mailferry/ews"
	"mailferry/fts"
	"mailferry/store"
	"mailferry/upload/match"
	"mailferry/upload/place"
)

// readAtOnce is how many items are compared in one request.
const readAtOnce = 50

// differ reads items of the mailbox and calls use for each that is not as the
// store has it, or gone meanwhile. What can't be read is not as it was.
func (s *Survey) differ(ctx context.Context, items []store.Item, ids []string, use func(i int, gone bool) error) error {
	for from := 0; from < len(ids); from += readAtOnce {
		part := make([]ews.ItemID, 0, readAtOnce)
		for _, id := range ids[from:min(from+readAtOnce, len(ids))] {
			part = append(part, ews.ItemID{ID: id})
		}
		err := match.EachContent(ctx, s.Client, part, func(i int, now *fts.Content, err error) error {
			if err != nil {
				return use(from+i, match.IsGone(err))
			}
			then, err := match.SourceContent(s.Store, items[from+i])
			_, problem := errors.AsType[*fts.Problem](err)
			switch {
			case problem, errors.Is(err, store.ErrDamaged):
			case err != nil:
				return fmt.Errorf("read the store: %w", err)
			case alike(then, now):
				return nil
			}
			return use(from+i, false)
		})
		if err != nil {
			return fmt.Errorf("compare items with the store: %w", err)
		}
	}
	return nil
}

// alike says that two contents are equal but for what reading a message changes.
func alike(then, now *fts.Content) bool {
	for _, d := range fts.Compare(then, now) {
		if d.Where != "" || d.Kind != fts.Changed || !strings.HasPrefix(d.Property, "PidTagMessageFlags ") {
			return false
		}
	}
	return true
}

// catalogued is a listing of many folders.
type catalogued struct {
	*match.Listing
	nodes  []*place.Node
	starts []int // place of the first item of each node
}

// node is the folder of the item at a place.
func (c *catalogued) node(at int32) *place.Node {
	return c.nodes[sort.Search(len(c.starts), func(i int) bool { return c.starts[i] > int(at) })-1]
}

// list lists what may be a moved item, in all visible folders.
func (s *Survey) list(ctx context.Context, wanted *match.Wanted) (*catalogued, error) {
	c := &catalogued{Listing: match.NewListing()}
	for _, n := range s.Tree.Live() {
		c.nodes, c.starts = append(c.nodes, n), append(c.starts, len(c.Items))
		var traversals []ews.ItemTraversal
		if s.missing.normal > 0 && n.Total > 0 {
			traversals = append(traversals, ews.ShallowItems)
		}
		if s.missing.associated > 0 {
			traversals = append(traversals, ews.AssociatedItems)
		}
		for _, t := range traversals {
			for it, err := range s.Client.FindItems(ctx, ews.FindItemsRequest{Folder: ews.FolderByID(n.ID), Traversal: t, Props: match.Props}) {
				if err != nil {
					return nil, fmt.Errorf("look for moved items in %q: %w", n.Path(), err)
				}
				c.Add(it, wanted)
			}
		}
	}
	return c, nil
}

// moved is a missing item that was found in another folder.
type moved struct {
	item store.Item
	at   int32
}

// findMoved looks for missing items in other folders. Those that the source
// still had at the last export come first: fewer items can be they.
func (s *Survey) findMoved(ctx context.Context) error {
	wanted := match.NewWanted()
	if err := s.eachMissing(func(it store.Item) error {
		wanted.Item(it)
		return nil
	}); err != nil {
		return err
	}
	if err := s.Except(wanted); err != nil {
		return err
	}
	l, err := s.list(ctx, wanted)
	if err != nil || len(l.Items) == 0 {
		return err
	}
	var failed error
	c := match.NewCollector(&match.Matcher{
		Client: s.Client, Store: s.Store, Listing: l.Listing,
		Rule: match.Rule{May: func(it store.Item, candidate *match.Candidate) bool {
			may, err := s.mayBe(it, candidate.ID)
			failed = errors.Join(failed, err)
			return may
		}},
	}, wanted)
	var found []moved
	take := func(decided []*match.Want, err error) error {
		if err = errors.Join(err, failed); err != nil {
			return fmt.Errorf("look for moved items: %w", err)
		}
		for _, w := range decided {
			if w.Found >= 0 {
				found = append(found, moved{w.Item, w.Found})
			}
		}
		if len(found) < readAtOnce {
			return nil
		}
		err, found = s.markMoved(ctx, l, found), nil
		return err
	}
	for _, deleted := range []bool{false, true} {
		if err := s.eachMissing(func(it store.Item) error {
			if it.Deleted != deleted {
				return nil
			}
			return take(c.Offer(ctx, it))
		}); err != nil {
			return err
		}
	}
	if err := take(c.Flush(ctx)); err != nil {
		return err
	}
	return s.markMoved(ctx, l, found)
}

// eachMissing calls use for each item that was not found by an id. Those that
// were found in another folder meanwhile are not among them.
func (s *Survey) eachMissing(use func(store.Item) error) error {
	for _, g := range s.Groups {
		for it, err := range s.Choice.Items(s.Store, s.Mailbox, g) {
			if err == nil && s.marks[s.key(it.ID)].kind == Missing {
				err = use(it.Item)
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *Survey) markMoved(ctx context.Context, l *catalogued, found []moved) error {
	items, ids := make([]store.Item, len(found)), make([]string, len(found))
	for i, m := range found {
		items[i], ids[i] = m.item, l.Items[m.at].ID
		s.marks[s.key(m.item.ID)] = mark{kind: Moved, node: l.node(m.at)}
	}
	if s.Presence {
		return nil
	}
	return s.differ(ctx, items, ids, func(i int, gone bool) error {
		m := mark{kind: MovedChanged, node: l.node(found[i].at)}
		if gone {
			m = mark{kind: Missing}
		}
		s.marks[s.key(items[i].ID)] = m
		return nil
	})
}

// mayBe says whether an item of the mailbox can be what became of a stored one.
// One that the store knows by its id is another item; but a move that an export
// saw left the old id, marked deleted, and the new one, which that export and
// none before it took.
func (s *Survey) mayBe(it store.Item, id string) (bool, error) {
	other, known, err := s.Store.Item(s.Mailbox, id)
	if err != nil {
		return false, fmt.Errorf("read an item of the store: %w", err)
	}
	if !known || other.Deleted {
		return true, nil
	}
	return it.Deleted && s.laterRun(it.ExportedAt, other.ExportedAt), nil
}

// laterRun says that an export began between two times.
func (s *Survey) laterRun(from, to time.Time) bool {
	for _, begun := range s.begun {
		if begun.After(from) && !begun.After(to) {
			return true
		}
	}
	return false
}
