package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"mailferry/store/engine"
)

// Journal writes down what was given to one target.
type Journal struct {
	s      *Store
	target string
}

// The buckets of a journal.
const (
	journalRows = "rows" // source mailbox, 0, item id -> SHA-256, JSON
	journalSent = "sent" // the keys of the rows in StateSent
	journalBase = "base" // target folder id -> JSON
)

// Journal returns the journal of a target: "user@domain" or "user@domain/into".
// The address counts without regard to case.
func (s *Store) Journal(target string) (*Journal, error) {
	addr, into, found := strings.Cut(target, "/")
	target = address(addr)
	if found {
		target += "/" + into
	}
	if err := errors.Join(checkID("target", addr), checkID("target", target)); err != nil {
		return nil, err
	}
	return &Journal{s: s, target: target}, nil
}

// Targets returns the targets that there are journals of.
func (s *Store) Targets() (targets []string, err error) {
	err = s.view(func(t *tx) error {
		targets, err = t.Names(bucketJournals)
		for i, name := range targets {
			if err != nil || !s.e.Encrypted() {
				return err
			}
			var target []byte
			target, err = t.Get(bucketTargets, []byte(name))
			targets[i] = string(target)
		}
		return err
	})
	slices.Sort(targets)
	return targets, err
}

// remember keeps what the name of the target stands for.
func (j *Journal) remember(t *tx) error {
	if !t.s.e.Encrypted() {
		return nil
	}
	return t.Put(bucketTargets, []byte(t.name(j.target)), []byte(j.target))
}

func (j *Journal) bucket(name string) string {
	return engine.Path(bucketJournals, j.s.e.Name(j.target), name)
}

func (t *tx) journalKey(mailbox, id string) []byte {
	return []byte(engine.Path(t.name(address(mailbox)), id))
}

func decodeEntry(v []byte) (e JournalEntry, err error) {
	if len(v) < len(e.SHA256) {
		return e, fmt.Errorf("%w: a journal row in %s is short", ErrDamaged, engine.IndexName)
	}
	err = decodeJSON(v[len(e.SHA256):], &e)
	e.SHA256 = [32]byte(v)
	return e, err
}

// Get returns the entry of an item.
func (j *Journal) Get(mailbox, itemID string) (e JournalEntry, found bool, err error) {
	err = j.s.view(func(t *tx) error {
		v, err := t.Get(j.bucket(journalRows), t.journalKey(mailbox, itemID))
		if v == nil || err != nil {
			return err
		}
		e, err = decodeEntry(v)
		found = err == nil
		return err
	})
	return e, found, err
}

// Intend writes down, durably, that the items are about to be sent: their state
// becomes StateSent. Entries without a batch number get one, the same for all;
// it is set in entries too. An item that is StateSent already gives
// ErrUnsettled, and nothing is written.
func (j *Journal) Intend(ctx context.Context, entries []JournalEntry) error {
	err := j.write(ctx, entries, func(t *tx, es []JournalEntry) error {
		var batch uint64
		for i := range es {
			e := &es[i]
			e.State = StateSent
			v, err := t.Get(j.bucket(journalSent), t.journalKey(e.Source.Mailbox, e.Source.ID))
			if err != nil {
				return err
			}
			if v != nil {
				return fmt.Errorf("item %s: %w", e.Source.ID, ErrUnsettled)
			}
			if e.Batch == 0 && batch == 0 {
				if batch, err = t.Next("batch"); err != nil {
					return err
				}
			}
			if e.Batch == 0 {
				e.Batch = batch
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("write down what is about to be sent: %w", err)
	}
	return nil
}

// Settle writes down what became of items: StateDone, StateFailed or StatePending.
func (j *Journal) Settle(ctx context.Context, entries []JournalEntry) error {
	err := j.write(ctx, entries, func(_ *tx, es []JournalEntry) error {
		for _, e := range es {
			switch e.State {
			case StateDone, StateFailed, StatePending:
			default:
				return fmt.Errorf("%q is no outcome", e.State)
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("write down what became of items: %w", err)
	}
	return nil
}

// write writes entries after prepare has seen and completed them.
func (j *Journal) write(ctx context.Context, entries []JournalEntry, prepare func(*tx, []JournalEntry) error) error {
	now := time.Now().UTC()
	for i := range entries {
		if err := entries[i].Source.normalise(); err != nil {
			return err
		}
	}
	var written []JournalEntry
	err := j.s.update(ctx, nil, func(t *tx) error {
		if err := j.remember(t); err != nil {
			return err
		}
		written = append([]JournalEntry(nil), entries...)
		if err := prepare(t, written); err != nil {
			return err
		}
		for i := range written {
			if written[i].At.IsZero() {
				written[i].At = now
			}
			if err := j.putEntry(t, &written[i]); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil {
		copy(entries, written)
	}
	return err
}

func (j *Journal) putEntry(t *tx, e *JournalEntry) error {
	js, err := json.Marshal(e)
	if err != nil {
		return err
	}
	key := t.journalKey(e.Source.Mailbox, e.Source.ID)
	if err := t.Put(j.bucket(journalRows), key, append(e.SHA256[:len(e.SHA256):len(e.SHA256)], js...)); err != nil {
		return err
	}
	if e.State == StateSent {
		return t.Put(j.bucket(journalSent), key, nil)
	}
	return t.Del(j.bucket(journalSent), key)
}

// Unsettled yields the entries in StateSent.
func (j *Journal) Unsettled() iter.Seq2[JournalEntry, error] {
	return rows(j.s, j.bucket(journalSent), nil, func(t *tx, k, _ []byte) (e JournalEntry, keep bool, err error) {
		v, err := t.Get(j.bucket(journalRows), k)
		if err != nil {
			return e, false, err
		}
		e, err = decodeEntry(v)
		return e, err == nil, err
	})
}

// All yields all entries, those of one source mailbox after the other.
func (j *Journal) All() iter.Seq2[JournalEntry, error] {
	return rows(j.s, j.bucket(journalRows), nil, func(_ *tx, _, v []byte) (JournalEntry, bool, error) {
		e, err := decodeEntry(v)
		return e, err == nil, err
	})
}

// PutBaseline keeps the baseline of a target folder, if there is none yet.
func (j *Journal) PutBaseline(ctx context.Context, b FolderBaseline) error {
	if err := checkID("folder id", b.Folder); err != nil {
		return err
	}
	if b.At.IsZero() {
		b.At = time.Now().UTC()
	}
	return j.s.update(ctx, nil, func(t *tx) error {
		v, err := t.Get(j.bucket(journalBase), []byte(b.Folder))
		if v != nil || err != nil {
			return err
		}
		if err := j.remember(t); err != nil {
			return err
		}
		return t.putJSON(j.bucket(journalBase), []byte(b.Folder), b)
	})
}

// Baseline returns the baseline of a target folder.
func (j *Journal) Baseline(folderID string) (b FolderBaseline, found bool, err error) {
	err = j.s.view(func(t *tx) error {
		found, err = t.getJSON(j.bucket(journalBase), []byte(folderID), &b)
		return err
	})
	return b, found, err
}
