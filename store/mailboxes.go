package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
)

// Mailboxes returns the mailboxes in the store, by address.
func (s *Store) Mailboxes() (all []Mailbox, err error) {
	err = s.view(func(t *tx) error {
		all = nil
		return t.Scan(bucketMailboxes, nil, nil, func(_, v []byte) (bool, error) {
			var m Mailbox
			err := decodeJSON(v, &m)
			all = append(all, m)
			return true, err
		})
	})
	return all, err
}

// PutMailbox adds or replaces a mailbox. FirstRun is kept once it is set.
func (s *Store) PutMailbox(m Mailbox) error {
	m.Address = address(m.Address)
	if err := checkID("mailbox", m.Address); err != nil {
		return err
	}
	return s.update(context.Background(), nil, func(t *tx) error {
		var old Mailbox
		found, err := t.getJSON(bucketMailboxes, []byte(t.name(m.Address)), &old)
		if err != nil {
			return err
		}
		now := m
		if found && !old.FirstRun.IsZero() {
			now.FirstRun = old.FirstRun
		}
		return t.putJSON(bucketMailboxes, []byte(t.name(m.Address)), now)
	})
}

// PutFolders adds or replaces folders of a mailbox; others stay as they are.
func (s *Store) PutFolders(ctx context.Context, mailbox string, folders []Folder) error {
	mailbox = address(mailbox)
	err := checkID("mailbox", mailbox)
	for _, f := range folders {
		err = errors.Join(err, checkID("folder id", f.ID))
	}
	if err != nil {
		return fmt.Errorf("put folders: %w", err)
	}
	return s.update(ctx, nil, func(t *tx) error {
		for _, f := range folders {
			js, err := s.encodeFolder(f)
			if err == nil {
				err = t.putJSON(box(t.name(mailbox), boxFolders), []byte(f.ID), js)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// Folders returns the folders of a mailbox, by path.
func (s *Store) Folders(mailbox string) (all []Folder, err error) {
	err = s.view(func(t *tx) error {
		all = nil
		return t.Scan(box(t.name(address(mailbox)), boxFolders), nil, nil, func(_, v []byte) (bool, error) {
			f, err := s.decodeFolder(v)
			all = append(all, f)
			return true, err
		})
	})
	slices.SortFunc(all, func(a, b Folder) int {
		return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.ID, b.ID))
	})
	return all, err
}
