package store

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"time"

	"mailferry/store/engine"
)

func (k *FailureKey) bytes(s *Store) ([]byte, error) {
	k.Mailbox = address(k.Mailbox)
	if err := errors.Join(checkID("mailbox", k.Mailbox), checkID("direction", string(k.Direction)), checkID("item id", k.ItemID)); err != nil {
		return nil, err
	}
	target := k.Target
	if target != "" {
		target = s.e.Name(target)
	}
	return []byte(engine.Path(s.e.Name(k.Mailbox), string(k.Direction), target, k.ItemID)), nil
}

// Hash is a name of the failure that is the same at any time and in any store:
// 64 hexadecimal digits, of which the first few do for people.
func (k FailureKey) Hash() string {
	sum := sha256.Sum256([]byte(engine.Path(address(k.Mailbox), string(k.Direction), k.Target, k.ItemID)))
	return hex.EncodeToString(sum[:])
}

// RecordFailure adds a failure, or another attempt to the one with the same key.
// Who accepted it with the same code need not accept it again; with another code
// it is open again.
func (s *Store) RecordFailure(ctx context.Context, f Failure) error {
	key, err := f.bytes(s)
	if err != nil {
		return fmt.Errorf("record a failure: %w", err)
	}
	now := time.Now().UTC()
	return s.update(ctx, nil, func(t *tx) error {
		f := f
		old, found, err := t.getFailure(key)
		if err != nil {
			return err
		}
		f.Attempts = max(f.Attempts, 1)
		if f.Last.IsZero() {
			f.Last = now
		}
		if f.First.IsZero() {
			f.First = f.Last
		}
		if found {
			f.Attempts += old.Attempts
			f.First = old.First
			f.FolderPath = cmp.Or(f.FolderPath, old.FolderPath)
			f.FolderID = cmp.Or(f.FolderID, old.FolderID)
			f.Subject = cmp.Or(f.Subject, old.Subject)
			f.Class = cmp.Or(f.Class, old.Class)
			f.Size = cmp.Or(f.Size, old.Size)
			f.sealed = old.sealed
			if f.Accepted.IsZero() && f.Code == old.Code {
				f.Accepted, f.AcceptedReason = old.Accepted, old.AcceptedReason
			}
		}
		return t.putFailure(key, f)
	})
}

// ClearFailure removes failures: the items were moved after all. A missing one
// is no error.
func (s *Store) ClearFailure(ctx context.Context, keys ...FailureKey) error {
	raw := make([][]byte, len(keys))
	for i := range keys {
		var err error
		if raw[i], err = keys[i].bytes(s); err != nil {
			return fmt.Errorf("clear a failure: %w", err)
		}
	}
	return s.update(ctx, nil, func(t *tx) error {
		for _, key := range raw {
			if err := t.Del(bucketFailures, key); err != nil {
				return err
			}
		}
		return nil
	})
}

// AcceptFailures writes down that a person accepts failures, and why: all of
// them or, with an error, none.
func (s *Store) AcceptFailures(ctx context.Context, reason string, keys ...FailureKey) error {
	if reason == "" {
		return errors.New("a failure is accepted with a reason")
	}
	now := time.Now().UTC()
	return s.editFailures(ctx, keys, func(f *Failure) { f.Accepted, f.AcceptedReason = now, reason })
}

// ReopenFailures takes acceptance back: of all the failures or, with an error,
// of none.
func (s *Store) ReopenFailures(ctx context.Context, keys ...FailureKey) error {
	return s.editFailures(ctx, keys, func(f *Failure) { f.Accepted, f.AcceptedReason = time.Time{}, "" })
}

// RetryFailures writes down that a person asked for another attempt. The records
// stay until the items are moved.
func (s *Store) RetryFailures(ctx context.Context, keys ...FailureKey) error {
	now := time.Now().UTC()
	return s.editFailures(ctx, keys, func(f *Failure) { f.Retry = now })
}

func (s *Store) editFailures(ctx context.Context, keys []FailureKey, edit func(*Failure)) error {
	raw := make([][]byte, len(keys))
	for i := range keys {
		var err error
		if raw[i], err = keys[i].bytes(s); err != nil {
			return fmt.Errorf("change a failure: %w", err)
		}
	}
	return s.update(ctx, nil, func(t *tx) error {
		for i, key := range raw {
			f, found, err := t.getFailure(key)
			if err != nil {
				return err
			}
			if !found {
				return fmt.Errorf("there is no failure of item %s", keys[i].ItemID)
			}
			edit(&f)
			if err := t.putFailure(key, f); err != nil {
				return err
			}
		}
		return nil
	})
}

// Failure returns one failure.
func (s *Store) Failure(key FailureKey) (f Failure, found bool, err error) {
	raw, err := key.bytes(s)
	if err != nil {
		return f, false, fmt.Errorf("read a failure: %w", err)
	}
	err = s.view(func(t *tx) error {
		f, found, err = t.getFailure(raw)
		return err
	})
	return f, found, err
}

// Failures yields the failures that the filter chooses.
func (s *Store) Failures(f FailureFilter) iter.Seq2[Failure, error] {
	f.Mailbox = address(f.Mailbox)
	return rows(s, bucketFailures, nil, func(_ *tx, _, v []byte) (row Failure, keep bool, err error) {
		row, err = s.decodeFailure(v)
		keep = err == nil && (f.Mailbox == "" || f.Mailbox == row.Mailbox) &&
			(f.Direction == "" || f.Direction == row.Direction) && (f.Target == "" || f.Target == row.Target)
		return row, keep, err
	})
}

// runJSON is a run in the index.
type runJSON struct {
	Run
	Summary json.RawMessage `json:"summary,omitempty"`
}

// BeginRun writes down that a run begins and returns its number.
func (s *Store) BeginRun(ctx context.Context, kind, mailbox, target string) (id uint64, err error) {
	begun := time.Now().UTC()
	err = s.update(ctx, nil, func(t *tx) error {
		if id, err = t.Next("run"); err != nil {
			return err
		}
		r := Run{ID: id, Kind: kind, Mailbox: address(mailbox), Target: target, Begun: begun}
		return t.putJSON(bucketRuns, engine.U64(id), runJSON{Run: r})
	})
	return id, err
}

// EndRun writes down that a run ended; summary is kept as JSON.
func (s *Store) EndRun(ctx context.Context, id uint64, summary any) error {
	js, err := json.Marshal(summary)
	if err != nil {
		return err
	}
	return s.update(ctx, nil, func(t *tx) error {
		var r runJSON
		found, err := t.getJSON(bucketRuns, engine.U64(id), &r)
		if err != nil {
			return err
		}
		if !found {
			return fmt.Errorf("there is no run %d", id)
		}
		r.Ended, r.Summary = time.Now().UTC(), js
		return t.putJSON(bucketRuns, engine.U64(id), r)
	})
}

// Runs yields all runs, oldest first.
func (s *Store) Runs() iter.Seq2[Run, error] {
	return rows(s, bucketRuns, nil, func(_ *tx, _, v []byte) (Run, bool, error) {
		var r runJSON
		err := decodeJSON(v, &r)
		r.Run.Summary = r.Summary
		return r.Run, err == nil, err
	})
}
