package export

import (
	"context"
	"fmt"
	"hash/maphash"

	"mailferry/ews"
	"mailferry/fts"
	"mailferry/internal/event"
	"mailferry/internal/selection"
	"mailferry/store"
	"mailferry/store/query"
)

// plan tells, in a dry run, what would be exported of a folder. Otherwise it
// does nothing.
type plan struct {
	r    *run
	f    *folder
	seed maphash.Seed
	told map[uint64]bool // hashes of the ids that came by; true: would be exported
}

func (r *run) newPlan(f *folder) *plan {
	if !r.o.DryRun {
		return nil
	}
	return &plan{r: r, f: f, seed: maphash.MakeSeed(), told: make(map[uint64]bool)}
}

// add tells of the changes of one page. What the store already has is not told;
// what was pending before is told by finish.
func (p *plan) add(page []ews.ItemChange) {
	if p == nil {
		return
	}
	for _, c := range page {
		it := c.Item
		hash := maphash.String(p.seed, it.ID)
		if _, came := p.told[hash]; came || c.Kind == ews.ChangeDelete || c.Kind == ews.ChangeReadFlag || it.ID == "" {
			continue
		}
		p.told[hash] = false
		if p.r.st != nil {
			if have, found, err := p.r.st.Item(p.r.mailbox, it.ID); err == nil && found && have.ChangeKey == it.ChangeKey {
				continue
			}
		}
		if p.r.wants(store.Pending{
			ItemKey: store.ItemKey{Mailbox: p.r.mailbox, Folder: p.f.ID, ID: it.ID, Associated: it.Associated},
			Class:   it.Class, Size: it.Size, Received: received(it),
		}) {
			p.told[hash] = true
			p.tell(it.ID, it.Class, it.Subject, it.Size)
		}
	}
}

// finish tells what was pending since an earlier run, and counts what is there.
func (p *plan) finish() error {
	if p == nil || p.r.st == nil {
		return nil
	}
	for row, err := range p.r.st.Pending(p.r.mailbox, p.f.ID) {
		if err != nil {
			return fmt.Errorf("read what is pending: %w", err)
		}
		hash := maphash.String(p.seed, row.ID)
		if _, came := p.told[hash]; !came && p.r.wants(row) {
			p.told[hash] = true
			p.tell(row.ID, row.Class, "", row.Size)
		}
	}
	already := 0
	for it, err := range p.r.st.Items(p.r.mailbox, p.f.ID) {
		if err != nil {
			return fmt.Errorf("read the items of the store: %w", err)
		}
		if !it.Deleted && p.r.chose(it) && !p.told[maphash.String(p.seed, it.ID)] {
			already++
		}
	}
	p.r.mu.Lock()
	p.r.sum.Already += already
	p.r.mu.Unlock()
	return nil
}

func (p *plan) tell(id, class, subject string, size int64) {
	r := p.r
	r.mu.Lock()
	r.sum.Left++
	r.planned += size
	planned := event.Event{Kind: event.Planned, Items: r.sum.Left, Bytes: r.planned}
	r.mu.Unlock()
	r.out.emit(event.Event{
		Kind: event.Item, Action: "would-export", Folder: p.f.Path, Item: id, Class: class, Subject: subject, Bytes: size,
	})
	if planned.Items%pageItems == 0 {
		r.out.emit(planned)
	}
}

// wants says whether a pending row is selected.
func (r *run) wants(p store.Pending) bool {
	return r.selects(&store.Item{ItemKey: p.ItemKey, Size: p.Size, Catalogue: fts.Catalogue{Class: p.Class, Received: p.Received}})
}

// chose says whether an item in the store is selected.
func (r *run) chose(it store.Item) bool { return !r.choosesItems() || r.selects(&it) }

// selects says whether an item is selected, by what a listing tells of it.
func (r *run) selects(it *store.Item) bool {
	if it.Associated && !r.o.Associated {
		return false
	}
	at := query.TimeOf(it, query.At)
	if !r.o.Selection.Item(selection.Item{ID: it.ID, Class: it.Catalogue.Class, Size: it.Size, Received: at}) {
		return false
	}
	if r.query == nil {
		return true
	}
	ok, err := r.query.Match(&query.Doc{Item: it})
	return ok && err == nil // Listed saw to it that no blob is read
}

// choosesItems says that not all items of the chosen folders are selected.
func (r *run) choosesItems() bool { return r.o.Selection.ChoosesItems() || r.query != nil }

// needsDate says that what is selected depends on when an item was received.
func (r *run) needsDate() bool { return r.o.Selection.NeedsDate() || query.Dated(r.o.Query) }

// needsClass says that what is selected depends on the message class.
func (r *run) needsClass() bool { return r.o.Selection.NeedsClass() || query.Classed(r.o.Query) }

// count adds up what is to be fetched and what is there already. Pending rows of
// an earlier run that lack what the selection asks for are completed first.
func (r *run) count(ctx context.Context) error {
	counts, err := r.st.CountItems(r.mailbox)
	if err != nil {
		return fmt.Errorf("count the items in the store: %w", err)
	}
	var items, already int
	var bytes int64
	for _, f := range r.folders {
		if err := r.complete(ctx, f); err != nil {
			return err
		}
		if counts[f.ID].Items > 0 {
			n, err := r.countStored(f, counts[f.ID].Items)
			if err != nil {
				return err
			}
			already += n
		}
		for p, err := range r.st.Pending(r.mailbox, f.ID) {
			if err != nil {
				return fmt.Errorf("read what is pending: %w", err)
			}
			if !r.wants(p) {
				continue
			}
			items++
			bytes += p.Size
			if counts[f.ID].Items > 0 {
				// A new version of an item that is there counts once.
				have, found, err := r.st.Item(r.mailbox, p.ID)
				if err != nil {
					return fmt.Errorf("read an item of the store: %w", err)
				}
				if found && !have.Deleted && have.Folder == p.Folder && r.chose(have) {
					already--
				}
			}
		}
	}
	r.mu.Lock()
	r.sum.Already, r.sum.Left = already, items
	r.mu.Unlock()
	r.out.emit(event.Event{Kind: event.Planned, Items: items, Bytes: bytes})
	return ctx.Err()
}

// countStored counts the items of a folder in the store that are selected.
func (r *run) countStored(f *folder, all int) (int, error) {
	if !r.choosesItems() {
		return all, nil
	}
	n := 0
	for it, err := range r.st.Items(r.mailbox, f.ID) {
		if err != nil {
			return 0, fmt.Errorf("read the items of the store: %w", err)
		}
		if !it.Deleted && r.chose(it) {
			n++
		}
	}
	return n, nil
}

// complete asks for what the selection needs and pending rows don't hold,
// because the run that wrote them down did not need it.
func (r *run) complete(ctx context.Context, f *folder) error {
	dated, classed := r.needsDate(), r.needsClass()
	if !dated && !classed {
		return nil
	}
	var rows []store.Pending
	flush := func() error {
		if len(rows) == 0 {
			return nil
		}
		ids := make([]ews.ItemID, len(rows))
		for i, p := range rows {
			ids[i] = ews.ItemID{ID: p.ID}
		}
		var changes []store.Change
		err := r.describe(ctx, ids, ews.PropClass|ews.PropReceived|ews.PropCreated, func(i int, it ews.Item) {
			p := rows[i]
			changes = append(changes, store.Change{
				Kind: store.Upsert, ItemID: p.ID, ChangeKey: p.ChangeKey, Class: it.Class, Size: p.Size,
				Associated: p.Associated, SearchKey: p.SearchKey, Received: received(it),
			})
		})
		if err != nil {
			return fmt.Errorf("ask for dates and classes of items: %w", err)
		}
		rows = rows[:0]
		state, err := r.st.SyncState(r.mailbox, f.ID)
		if err != nil {
			return err
		}
		return r.apply(ctx, f, changes, state)
	}
	for p, err := range r.st.Pending(r.mailbox, f.ID) {
		if err != nil {
			return fmt.Errorf("read what is pending: %w", err)
		}
		if dated && p.Received.IsZero() || classed && p.Class == "" {
			rows = append(rows, p)
		}
		if len(rows) == 100 {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	return flush()
}
