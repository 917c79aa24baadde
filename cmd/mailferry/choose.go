package main

import (
	"context"
	"errors"

	"mailferry/store"
	"mailferry/store/query"
	"mailferry/store/search"
	"mailferry/upload/match"
)

// storedChoice is what is chosen of a mailbox in a store.
type storedChoice struct {
	chosen
	deleted bool                           // also what was deleted at the source since
	match   func(store.Item) (bool, error) // chooses among what the rest chooses; nil: all
	folders []store.Folder                 // all of the mailbox
}

// chooseStored reads what flags choose of a mailbox in a store. An item that is
// named by its id is taken wherever it is, and also if it is deleted or associated;
// ids that the store does not hold are refused.
func (a *app) chooseStored(ctx context.Context, st *store.Store, from mailboxAddress, flags selectionFlags) (storedChoice, error) {
	choose, err := flags.parse()
	if err != nil {
		return storedChoice{}, err
	}
	if choose, err = choose.within(from); err != nil {
		return storedChoice{}, err
	}
	c := storedChoice{chosen: choose, deleted: len(choose.Items) > 0 || query.AsksFor(choose.query, query.Deleted)}
	if c.folders, err = st.Folders(from.Address); err != nil {
		return c, err
	}
	for _, id := range choose.Items {
		if err := c.reach(st, from.Address, id, "--item"); err != nil {
			return c, err
		}
	}
	c.match, err = a.matcher(ctx, st, from.Address, choose.query)
	return c, err
}

// reach sees to it that an item that was named is among what is looked at; where
// says which flag named it.
func (c *storedChoice) reach(st *store.Store, mailbox, id, where string) error {
	it, found, err := st.Item(mailbox, id)
	if err != nil {
		return err
	}
	if !found {
		return usagef("%s: the store holds no item %s of %s", where, id, mailbox)
	}
	c.associated = c.associated || it.Associated
	for _, f := range c.folders {
		if f.ID != it.Folder {
			continue
		}
		c.hidden = c.hidden || f.Hidden || f.Root == store.Hidden
		c.archive = c.archive || f.Root == store.Archive
		c.recoverable = c.recoverable || f.Root == store.Recoverable
		c.public = c.public || f.Root == store.Public
	}
	return nil
}

// matcher says which items of a mailbox a query finds; nil: there is no query.
// One that looks at texts is answered once, any other for each item that is asked.
func (a *app) matcher(ctx context.Context, st *store.Store, mailbox string, expr query.Expr) (func(store.Item) (bool, error), error) {
	if expr == nil {
		return nil, nil
	}
	f, err := a.newFinder(st, mailbox, chosen{associated: true, query: expr}, true)
	if err != nil {
		return nil, err
	}
	if !query.NeedsBody(expr) {
		return func(it store.Item) (bool, error) { return f.query.Match(&query.Doc{Item: &it}) }, nil
	}
	ids, err := f.ids(ctx)
	return func(it store.Item) (bool, error) { return ids.Has(it.ID), nil }, err
}

// ids returns the items that are found.
func (f *finder) ids(ctx context.Context) (match.Set, error) {
	ids := make(match.Set)
	index, err := f.index(ctx)
	switch {
	case errors.Is(err, search.ErrNone):
		for item, err := range f.scan(ctx) {
			if err != nil {
				return nil, err
			}
			ids.Add(item.ID)
		}
		return ids, nil
	case err != nil:
		return nil, err
	}
	defer index.Close()
	for hit, err := range index.Find(ctx, f.query, search.Options{}) {
		if err != nil {
			return nil, askError(err)
		}
		ids.Add(hit.ID)
	}
	return ids, nil
}
