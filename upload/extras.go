package upload

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"mailferry/ews"
	"mailferry/store"
	"mailferry/upload/match"
	"mailferry/upload/place"
	"mailferry/upload/plan"
)

// afterCrash is how far apart the birth of an item and of its extra copy may
// be when the run that sent it was killed: Exchange gives a batch one minute.
const afterCrash = 2 * time.Minute

// slack is added to the time that a batch took: clocks of servers have coarse
// marks.
const slack = 2 * time.Second

// lastRun says since when items may have extra copies that no run has looked
// for: when the last upload to this target was killed.
func (r *run) lastRun() (since time.Time, unclean bool, err error) {
	for run, err := range r.o.Store.Runs() {
		if err != nil {
			return since, false, fmt.Errorf("read the runs of the store: %w", err)
		}
		if run.Kind != r.kind() || run.Target != r.Target {
			continue
		}
		switch {
		case !run.Ended.IsZero():
			unclean = false
		case !unclean:
			since, unclean = run.Begun, true
		}
	}
	return since, unclean, nil
}

// extras looks for copies that nobody asked for: a server may make more items
// than it was sent. It looks into folders that hold more than they should, and
// after a killed run into all that it wrote to.
func (r *run) extras(ctx context.Context, since time.Time, unclean bool) error {
	suspicious := make(map[string]bool)
	var counted []*place.Node
	expected := make(map[*place.Node]int)
	groups := make(map[string]*group)
	for _, g := range r.groups {
		if g.Node.ID == "" {
			continue
		}
		groups[g.Node.ID] = g
		if g.sentFAI > 0 {
			suspicious[g.Node.ID] = true // nobody counts associated items
		}
		if g.sent > 0 {
			counted = append(counted, g.Node)
			expected[g.Node] = g.Node.Total + g.sent
		}
	}
	totals, err := place.Totals(ctx, r.o.Client, counted)
	if err != nil {
		return err
	}
	for n, total := range totals {
		if total > expected[n] {
			suspicious[n.ID] = true
		}
	}
	if unclean {
		for e, err := range r.journal.All() {
			if err != nil {
				return fmt.Errorf("read the journal: %w", err)
			}
			if e.State == store.StateDone && !e.At.Before(since) {
				suspicious[e.TargetFolder] = true
			}
		}
	}
	for folder := range suspicious {
		if g := groups[folder]; g != nil {
			if err := r.extrasIn(ctx, g, since, unclean); err != nil {
				return fmt.Errorf("look for copies that the server made: %w", err)
			}
		}
	}
	return nil
}

// extra is an item that nobody asked for, and the one it may be a copy of.
type extra struct {
	at             int32
	ours           string // id of the item that the journal names
	equal          bool
	born, oursBorn time.Time
}

// extrasIn removes what is provably an extra copy of an item of this run.
func (r *run) extrasIn(ctx context.Context, g *group, since time.Time, unclean bool) error {
	wanted := match.NewWanted()
	ours, err := r.sentTo(g, since, func(it store.Item, _ string) error {
		wanted.Kin(it)
		return nil
	})
	if err != nil || ours == 0 {
		return err
	}
	if err := r.exceptClaimed(wanted); err != nil {
		return err
	}
	l, known, err := r.gained(ctx, g.Node.ID, true, wanted)
	if err != nil || len(l.Items) == 0 {
		return err
	}
	var found []*extra
	if _, err := r.sentTo(g, since, func(it store.Item, id string) error {
		for _, at := range l.Find(it) {
			found = append(found, &extra{at: at, ours: id})
		}
		return nil
	}); err != nil {
		return err
	}
	if len(found) == 0 {
		return nil
	}
	if err := r.compareExtras(ctx, l, found); err != nil {
		return err
	}
	window := r.windows[g.Node.ID] + slack
	if unclean {
		window = max(window, afterCrash)
	}
	var ids []ews.ItemID
	proved := make(map[int32]bool) // all that are equal
	for _, x := range found {
		if !x.equal || proved[x.at] {
			continue
		}
		proved[x.at] = !x.born.IsZero() && !x.oursBorn.IsZero() && x.born.Sub(x.oursBorn).Abs() <= window
		if proved[x.at] {
			ids = append(ids, ews.ItemID{ID: l.Items[x.at].ID, ChangeKey: l.Items[x.at].ChangeKey})
		}
	}
	if n := len(proved) - len(ids); n > 0 && known {
		r.Warn(fmt.Sprintf("folder %q holds %d items more that are equal to uploaded ones, and came at another time; they are left there", g.Node.Path(), n))
	}
	if len(ids) == 0 {
		return nil
	}
	removed := 0
	results, err := r.o.Client.DeleteItems(ctx, ids, ews.HardDelete)
	if err != nil {
		return err
	}
	for _, e := range results {
		if e == nil {
			removed++
		}
	}
	r.Warn(fmt.Sprintf("folder %[2]q held %[1]d extra copies, made by the server itself or by a request that it carried out late; %[3]d of them are removed", len(ids), g.Node.Path(), removed))
	return nil
}

// sentTo calls use for each item that this run sent to the folder of a group
// itself, or the one that was killed before it, with its id there. What was only
// found there is not ours.
func (r *run) sentTo(g *group, since time.Time, use func(store.Item, string) error) (n int, err error) {
	for it, err := range r.choice.Items(r.o.Store, r.o.Mailbox, g.Group) {
		if err != nil {
			return n, err
		}
		state, e, err := plan.Stand(r.journal, it.Item)
		if err != nil {
			return n, err
		}
		if state != plan.IsDone || e.Batch == 0 || e.TargetFolder != g.Node.ID || e.At.Before(since) {
			continue
		}
		n++
		if err := use(it.Item, e.TargetID); err != nil {
			return n, err
		}
	}
	return n, nil
}

// exceptClaimed leaves out what any journal of this target mailbox names: other
// folders that its user put a tree into have their own.
func (r *run) exceptClaimed(wanted *match.Wanted) error {
	claimed, err := r.claims()
	if err != nil {
		return err
	}
	wanted.Except(claimed)
	targets, err := r.o.Store.Targets()
	if err != nil {
		return fmt.Errorf("read the journals: %w", err)
	}
	own := strings.ToLower(r.o.Target)
	for _, target := range targets {
		if target == r.Target || target != own && !strings.HasPrefix(target, own+"/") {
			continue
		}
		journal, err := r.o.Store.Journal(target)
		if err != nil {
			return fmt.Errorf("open a journal: %w", err)
		}
		others := make(match.Set)
		for e, err := range journal.All() {
			if err != nil {
				return fmt.Errorf("read a journal: %w", err)
			}
			if e.TargetID != "" {
				others.Add(e.TargetID)
			}
		}
		wanted.Except(others)
	}
	return nil
}

// compareExtras finds out which extra items are equal in content to what they
// may be a copy of, and when that came into being.
func (r *run) compareExtras(ctx context.Context, l *match.Listing, found []*extra) error {
	const batch = 25
	for from := 0; from < len(found); from += batch {
		part := found[from:min(from+batch, len(found))]
		names := make([]string, 0, 2*len(part))
		ids := make([]ews.ItemID, 0, 2*len(part))
		for _, x := range part {
			names = append(names, l.Items[x.at].ID, x.ours)
			ids = append(ids, ews.ItemID{ID: l.Items[x.at].ID}, ews.ItemID{ID: x.ours})
		}
		sums, err := match.TargetSums(ctx, r.o.Client, names)
		if err != nil {
			return err
		}
		births, err := r.o.Client.GetItems(ctx, ids, ews.PropCreated)
		if err != nil {
			return err
		}
		if len(births) != len(ids) {
			return errors.New("the server answered for another number of items than was asked for")
		}
		for i, x := range part {
			x.equal = sums[2*i].Equal(sums[2*i+1])
			if births[2*i].Err == nil && births[2*i+1].Err == nil {
				x.born, x.oursBorn = births[2*i].Item.Created, births[2*i+1].Item.Created
			}
		}
	}
	return nil
}
