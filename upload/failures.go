package upload

import (
	"context"
	"fmt"
	"time"

	"mailferry/store"
)

func (r *run) failureFilter() store.FailureFilter {
	return store.FailureFilter{Mailbox: r.o.Mailbox, Direction: store.Upload, Target: r.Target}
}

func (r *run) failureKey(itemID string) store.FailureKey {
	return store.FailureKey{Mailbox: r.o.Mailbox, Direction: store.Upload, Target: r.Target, ItemID: itemID}
}

// loadFailures learns which items failed before, so that their records can go
// when they are moved after all. Where a run was killed between the two, the
// record goes now.
func (r *run) loadFailures(ctx context.Context) error {
	r.failed = make(map[string]bool)
	var stale []store.FailureKey
	for f, err := range r.o.Store.Failures(r.failureFilter()) {
		if err != nil {
			return fmt.Errorf("read the failures: %w", err)
		}
		e, found, err := r.journal.Get(f.Mailbox, f.ItemID)
		switch {
		case err != nil:
			return fmt.Errorf("read the journal: %w", err)
		case found && e.State == store.StateDone && e.At.After(f.Last):
			stale = append(stale, f.FailureKey)
		default:
			r.failed[f.ItemID] = true
		}
	}
	return r.clear(ctx, stale)
}

// Again prepares the store for another attempt at items whose upload failed: the
// journals say that they wait to be sent. What was sent and not heard of stays
// so, and is looked for at the target first. Nothing is asked of the server here.
func Again(ctx context.Context, st *store.Store, failures []store.Failure) error {
	pending := make(map[string][]store.JournalEntry)
	for _, f := range failures {
		if f.Direction != store.Upload {
			continue
		}
		j, err := st.Journal(f.Target)
		if err != nil {
			return fmt.Errorf("open the journal: %w", err)
		}
		e, found, err := j.Get(f.Mailbox, f.ItemID)
		if err != nil {
			return fmt.Errorf("read the journal: %w", err)
		}
		if !found || e.State != store.StateFailed {
			continue // without an entry an item is sent as if it were new
		}
		e.State, e.Code, e.At = store.StatePending, "", time.Time{}
		pending[f.Target] = append(pending[f.Target], e)
	}
	for target, entries := range pending {
		j, err := st.Journal(target)
		if err != nil {
			return fmt.Errorf("open the journal: %w", err)
		}
		if err := j.Settle(ctx, entries); err != nil {
			return err
		}
	}
	return nil
}
