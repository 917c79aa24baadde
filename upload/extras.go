package upload

import (
	"context"
	"errors"
	"fmt"
	"time"

	"mailferry/ews"
	"mailferry/fts"
	"mailferry/store"
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
		if run.Kind != runKind || run.Target != r.target {
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
	var counted []*node
	expected := make(map[*node]int)
	groups := make(map[string]*group)
	for _, g := range r.groups {
		if g.node.id == "" {
			continue
		}
		groups[g.node.id] = g
		if g.sentFAI > 0 {
			suspicious[g.node.id] = true // nobody counts associated items
		}
		if g.sent > 0 {
			counted = append(counted, g.node)
			expected[g.node] = g.node.total + g.sent
		}
	}
	totals, err := refreshTotals(ctx, r.o.Client, counted)
	if err != nil {
		return err
	}
	for n, total := range totals {
		if total > expected[n] {
			suspicious[n.id] = true
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
	at    int32
	ours  string // id of the item that the journal names
	equal bool
	birth time.Time
}

// extrasIn removes what is provably an extra copy of an item of this run.
func (r *run) extrasIn(ctx context.Context, g *group, since time.Time, unclean bool) error {
	l, known, err := r.gained(ctx, g.node.id, true, nil)
	if err != nil || !known {
		return err // without a baseline nothing can be proved
	}
	if err := r.takeClaimed(l); err != nil {
		return err
	}
	var found []*extra
	for it, err := range r.choice.items(r.o.Store, r.o.Mailbox, g) {
		if err != nil {
			return err
		}
		candidates := l.find(sourcePrint(it.Item))
		if len(candidates) == 0 {
			continue
		}
		state, e, err := stand(r.journal, it.Item)
		if err != nil {
			return err
		}
		if state != isDone || e.TargetFolder != g.node.id || e.At.Before(since) {
			continue
		}
		for _, at := range candidates {
			found = append(found, &extra{at: at, ours: e.TargetID})
		}
	}
	if len(found) == 0 {
		return nil
	}
	if err := r.compareExtras(ctx, l, found); err != nil {
		return err
	}
	window := r.windows[g.node.id] + slack
	if unclean {
		window = max(window, afterCrash)
	}
	var ids []ews.ItemID
	copies := 0
	seen := make(map[int32]bool)
	for _, x := range found {
		if !x.equal || seen[x.at] {
			continue
		}
		seen[x.at] = true
		copies++
		c := &l.items[x.at]
		if apart := c.created.Sub(x.birth).Abs(); c.created.IsZero() || x.birth.IsZero() || apart > window {
			copies--
			delete(seen, x.at)
			continue
		}
		ids = append(ids, ews.ItemID{ID: c.id, ChangeKey: c.changeKey})
	}
	if copies == 0 {
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
	r.warn(fmt.Sprintf("the server itself made %d extra copies in folder %q; %d of them are removed", copies, g.node.path(), removed))
	return nil
}

// compareExtras finds out which extra items are equal in content to what they
// may be a copy of, and when that came into being.
func (r *run) compareExtras(ctx context.Context, l *listing, found []*extra) error {
	const batch = 25
	for from := 0; from < len(found); from += batch {
		part := found[from:min(from+batch, len(found))]
		ids := make([]ews.ItemID, 0, 2*len(part))
		for _, x := range part {
			ids = append(ids, ews.ItemID{ID: l.items[x.at].id}, ews.ItemID{ID: x.ours})
		}
		sums := make([]compared, len(ids))
		err := eachContent(ctx, r.o.Client, ids, func(i int, c *fts.Content, err error) error {
			if err == nil {
				sums[i] = compared{sum: c.Sum(), ok: true}
			}
			return nil
		})
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
			x.equal = sums[2*i].ok && sums[2*i+1].ok && sums[2*i].sum == sums[2*i+1].sum
			if births[2*i].Err == nil && births[2*i+1].Err == nil {
				l.items[x.at].created, x.birth = births[2*i].Item.Created, births[2*i+1].Item.Created
			}
		}
	}
	return nil
}
