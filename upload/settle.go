package upload

import (
	"context"
	"errors"
	"fmt"
	"time"

	"mailferry/ews"
	"mailferry/internal/event"
	"mailferry/internal/retry"
	"mailferry/store"
	"mailferry/upload/match"
)

const (
	// mostLost is how many items without an outcome there may be before they
	// are looked for.
	mostLost = 400
	// mostLostTimes is how often an item may be sent without an outcome before
	// it counts as one that can't be sent, and mostLostAlone how often of these
	// by itself: in a batch another may be the cause.
	mostLostTimes = 5
	mostLostAlone = 2
	// mostLooks is how often a folder that goes on gaining items is looked at.
	mostLooks = 12
	// longestQuiet bounds how long a folder has to be quiet.
	longestQuiet = time.Minute
	// surelyOver is when a server has surely ended what a lost request asked:
	// Exchange gives a batch one minute.
	surelyOver = 10 * time.Minute
)

// open is an item of which nobody knows whether the target has it.
type open struct {
	item  store.Item
	entry store.JournalEntry
	quiet bool // the server may still be at work on it
	job   *job // nil: an earlier run sent it
	lost  *lostJob
	found *match.Candidate
}

// look finds out which items of one fate the target has. It sets found, and
// writes down as done what it finds, as pending what it does not.
func (r *run) look(ctx context.Context, opens []*open) error {
	byFolder := make(map[string][]*open)
	for _, o := range opens {
		byFolder[o.entry.TargetFolder] = append(byFolder[o.entry.TargetFolder], o)
	}
	quiet, seen := r.o.Patience.Quiet, make(map[string]int)
	for round := 1; len(byFolder) > 0; round++ {
		gained := false
		for folder, list := range byFolder {
			n, err := r.lookIn(ctx, folder, list)
			if err != nil {
				return err
			}
			var missing []*open
			wait := false
			for _, o := range list {
				if o.found == nil {
					missing = append(missing, o)
					wait = wait || o.quiet
				}
			}
			last, before := seen[folder]
			seen[folder] = n
			gained = gained || before && n != last
			if !wait || quiet < 0 || before && n == last || round >= mostLooks {
				if err := r.absent(ctx, missing); err != nil {
					return err
				}
				delete(byFolder, folder)
				continue
			}
			byFolder[folder] = missing
		}
		if len(byFolder) == 0 {
			break
		}
		if gained {
			quiet = min(3*quiet, longestQuiet)
		}
		r.Emit(event.Event{Kind: event.Wait, Text: "a connection was lost while uploading; the server may still be at work", Wait: quiet})
		if err := retry.Sleep(ctx, quiet); err != nil {
			return err
		}
	}
	return nil
}

// lookIn looks once for items in one folder, and returns how many items it
// gained that could be one of these.
func (r *run) lookIn(ctx context.Context, folder string, list []*open) (int, error) {
	wanted := match.NewWanted()
	byID := make(map[string]*open, len(list))
	associated := false
	for _, o := range list {
		wanted.Item(o.item)
		byID[o.item.Mailbox+"\x00"+o.item.ID] = o
		associated = associated || o.item.Associated
	}
	claimed, err := r.claims()
	if err != nil {
		return 0, err
	}
	wanted.Except(claimed)
	if err := r.exceptOlder(wanted, list); err != nil {
		return 0, err
	}
	l, since, err := r.gained(ctx, folder, associated, wanted)
	if err != nil {
		if folderGone(err) {
			return 0, nil // and with it what was sent there
		}
		return 0, err
	}
	c := match.NewCollector(&match.Matcher{
		Client: r.o.Client, Store: r.o.Store, Listing: l, Rule: match.Rule{Near: since, Lost: true},
	}, wanted)
	var found []*open
	keep := func(ws []*match.Want) {
		for _, w := range ws {
			if w.Found >= 0 {
				o := byID[w.Item.Mailbox+"\x00"+w.Item.ID]
				o.found = &l.Items[w.Found]
				found = append(found, o)
			}
		}
	}
	for _, o := range list {
		decided, err := c.Offer(ctx, o.item)
		if err != nil {
			return 0, err
		}
		keep(decided)
	}
	decided, err := c.Flush(ctx)
	if err != nil {
		return 0, err
	}
	keep(decided)
	return len(l.Items), r.arrived(ctx, found)
}

// gained lists what a folder has that could be one of the wanted items: what
// came since its baseline, and since is true, or else all of it.
func (r *run) gained(ctx context.Context, folder string, associated bool, wanted *match.Wanted) (l *match.Listing, since bool, err error) {
	b, ok, err := r.journal.Baseline(folder)
	if err != nil {
		return nil, false, fmt.Errorf("read the journal: %w", err)
	}
	if !ok {
		l, err = match.List(ctx, r.o.Client, folder, true, associated, wanted)
		return l, false, err
	}
	l = match.NewListing()
	for state := b.SyncState; ; {
		page, err := r.o.Client.SyncItems(ctx, ews.SyncItemsRequest{
			Folder: ews.FolderByID(folder), State: state, Associated: true, Props: match.Props,
		})
		if err != nil {
			if folderGone(err) || fatalFor("SyncFolderItems", err) {
				return nil, false, fmt.Errorf("read what a folder of the target gained: %w", err)
			}
			l, err = match.List(ctx, r.o.Client, folder, true, associated, wanted) // the state is of no use any more
			return l, false, err
		}
		for _, change := range page.Changes {
			switch change.Kind {
			case ews.ChangeCreate:
				l.Add(change.Item, wanted)
			case ews.ChangeDelete:
				l.Take(change.Item.ID)
			}
		}
		if page.Last || page.State == state {
			return l, true, nil
		}
		state = page.State
	}
}

// arrived writes down items that were found.
func (r *run) arrived(ctx context.Context, found []*open) error {
	var earlier []store.JournalEntry
	for _, o := range found {
		o.entry.State, o.entry.TargetID, o.entry.TargetChangeKey = store.StateDone, o.found.ID, o.found.ChangeKey
		if o.job == nil {
			earlier = append(earlier, o.entry)
			continue
		}
		o.job.targetID, o.job.changeKey = o.found.ID, o.found.ChangeKey
		if err := r.done(ctx, []*job{o.job}, o.lost.at); err != nil {
			return err
		}
	}
	if len(earlier) == 0 {
		return nil
	}
	if err := r.settle(ctx, earlier); err != nil {
		return err
	}
	var cleared []store.FailureKey
	for _, e := range earlier {
		r.claim(e.TargetID)
		if r.failed[e.Source.ID] && e.Source.Mailbox == r.o.Mailbox {
			delete(r.failed, e.Source.ID)
			cleared = append(cleared, r.failureKey(e.Source.ID))
		}
	}
	return r.clear(ctx, cleared)
}

// absent writes down items that the target does not have.
func (r *run) absent(ctx context.Context, missing []*open) error {
	if len(missing) == 0 {
		return nil
	}
	entries := make([]store.JournalEntry, len(missing))
	for i, o := range missing {
		o.entry.State = store.StatePending
		entries[i] = o.entry
	}
	return r.settle(ctx, entries)
}

// settleEarlier finds out what became of items that an earlier run sent and
// did not hear of.
func (r *run) settleEarlier(ctx context.Context) error {
	var opens []*open
	var updates []store.JournalEntry
	changed := make(map[[32]byte][]*open)
	strange := 0
	for e, err := range r.journal.Unsettled() {
		if err != nil {
			return fmt.Errorf("read the journal: %w", err)
		}
		if e.TargetID != "" {
			// To replace an item once more changes nothing, so it is done again.
			e.State = store.StatePending
			updates = append(updates, e)
			continue
		}
		o := &open{entry: e, quiet: time.Since(e.At) < surelyOver}
		item, ok, err := r.o.Store.Item(e.Source.Mailbox, e.Source.ID)
		switch {
		case err != nil:
			return fmt.Errorf("read an item of the store: %w", err)
		case !ok:
			strange++
			continue
		case item.SHA256 != e.SHA256:
			changed[e.SHA256] = append(changed[e.SHA256], o)
		}
		o.item = item
		opens = append(opens, o)
	}
	if len(opens)+len(updates)+strange == 0 {
		return nil
	}
	r.Phase("looking for what an interrupted run sent")
	if len(changed) > 0 {
		if err := r.oldVersions(changed); err != nil {
			return err
		}
	}
	if strange > 0 {
		r.Warn(fmt.Sprintf("%d items that an earlier run sent are not in the store any more; they can't be looked for", strange))
	}
	if len(updates) > 0 {
		if err := r.settle(ctx, updates); err != nil {
			return err
		}
	}
	if err := r.look(ctx, opens); err != nil {
		return fmt.Errorf("look for what an interrupted run sent: %w", err)
	}
	return nil
}

// oldVersions finds the versions that were sent, of items that changed since.
func (r *run) oldVersions(changed map[[32]byte][]*open) error {
	mailboxes := make(map[string]bool)
	for _, list := range changed {
		for _, o := range list {
			mailboxes[o.entry.Source.Mailbox] = true
		}
	}
	for mailbox := range mailboxes {
		for it, err := range r.o.Store.OldVersions(mailbox) {
			if err != nil {
				return fmt.Errorf("read the store: %w", err)
			}
			for _, o := range changed[it.SHA256] {
				if it.ID == o.entry.Source.ID && it.Mailbox == o.entry.Source.Mailbox {
					o.item = it
				}
			}
		}
	}
	return nil
}

// settleLost finds out what became of items that this run sent, and returns
// those that must be sent again.
func (r *run) settleLost(ctx context.Context, lost []*lostJob) ([]*job, error) {
	var opens []*open
	var again []*job
	var updates []*job
	for _, l := range lost {
		l.job.lost++
		if l.batch == 1 {
			l.job.lostAlone++
		}
		l.job.most = max(1, (l.batch+1)/2)
		if l.job.update {
			updates = append(updates, l.job)
			again = append(again, l.job)
			continue
		}
		opens = append(opens, &open{item: l.job.item, entry: l.job.entry(store.StateSent), quiet: l.quiet, job: l.job, lost: l})
	}
	if err := r.settleAs(ctx, updates, store.StatePending); err != nil {
		return nil, err
	}
	if err := r.look(ctx, opens); err != nil {
		return nil, fmt.Errorf("look for items whose upload was not answered: %w", err)
	}
	for _, o := range opens {
		if o.found == nil {
			again = append(again, o.job)
		}
	}
	why := make(map[*job]error, len(lost))
	for _, l := range lost {
		why[l.job] = l.why
	}
	kept := again[:0]
	for _, j := range again {
		if j.lost < mostLostTimes || j.lostAlone < mostLostAlone {
			kept = append(kept, j)
			continue
		}
		if err := r.fail(ctx, j, lostFailure(why[j])); err != nil {
			return nil, err
		}
	}
	return kept, nil
}

// lostFailure explains why an item is given up that was sent several times.
func lostFailure(err error) error {
	if e, ok := errors.AsType[*ews.Error](err); ok {
		return e
	}
	text := "sent several times; the server never answered, and the item is not there"
	if err != nil {
		text += ": " + err.Error()
	}
	return &localError{CodeLost, text, err}
}

// there writes down items that were at the target before.
func (r *run) there(ctx context.Context, jobs []*job) error {
	if len(jobs) == 0 {
		return nil
	}
	for _, j := range jobs {
		if r.o.DryRun {
			r.tell(j, "skip")
		}
	}
	if r.o.DryRun {
		return nil
	}
	if err := r.settleAs(ctx, jobs, store.StateDone); err != nil {
		return err
	}
	var cleared []store.FailureKey
	r.mu.Lock()
	for _, j := range jobs {
		r.sum.Already++
		if r.failed[j.item.ID] {
			delete(r.failed, j.item.ID)
			cleared = append(cleared, r.failureKey(j.item.ID))
		}
	}
	r.mu.Unlock()
	for _, j := range jobs {
		r.claim(j.targetID)
		r.tell(j, "there-already")
	}
	return r.clear(ctx, cleared)
}
