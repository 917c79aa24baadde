package store

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"iter"
	"time"

	"mailferry/store/engine"
)

// pendingJSON is a pending row, behind its size.
type pendingJSON struct {
	ChangeKey  string    `json:"change_key,omitempty"`
	Class      string    `json:"class,omitempty"`
	Associated bool      `json:"associated,omitempty"`
	SearchKey  []byte    `json:"search_key,omitempty"`
	Received   time.Time `json:"received,omitzero"`
}

func pendingSize(v []byte) (int64, error) {
	if len(v) < 8 {
		return 0, fmt.Errorf("%w: a pending row in %s is short", ErrDamaged, engine.IndexName)
	}
	return int64(binary.BigEndian.Uint64(v)), nil
}

func decodePending(v []byte) (size int64, js pendingJSON, err error) {
	if size, err = pendingSize(v); err == nil {
		err = decodeJSON(v[8:], &js)
	}
	return size, js, err
}

func pendingKey(number []byte, id string) []byte {
	return append(append(make([]byte, 0, len(number)+len(id)), number...), id...)
}

// ApplyChanges writes down, in one transaction, one page of changes of a folder
// and the sync state that comes after it: what is to be fetched becomes pending, what was
// deleted is marked. An Upsert whose item id and change key are already stored
// is not pending.
func (s *Store) ApplyChanges(ctx context.Context, mailbox, folderID string, changes []Change, syncState string) error {
	mailbox = address(mailbox)
	for _, c := range changes {
		key := ItemKey{Mailbox: mailbox, Folder: folderID, ID: c.ItemID}
		if err := key.normalise(); err != nil {
			return fmt.Errorf("apply changes: %w", err)
		}
	}
	err := s.update(ctx, nil, func(t *tx) error {
		number, err := t.folderNumber(mailbox, folderID, true)
		if err != nil {
			return err
		}
		for i := range changes {
			if err := t.applyChange(mailbox, number, &changes[i]); err != nil {
				return err
			}
		}
		return t.Set(box(t.name(mailbox), boxSync), number, []byte(syncState))
	})
	if err != nil {
		return fmt.Errorf("apply changes: %w", err)
	}
	return nil
}

func (t *tx) applyChange(mailbox string, number []byte, c *Change) error {
	key, row, found, err := t.findItem(mailbox, c.ItemID)
	if err != nil {
		return err
	}
	here := found && [4]byte(key) == [4]byte(number)
	save := func() error {
		v, err := row.encode(t.s)
		if err != nil {
			return err
		}
		return t.Put(box(t.name(mailbox), boxItems), key, v)
	}
	switch {
	case c.Kind == Upsert && here && row.changeKey == c.ChangeKey:
		if row.deleted {
			row.deleted = false
			if err := save(); err != nil {
				return err
			}
		}
		return t.Del(box(t.name(mailbox), boxPending), pendingKey(number, c.ItemID))
	case c.Kind == Upsert:
		js, err := json.Marshal(pendingJSON{c.ChangeKey, c.Class, c.Associated, c.SearchKey, c.Received})
		if err != nil {
			return err
		}
		v := append(engine.U64(uint64(c.Size)), js...)
		return t.Set(box(t.name(mailbox), boxPending), pendingKey(number, c.ItemID), v)
	case c.Kind == Delete:
		if err := t.Del(box(t.name(mailbox), boxPending), pendingKey(number, c.ItemID)); err != nil {
			return err
		}
		if here && !row.deleted {
			row.deleted = true
			return save()
		}
	case c.Kind == Read && here:
		row.read = &c.Read
		return save()
	}
	return nil
}

// findItem returns the current version of an item and its key in boxItems.
func (t *tx) findItem(mailbox, id string) (key []byte, row itemRow, found bool, err error) {
	key, err = t.Get(box(t.name(mailbox), boxIndex), []byte(id))
	if key == nil || err != nil {
		return nil, row, false, err
	}
	v, err := t.Get(box(t.name(mailbox), boxItems), key)
	if err == nil && (v == nil || len(key) != 12) {
		err = fmt.Errorf("%w: an item of %s is listed and not there", ErrDamaged, engine.IndexName)
	}
	if err != nil {
		return nil, row, false, err
	}
	row, err = t.s.decodeItem(v)
	return key, row, err == nil, err
}

// commitItem makes a staged item the current version.
func (t *tx) commitItem(st *Staged) error {
	mailbox := st.key.Mailbox
	number, err := t.folderNumber(mailbox, st.key.Folder, true)
	if err != nil {
		return err
	}
	if b := st.blob; b != nil {
		if err := t.PutBlob(b.sum, b.row); err != nil {
			return err
		}
	}
	if err := t.GrowSegment(st.loc); err != nil {
		return err
	}
	key, old, found, err := t.findItem(mailbox, st.key.ID)
	if err != nil {
		return err
	}
	same := found && [4]byte(key) == [4]byte(number) && old.changeKey == st.item.changeKey && old.sum == st.item.sum
	if found && !same {
		if err := t.supersede(mailbox, key); err != nil {
			return err
		}
	}
	if !same {
		n, err := t.Next(engine.Path("item", t.name(mailbox)))
		if err != nil {
			return err
		}
		key = binary.BigEndian.AppendUint64(append(make([]byte, 0, 12), number...), n)
	}
	v, err := st.item.encode(t.s)
	if err != nil {
		return err
	}
	if err := t.Put(box(t.name(mailbox), boxItems), key, v); err != nil {
		return err
	}
	if err := t.Put(box(t.name(mailbox), boxIndex), []byte(st.key.ID), key); err != nil {
		return err
	}
	return t.dropPending(st.key)
}

// supersede moves an item to the old versions.
func (t *tx) supersede(mailbox string, key []byte) error {
	key = append([]byte(nil), key...)
	v, err := t.Get(box(t.name(mailbox), boxItems), key)
	if err != nil {
		return err
	}
	row, err := t.s.decodeItem(v)
	if err != nil {
		return err
	}
	row.superseded = time.Now().UTC()
	if v, err = row.encode(t.s); err != nil {
		return err
	}
	if err := t.Put(box(t.name(mailbox), boxOld), key, v); err != nil {
		return err
	}
	return t.Del(box(t.name(mailbox), boxItems), key)
}

// dropPending removes the pending row of one version of an item.
func (t *tx) dropPending(key ItemKey) error {
	number, err := t.folderNumber(key.Mailbox, key.Folder, false)
	if number == nil || err != nil {
		return err
	}
	p, k := box(t.name(key.Mailbox), boxPending), pendingKey(number, key.ID)
	v, err := t.Get(p, k)
	if v == nil || err != nil {
		return err
	}
	_, js, err := decodePending(v)
	if err != nil || js.ChangeKey != key.ChangeKey {
		return err
	}
	return t.Del(p, k)
}

// DropPending removes pending rows without an item: it is gone at the source, or
// was given up and recorded as a failure. A row with another change key stays.
func (s *Store) DropPending(ctx context.Context, keys ...ItemKey) error {
	for i := range keys {
		if err := keys[i].normalise(); err != nil {
			return fmt.Errorf("drop pending: %w", err)
		}
	}
	return s.update(ctx, nil, func(t *tx) error {
		for _, key := range keys {
			if err := t.dropPending(key); err != nil {
				return err
			}
		}
		return nil
	})
}

// SyncState returns the last sync state of a folder, or "" when there is none.
func (s *Store) SyncState(mailbox, folderID string) (state string, err error) {
	mailbox = address(mailbox)
	err = s.view(func(t *tx) error {
		number, err := t.folderNumber(mailbox, folderID, false)
		if number == nil || err != nil {
			return err
		}
		v, err := t.Get(box(t.name(mailbox), boxSync), number)
		state = string(v)
		return err
	})
	return state, err
}

// inFolder iterates over the rows of a folder in one of the buckets of a mailbox.
func inFolder[T any](s *Store, mailbox, folderID, bucket string, decode func(k, v []byte) (T, error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var number []byte
		err := s.view(func(t *tx) error {
			n, err := t.folderNumber(mailbox, folderID, false)
			number = append(number, n...)
			return err
		})
		if err != nil {
			var none T
			yield(none, err)
		}
		if err != nil || number == nil {
			return
		}
		rows(s, box(s.e.Name(mailbox), bucket), number, func(_ *tx, k, v []byte) (T, bool, error) {
			row, err := decode(k, v)
			return row, err == nil, err
		})(yield)
	}
}

// Pending yields what is to be exported of a folder, in no particular order.
func (s *Store) Pending(mailbox, folderID string) iter.Seq2[Pending, error] {
	mailbox = address(mailbox)
	return inFolder(s, mailbox, folderID, boxPending, func(k, v []byte) (Pending, error) {
		size, js, err := decodePending(v)
		return Pending{
			ItemKey: ItemKey{Mailbox: mailbox, Folder: folderID, ID: string(k[4:]), ChangeKey: js.ChangeKey, Associated: js.Associated},
			Class:   js.Class, Size: size, SearchKey: js.SearchKey, Received: js.Received,
		}, err
	})
}

// PendingCount counts what is to be exported of a mailbox.
func (s *Store) PendingCount(mailbox string) (items int, bytes int64, err error) {
	err = s.view(func(t *tx) error {
		items, bytes = 0, 0
		return t.Scan(box(t.name(address(mailbox)), boxPending), nil, nil, func(_, v []byte) (bool, error) {
			size, err := pendingSize(v)
			items++
			bytes += size
			return true, err
		})
	})
	return items, bytes, err
}

// Items yields the current items of a folder, also those deleted since, in the
// order in which they were committed.
func (s *Store) Items(mailbox, folderID string) iter.Seq2[Item, error] {
	mailbox = address(mailbox)
	return inFolder(s, mailbox, folderID, boxItems, func(_, v []byte) (Item, error) {
		row, err := s.decodeItem(v)
		return row.item(mailbox, folderID), err
	})
}

// OldVersions yields the versions of items that a newer one superseded.
func (s *Store) OldVersions(mailbox string) iter.Seq2[Item, error] {
	mailbox = address(mailbox)
	return rows(s, box(s.e.Name(mailbox), boxOld), nil, func(t *tx, k, v []byte) (Item, bool, error) {
		return t.itemOf(mailbox, k, v)
	})
}

func (t *tx) itemOf(mailbox string, k, v []byte) (Item, bool, error) {
	row, err := t.s.decodeItem(v)
	if err != nil {
		return Item{}, false, err
	}
	folder, err := t.Get(box(t.name(mailbox), boxIDs), k[:4])
	return row.item(mailbox, string(folder)), err == nil, err
}

// Item returns the current version of an item.
func (s *Store) Item(mailbox, id string) (it Item, found bool, err error) {
	mailbox = address(mailbox)
	err = s.view(func(t *tx) error {
		key, row, ok, err := t.findItem(mailbox, id)
		if !ok || err != nil {
			return err
		}
		folder, err := t.Get(box(t.name(mailbox), boxIDs), key[:4])
		it, found = row.item(mailbox, string(folder)), err == nil
		return err
	})
	return it, found, err
}

// CountItems counts the current items of a mailbox by folder id, without those
// deleted since.
func (s *Store) CountItems(mailbox string) (map[string]Count, error) {
	mailbox = address(mailbox)
	counts := map[string]Count{}
	err := s.view(func(t *tx) error {
		var folder, number string
		var c Count
		flush := func() {
			if c.Items > 0 {
				counts[folder] = c
			}
			c = Count{}
		}
		err := t.Scan(box(t.name(mailbox), boxItems), nil, nil, func(k, v []byte) (bool, error) {
			if number != string(k[:4]) {
				flush()
				id, err := t.Get(box(t.name(mailbox), boxIDs), k[:4])
				if err != nil {
					return false, err
				}
				number, folder = string(k[:4]), string(id)
			}
			flags, size, _, err := itemHead(v)
			if flags&itemDeleted == 0 && err == nil {
				c.Items++
				c.Bytes += size
			}
			return true, err
		})
		flush()
		return err
	})
	return counts, err
}
