package main

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"

	"mailferry/store"
	"mailferry/store/query"
	"mailferry/store/search"
)

// finder finds items of a store by selection flags and a query.
type finder struct {
	a       *app
	store   *store.Store
	query   *query.Query
	folders map[store.ItemKey]store.Folder // those of the mailboxes that are looked at
	reindex bool                           // throw the index away first
}

// newFinder prepares to find in one mailbox, or with an empty argument in all.
func (a *app) newFinder(st *store.Store, arg string, choose chosen, deleted bool) (*finder, error) {
	mailboxes, err := st.Mailboxes()
	if err != nil {
		return nil, err
	}
	if arg != "" {
		address, err := storedMailbox(st, arg)
		if err != nil {
			return nil, err
		}
		if choose, err = choose.within(address); err != nil {
			return nil, err
		}
		mailboxes = slices.DeleteFunc(mailboxes, func(m store.Mailbox) bool { return m.Address != address.Address })
	}
	f := &finder{a: a, store: st, folders: make(map[store.ItemKey]store.Folder)}
	in, all := make(query.In), make(map[string][]store.Folder)
	var wrong error
	valid := len(mailboxes) == 0
	for _, m := range mailboxes {
		folders, err := st.Folders(m.Address)
		if err != nil {
			return nil, err
		}
		all[m.Address] = folders
		one := choose // what a role is called differs by mailbox
		if err := one.Validate(folderNames(folders)); err != nil {
			wrong = err // unless another mailbox has it
			continue
		}
		valid = true
		for _, folder := range folders {
			key := store.ItemKey{Mailbox: m.Address, Folder: folder.ID}
			if one.Folder(folder.Path, folder.Distinguished) {
				in[key] = true
				f.folders[key] = folder
			}
		}
	}
	if !valid {
		return nil, wrong
	}
	f.query, err = query.NewQuery(selectionExpr(choose, in, deleted), all)
	return f, err
}

// selectionExpr says in the language of queries what flags and query choose. As
// with the flags alone, an item whose date is not known is not left out by one.
func selectionExpr(choose chosen, in query.In, deleted bool) query.Expr {
	all := query.And{in}
	if choose.query != nil {
		all = append(all, choose.query)
	}
	if !choose.Since.IsZero() || !choose.Until.IsZero() {
		all = append(all, query.Or{
			query.Time{Field: query.At, From: choose.Since, To: choose.Until},
			query.Not{X: query.Time{Field: query.At}},
		})
	}
	if choose.Larger > 0 || choose.Smaller > 0 {
		all = append(all, query.Size{Larger: choose.Larger, Smaller: choose.Smaller})
	}
	var classes, ids query.Or
	for _, pattern := range choose.Class {
		classes = append(classes, query.Class{Pattern: pattern})
	}
	for _, id := range choose.Items {
		ids = append(ids, query.ID(id))
	}
	for _, or := range []query.Or{classes, ids} {
		if len(or) > 0 {
			all = append(all, or)
		}
	}
	// Who asks for one item, or about being deleted, means such items too.
	if !deleted && len(ids) == 0 && !query.AsksFor(choose.query, query.Deleted) {
		all = append(all, query.Not{X: query.Flag(query.Deleted)})
	}
	if !choose.associated && len(ids) == 0 {
		all = append(all, query.Not{X: query.Flag(query.Associated)})
	}
	return all
}

// find yields the items. Where the store has no index, each is looked at.
func (f *finder) find(ctx context.Context, o search.Options) iter.Seq2[search.Hit, error] {
	return func(yield func(search.Hit, error) bool) {
		index, err := f.index(ctx)
		switch {
		case errors.Is(err, search.ErrNone):
			f.scanSorted(ctx, o, yield)
			return
		case err != nil:
			yield(search.Hit{}, err)
			return
		}
		defer index.Close()
		for hit, err := range index.Find(ctx, f.query, o) {
			if err != nil {
				err = askError(err)
			}
			if !yield(hit, err) || err != nil {
				return
			}
		}
	}
}

// count counts the items and the bytes of their blobs.
func (f *finder) count(ctx context.Context) (items int, bytes int64, err error) {
	index, err := f.index(ctx)
	if errors.Is(err, search.ErrNone) {
		for item, err := range f.scan(ctx) {
			if err != nil {
				return 0, 0, err
			}
			items, bytes = items+1, bytes+item.Size
		}
		return items, bytes, nil
	}
	if err != nil {
		return 0, 0, err
	}
	defer index.Close()
	items, bytes, err = index.Count(ctx, f.query)
	if err != nil {
		err = askError(err)
	}
	return items, bytes, err
}

func askError(err error) error {
	return fmt.Errorf("ask the search index: %w; --reindex makes it anew", err)
}

// items yields what is known of the items that were found.
func (f *finder) items(hits iter.Seq2[search.Hit, error]) iter.Seq2[store.Item, error] {
	return func(yield func(store.Item, error) bool) {
		for hit, err := range hits {
			var item store.Item
			ok := err != nil
			if err == nil {
				item, ok, err = f.store.Item(hit.Mailbox, hit.ID)
			}
			if (ok || err != nil) && (!yield(item, err) || err != nil) {
				return
			}
		}
	}
}

// index opens the index and brings it up to date, with the texts if they are
// asked for.
func (f *finder) index(ctx context.Context) (*search.Index, error) {
	if f.reindex {
		if err := search.Remove(f.store.Dir()); err != nil {
			return nil, err
		}
	}
	index, err := search.Open(ctx, f.store, f.progress("bringing the search index up to date", 20_000))
	if err != nil || !query.NeedsBody(f.query.Expr) {
		return index, err
	}
	unread, err := index.SyncTexts(ctx, f.progress("reading texts into the search index", 5_000))
	if err != nil {
		index.Close()
		return nil, fmt.Errorf("read texts into the search index: %w", err)
	}
	if unread > 0 {
		f.a.note(fmt.Sprintf("warning: %s could not be read, so their texts are not found: see 'mailferry store check --read-data'", counted(unread, "damaged item")))
	}
	return index, nil
}

// progress tells of something that takes a while, every so many items.
func (f *finder) progress(what string, every int) func(int) {
	told := 0
	return func(items int) {
		if items-told >= every {
			told = items
			f.a.note(what + ": " + number(items) + " items")
		}
	}
}

// note tells of something that takes a while.
func (a *app) note(text string) {
	if !a.global.quiet && !a.global.json {
		fmt.Fprintln(a.stderr, oneLine(text))
	}
}
