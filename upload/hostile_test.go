package upload_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"mailferry/ews/ewstest"
	"mailferry/ews/ewstest/mailbox"
	"mailferry/fts"
	"mailferry/internal/selection"
	"mailferry/upload"
)

// cutter ends a context at one upload: before it is sent, or after it was
// carried out and before anybody read the answer.
type cutter struct {
	killer
}

func (k *cutter) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body == nil {
		return k.next.RoundTrip(r)
	}
	head := make([]byte, 2048)
	n, _ := io.ReadFull(r.Body, head)
	r.Body = struct {
		io.Reader
		io.Closer
	}{io.MultiReader(bytes.NewReader(head[:n]), r.Body), r.Body}
	if !bytes.Contains(head[:n], []byte("<m:UploadItems")) {
		return k.next.RoundTrip(r)
	}
	return k.killer.RoundTrip(r)
}

// killAtUpload runs an upload that ends at the nth UploadItems.
func (w *world) killAtUpload(nth int64, after bool, change ...func(*upload.Options)) {
	w.t.Helper()
	ctx, cancel := context.WithCancel(w.t.Context())
	defer cancel()
	var count atomic.Int64
	w.wrap = func(next http.RoundTripper) http.RoundTripper {
		return &cutter{killer{next: next, count: &count, at: nth, after: after, cancel: cancel}}
	}
	_, err := w.try(ctx, append(change, func(o *upload.Options) { o.Workers = 1 })...)
	w.wrap = nil
	if err == nil {
		w.t.Fatal("it was not killed")
	}
}

// A folder may be deleted while nobody knows whether it got the last batch.
func TestTheFolderOfALostBatchIsDeleted(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "sample:30")
	into := func(o *upload.Options) { o.Into = "From Alice" }
	w.killAtUpload(1, true, into)
	deleted := false
	for _, f := range w.inventory(bob).Folders {
		if strings.HasPrefix(f.Path, "From Alice/") && len(f.Items) > 0 && !deleted {
			w.apply(bob, ewstest.Change{Do: "delete-folder", Folder: f.ID})
			deleted = true
		}
	}
	if !deleted {
		t.Fatal("nothing to delete")
	}
	s := w.run(into)
	if s.Moved+s.Already != s.Found || s.Moved == 0 {
		t.Errorf("%+v", s)
	}
	w.equal(contents(w.held(alice)), w.under("From Alice"))
}

// The state of a folder may be of no use any more when it is needed, as after the
// mailbox was restored from a backup.
func TestTheServerForgetsTheStateOfAFolder(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "sample:30")
	w.killAtUpload(2, true)
	w.faults(ewstest.Fault{Op: "SyncFolderItems", Kind: "invalid-sync-state"})
	w.run()
	w.same()
	w.nothingDeleted()
}

// The user makes an item that looks like one of alice's while nobody knows
// whether hers arrived: hers is not taken for it.
func TestAnItemOfTheUsersOwnIsNotTakenForALostOne(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "empty")
	add := func(address, class, subject, text string) {
		t.Helper()
		box := w.server.Mailbox(address)
		tasks, _ := box.Distinguished("tasks")
		if _, err := box.Add(tasks.ID, message(class, subject, text), mailbox.AddOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	add(alice, "IPM.Task", "First", "one")
	w.export()
	w.run() // from here on, the state of the folder is known
	add(alice, "IPM.Task", "Call", "call the notary")
	add(alice, "IPM.Task", "Twice", "a")
	add(alice, "IPM.Task", "Twice", "b")
	w.export()
	w.killAtUpload(1, false)
	add(bob, "IPM.Task", "Call", "call my mother")
	add(bob, "IPM.Task", "Twice", "c")
	if s := w.run(); s.Moved+s.Already != s.Found {
		t.Errorf("%+v", s)
	}
	held, want := contents(w.held(bob)), contents(w.held(alice))
	for key, n := range want {
		if held[key] != n {
			t.Errorf("%d of %d: %s", held[key], n, key)
		}
	}
	if total(held) != total(want)+2 {
		t.Errorf("the target holds %d", total(held))
	}
}

// A server that loses a property hides nothing from the search for lost items.
func TestLostAnswersOfAServerThatLosesAProperty(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "empty", func(o *ewstest.Options) { o.Lose = []uint32{0x00360003} })
	box := w.server.Mailbox(alice)
	tasks, _ := box.Distinguished("tasks")
	for _, text := range []string{"a", "b", "b", "c"} {
		m := message("IPM.Task", "Twice", text)
		m.Props.Set(fts.MakeTag(0x0036, fts.Integer32), int32(2))
		if _, err := box.Add(tasks.ID, m, mailbox.AddOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	w.export()
	w.killAtUpload(1, true)
	if s := w.run(); s.Moved+s.Already != s.Found || total(w.held(bob)) != 4 {
		t.Errorf("%+v, the target holds %d", s, total(w.held(bob)))
	}
	w.nothingDeleted()
}

// message is an item without message id.
func message(class, subject, text string) *fts.Message {
	m := &fts.Message{}
	m.Props.Set(fts.MakeTag(0x001A, fts.String), class)
	m.Props.Set(fts.MakeTag(0x0037, fts.String), subject)
	m.Props.Set(fts.MakeTag(0x1000, fts.String), text)
	return m
}

// inbox returns the items of bob's or alice's inbox, associated ones left out.
func (w *world) inbox(address string) []mailbox.InventoryItem {
	w.t.Helper()
	var items []mailbox.InventoryItem
	for _, f := range w.inventory(address).Folders {
		if f.Distinguished == "inbox" {
			for _, it := range f.Items {
				if !it.Associated {
					items = append(items, it)
				}
			}
		}
	}
	return items
}

// What a user changed in a copy is not overwritten by a change at the source,
// unless that was asked for.
func TestAChangeAtTheTargetIsNotOverwritten(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "sample:30")
	w.run()
	source := w.inbox(alice)[0]
	var copied mailbox.InventoryItem
	for _, it := range w.inbox(bob) {
		if it.Content == source.Content {
			copied = it
		}
	}
	w.apply(alice, ewstest.Change{Do: "update", Item: source.ID, Subject: "changed at the source"})
	w.apply(bob, ewstest.Change{Do: "update", Item: copied.ID, Text: "a note of bob's"})
	w.export()
	before := w.held(bob)
	for range 2 {
		if s := w.run(); s.Failed != 1 || s.Moved != 0 {
			t.Errorf("%+v", s)
		}
		w.equal(before, w.held(bob))
		if f := w.failures(); f[upload.CodeChanged] != 1 || len(f) != 1 {
			t.Errorf("failures: %v", f)
		}
	}
	if s := w.run(func(o *upload.Options) { o.IfExists = upload.Replace }); s.Failed != 0 || s.Moved != 1 {
		t.Errorf("%+v", s)
	}
	w.same()
}

// An update whose answer was lost is not sent over what the user did since.
func TestALostUpdateIsNotRepeatedOverAChange(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "sample:30")
	w.run()
	source := w.inbox(alice)[0]
	w.apply(alice, ewstest.Change{Do: "update", Item: source.ID, Subject: "changed at the source"})
	w.export()
	w.killAtUpload(1, true)
	w.same() // it was carried out
	uploads := w.server.Stats().Requests["UploadItems"]
	saved := w.snapshot()
	if s := w.run(); s.Failed != 0 || s.Moved != 1 {
		t.Errorf("%+v", s)
	}
	if n := w.server.Stats().Requests["UploadItems"]; n != uploads {
		t.Errorf("sent again, though it is there")
	}
	saved()
	for _, it := range w.inbox(bob) {
		if it.Subject == "changed at the source" {
			w.apply(bob, ewstest.Change{Do: "update", Item: it.ID, Text: "a note of bob's"})
		}
	}
	before := w.held(bob)
	if s := w.run(); s.Failed != 1 {
		t.Errorf("%+v", s)
	}
	w.equal(before, w.held(bob))
}

// With another --map, or another name of the folder, the copy is still where it
// was put.
func TestAChangedItemIsReplacedWhereItWasPut(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "sample:30")
	w.run()
	source := w.inbox(alice)[0]
	w.apply(alice, ewstest.Change{Do: "update", Item: source.ID, Subject: "changed at the source"})
	w.export()
	s := w.run(func(o *upload.Options) { o.Map = map[string]string{"#inbox": "Elsewhere"} })
	if s.Moved != 1 || s.Failed != 0 {
		t.Errorf("%+v", s)
	}
	w.same()
	if !w.warned("other folders") {
		t.Errorf("nobody was told that items stay where they are: %q", warnings(w))
	}
}

// What was uploaded and is gone is not made again, and not passed over in
// silence either.
func TestAFolderThatIsGoneIsTold(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "sample:30")
	into := func(o *upload.Options) { o.Into = "From Alice" }
	w.run(into)
	gone := 0
	for _, f := range w.inventory(bob).Folders {
		if strings.HasPrefix(f.Path, "From Alice/") && len(f.Items) > 1 {
			gone = len(f.Items)
			w.apply(bob, ewstest.Change{Do: "delete-folder", Folder: f.ID})
			break
		}
	}
	s := w.run(into)
	if s.Moved != 0 || !w.warned("no longer has") {
		t.Errorf("%d are gone: %+v, %q", gone, s, warnings(w))
	}
	w.run()
	w.apply(bob, ewstest.Change{Do: "delete", Item: w.inbox(bob)[0].ID})
	if s := w.run(); s.Moved != 0 || !w.warned("fewer items") {
		t.Errorf("one is gone: %+v, %q", s, warnings(w))
	}
}

// Two trees of one target have two journals. What the other one put into a folder
// is no extra copy.
func TestCopiesOfAnotherJournalAreNotRemoved(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "empty")
	w.apply(alice, ewstest.Change{Do: "add", Folder: "inbox", Count: 1})
	w.export()
	mapped := func(o *upload.Options) {
		o.Map, o.IfExists, o.BatchItems = map[string]string{"#inbox": "Old/Inbox"}, upload.Copy, 1
	}
	w.run(mapped) // the state of the folder is known from here on
	w.apply(alice, ewstest.Change{Do: "add", Folder: "inbox", Count: 3})
	w.export()
	w.run(func(o *upload.Options) { o.Into, o.IfExists = "Old", upload.Copy })
	w.killAtUpload(2, true, mapped)
	w.run(mapped)
	if n := len(w.under("Old")); n != 4 {
		t.Errorf("%d different items", n)
	}
	if n := total(w.under("Old")); n != 8 {
		t.Errorf("%d items", n)
	}
	w.nothingDeleted()
}

// One folder of the source that is named twice has no certain place.
func TestOneFolderIsMappedTwice(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "sample:30")
	_, err := w.try(t.Context(), func(o *upload.Options) { o.Map = map[string]string{"#inbox": "A", "Inbox": "B"} })
	if !errors.Is(err, selection.ErrUsage) {
		t.Errorf("%v", err)
	}
}

// The same folder in other words is the same journey.
func TestIntoIsTheSameInOtherWords(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "sample:30")
	w.run(func(o *upload.Options) { o.Into, o.IfExists = "From Alice", upload.Copy })
	before := total(w.held(bob))
	for _, into := range []string{"from alice", " From Alice", "#root/From Alice"} {
		s, err := w.try(t.Context(), func(o *upload.Options) { o.Into, o.IfExists = into, upload.Copy })
		if err == nil && s.Moved != 0 || total(w.held(bob)) != before {
			t.Errorf("%q: %+v, %v", into, s, err)
		}
	}
}

// A message id that only the store knows proves nothing: what bob had before is
// compared.
func TestAnItemWithoutMessageIDIsNotTakenForAMessage(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "empty")
	put := func(address, text, messageID string) {
		t.Helper()
		m := message("IPM.Note", "Offer", text)
		m.Props.Set(fts.MakeTag(0x0E06, fts.Time), fts.FileTimeOf(time.Date(2024, 5, 6, 7, 8, 9, 0, time.UTC)))
		if messageID != "" {
			m.Props.Set(fts.MakeTag(0x1035, fts.String), messageID)
		}
		box := w.server.Mailbox(address)
		inbox, _ := box.Distinguished("inbox")
		if _, err := box.Add(inbox.ID, m, mailbox.AddOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	put(alice, "what alice was offered", "<1@x.example>")
	put(bob, "a draft of bob's", "")
	w.export()
	if s := w.run(); s.Moved != 1 || total(w.held(bob)) != 2 {
		t.Errorf("%+v, the target holds %d", s, total(w.held(bob)))
	}
}
