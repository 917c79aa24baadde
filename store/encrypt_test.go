package store_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"filippo.io/age"

	"mailferry/store"
)

// finds returns the files below dir that hold one of the texts, in UTF-8 or UTF-16.
func finds(t *testing.T, dir string, texts ...string) (found []string) {
	t.Helper()
	must(t, filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		for _, text := range texts {
			wide := []byte(strings.Join(strings.Split(text, ""), "\x00"))
			if bytes.Contains(bytes.ToLower(b), []byte(strings.ToLower(text))) || bytes.Contains(b, wide) {
				found = append(found, filepath.Base(path)+": "+text)
			}
		}
		return err
	}))
	return found
}

// secrets are texts of what little puts into a store.
var secrets = []string{"alice", "bob@", "about", "inbox\"", "quick brown", "lazy", "IPM.Note\",\"subject"}

func identity(t *testing.T) *age.X25519Identity {
	t.Helper()
	id, err := age.GenerateX25519Identity()
	must(t, err)
	return id
}

func TestEncryptedWithPassphrase(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	keys := []store.Key{{Passphrase: "correct horse"}}
	blobs := little(t, dir, keys...)
	if found := finds(t, dir, append(secrets, "correct horse")...); len(found) > 0 {
		t.Errorf("the store holds what should be sealed: %v", found)
	}
	_, err := store.Open(dir, store.OpenOptions{ReadOnly: true})
	wantErr(t, err, store.ErrKeyNeeded)
	_, err = store.Open(dir, store.OpenOptions{ReadOnly: true, Unlock: unlock([]store.Key{{Passphrase: "wrong"}})})
	wantErr(t, err, store.ErrWrongKey)
	_, err = store.Open(dir, store.OpenOptions{ReadOnly: true, Unlock: store.Unlock{Identity: identity(t).String()}})
	wantErr(t, err, store.ErrWrongKey)
	right := store.OpenOptions{Unlock: unlock(keys)}
	whole := func(o store.OpenOptions) {
		t.Helper()
		s, err := store.Open(dir, o)
		must(t, err)
		defer func() { must(t, s.Close()) }()
		for id, blob := range blobs {
			if err := wantBlob(s, id, blob); err != nil {
				t.Fatal(err)
			}
		}
		r, err := s.Check(ctx, store.CheckOptions{ReadData: true})
		must(t, err)
		if !r.OK() || r.Sealed > 0 || r.Items != len(blobs) {
			t.Errorf("check: %+v", r)
		}
		folders, err := s.Folders(alice)
		must(t, err)
		targets, err := s.Targets()
		must(t, err)
		failures := collect(t, s.Failures(store.FailureFilter{Mailbox: alice}))
		if len(folders) != 1 || folders[0].Path != "Inbox" || fmt.Sprint(targets) != "[bob@example.com]" || len(failures) != 1 || failures[0].Subject != "about gone" {
			t.Errorf("%+v, %v, %+v", folders, targets, failures)
		}
		must(t, wantState(s, "item-0-0", store.StateDone))
		must(t, wantState(s, "item-0-1", store.StateSent))
	}
	whole(right)
	rebuilt := right
	rebuilt.Rebuild = true
	must(t, os.Remove(filepath.Join(dir, "index.db")))
	whole(rebuilt)

	// Damage is repaired as in a store that is open.
	name := filepath.Join(dir, "segments", "000001.seg")
	b, err := os.ReadFile(name)
	must(t, err)
	b[len(b)/2] ^= 1
	must(t, os.WriteFile(name, b, 0o600))
	_, err = store.Repair(ctx, dir, store.OpenOptions{})
	wantErr(t, err, store.ErrKeyNeeded)
	rep, err := store.Repair(ctx, dir, right)
	must(t, err)
	for _, l := range rep.Lost {
		delete(blobs, l.Item)
	}
	s, err := store.Open(dir, right)
	must(t, err)
	if len(rep.Lost) > 1 {
		t.Errorf("lost: %+v", rep.Lost)
	}
	for f, err := range s.Failures(store.FailureFilter{}) {
		must(t, err)
		if f.ItemID != "gone" {
			must(t, s.ClearFailure(ctx, f.FailureKey))
		}
	}
	_, err = s.Compact(ctx, store.CompactOptions{})
	must(t, err)
	must(t, s.Close())
	must(t, os.RemoveAll(name+".damaged"))
	whole(right)
	if found := finds(t, dir, secrets...); len(found) > 0 {
		t.Errorf("after repair and compaction the store holds what should be sealed: %v", found)
	}
}

// Keys come and go without a segment or the index being written.
func TestKeysRotate(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first, me := store.Key{Passphrase: "first"}, identity(t)
	blobs := little(t, dir, first)
	before := fileSums(t, dir)
	o := store.OpenOptions{Unlock: unlock([]store.Key{first})}
	mine := store.OpenOptions{Unlock: store.Unlock{Identity: "# me\n" + me.String() + "\n"}}
	_, err := store.AddKey(dir, store.OpenOptions{Unlock: unlock([]store.Key{{Passphrase: "wrong"}})}, store.Key{Recipient: me.Recipient().String()})
	wantErr(t, err, store.ErrWrongKey)
	slot, err := store.AddKey(dir, o, store.Key{Recipient: me.Recipient().String()})
	must(t, err)
	if slot.ID != 2 || slot.Kind != "recipient" || slot.Wrapped != nil {
		t.Errorf("%+v", slot)
	}
	wantErr(t, store.RemoveKey(dir, mine, 7), store.ErrNoSlot)
	must(t, store.RemoveKey(dir, mine, 1))
	wantErr(t, store.RemoveKey(dir, mine, 2), store.ErrLastSlot)
	if after := fileSums(t, dir); after != before {
		t.Errorf("more than store.json was written:\n%s\n%s", before, after)
	}
	_, err = store.Open(dir, o)
	if err == nil {
		t.Error("the removed key still opens the store")
	}
	s, err := store.Open(dir, mine)
	must(t, err)
	for id, blob := range blobs {
		must(t, wantBlob(s, id, blob))
	}
	must(t, s.Close())
	slots, err := store.Keys(dir)
	must(t, err)
	if len(slots) != 1 || slots[0].Recipient != me.Recipient().String() {
		t.Errorf("%+v", slots)
	}
}

func fileSums(t *testing.T, dir string) string {
	t.Helper()
	var b strings.Builder
	files, err := filepath.Glob(filepath.Join(dir, "segments", "*"))
	must(t, err)
	for _, name := range append(files, filepath.Join(dir, "index.db")) {
		data, err := os.ReadFile(name)
		must(t, err)
		info, err := os.Stat(name)
		must(t, err)
		fmt.Fprintln(&b, filepath.Base(name), len(data), bytes.Count(data, []byte{0}), info.ModTime())
	}
	return b.String()
}

// With recipients only, who exports needs no key, goes on where the run before
// ended, and can't read what is there. The recipient can.
func TestEncryptedForRecipientOnly(t *testing.T) {
	t.Parallel()
	dir, me := t.TempDir(), identity(t)
	blobs := little(t, dir, store.Key{Recipient: me.Recipient().String()})
	blind, err := store.Open(dir, store.OpenOptions{})
	must(t, err)
	if !blind.Blind() {
		t.Error("it says that it can be read")
	}
	it, found, err := blind.Item(alice, "item-0-2")
	must(t, err)
	if !found || it.ChangeKey != "ck-item-0-2" || it.Catalogue.Subject != "" {
		t.Errorf("without the key: %+v", it)
	}
	_, err = blind.OpenBlob(it)
	wantErr(t, err, store.ErrKeyNeeded)
	_, err = blind.Compact(ctx, store.CompactOptions{})
	wantErr(t, err, store.ErrKeyNeeded)

	// What it can't read it carries along: a folder that is gone, a failure that is
	// met again, an item that is changed or deleted.
	folders, err := blind.Folders(alice)
	must(t, err)
	if len(folders) != 1 || folders[0].Path != "" {
		t.Errorf("without the key: %+v", folders)
	}
	folders[0].Gone = true
	must(t, blind.PutFolders(ctx, alice, folders))
	must(t, blind.RecordFailure(ctx, store.Failure{FailureKey: store.FailureKey{Mailbox: alice, Direction: store.Export, ItemID: "gone"}, Code: "x"}))
	must(t, blind.ApplyChanges(ctx, alice, "inbox", []store.Change{{Kind: store.Delete, ItemID: "item-0-1"}}, "s"))
	blobs["new"] = content(77, 5000)
	put(t, blind, "inbox", []string{"new"}, func(int) []byte { return blobs["new"] })
	r, err := blind.Check(ctx, store.CheckOptions{ReadData: true})
	must(t, err)
	if !r.OK() || r.Sealed == 0 {
		t.Errorf("without the key: %+v", r)
	}
	must(t, blind.Close())
	if found := finds(t, dir, secrets...); len(found) > 0 {
		t.Errorf("the store holds what should be sealed: %v", found)
	}

	s, err := store.Open(dir, store.OpenOptions{Unlock: store.Unlock{Identity: me.String()}})
	must(t, err)
	defer s.Close()
	for id, blob := range blobs {
		if err := wantBlob(s, id, blob); err != nil {
			t.Error(err)
		}
	}
	folders, err = s.Folders(alice)
	must(t, err)
	if !folders[0].Gone || folders[0].Path != "Inbox" {
		t.Errorf("the recipient reads %+v", folders)
	}
	if f := collect(t, s.Failures(store.FailureFilter{})); len(f) != 1 || f[0].Subject != "about gone" || f[0].Attempts != 2 {
		t.Errorf("the recipient reads %+v", f)
	}
	if it, _, err := s.Item(alice, "item-0-1"); err != nil || !it.Deleted || it.Catalogue.Subject != "about item-0-1" {
		t.Errorf("the recipient reads %+v, %v", it, err)
	}
	r, err = s.Check(ctx, store.CheckOptions{ReadData: true})
	must(t, err)
	if !r.OK() || r.Sealed != 0 {
		t.Errorf("with the key: %+v", r)
	}
}
