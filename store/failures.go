package store

import (
	"cmp"
	"context"
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

// RecordFailure adds a failure, or another attempt to the one with the same key.
// Who accepted it with the same code need not accept it again.
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

// AcceptFailure writes down that a person accepts a failure, and why.
func (s *Store) AcceptFailure(ctx context.Context, key FailureKey, reason string) error {
	raw, err := key.bytes(s)
	if err != nil || reason == "" {
		return errors.Join(err, errors.New("a failure is accepted by its key and with a reason"))
	}
	return s.update(ctx, nil, func(t *tx) error {
		f, found, err := t.getFailure(raw)
		if err != nil {
			return err
		}
		if !found {
			return fmt.Errorf("there is no failure of item %s", key.ItemID)
		}
		f.Accepted, f.AcceptedReason = time.Now().UTC(), reason
		return t.putFailure(raw, f)
	})
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

// SetStatus writes status.json for other processes to read while the store is
// locked. It must hold no mail content.
func (s *Store) SetStatus(status any) error {
	js, err := json.MarshalIndent(status, "", "  ")
	if err != nil {
		return err
	}
	return s.e.WriteFile("status.json", append(js, '\n'))
}
