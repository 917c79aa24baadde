package main

import (
	"context"
	"fmt"
	"strings"

	"mailferry/store"
)

// mostNamedItems is how many items are named where an id is not unique.
const mostNamedItems = 3

// itemByID finds an item of the store by its id or the begin of one, in one
// mailbox or, where none is named, in all.
func itemByID(ctx context.Context, st *store.Store, mailbox, id string) (store.Item, error) {
	mailboxes, err := shownMailboxes(st, mailbox)
	if err != nil {
		return store.Item{}, err
	}
	if strings.TrimSpace(id) == "" {
		return store.Item{}, usagef("give the id of an item, as ls and find print it")
	}
	var found []store.Item
	for _, address := range mailboxes {
		it, ok, err := st.Item(address, id)
		if err != nil {
			return store.Item{}, err
		}
		if ok {
			found = append(found, it)
		}
	}
	more := 0
	if len(found) == 0 {
		if found, more, err = itemsThatBegin(ctx, st, mailboxes, id); err != nil {
			return store.Item{}, err
		}
	}
	switch {
	case len(found) == 0:
		return store.Item{}, usagef("the store holds no item whose id is or begins with %s%s; 'mailferry find' looks for items", id, ofMailbox(mailbox))
	case len(found) > 1:
		return store.Item{}, notUnique(found, more, id)
	}
	return found[0], nil
}

func shownMailboxes(st *store.Store, mailbox string) ([]string, error) {
	if mailbox != "" {
		address, err := storedMailbox(st, mailbox)
		if err == nil && address.Folder != "" {
			err = usagef("--mailbox %s: give a mailbox without a folder", mailbox)
		}
		return []string{address.Address}, err
	}
	all, err := st.Mailboxes()
	names := make([]string, 0, len(all))
	for _, m := range all {
		names = append(names, m.Address)
	}
	return names, err
}

func ofMailbox(mailbox string) string {
	if mailbox == "" {
		return ""
	}
	return " in " + mailbox
}

// itemsThatBegin returns the first items whose ids begin so, and how many more
// there are. Ids are case-sensitive.
func itemsThatBegin(ctx context.Context, st *store.Store, mailboxes []string, id string) (found []store.Item, more int, err error) {
	for _, address := range mailboxes {
		for row, err := range st.Rows(address) {
			if err == nil {
				err = ctx.Err()
			}
			if err != nil {
				return nil, 0, err
			}
			it, err := row.Item()
			switch {
			case err != nil:
				return nil, 0, err
			case !strings.HasPrefix(it.ID, id):
			case len(found) < mostNamedItems:
				found = append(found, it)
			default:
				more++
			}
		}
	}
	return found, more, nil
}

// notUnique says which items are meant by an id, and how to tell them apart.
func notUnique(found []store.Item, more int, id string) error {
	same := found[0].ID == found[1].ID
	if same {
		var mailboxes []string
		for _, it := range found {
			mailboxes = append(mailboxes, it.Mailbox)
		}
		return usagef("several mailboxes have the item %s: choose by --mailbox one of %s", id, strings.Join(mailboxes, ", "))
	}
	var ids []string
	for _, it := range found {
		ids = append(ids, it.ID)
	}
	others := ""
	if more > 0 {
		others = fmt.Sprintf(" and %s more", number(more))
	}
	return usagef("%s begin with %s: give more of the id: %s%s", counted(len(found)+more, "id"), id, strings.Join(ids, ", "), others)
}

// folderPath is where an item lies in its mailbox.
func folderPath(st *store.Store, it store.Item) (string, error) {
	folders, err := st.Folders(it.Mailbox)
	for _, f := range folders {
		if f.ID == it.Folder {
			return f.Path, err
		}
	}
	return "", err
}
