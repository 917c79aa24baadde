package store

import (
	"bytes"
	"fmt"
	"hash/fnv"
	"iter"
)

// Row is an item of the index that was not looked into.
type Row struct {
	Key  [12]byte // names this version of an item within its mailbox, and sorts as Rows does
	Sum  uint64   // changes when what is known of the item changes
	item func() (Item, error)
}

// Item looks into the row.
func (r Row) Item() (Item, error) { return r.item() }

// Rows yields the current items of a mailbox, also those deleted since, by key:
// who keeps a copy learns from it what changed.
func (s *Store) Rows(mailbox string) iter.Seq2[Row, error] {
	mailbox = address(mailbox)
	return rows(s, box(s.e.Name(mailbox), boxItems), nil, func(t *tx, k, v []byte) (Row, bool, error) {
		if len(k) != 12 {
			return Row{}, false, fmt.Errorf("%w: a key of an item has %d bytes", ErrDamaged, len(k))
		}
		h := fnv.New64a()
		h.Write(v)
		key, value := [12]byte(k), bytes.Clone(v)
		return Row{key, h.Sum64(), func() (it Item, err error) {
			err = s.view(func(t *tx) error {
				it, _, err = t.itemOf(mailbox, key[:], value)
				return err
			})
			return it, err
		}}, true, nil
	})
}
