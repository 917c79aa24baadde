package export

import (
	"context"
	"fmt"
	"hash/maphash"

	"mailferry/internal/event"
	"mailferry/store"
)

func (r *run) failureKey(id string) store.FailureKey {
	return store.FailureKey{Mailbox: r.mailbox, Direction: store.Export, ItemID: id}
}

// loadFailures learns what failed in earlier runs, so that the records can go
// when the items are exported after all. Where a run was killed between the two,
// the record goes now.
func (r *run) loadFailures(ctx context.Context) error {
	var stale []store.FailureKey
	for f, err := range r.st.Failures(store.FailureFilter{Mailbox: r.mailbox, Direction: store.Export}) {
		if err != nil {
			return fmt.Errorf("read the failures of earlier runs: %w", err)
		}
		it, found, err := r.st.Item(r.mailbox, f.ItemID)
		switch {
		case err != nil:
			return fmt.Errorf("read an item of the store: %w", err)
		case found && it.ExportedAt.After(f.Last):
			stale = append(stale, f.FailureKey)
		default:
			r.failed[maphash.String(r.failedSeed, f.ItemID)] = !f.Accepted.IsZero() && f.Retry.IsZero()
		}
	}
	if r.o.DryRun || len(stale) == 0 {
		return nil
	}
	if err := r.st.ClearFailure(ctx, stale...); err != nil {
		return fmt.Errorf("take back failures: %w", err)
	}
	return nil
}

// givenUp says that a person accepted the failure of an item: it is tried once a
// run, and not waited for.
func (r *run) givenUp(id string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.failed[maphash.String(r.failedSeed, id)]
}

// record writes a failure down and tells whether a person has accepted it.
func (r *run) record(ctx context.Context, f store.Failure) (accepted bool, err error) {
	ctx = context.WithoutCancel(ctx)
	if err := r.st.RecordFailure(ctx, f); err != nil {
		return false, &localError{fmt.Errorf("write down a failure: %w", err)}
	}
	kept, _, err := r.st.Failure(f.FailureKey)
	if err != nil {
		return false, &localError{fmt.Errorf("read a failure: %w", err)}
	}
	accepted = !kept.Accepted.IsZero()
	r.mu.Lock()
	r.failed[maphash.String(r.failedSeed, f.ItemID)] = accepted
	r.mu.Unlock()
	return accepted, nil
}

// clearFailure takes back the failure of an item, or of a folder by its id, that
// an earlier run recorded.
func (r *run) clearFailure(ctx context.Context, id string) error {
	if r.st == nil || r.o.DryRun {
		return nil
	}
	hash := maphash.String(r.failedSeed, id)
	r.mu.Lock()
	_, had := r.failed[hash]
	delete(r.failed, hash)
	r.mu.Unlock()
	if !had {
		return nil
	}
	err := r.st.ClearFailure(context.WithoutCancel(ctx), r.failureKey(id))
	if err != nil {
		return &localError{fmt.Errorf("take back a failure: %w", err)}
	}
	return nil
}

// failFolder records that a folder could not be read.
func (r *run) failFolder(ctx context.Context, f *folder, code, text string) error {
	accepted := false
	if !r.o.DryRun {
		var err error
		accepted, err = r.record(ctx, store.Failure{
			FailureKey: r.failureKey(f.ID), FolderPath: f.Path, FolderID: f.ID, Class: f.Class, Size: f.Size, Code: code, Text: text,
		})
		if err != nil {
			return err
		}
	}
	r.mu.Lock()
	r.sum.Failed++
	if accepted {
		r.sum.Accepted++
	}
	r.mu.Unlock()
	r.out.emit(event.Event{Kind: event.Failure, Folder: f.Path, Item: f.ID, Class: f.Class, Code: code, Text: text})
	return nil
}

// Again prepares the store for another attempt at items whose export failed, so
// that the next run fetches them. Mostly they are still pending. Where one is
// not, its folder is read from the beginning: then the server tells of it again,
// whatever the sync state has passed over. Nothing is asked of the server here.
func Again(ctx context.Context, st *store.Store, failures []store.Failure) error {
	type place struct{ mailbox, folder string }
	wanted := make(map[place]map[string]bool)
	for _, f := range failures {
		if f.Direction != store.Export || f.FolderID == "" || f.FolderID == f.ItemID {
			continue // of a folder that can't be read there is no state to go by
		}
		p := place{f.Mailbox, f.FolderID}
		if wanted[p] == nil {
			wanted[p] = make(map[string]bool)
		}
		wanted[p][f.ItemID] = true
	}
	for p, ids := range wanted {
		for row, err := range st.Pending(p.mailbox, p.folder) {
			if err != nil {
				return fmt.Errorf("read what is pending: %w", err)
			}
			delete(ids, row.ID)
		}
		if len(ids) == 0 {
			continue
		}
		kept, err := st.SyncState(p.mailbox, p.folder)
		if err != nil {
			return fmt.Errorf("read the sync state: %w", err)
		}
		m, state := readMark(kept)
		m.resync = true
		if err := st.ApplyChanges(ctx, p.mailbox, p.folder, nil, m.with(state)); err != nil {
			return fmt.Errorf("have a folder read from the beginning: %w", err)
		}
	}
	return nil
}
