package mailbox

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// ChangeKind is a kind of change.
type ChangeKind int

// The kinds of changes, of items and (the first three) of folders.
const (
	ChangeCreate ChangeKind = iota
	ChangeUpdate
	ChangeDelete
	ChangeRead
)

// Change is a change of an item. Of a deleted one, Item has ids and flags only.
type Change struct {
	Kind ChangeKind
	Item *Item
}

// SyncPoint says up to where a client knows a folder. The zero value knows
// nothing. It can be stored and read as text.
type SyncPoint struct {
	Folder uint64
	Base   uint64 // all up to this change number is known
	Top    uint64 // the round under way ends here; 0: none is under way
	Phase  uint64 // of the round: 0 creations, newest first; 1 the others, oldest first
	Cursor uint64 // where in the phase
}

// MarshalText writes the point as decimal numbers.
func (p SyncPoint) MarshalText() ([]byte, error) {
	return fmt.Appendf(nil, "1.%d.%d.%d.%d.%d", p.Folder, p.Base, p.Top, p.Phase, p.Cursor), nil
}

// UnmarshalText reads what MarshalText wrote.
func (p *SyncPoint) UnmarshalText(text []byte) error {
	var q SyncPoint
	n, err := fmt.Sscanf(string(text), "1.%d.%d.%d.%d.%d", &q.Folder, &q.Base, &q.Top, &q.Phase, &q.Cursor)
	if err != nil || n != 5 || strings.Count(string(text), ".") != 5 {
		return ErrSyncPoint
	}
	*p = q
	return nil
}

// Changes returns at most limit changes of a folder since a sync point, the
// point after them, and whether that was all. Creations come first, newest
// first, as Exchange has it since 2010 SP2.
//
// What changes while a client is between two pages is told in the next round,
// so that a client may be told of an item twice, and of the end of an item that
// it never saw.
func (m *Mailbox) Changes(folder uint64, since SyncPoint, associated bool, limit int) ([]Change, SyncPoint, bool, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	f := m.c.folders[folder]
	switch {
	case f == nil:
		return nil, SyncPoint{}, false, ErrFolderNotFound
	case f.Search:
		return nil, SyncPoint{}, false, ErrSearchFolder
	case since != (SyncPoint{}) && since.Folder != folder || since.Base > m.c.seq || since.Top > m.c.seq || since.Phase > 1:
		return nil, SyncPoint{}, false, ErrSyncPoint
	}
	p := since
	p.Folder = folder
	if p.Top == 0 {
		p.Top, p.Phase, p.Cursor = m.c.seq, 0, m.c.seq+1
	}
	known := SyncPoint{Folder: folder, Base: p.Top}
	if f.Folder.Content <= p.Base {
		return nil, known, true, nil
	}
	limit = max(limit, 1)
	var out []Change
	if p.Phase == 0 {
		out = f.created(p, associated, limit)
		if len(out) == limit {
			p.Cursor = out[limit-1].Item.Born
			return out, p, false, nil
		}
		p.Phase, p.Cursor = 1, p.Base
	}
	others, numbers := f.changed(p, associated)
	if room := limit - len(out); len(others) > room {
		if room > 0 {
			p.Cursor = numbers[room-1]
		}
		return append(out, others[:room]...), p, false, nil
	}
	return append(out, others...), known, true, nil
}

// created returns the items that came after the base, before the cursor and
// not after the top, newest first.
func (f *folder) created(p SyncPoint, associated bool, limit int) []Change {
	var out []Change
	for i := len(f.items) - 1; i >= 0 && len(out) < limit; i-- {
		it := f.items[i]
		if it.Born <= p.Base {
			break // ids and births rise together
		}
		if it.Born < p.Cursor && it.Born <= p.Top && (associated || !it.Associated) {
			out = append(out, Change{ChangeCreate, it})
		}
	}
	return out
}

// changed returns what happened after the cursor and not after the top to items
// that the client knew, with the change numbers.
func (f *folder) changed(p SyncPoint, associated bool) ([]Change, []uint64) {
	type numbered struct {
		Change
		at uint64
	}
	var all []numbered
	within := func(n uint64) bool { return n > p.Cursor && n <= p.Top }
	for _, it := range f.items {
		if it.Born > p.Base || it.Associated && !associated {
			continue
		}
		switch {
		case within(it.Change):
			all = append(all, numbered{Change{ChangeUpdate, it}, it.Change})
		case it.Change <= p.Base && within(it.ReadChange):
			all = append(all, numbered{Change{ChangeRead, it}, it.ReadChange})
		}
	}
	for i := range f.gone {
		g := &f.gone[i]
		if g.item.Born <= p.Base && within(g.at) && (associated || !g.item.Associated) {
			all = append(all, numbered{Change{ChangeDelete, &g.item}, g.at})
		}
	}
	slices.SortStableFunc(all, func(a, b numbered) int { return cmp.Compare(a.at, b.at) })
	out, numbers := make([]Change, len(all)), make([]uint64, len(all))
	for i, n := range all {
		out[i], numbers[i] = n.Change, n.at
	}
	return out, numbers
}

// FolderChange is a change of a folder.
type FolderChange struct {
	Kind   ChangeKind
	Folder Folder
}

// FolderChanges returns what happened to the folders below root since a change
// number, parents first, and the number to go on from. Changes of what is in a
// folder are not told. Since 0 gives them all.
func (m *Mailbox) FolderChanges(root, since uint64) ([]FolderChange, uint64, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if m.c.folders[root] == nil {
		return nil, 0, ErrFolderNotFound
	}
	if since > m.c.seq {
		return nil, 0, ErrSyncPoint
	}
	var out []FolderChange
	for _, f := range m.c.below(root, true) {
		switch {
		case f.Born > since:
			out = append(out, FolderChange{ChangeCreate, f})
		case f.Change > since:
			out = append(out, FolderChange{ChangeUpdate, f})
		}
	}
	for _, g := range m.c.gone {
		if g.at > since && g.folder.Born <= since && slices.Contains(g.path, root) {
			out = append(out, FolderChange{ChangeDelete, g.folder})
		}
	}
	return out, m.c.seq, nil
}
