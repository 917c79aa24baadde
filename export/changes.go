package export

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"mailferry/ews"
	"mailferry/store"
)

// syncWorkers bounds concurrent listings: servers allow few (ConcurrentSyncCalls
// is 5 in Exchange Online).
const syncWorkers = 4

// mark is what is kept with a sync state, so that a later run knows what the
// state is about. It is written before the state, ended by ":".
type mark struct {
	associated bool // "a": associated items were asked for, too
	find       bool // "f": the folder can't be synchronised, it is listed
	resync     bool // "r": a listing from the beginning over items in the store, not at its end
	look       look // "@": of the folder, before its changes were read to their end
}

func (m mark) with(state string) string {
	text := ""
	for _, flag := range []struct {
		on     bool
		letter string
	}{{m.associated, "a"}, {m.find, "f"}, {m.resync, "r"}} {
		if flag.on {
			text += flag.letter
		}
	}
	return text + m.look.String() + ":" + state
}

func readMark(text string) (m mark, state string) {
	letters, state, ok := strings.Cut(text, ":")
	if !ok {
		return mark{}, ""
	}
	letters, seen, _ := strings.Cut(letters, "@")
	return mark{strings.Contains(letters, "a"), strings.Contains(letters, "f"), strings.Contains(letters, "r"), parseLook(seen)}, state
}

// readChanges brings the pending rows of the selected folders up to date,
// several folders at a time.
func (r *run) readChanges(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(min(r.o.Workers, syncWorkers))
	for _, f := range r.folders {
		if r.halted() || ctx.Err() != nil {
			break
		}
		group.Go(func() error { return r.readFolder(ctx, f) })
	}
	return group.Wait()
}

// readFolder reads the changes of one folder. A folder that can't be listed is a
// failure of its own and doesn't keep others from being exported.
func (r *run) readFolder(ctx context.Context, f *folder) error {
	if r.halted() {
		return nil
	}
	err := r.syncFolder(ctx, f)
	if err == nil {
		return r.clearFailure(ctx, f.ID)
	}
	refused, ok := errors.AsType[*ews.Error](err)
	if !ok || ctx.Err() != nil {
		return err
	}
	switch refused.Code {
	case "ErrorFolderNotFound", "ErrorSyncFolderNotFound", "ErrorItemNotFound":
		r.out.warning("a folder vanished while it was read; run again: " + f.Path)
		return nil
	}
	action := ews.ActionFor(refused.Op, refused)
	if verb := afterRetries(action); verb == ews.Skip || verb == ews.Refresh || verb == ews.Bisect || f.Root == store.Public {
		return r.failFolder(ctx, f, refused.Cause(), "the folder can't be listed: "+refused.Message)
	}
	return err
}

// afterRetries is what is left to do when trying again did not help.
func afterRetries(a ews.Action) ews.Verb {
	switch a.Verb {
	case ews.Retry, ews.Refresh, ews.Resend:
		if a.Then != ews.None {
			return a.Then
		}
	}
	return a.Verb
}

// itemProps are the properties to ask for. What the blob will tell is asked for
// only where the selection, or a plan to be read, needs it before.
func (r *run) itemProps(associated bool) ews.ItemProps {
	props := ews.PropSize | ews.PropSearchKey
	if r.needsDate() {
		props |= ews.PropReceived | ews.PropCreated
	}
	if r.needsClass() || r.o.DryRun {
		props |= ews.PropClass
	}
	if r.o.DryRun {
		props |= ews.PropSubject
	}
	if associated {
		props |= ews.PropIsAssociated
	}
	return props
}

// syncFolder reads changes page by page and writes each down.
func (r *run) syncFolder(ctx context.Context, f *folder) error {
	var kept string
	if r.st != nil {
		var err error
		if kept, err = r.st.SyncState(r.mailbox, f.ID); err != nil {
			return fmt.Errorf("read the sync state: %w", err)
		}
	}
	m, state := readMark(kept)
	if state != "" && r.unchanged(f, m) {
		r.mu.Lock()
		r.sum.Unchanged++
		r.mu.Unlock()
		return r.newPlan(f).finish()
	}
	if f.Root == store.Public || m.find {
		return r.listFolder(ctx, f, mark{find: true})
	}
	if m.resync || r.o.Associated && !m.associated {
		state = "" // begin anew: the state doesn't know all that is wanted
	}
	m = mark{associated: r.o.Associated || m.associated}
	var seen *seenIDs
	begin := func() error {
		state = ""
		known, err := r.knows(f)
		if err == nil && known {
			m.resync, seen = true, &seenIDs{}
		}
		return err
	}
	if state == "" {
		if err := begin(); err != nil {
			return err
		}
	}
	plan := r.newPlan(f)
	const mostBeginnings = 3
	beginnings := 0
	for {
		page, err := r.client.SyncItems(ctx, ews.SyncItemsRequest{
			Folder: ews.FolderByID(f.ID), State: state, Associated: m.associated, Props: r.itemProps(m.associated),
		})
		switch refused, ok := errors.AsType[*ews.Error](err); {
		case ok && refused.Code == "ErrorInvalidSyncStateData" && beginnings < mostBeginnings:
			beginnings++
			r.out.warning("the server does not know the sync state of a folder any more; it is read from the beginning: " + f.Path)
			if err := begin(); err != nil {
				return err
			}
			plan = r.newPlan(f)
			continue
		case ok && cannotSync(refused):
			return r.listFolder(ctx, f, mark{find: true})
		case ok && refused.Code == "ErrorInvalidSyncStateData":
			// What the server gives it does not take back: this run lists, the next tries anew.
			return r.listFolder(ctx, f, mark{resync: true})
		case err != nil:
			return fmt.Errorf("read the changes of a folder: %w", err)
		}
		if !page.Last && (page.State == "" || page.State == state && len(page.Changes) == 0) {
			return errors.New("read the changes of a folder: the server says there is more and gives nothing; try again later")
		}
		changes, err := r.changesOf(ctx, page.Changes, seen)
		if err != nil {
			return err
		}
		plan.add(page.Changes)
		state = page.State
		if page.Last && seen == nil {
			m.resync, m.look = false, f.look
		}
		// Where nothing happened the old state is as good: a write for each of
		// many folders is spared.
		if was, _ := readMark(kept); len(changes) > 0 || kept == "" || was != m {
			if err := r.apply(ctx, f, changes, m.with(state)); err != nil {
				return err
			}
		}
		if page.Last {
			break
		}
		if r.halted() {
			return nil
		}
	}
	if seen != nil {
		m.resync, m.look = false, f.look
		if err := r.dropUnseen(ctx, f, seen, m.with(state)); err != nil {
			return err
		}
	}
	return plan.finish()
}

// cannotSync says that a folder has to be listed instead.
func cannotSync(e *ews.Error) bool {
	switch e.Code {
	case "ErrorInvalidFolderTypeForOperation", "ErrorInvalidOperation", "ErrorOperationNotAllowedWithPublicFolderRoot", "ErrorNotSupported":
		return true
	}
	return false
}

// knows says whether the store has anything of a folder.
func (r *run) knows(f *folder) (bool, error) {
	if r.st == nil {
		return false, nil
	}
	for _, err := range r.st.Items(r.mailbox, f.ID) {
		return err == nil, err
	}
	for _, err := range r.st.Pending(r.mailbox, f.ID) {
		return err == nil, err
	}
	return false, nil
}

// apply writes down a page of changes; in a dry run nothing is.
func (r *run) apply(ctx context.Context, f *folder, changes []store.Change, state string) error {
	if r.o.DryRun {
		return nil
	}
	if err := r.st.ApplyChanges(ctx, r.mailbox, f.ID, changes, state); err != nil {
		return fmt.Errorf("write down the changes of a folder: %w", err)
	}
	for _, c := range changes {
		if c.Kind == store.Delete {
			if err := r.clearFailure(ctx, c.ItemID); err != nil {
				return err
			}
		}
	}
	return nil
}

// changesOf translates changes for the store.
func (r *run) changesOf(ctx context.Context, page []ews.ItemChange, seen *seenIDs) ([]store.Change, error) {
	changes := make([]store.Change, 0, len(page))
	for _, c := range page {
		if c.Item.ID == "" {
			continue
		}
		if c.Kind == ews.ChangeDelete {
			changes = append(changes, store.Change{Kind: store.Delete, ItemID: c.Item.ID})
			continue
		}
		seen.add(c.Item.ID)
		if c.Kind != ews.ChangeReadFlag {
			changes = append(changes, upsert(c.Item))
			continue
		}
		read, err := r.readFlag(c.Item)
		if err != nil {
			return nil, err
		}
		changes = append(changes, read...)
	}
	return changes, ctx.Err()
}

func upsert(it ews.Item) store.Change {
	return store.Change{
		Kind: store.Upsert, ItemID: it.ID, ChangeKey: it.ChangeKey, Class: it.Class, Size: it.Size,
		Associated: it.Associated, SearchKey: it.SearchKey, Received: received(it),
	}
}

// received is the time that selections go by.
func received(it ews.Item) time.Time {
	if !it.Received.IsZero() {
		return it.Received
	}
	return it.Created
}

// readFlag is a change of the read flag alone. The flag is part of the blob, so
// the item is exported again if its change key tells that it is another version.
func (r *run) readFlag(it ews.Item) ([]store.Change, error) {
	flag := store.Change{Kind: store.Read, ItemID: it.ID, ChangeKey: it.ChangeKey, Read: it.Read}
	if r.st == nil {
		return []store.Change{flag}, nil
	}
	have, found, err := r.st.Item(r.mailbox, it.ID)
	if err != nil {
		return nil, fmt.Errorf("read an item of the store: %w", err)
	}
	if !found || have.ChangeKey == it.ChangeKey || it.ChangeKey == "" {
		return []store.Change{flag}, nil
	}
	received := have.Catalogue.Received
	if received.IsZero() {
		received = have.Catalogue.Created
	}
	again := store.Change{
		Kind: store.Upsert, ItemID: it.ID, ChangeKey: it.ChangeKey, Class: have.Catalogue.Class, Size: have.Size,
		Associated: have.Associated, SearchKey: have.SearchKey, Received: received,
	}
	return []store.Change{flag, again}, nil
}
