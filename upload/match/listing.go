package match

import (
	"context"
	"fmt"
	"hash/maphash"

	"mailferry/ews"
	"mailferry/store"
)

// idKey hashes an id.
func idKey(id string) uint64 { return maphash.String(seed, id) }

// Set is a set of ids, 8 bytes each.
type Set map[uint64]struct{}

// Add adds an id.
func (s Set) Add(id string) { s[idKey(id)] = struct{}{} }

// Has says whether an id is in the set.
func (s Set) Has(id string) bool { _, ok := s[idKey(id)]; return ok }

// Wanted is what is looked for in a folder: it bounds what of a listing is kept,
// and counts the items of each fingerprint.
type Wanted struct {
	weak   Set
	counts map[uint64]int32
	named  Set
	except []Set
}

// NewWanted returns an empty Wanted.
func NewWanted() *Wanted {
	return &Wanted{weak: make(Set), counts: make(map[uint64]int32), named: make(Set)}
}

// Kin keeps items of a listing that may be copies of an item.
func (w *Wanted) Kin(it store.Item) { w.weak[printOf(it).weak()] = struct{}{} }

// Item looks for an item of the store.
func (w *Wanted) Item(it store.Item) {
	w.Kin(it)
	w.counts[printOf(it).key()]++
}

// ID keeps the item of the target with this id, whatever it looks like.
func (w *Wanted) ID(id string) { w.named.Add(id) }

// Except leaves out of a listing what is accounted for.
func (w *Wanted) Except(ids Set) { w.except = append(w.except, ids) }

func (w *Wanted) keeps(id uint64, print fingerprint) bool {
	for _, ids := range w.except {
		if _, taken := ids[id]; taken {
			return false
		}
	}
	if _, kin := w.weak[print.weak()]; kin {
		return true
	}
	_, named := w.named[id]
	return named
}

// Candidate is an item of the target that may be the copy of an item of the
// store.
type Candidate struct {
	ID, ChangeKey string
	Taken         bool // it is accounted for

	named bool   // it has a message id
	owner uint64 // who took it
}

// Listing is what is known of a folder of the target.
type Listing struct {
	Items []Candidate
	byKey map[uint64][]int32
	ids   map[uint64]int32
}

// NewListing returns an empty listing.
func NewListing() *Listing {
	return &Listing{byKey: make(map[uint64][]int32), ids: make(map[uint64]int32)}
}

// Add keeps an item, once, if it is wanted; nil wants all.
func (l *Listing) Add(it ews.Item, wanted *Wanted) {
	print := targetPrint(it)
	id := idKey(it.ID)
	if wanted != nil && !wanted.keeps(id, print) {
		return
	}
	if _, known := l.ids[id]; known {
		return
	}
	keys := print.targetKeys()
	at := int32(len(l.Items))
	l.ids[id] = at
	l.Items = append(l.Items, Candidate{ID: it.ID, ChangeKey: it.ChangeKey, named: print.strong()})
	l.byKey[keys[0]] = append(l.byKey[keys[0]], at)
	if keys[1] != keys[0] {
		l.byKey[keys[1]] = append(l.byKey[keys[1]], at)
	}
}

// Has says whether an item is listed.
func (l *Listing) Has(id string) bool { _, ok := l.ids[idKey(id)]; return ok }

// Take marks an item as accounted for, and says whether it is listed.
func (l *Listing) Take(id string) bool {
	at, ok := l.ids[idKey(id)]
	if ok {
		l.Items[at].Taken = true
	}
	return ok
}

// TakeFor marks an item as the copy of an item of the store, and says whether it
// is listed and no other item has it.
func (l *Listing) TakeFor(id, owner string) bool {
	at, ok := l.ids[idKey(id)]
	if !ok || l.Items[at].Taken {
		return false
	}
	l.Items[at].Taken, l.Items[at].owner = true, idKey(owner)
	return true
}

// TakenFor says whether an item was taken for an item of the store.
func (l *Listing) TakenFor(id, owner string) bool {
	at, ok := l.ids[idKey(id)]
	return ok && l.Items[at].Taken && l.Items[at].owner == idKey(owner)
}

// TakeAll marks all items of a set as accounted for.
func (l *Listing) TakeAll(ids Set) {
	for i := range l.Items {
		if ids.Has(l.Items[i].ID) {
			l.Items[i].Taken = true
		}
	}
}

// Find returns the places of the items that may be copies of an item of the
// store, and are not accounted for.
func (l *Listing) Find(it store.Item) []int32 { return l.find(printOf(it)) }

func (l *Listing) find(f fingerprint) []int32 {
	var found []int32
	for _, key := range f.sourceKeys() {
		for _, at := range l.byKey[key] {
			if !l.Items[at].Taken {
				found = append(found, at)
			}
		}
	}
	if len(found) < 2 {
		return found
	}
	seen := make(map[int32]bool, len(found))
	unique := found[:0]
	for _, at := range found {
		if !seen[at] {
			seen[at] = true
			unique = append(unique, at)
		}
	}
	return unique
}

// List lists a folder of the target: what is wanted of it, or all.
func List(ctx context.Context, c *ews.Client, folder string, normal, associated bool, wanted *Wanted) (*Listing, error) {
	l := NewListing()
	var traversals []ews.ItemTraversal
	if normal {
		traversals = append(traversals, ews.ShallowItems)
	}
	if associated {
		traversals = append(traversals, ews.AssociatedItems)
	}
	for _, t := range traversals {
		for it, err := range c.FindItems(ctx, ews.FindItemsRequest{Folder: ews.FolderByID(folder), Traversal: t, Props: Props}) {
			if err != nil {
				return nil, fmt.Errorf("list a folder of the target: %w", err)
			}
			l.Add(it, wanted)
		}
	}
	return l, nil
}
