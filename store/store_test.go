package store_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"mailferry/store"
	"mailferry/store/storetest"
)

func TestMailboxesAndFolders(t *testing.T) {
	s := storetest.New(t)
	first := time.Date(2026, 11, 22, 14, 5, 0, 0, time.UTC)
	must(t, s.PutMailbox(store.Mailbox{Address: "Alice@Example.com", ServerVersion: "15.1", FirstRun: first}))
	must(t, s.PutMailbox(store.Mailbox{Address: alice, ServerVersion: "15.2", FirstRun: first.Add(time.Hour), LastRun: first}))
	boxes, err := s.Mailboxes()
	must(t, err)
	want := []store.Mailbox{{Address: alice, ServerVersion: "15.2", FirstRun: first, LastRun: first}}
	if !slices.Equal(boxes, want) {
		t.Errorf("mailboxes %+v", boxes)
	}
	folders := []store.Folder{
		{ID: "B", Path: "Inbox/a\\/b", Name: "a/b", Class: "IPF.Note", Root: store.Primary},
		{ID: "a", Path: "#archive/Inbox", Name: "Inbox", Root: store.Archive},
		{ID: "b", Path: "Inbox", Name: "Inbox", Distinguished: "inbox", Root: store.Primary, Total: 3, Size: 12},
	}
	must(t, s.PutFolders(ctx, "ALICE@example.com", folders))
	got, err := s.Folders(alice)
	must(t, err)
	if want := []store.Folder{folders[1], folders[2], folders[0]}; !slices.Equal(got, want) {
		t.Errorf("folders %+v", got)
	}
	if err := s.PutFolders(ctx, alice, []store.Folder{{}}); err == nil {
		t.Error("a folder without id was taken")
	}
}

func TestChangesBecomePendingAndItems(t *testing.T) {
	s := storetest.New(t)
	var changes []store.Change
	for i := range 1000 {
		id := fmt.Sprintf("item-%03d", i)
		changes = append(changes, store.Change{ItemID: id, ChangeKey: "ck-" + id, Size: 10, Class: "IPM.Note", SearchKey: []byte{1}})
	}
	must(t, s.ApplyChanges(ctx, alice, "inbox", changes[:500], "state-1"))
	must(t, s.ApplyChanges(ctx, alice, "inbox", changes[500:], "state-2"))
	must(t, s.ApplyChanges(ctx, alice, "sent", changes[:1], "state-9"))
	if state, err := s.SyncState(alice, "inbox"); state != "state-2" || err != nil {
		t.Errorf("sync state %q, %v", state, err)
	}
	if state, err := s.SyncState(alice, "none"); state != "" || err != nil {
		t.Errorf("sync state of an unknown folder %q, %v", state, err)
	}
	if n, size, err := s.PendingCount(alice); n != 1001 || size != 10010 || err != nil {
		t.Errorf("pending: %d items, %d bytes, %v", n, size, err)
	}
	pending := collect(t, s.Pending(alice, "inbox"))
	if len(pending) != 1000 || pending[7].ID != "item-007" || pending[7].ChangeKey != "ck-item-007" || pending[7].Class != "IPM.Note" || pending[7].Folder != "inbox" {
		t.Fatalf("%d pending, %+v", len(pending), pending[7])
	}

	put(t, s, "inbox", []string{"item-000", "item-001"}, func(i int) []byte { return content(uint64(i), 500) })
	must(t, s.DropPending(ctx, key("inbox", "item-002"), store.ItemKey{Mailbox: alice, Folder: "inbox", ID: "item-003", ChangeKey: "another"}))
	if n := len(collect(t, s.Pending(alice, "inbox"))); n != 997 {
		t.Errorf("%d pending after a commit of two and a drop of one", n)
	}

	// What is stored is not pending again; a new change key is; deletions and read flags are kept.
	must(t, s.ApplyChanges(ctx, alice, "inbox", []store.Change{
		changes[0],
		{Kind: store.Delete, ItemID: "item-001"},
		{Kind: store.Delete, ItemID: "item-004"},
		{Kind: store.Read, ItemID: "item-000", Read: true},
	}, "state-3"))
	if n := len(collect(t, s.Pending(alice, "inbox"))); n != 996 {
		t.Errorf("%d pending after the third page", n)
	}
	items := collect(t, s.Items(alice, "inbox"))
	if len(items) != 2 || items[0].Deleted || items[0].Read == nil || !*items[0].Read || !items[1].Deleted || items[1].Read != nil {
		t.Errorf("items %+v", items)
	}
	counts, err := s.CountItems(alice)
	if len(counts) != 1 || counts["inbox"] != (store.Count{Items: 1, Bytes: 500}) || err != nil {
		t.Errorf("counts %v, %v", counts, err)
	}
	must(t, s.ApplyChanges(ctx, alice, "inbox", changes[1:2], "state-4"))
	if it, _, _ := s.Item(alice, "item-001"); it.Deleted {
		t.Error("an item that came back is still deleted")
	}

	// A new version supersedes the old one, which stays reachable.
	old := content(0, 500)
	must(t, s.ApplyChanges(ctx, alice, "inbox", []store.Change{{ItemID: "item-000", ChangeKey: "new"}}, "state-5"))
	w, err := s.NewWriter()
	must(t, err)
	k := key("inbox", "item-000")
	k.ChangeKey = "new"
	must(t, s.Commit(ctx, []*store.Staged{stage(t, w, k, content(77, 900))}))
	must(t, w.Close())
	must(t, wantBlob(s, "item-000", content(77, 900)))
	versions := collect(t, s.OldVersions(alice))
	if len(versions) != 1 || versions[0].ChangeKey != "ck-item-000" || versions[0].Folder != "inbox" {
		t.Fatalf("old versions %+v", versions)
	}
	if got, err := readBlob(s, versions[0]); string(got) != string(old) || err != nil {
		t.Errorf("the old version: %d bytes, %v", len(got), err)
	}
	// Ids are case-sensitive.
	if _, found, err := s.Item(alice, "ITEM-000"); found || err != nil {
		t.Errorf("an id of another case: %v, %v", found, err)
	}
}

// A newer change that came while an item was fetched stays pending.
func TestCommitLeavesNewerPending(t *testing.T) {
	s := storetest.New(t)
	must(t, s.ApplyChanges(ctx, alice, "f", []store.Change{{ItemID: "x", ChangeKey: "ck-x"}}, "1"))
	w, err := s.NewWriter()
	must(t, err)
	defer w.Close()
	st := stage(t, w, key("f", "x"), []byte("old"))
	must(t, s.ApplyChanges(ctx, alice, "f", []store.Change{{ItemID: "x", ChangeKey: "newer"}}, "2"))
	must(t, s.Commit(ctx, []*store.Staged{st}))
	if p := collect(t, s.Pending(alice, "f")); len(p) != 1 || p[0].ChangeKey != "newer" {
		t.Errorf("pending %+v", p)
	}
}

func TestEqualBlobsAreStoredOnce(t *testing.T) {
	s := storetest.New(t)
	blob := content(1, 300_000)
	ids := []string{"a", "b"} // in one batch
	put(t, s, "inbox", ids, func(int) []byte { return blob })
	put(t, s, "sent", []string{"c"}, func(int) []byte { return blob }) // and later
	put(t, s, "inbox", []string{"empty", "empty too"}, func(int) []byte { return nil })
	for _, id := range []string{"a", "b", "c"} {
		must(t, wantBlob(s, id, blob))
	}
	must(t, wantBlob(s, "empty", nil))
	must(t, wantBlob(s, "empty too", nil))
	st, err := s.Stats()
	must(t, err)
	if st.Items != 5 || st.Blobs != 2 || st.ItemBytes != 900_000 || st.BlobBytes != 300_000 || st.SegmentBytes > 200_000 {
		t.Errorf("stats %+v", st)
	}
}

// A twin refers to a blob that waits for its commit; that one is given up, and
// the twin is still whole.
func TestTwinOutlivesDiscarded(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	w, err := s.NewWriter()
	must(t, err)
	w2, err := s.NewWriter()
	must(t, err)
	blob := content(1, 100_000)
	first := stage(t, w, key("f", "first"), blob)
	twin := stage(t, w2, key("f", "twin"), blob)
	w.Discard(first)
	w.Discard(first)
	if err := s.Commit(ctx, []*store.Staged{first}); err == nil {
		t.Error("what was discarded was committed")
	}
	must(t, s.Commit(ctx, []*store.Staged{twin}))
	if err := s.Commit(ctx, []*store.Staged{twin}); err == nil {
		t.Error("an item was committed twice")
	}
	must(t, wantBlob(s, "twin", blob))
	must(t, w.Close())
	must(t, w2.Close())
	if n := len(collect(t, s.Items(alice, "f"))); n != 1 {
		t.Errorf("%d items", n)
	}
}

func TestDiscardAndAbortCutTheSegment(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	w, err := s.NewWriter()
	must(t, err)
	must(t, s.Commit(ctx, []*store.Staged{stage(t, w, key("f", "keep"), content(1, 1000))}))
	name := filepath.Join(dir, "segments", "000001.seg")
	size := func() int64 {
		info, err := os.Stat(name)
		must(t, err)
		return info.Size()
	}
	before := size()
	b, err := w.Begin(key("f", "aborted"))
	must(t, err)
	if _, err := w.Begin(key("f", "second")); err == nil {
		t.Error("two blobs at once")
	}
	_, err = b.Write(content(2, 2_000_000))
	must(t, err)
	if size() == before {
		t.Error("nothing was written, so the test shows nothing")
	}
	b.Abort()
	b.Abort()
	if _, err := b.Write([]byte{1}); err == nil {
		t.Error("written to an aborted blob")
	}
	two := []*store.Staged{stage(t, w, key("f", "x"), content(3, 5000)), stage(t, w, key("f", "y"), content(4, 5000))}
	w.Discard(two...)
	if size() != before {
		t.Errorf("the segment has %d bytes, had %d", size(), before)
	}
	put(t, s, "f", []string{"z"}, func(int) []byte { return content(5, 10) })
	must(t, w.Close())
	must(t, wantBlob(s, "keep", content(1, 1000)))
}

func TestJournal(t *testing.T) {
	s := storetest.New(t)
	j, err := s.Journal("Bob@Example.com/Into")
	must(t, err)
	entries := []store.JournalEntry{
		{Source: key("f", "1"), SHA256: [32]byte{1}, TargetFolder: "tf"},
		{Source: key("f", "2"), SHA256: [32]byte{2}, TargetFolder: "tf"},
	}
	must(t, j.Intend(ctx, entries))
	if entries[0].State != store.StateSent || entries[0].Batch == 0 || entries[0].Batch != entries[1].Batch {
		t.Errorf("intended %+v", entries)
	}
	err = j.Intend(ctx, []store.JournalEntry{{Source: key("f", "3")}, {Source: key("f", "2")}})
	wantErr(t, err, store.ErrUnsettled)
	if _, found, _ := j.Get(alice, "3"); found {
		t.Error("half of a refused batch was written")
	}
	if n := len(collect(t, j.Unsettled())); n != 2 {
		t.Errorf("%d unsettled", n)
	}
	done := entries[0]
	done.State, done.TargetID, done.At = store.StateDone, "new-id", time.Time{}
	must(t, j.Settle(ctx, []store.JournalEntry{done}))
	if err := j.Settle(ctx, []store.JournalEntry{{Source: key("f", "2"), State: store.StateSent}}); err == nil {
		t.Error("sent was taken for an outcome")
	}
	same, err := s.Journal("bob@example.com/Into")
	must(t, err)
	got, found, err := same.Get("Alice@example.com", "1")
	if !found || err != nil || got.State != store.StateDone || got.TargetID != "new-id" || got.SHA256 != [32]byte{1} {
		t.Errorf("entry %+v, %v, %v", got, found, err)
	}
	if left := collect(t, j.Unsettled()); len(left) != 1 || left[0].Source.ID != "2" {
		t.Errorf("unsettled %+v", left)
	}
	if all := collect(t, j.All()); len(all) != 2 {
		t.Errorf("all %+v", all)
	}
	other, err := s.Journal("bob@example.com")
	must(t, err)
	if _, found, _ := other.Get(alice, "1"); found {
		t.Error("journals of two targets are one")
	}

	must(t, j.PutBaseline(ctx, store.FolderBaseline{Folder: "tf", SyncState: "before"}))
	must(t, j.PutBaseline(ctx, store.FolderBaseline{Folder: "tf", SyncState: "after"}))
	if b, found, err := j.Baseline("tf"); b.SyncState != "before" || !found || err != nil {
		t.Errorf("baseline %+v, %v, %v", b, found, err)
	}
	if targets, err := s.Targets(); !slices.Equal(targets, []string{"bob@example.com/Into"}) || err != nil {
		t.Errorf("targets %v, %v", targets, err)
	}
}

func TestFailuresAndRuns(t *testing.T) {
	s := storetest.New(t)
	k := store.FailureKey{Mailbox: "Alice@example.com", Direction: store.Export, ItemID: "1"}
	at := time.Date(2026, 11, 22, 1, 2, 3, 0, time.UTC)
	must(t, s.RecordFailure(ctx, store.Failure{FailureKey: k, Subject: "x", Code: "ErrorItemCorrupt", First: at, Last: at}))
	must(t, s.AcceptFailures(ctx, "known for years", k))
	must(t, s.RetryFailures(ctx, k))
	if f, found, err := s.Failure(k); !found || err != nil || f.Retry.IsZero() || f.AcceptedReason != "known for years" {
		t.Errorf("%+v, %v, %v", f, found, err)
	}
	must(t, s.RecordFailure(ctx, store.Failure{FailureKey: k, Code: "ErrorItemCorrupt", Attempts: 2, Last: at.Add(time.Hour)}))
	must(t, s.RecordFailure(ctx, store.Failure{FailureKey: store.FailureKey{Mailbox: alice, Direction: store.Upload, Target: "t", ItemID: "1"}, Size: 7}))
	all := collect(t, s.Failures(store.FailureFilter{}))
	if len(all) != 2 {
		t.Fatalf("failures %+v", all)
	}
	if f := all[0]; f.Attempts != 3 || f.Subject != "x" || !f.First.Equal(at) || !f.Last.Equal(at.Add(time.Hour)) || f.Accepted.IsZero() || f.AcceptedReason != "known for years" || !f.Retry.IsZero() {
		t.Errorf("failure %+v", f)
	}
	must(t, s.RecordFailure(ctx, store.Failure{FailureKey: k, Code: "ErrorAccessDenied"}))
	if f := collect(t, s.Failures(store.FailureFilter{Mailbox: alice, Direction: store.Export})); len(f) != 1 || !f[0].Accepted.IsZero() {
		t.Errorf("another reason was accepted too: %+v", f)
	}
	missing := k
	missing.ItemID = "2"
	if err := s.AcceptFailures(ctx, "why", k, missing); err == nil {
		t.Error("a missing failure was accepted")
	}
	if f, _, err := s.Failure(k); err != nil || !f.Accepted.IsZero() {
		t.Errorf("one of two was accepted although the other is missing: %+v, %v", f, err)
	}
	must(t, s.AcceptFailures(ctx, "why", k))
	must(t, s.ReopenFailures(ctx, k))
	if f, _, err := s.Failure(k); err != nil || !f.Accepted.IsZero() || f.AcceptedReason != "" {
		t.Errorf("it is still accepted: %+v, %v", f, err)
	}
	must(t, s.ClearFailure(ctx, k, k))
	if _, found, err := s.Failure(k); found || err != nil {
		t.Errorf("a cleared failure: %v, %v", found, err)
	}
	if f := collect(t, s.Failures(store.FailureFilter{})); len(f) != 1 || f[0].Size != 7 {
		t.Errorf("failures %+v", f)
	}

	id, err := s.BeginRun(ctx, "export", "Alice@example.com", "")
	must(t, err)
	must(t, s.EndRun(ctx, id, map[string]int{"moved": 3}))
	if _, err := s.BeginRun(ctx, "upload", alice, "bob@example.com"); err != nil {
		t.Fatal(err)
	}
	runs := collect(t, s.Runs())
	if len(runs) != 2 || string(runs[0].Summary) != `{"moved":3}` || runs[0].Ended.IsZero() || !runs[1].Ended.IsZero() || runs[1].ID != 2 || runs[0].Mailbox != alice {
		t.Errorf("runs %+v", runs)
	}
}

func TestStatus(t *testing.T) {
	s := storetest.New(t)
	must(t, s.SetStatus(map[string]int{"items": 1}))
	must(t, s.SetStatus(map[string]int{"items": 2}))
	b, err := os.ReadFile(filepath.Join(s.Dir(), "status.json"))
	must(t, err)
	var got struct{ Items int }
	if json.Unmarshal(b, &got) != nil || got.Items != 2 {
		t.Errorf("status %s", b)
	}
}

func TestOpenRefuses(t *testing.T) {
	dir := t.TempDir()
	_, err := store.Open(dir, store.OpenOptions{})
	wantErr(t, err, store.ErrNotAStore)
	_, err = store.Open(filepath.Join(dir, "missing"), store.OpenOptions{})
	wantErr(t, err, store.ErrNotAStore)
	file := filepath.Join(dir, "file")
	must(t, os.WriteFile(file, []byte("x"), 0o600))
	_, err = store.Open(file, store.OpenOptions{})
	wantErr(t, err, store.ErrNotAStore)
	_, err = store.Open(dir, store.OpenOptions{Create: true}) // not empty
	wantErr(t, err, store.ErrNotAStore)
	must(t, os.Remove(file))
	must(t, store.Init(dir, store.Options{}))
	wantErr(t, store.Init(dir, store.Options{}), store.ErrExists)

	name := filepath.Join(dir, "store.json")
	good, err := os.ReadFile(name)
	must(t, err)
	for _, c := range []struct {
		old, new string
		want     error
	}{
		{`"format": 2`, `"format": 99`, store.ErrNewerFormat},
		{`"segment_size": 2`, `"segment_size": 3`, store.ErrDamaged},
		{`{`, `[`, store.ErrDamaged},
	} {
		must(t, os.WriteFile(name, []byte(strings.Replace(string(good), c.old, c.new, 1)), 0o600))
		_, err = store.Open(dir, store.OpenOptions{})
		wantErr(t, err, c.want)
		if err != nil && strings.Contains(err.Error(), "\n") {
			t.Errorf("more than a line: %q", err)
		}
	}
	must(t, os.WriteFile(name, good, 0o600))

	s, err := store.Open(dir, store.OpenOptions{})
	must(t, err)
	must(t, s.Close())
	must(t, s.Close())
	wantErr(t, s.PutMailbox(store.Mailbox{Address: alice}), store.ErrClosed)
	_, err = s.Mailboxes()
	wantErr(t, err, store.ErrClosed)

	must(t, os.Remove(filepath.Join(dir, "index.db")))
	_, err = store.Open(dir, store.OpenOptions{})
	wantErr(t, err, store.ErrDamaged)
}

func TestReadOnly(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	put(t, s, "f", []string{"a"}, func(int) []byte { return content(1, 10) })
	must(t, s.Close())
	one, err := store.Open(dir, store.OpenOptions{ReadOnly: true})
	must(t, err)
	defer one.Close()
	two, err := store.Open(dir, store.OpenOptions{ReadOnly: true})
	must(t, err)
	defer two.Close()
	must(t, wantBlob(one, "a", content(1, 10)))
	must(t, wantBlob(two, "a", content(1, 10)))
	wantErr(t, two.PutMailbox(store.Mailbox{Address: alice}), store.ErrReadOnly)
	_, err = two.NewWriter()
	wantErr(t, err, store.ErrReadOnly)
	wantErr(t, two.SetStatus(map[string]int{"items": 1}), store.ErrReadOnly)
	_, err = store.Open(dir, store.OpenOptions{})
	wantErr(t, err, store.ErrLocked)
	must(t, one.Close())
	must(t, two.Close())
}
