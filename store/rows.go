package store

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"mailferry/store/engine"
)

// Keys and values of the index. Numbers in keys are big-endian, so that they
// sort. Values are JSON, with what is often read alone in front of it.

// The buckets of the index; more belong to package engine.
const (
	bucketMailboxes = "mailboxes" // address -> JSON
	bucketBoxes     = "box"       // address -> the buckets of a mailbox, below
	bucketJournals  = "journal"   // target -> the buckets of a journal
	bucketFailures  = "failures"
	bucketRuns      = "runs"
	bucketTargets   = "targets" // name of a target in an encrypted store -> target
)

// maxID is the most bytes an id may have; Exchange's have about 150.
const maxID = 8 << 10

// address is the form in which mailboxes are kept.
func address(mailbox string) string { return strings.ToLower(mailbox) }

func checkID(what, id string) error {
	switch {
	case id == "":
		return fmt.Errorf("the %s is empty", what)
	case len(id) > maxID:
		return fmt.Errorf("the %s has %d bytes, more than %d", what, len(id), maxID)
	case strings.ContainsRune(id, 0):
		return fmt.Errorf("the %s holds a zero byte", what)
	}
	return nil
}

func (k *ItemKey) normalise() error {
	k.Mailbox = address(k.Mailbox)
	return errors.Join(checkID("mailbox", k.Mailbox), checkID("folder id", k.Folder), checkID("item id", k.ID))
}

// The buckets of a mailbox.
const (
	boxFolders = "folders" // folder id -> JSON
	boxNumbers = "numbers" // folder id -> folder number
	boxIDs     = "names"   // folder number -> folder id
	boxItems   = "items"   // folder number, item number -> itemRow
	boxIndex   = "ids"     // item id -> key in boxItems
	boxOld     = "old"     // as boxItems: superseded versions
	boxPending = "pending" // folder number, item id -> pendingRow; not in the log
	boxSync    = "sync"    // folder number -> sync state; not in the log
)

// box is the path of a bucket of the mailbox that name stands for, see tx.name.
func box(name, bucket string) string { return engine.Path(bucketBoxes, name, bucket) }

// folderNumber returns the short number that stands for a folder id in keys.
func (t *tx) folderNumber(mailbox, id string, create bool) (number []byte, err error) {
	number, err = t.Get(box(t.name(mailbox), boxNumbers), []byte(id))
	if number != nil || err != nil || !create {
		return number, err
	}
	n, err := t.Next(engine.Path("folder", t.name(mailbox)))
	if err != nil {
		return nil, err
	}
	if n > 1<<32-1 {
		return nil, errors.New("too many folders")
	}
	number = engine.U32(uint32(n))
	if err := t.Put(box(t.name(mailbox), boxNumbers), []byte(id), number); err != nil {
		return nil, err
	}
	return number, t.Put(box(t.name(mailbox), boxIDs), number, []byte(id))
}

// itemRow is an item in the index: flags, size and hash, then JSON.
type itemRow struct {
	id, changeKey string
	size          int64
	sum           [32]byte
	trailer       trailer
	associated    bool
	deleted       bool
	read          *bool
	superseded    time.Time // by a newer version; zero: by none, or by a run of format 1
	sealed        []byte    // the trailer, where it could not be read
}

type itemJSON struct {
	ID         string    `json:"id"`
	ChangeKey  string    `json:"change_key,omitempty"`
	Superseded time.Time `json:"superseded,omitzero"`
	Sealed     []byte    `json:"sealed,omitempty"`
	*trailer
}

const (
	itemDeleted = 1 << iota
	itemAssociated
	itemSuspect
	itemReadKnown
	itemRead
)

const itemPrefix = 1 + 8 + 32

func (r *itemRow) encode(s *Store) ([]byte, error) {
	var flags byte
	for _, f := range []struct {
		on  bool
		bit byte
	}{
		{r.deleted, itemDeleted},
		{r.associated, itemAssociated},
		{r.trailer.Problem != "", itemSuspect},
		{r.read != nil, itemReadKnown},
		{r.read != nil && *r.read, itemRead},
	} {
		if f.on {
			flags |= f.bit
		}
	}
	b := binary.BigEndian.AppendUint64([]byte{flags}, uint64(r.size))
	b = append(b, r.sum[:]...)
	row := itemJSON{ID: r.id, ChangeKey: r.changeKey, Superseded: r.superseded, trailer: &r.trailer}
	if s.e.Encrypted() {
		row.trailer, row.Sealed = nil, r.sealed
		if row.Sealed == nil {
			var err error
			if row.Sealed, err = s.seal(engine.Path("item", r.id), r.trailer); err != nil {
				return nil, err
			}
		}
	}
	js, err := json.Marshal(row)
	return append(b, js...), err
}

// itemHead reads what stands before the JSON.
func itemHead(v []byte) (flags byte, size int64, sum [32]byte, err error) {
	if len(v) < itemPrefix {
		return 0, 0, sum, fmt.Errorf("%w: an item's row in %s is short", ErrDamaged, engine.IndexName)
	}
	return v[0], int64(binary.BigEndian.Uint64(v[1:])), [32]byte(v[9:]), nil
}

func (s *Store) decodeItem(v []byte) (r itemRow, err error) {
	flags, size, sum, err := itemHead(v)
	if err != nil {
		return r, err
	}
	js := itemJSON{trailer: &r.trailer}
	if err := decodeJSON(v[itemPrefix:], &js); err != nil {
		return r, err
	}
	if js.Sealed != nil {
		open, err := s.unseal(engine.Path("item", js.ID), js.Sealed, &r.trailer)
		if err != nil {
			return r, err
		}
		if !open {
			r.sealed = js.Sealed
		}
	}
	r.id, r.changeKey, r.size, r.sum, r.superseded = js.ID, js.ChangeKey, size, sum, js.Superseded
	r.deleted, r.associated = flags&itemDeleted != 0, flags&itemAssociated != 0
	if flags&itemReadKnown != 0 {
		read := flags&itemRead != 0
		r.read = &read
	}
	return r, nil
}

func (r *itemRow) item(mailbox, folder string) Item {
	return Item{
		ItemKey:   ItemKey{Mailbox: mailbox, Folder: folder, ID: r.id, ChangeKey: r.changeKey, Associated: r.associated},
		Size:      r.size,
		SHA256:    r.sum,
		SearchKey: r.trailer.SearchKey, Catalogue: r.trailer.Catalogue, Problem: r.trailer.Problem,
		ExportedAt: r.trailer.ExportedAt, ServerVersion: r.trailer.ServerVersion,
		Deleted: r.deleted, Read: r.read,
	}
}

func decodeJSON(v []byte, to any) error {
	if err := json.Unmarshal(v, to); err != nil {
		return fmt.Errorf("%w: a row in %s can't be read: %w", ErrDamaged, engine.IndexName, err)
	}
	return nil
}

func (t *tx) putJSON(p string, key []byte, value any) error {
	js, err := json.Marshal(value)
	if err != nil {
		return err
	}
	return t.Put(p, key, js)
}

func (t *tx) getJSON(p string, key []byte, to any) (bool, error) {
	v, err := t.Get(p, key)
	if v == nil || err != nil {
		return false, err
	}
	return true, decodeJSON(v, to)
}
