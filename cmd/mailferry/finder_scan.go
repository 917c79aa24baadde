package main

import (
	"cmp"
	"context"
	"errors"
	"iter"
	"slices"

	"mailferry/store"
	"mailferry/store/query"
	"mailferry/store/search"
)

// scan finds items by looking at each, where the store has no index.
func (f *finder) scan(ctx context.Context) iter.Seq2[store.Item, error] {
	return func(yield func(store.Item, error) bool) {
		for _, key := range f.byPath() {
			for item, err := range f.store.Items(key.Mailbox, key.Folder) {
				if err == nil {
					err = ctx.Err()
				}
				ok := false
				if err == nil {
					ok, err = f.query.Match(&query.Doc{Item: &item, Body: func() (string, error) { return search.Text(f.store, item) }})
				}
				if (ok || err != nil) && (!yield(item, err) || err != nil) {
					return
				}
			}
		}
	}
}

// byFolder yields the items of one folder after the other. Without a query all of
// them are looked at anyway, so that no index is needed.
func (f *finder) byFolder(ctx context.Context, queried bool) iter.Seq2[store.Item, error] {
	if !queried {
		return f.scan(ctx)
	}
	return func(yield func(store.Item, error) bool) {
		index, err := f.index(ctx)
		switch {
		case errors.Is(err, search.ErrNone):
			f.scan(ctx)(yield)
			return
		case err != nil:
			yield(store.Item{}, err)
			return
		}
		defer index.Close()
		for item, err := range f.items(index.Find(ctx, f.query, search.Options{Order: search.ByFolder})) {
			if err != nil {
				err = askError(err)
			}
			if !yield(item, err) || err != nil {
				return
			}
		}
	}
}

// scanSorted is scan in an order.
func (f *finder) scanSorted(ctx context.Context, o search.Options, yield func(search.Hit, error) bool) {
	s := sorter{o: o}
	for item, err := range f.scan(ctx) {
		if err == nil {
			err = s.add(&item)
		}
		if err != nil {
			yield(search.Hit{}, err)
			return
		}
	}
	for _, line := range s.sorted() {
		if !yield(line.Hit, nil) {
			return
		}
	}
}

// byPath returns the folders by mailbox and path.
func (f *finder) byPath() []store.ItemKey {
	keys := make([]store.ItemKey, 0, len(f.folders))
	for key := range f.folders {
		keys = append(keys, key)
	}
	slices.SortFunc(keys, func(a, b store.ItemKey) int {
		return cmp.Or(cmp.Compare(a.Mailbox, b.Mailbox), cmp.Compare(f.folders[a].Path, f.folders[b].Path))
	})
	return keys
}

// maxSorted is how many items can be sorted where there is no index: they are
// held in memory.
const maxSorted = 100_000

// sorter sorts items, and of those beyond the limit keeps none.
type sorter struct {
	o     search.Options
	lines []sortLine
}

type sortLine struct {
	search.Hit
	text  string
	known bool // the date is
	n     int64
}

func (s *sorter) add(item *store.Item) error {
	line := sortLine{Hit: search.HitOf(item), known: true}
	switch s.o.Order {
	case search.BySize:
		line.n = item.Size
	case search.BySubject:
		line.text = search.Sortable(&item.Catalogue, query.Subject)
	case search.BySender:
		line.text = search.Sortable(&item.Catalogue, query.From)
	case search.ByFolder:
		line.n = int64(len(s.lines)) // as they come
	default:
		line.n, line.known = line.Date.UnixMicro(), !line.Date.IsZero()
	}
	s.lines = append(s.lines, line)
	switch {
	case s.o.Limit > 0 && len(s.lines) >= 2*s.o.Limit:
		s.lines = s.sorted()
	case len(s.lines) > maxSorted:
		return usagef("more than %s items are found, and the store has no index to sort them by: give a --limit or ask for less", number(maxSorted))
	}
	return nil
}

func (s *sorter) sorted() []sortLine {
	slices.SortStableFunc(s.lines, func(a, b sortLine) int {
		if a.known != b.known {
			return map[bool]int{true: -1, false: 1}[a.known]
		}
		order := cmp.Or(cmp.Compare(a.text, b.text), cmp.Compare(a.n, b.n))
		if s.o.Reverse {
			order = -order
		}
		return order
	})
	if s.o.Limit > 0 && len(s.lines) > s.o.Limit {
		clear(s.lines[s.o.Limit:])
		s.lines = s.lines[:s.o.Limit]
	}
	return s.lines
}
