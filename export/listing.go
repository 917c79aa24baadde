package export

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"slices"

	"mailferry/ews"
	"mailferry/store"
)

// pageItems is how many changes are written down in one transaction.
const pageItems = 512

// seenIDs remembers which ids a listing held, in eight bytes each. Two ids with
// the same hash would only hide that one of them was deleted.
type seenIDs struct {
	seed   maphash.Seed
	hashes []uint64
	sorted bool
}

func (s *seenIDs) add(id string) {
	if s == nil {
		return
	}
	if s.hashes == nil {
		s.seed = maphash.MakeSeed()
	}
	s.hashes = append(s.hashes, maphash.String(s.seed, id))
	s.sorted = false
}

func (s *seenIDs) has(id string) bool {
	if len(s.hashes) == 0 {
		return false
	}
	if !s.sorted {
		slices.Sort(s.hashes)
		s.sorted = true
	}
	_, found := slices.BinarySearch(s.hashes, maphash.String(s.seed, id))
	return found
}

// listFolder reads a folder that can't be synchronised: all of it is listed and
// compared with the store. What is kept in place of a state is next.
func (r *run) listFolder(ctx context.Context, f *folder, next mark) error {
	next.associated = r.o.Associated
	state := next.with("")
	seen := &seenIDs{}
	plan := r.newPlan(f)
	traversals := []ews.ItemTraversal{ews.ShallowItems}
	if r.o.Associated {
		traversals = append(traversals, ews.AssociatedItems)
	}
	var page []ews.ItemChange
	flush := func() error {
		changes, err := r.changesOf(ctx, page, nil)
		if err != nil {
			return err
		}
		plan.add(page)
		page = page[:0]
		return r.apply(ctx, f, changes, state)
	}
	for _, traversal := range traversals {
		for it, err := range r.client.FindItems(ctx, ews.FindItemsRequest{
			Folder: ews.FolderByID(f.ID), Traversal: traversal, Props: r.itemProps(false),
		}) {
			if err != nil {
				return fmt.Errorf("list the items of a folder: %w", err)
			}
			if it.ID == "" {
				continue
			}
			it.Associated = traversal == ews.AssociatedItems
			seen.add(it.ID)
			page = append(page, ews.ItemChange{Kind: ews.ChangeUpdate, Item: it})
			if len(page) == pageItems {
				if err := flush(); err != nil {
					return err
				}
				if r.halted() {
					return nil
				}
			}
		}
	}
	if err := flush(); err != nil {
		return err
	}
	if err := r.dropUnseen(ctx, f, seen, state); err != nil {
		return err
	}
	return plan.finish()
}

// dropUnseen marks what the store has of a folder and a complete listing did not
// hold as deleted, and keeps the state that the listing ended with.
func (r *run) dropUnseen(ctx context.Context, f *folder, seen *seenIDs, state string) error {
	if r.st == nil || r.o.DryRun {
		return nil
	}
	// Associated items are not in the listing unless they were asked for.
	listed := func(associated bool) bool { return !associated || r.o.Associated }
	return r.drop(ctx, f.ID, state, func(key store.ItemKey) bool {
		return listed(key.Associated) && !seen.has(key.ID)
	})
}

// dropFolder marks everything of a folder that is gone as deleted.
func (r *run) dropFolder(ctx context.Context, folderID string) error {
	return r.drop(ctx, folderID, "", func(store.ItemKey) bool { return true })
}

func (r *run) drop(ctx context.Context, folderID, state string, gone func(store.ItemKey) bool) error {
	f := &folder{Folder: store.Folder{ID: folderID}}
	var page []store.Change
	add := func(key store.ItemKey) error {
		if !gone(key) {
			return nil
		}
		page = append(page, store.Change{Kind: store.Delete, ItemID: key.ID, ChangeKey: key.ChangeKey, Associated: key.Associated})
		if len(page) < pageItems {
			return nil
		}
		kept, err := r.st.SyncState(r.mailbox, folderID)
		if err != nil {
			return err
		}
		err = r.apply(ctx, f, page, kept) // the state moves on with the last page only
		page = page[:0]
		return err
	}
	for it, err := range r.st.Items(r.mailbox, folderID) {
		if err == nil && !it.Deleted {
			err = add(it.ItemKey)
		}
		if err != nil {
			return fmt.Errorf("mark deleted items: %w", err)
		}
	}
	for p, err := range r.st.Pending(r.mailbox, folderID) {
		if err == nil {
			err = add(p.ItemKey)
		}
		if err != nil {
			return fmt.Errorf("mark deleted items: %w", err)
		}
	}
	return r.apply(ctx, f, page, state)
}

// describe asks for properties of items that a selection or a failure needs, and
// passes on what the server tells. Items that it says nothing of are left out.
func (r *run) describe(ctx context.Context, ids []ews.ItemID, props ews.ItemProps, each func(i int, it ews.Item)) error {
	results, err := r.client.GetItems(ctx, ids, props)
	if err != nil {
		return err
	}
	if len(results) != len(ids) {
		return errors.New("the server answered for another number of items than it was asked for")
	}
	for i, res := range results {
		if res.Err == nil {
			each(i, res.Item)
		}
	}
	return nil
}
