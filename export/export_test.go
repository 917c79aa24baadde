package export_test

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"mailferry/ews/ewstest"
	"mailferry/ews/ewstest/mailbox"
	"mailferry/export"
	"mailferry/internal/event"
	"mailferry/internal/pace"
	"mailferry/internal/selection"
	"mailferry/store"
)

func TestWholeMailboxAndASecondRunThatCostsLittle(t *testing.T) {
	w := newWorld(t, "sample:150")
	s := w.run()
	want := w.source(visible(w.hiddenFolders()))
	if s.Moved != len(want) || s.Failed != 0 || s.Left != 0 || s.Already != 0 || s.Bytes == 0 || s.Requests == 0 {
		t.Errorf("summary %+v for %d items", s, len(want))
	}
	w.same(want)
	if n := w.kinds()["item exported"]; n != len(want) {
		t.Errorf("%d item events for %d items", n, len(want))
	}

	before := w.server.Stats()
	s = w.run()
	if all, byOp := w.requests(before); all > int64(s.Folders)+5 || byOp["ExportItems"] > 0 {
		t.Errorf("a run with nothing new over %d folders asked %d times: %v", s.Folders, all, byOp)
	}
	if s.Moved != 0 || s.Already != len(want) || s.Found != len(want) {
		t.Errorf("second run: %+v", s)
	}
	w.same(want)
}

func TestEveryTreeOnRequest(t *testing.T) {
	w := newWorld(t, "sample:120")
	w.apply(ewstest.Change{Do: "add", Folder: "archiveinbox", Count: 2})
	w.apply(ewstest.Change{Do: "add", Folder: "recoverableitemsdeletions", Count: 3})
	first := w.run()
	s := w.run(func(o *export.Options) { o.Associated, o.Hidden, o.Archive, o.Recoverable = true, true, true, true })
	want := w.source(func(f mailbox.InventoryFolder, _ mailbox.InventoryItem) bool { return !f.Search })
	w.same(want)
	if s.Found != len(want) || s.Already != first.Moved {
		t.Errorf("summary %+v for %d items, %d before", s, len(want), first.Moved)
	}
	roots := make(map[store.Root]int)
	for _, it := range w.stored() {
		roots[it.folder.Root]++
		prefix := map[store.Root]string{store.Archive: "#archive", store.Recoverable: "#", store.Hidden: "#root"}[it.folder.Root]
		if !strings.HasPrefix(it.folder.Path, prefix) {
			t.Errorf("a folder of %s has the path %s", it.folder.Root, it.folder.Path)
		}
	}
	if roots[store.Archive] < 2 || roots[store.Recoverable] < 3 || roots[store.Primary] == 0 {
		t.Errorf("items by tree: %v", roots)
	}
	// A narrower run after a wider one leaves everything as it is.
	w.run()
	w.same(want)
}

func TestFoldersKeepRoleAndClassInAnyLanguage(t *testing.T) {
	w := newWorld(t, "sample:60", func(o *ewstest.Options) { o.Mailboxes[0].Language = "de" })
	s := w.run(func(o *export.Options) { o.Selection = selection.Selection{Folders: []string{"#inbox", "#calendar"}} })
	if s.Folders != 2 {
		t.Errorf("%d folders for two roles", s.Folders)
	}
	for _, it := range w.stored() {
		f := it.folder
		if f.Distinguished != "inbox" && f.Distinguished != "calendar" || f.Distinguished == "inbox" && f.Path != "Posteingang" {
			t.Errorf("an item of %q (%s)", f.Path, f.Distinguished)
		}
		if f.Distinguished == "calendar" && f.Class != "IPF.Appointment" {
			t.Errorf("class of the calendar: %s", f.Class)
		}
	}
	w.run()
	w.same(w.source(visible(w.hiddenFolders())))
}

func TestChangesAtTheSource(t *testing.T) {
	w := newWorld(t, "sample:80")
	w.run()
	inbox := w.source(func(f mailbox.InventoryFolder, it mailbox.InventoryItem) bool {
		return f.Distinguished == "inbox" && !it.Associated
	})
	ids := make([]string, 0, len(inbox))
	for id := range inbox {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	w.apply(ewstest.Change{Do: "add", Folder: "inbox", Count: 3})
	w.apply(ewstest.Change{Do: "update", Item: ids[0], Subject: "changed"})
	w.apply(ewstest.Change{Do: "move", Item: ids[1], To: "sentitems"})
	w.apply(ewstest.Change{Do: "delete", Item: ids[2]})
	unread := !inbox[ids[3]].Read
	w.apply(ewstest.Change{Do: "read", Item: ids[3], Read: &unread})
	made := w.apply(ewstest.Change{Do: "new-folder", Folder: "inbox", Name: "new/one"})
	w.apply(ewstest.Change{Do: "add", Folder: made[0], Count: 2})
	before := w.server.Stats()
	s := w.run()
	if _, byOp := w.requests(before); s.Moved != 8 || byOp["ExportItems"] != 1 {
		t.Errorf("8 changes: %+v, %v", s, byOp)
	}
	w.same(w.source(visible(w.hiddenFolders())))

	w.apply(ewstest.Change{Do: "delete-folder", Folder: made[0]})
	w.run()
	w.same(w.source(visible(w.hiddenFolders())))
}

func TestNarrowSelectionFirstThenAll(t *testing.T) {
	w := newWorld(t, "sample:120")
	all := w.source(visible(w.hiddenFolders()))
	var classes int
	for _, it := range all {
		if strings.HasPrefix(it.Class, "IPM.Appointment") {
			classes++
		}
	}
	s := w.run(func(o *export.Options) { o.Selection.Class = []string{"ipm.appointment*"} })
	if s.Moved != classes || classes == 0 {
		t.Errorf("%d of %d items of a class", s.Moved, classes)
	}
	// Rows that were written down without a date are completed.
	halfway := w.median(all).Truncate(time.Second) // EWS tells seconds
	later := 0
	for _, it := range all {
		if !it.Received.Before(halfway) && strings.HasPrefix(it.Class, "IPM.Note") {
			later++
		}
	}
	s = w.run(func(o *export.Options) { o.Selection.Since, o.Selection.Class = halfway, []string{"IPM.Note*"} })
	if s.Moved != later {
		t.Errorf("%d of %d items since a date", s.Moved, later)
	}
	s = w.run()
	if s.Found != len(all) || s.Already != classes+later {
		t.Errorf("then all: %+v", s)
	}
	w.same(all)
}

func TestDryRunWritesNothing(t *testing.T) {
	w := newWorld(t, "sample:40")
	want := len(w.source(visible(w.hiddenFolders())))
	client := w.client()
	defer client.Close()
	var told int
	s, err := export.Run(t.Context(), export.Options{Client: client, Mailbox: alice, DryRun: true, Events: func(e event.Event) {
		if e.Kind == event.Item && e.Action == "would-export" && e.Folder != "" && e.Class != "" && e.Bytes > 0 {
			told++
		}
	}})
	if err != nil || told != want || s.Left != want || s.Moved != 0 {
		t.Errorf("without a store: %d told of %d, %+v, %v", told, want, s, err)
	}
	w.run(func(o *export.Options) { o.Selection.Folders = []string{"#inbox"} })
	exported := len(w.stored())
	s = w.run(func(o *export.Options) { o.DryRun = true })
	if s.Left != want-exported || s.Already != exported || len(w.stored()) != exported {
		t.Errorf("with a store that has %d of %d: %+v", exported, want, s)
	}
	if n := w.run().Moved; n != want-exported {
		t.Errorf("%d moved after the dry run", n)
	}
}

func TestUnknownFolderIsRefusedBeforeAnythingIsAsked(t *testing.T) {
	w := newWorld(t, "sample:10")
	before := w.server.Stats()
	_, err := w.try(t.Context(), func(o *export.Options) { o.Selection.Folders = []string{"Inbx"} })
	if !errors.Is(err, selection.ErrUsage) || !strings.Contains(err.Error(), `"Inbox"`) {
		t.Errorf("%v", err)
	}
	if _, byOp := w.requests(before); byOp["SyncFolderItems"] > 0 {
		t.Errorf("%v", byOp)
	}
}

func TestDrainKeepsWhatIsUnderWay(t *testing.T) {
	w := newWorld(t, "sample:80")
	drain := make(chan struct{})
	s := w.run(few, func(o *export.Options) {
		o.BatchItems, o.Workers, o.Drain = 5, 1, drain
		events := o.Events
		n := 0
		o.Events = func(e event.Event) {
			events(e)
			if e.Kind == event.Item {
				if n++; n == 7 {
					close(drain)
				}
			}
		}
	})
	if s.Moved < 7 || s.Moved > 15 || s.Left == 0 || s.Found != s.Moved+s.Left {
		t.Errorf("%+v", s)
	}
	w.run(few)
	w.same(w.source(fewItems))
}

func TestCancelAtManyMomentsLosesNothing(t *testing.T) {
	w := newWorld(t, "sample:60")
	for stop := 1; stop < 400; stop += 7 {
		ctx, cancel := context.WithCancel(t.Context())
		n := 0
		s, err := w.try(ctx, few, func(o *export.Options) {
			o.BatchItems = 7
			events := o.Events
			o.Events = func(e event.Event) {
				events(e)
				if n++; n == stop {
					cancel()
				}
			}
		})
		cancel()
		if err == nil && s.Left == 0 {
			break
		}
		if !errors.Is(err, context.Canceled) {
			t.Fatalf("cancelled at event %d: %v", stop, err)
		}
	}
	s := w.run(few)
	if s.Failed != 0 {
		t.Errorf("%+v", s)
	}
	w.same(w.source(fewItems))
}

func TestASyncStateThatTheServerForgotIsReadAnew(t *testing.T) {
	w := newWorld(t, "sample:80")
	w.run()
	doomed := w.anyOf(func(f mailbox.InventoryFolder, _ mailbox.InventoryItem) bool { return f.Distinguished == "inbox" })
	w.apply(ewstest.Change{Do: "delete", Item: doomed.ID})
	w.apply(ewstest.Change{Do: "add", Folder: "inbox"})
	w.faults(ewstest.Fault{Op: "SyncFolderItems", Kind: "invalid-sync-state", Every: 2})
	before := w.server.Stats()
	s := w.run()
	if _, byOp := w.requests(before); s.Moved != 1 || byOp["ExportItems"] != 1 {
		t.Errorf("nothing is fetched twice: %+v, %v", s, byOp)
	}
	w.same(w.source(visible(w.hiddenFolders())))
}

// A server that takes back none of the states it gives: folders of more than one
// page are listed instead.
func TestAServerThatForgetsEachSyncState(t *testing.T) {
	w := newWorld(t, "sample:80")
	w.server.SetPolicy(ewstest.Policy{SyncPage: 4})
	w.faults(ewstest.Fault{Op: "SyncFolderItems", Kind: "invalid-sync-state"})
	before := w.server.Stats()
	if s := w.run(); s.Failed != 0 {
		t.Errorf("%+v", s)
	}
	if _, byOp := w.requests(before); byOp["FindItem"] == 0 {
		t.Errorf("no folder was listed: %v", byOp)
	}
	inbox := w.anyOf(func(f mailbox.InventoryFolder, _ mailbox.InventoryItem) bool { return f.Distinguished == "inbox" })
	w.apply(ewstest.Change{Do: "delete", Item: inbox.ID})
	w.apply(ewstest.Change{Do: "add", Folder: "inbox", Count: 2})
	if s := w.run(); s.Moved != 2 || s.Failed != 0 {
		t.Errorf("%+v", s)
	}
	w.faults()
	if s := w.run(); s.Moved != 0 || s.Failed != 0 {
		t.Errorf("%+v", s)
	}
	before = w.server.Stats()
	w.run()
	if _, byOp := w.requests(before); byOp["FindItem"] != 0 {
		t.Errorf("states are not used again: %v", byOp)
	}
	w.same(w.source(visible(w.hiddenFolders())))
}

func TestAFolderThatCannotBeSynchronisedIsListed(t *testing.T) {
	w := newWorld(t, "sample:80")
	w.run()
	inbox := w.anyOf(func(f mailbox.InventoryFolder, _ mailbox.InventoryItem) bool { return f.Distinguished == "inbox" })
	// What an earlier run writes down where a server refuses to synchronise.
	folder := w.stored()[inbox.ID].Folder
	st, err := store.Open(w.dir, store.OpenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(st.ApplyChanges(t.Context(), alice, folder, nil, "f:"), st.Close()); err != nil {
		t.Fatal(err)
	}
	w.apply(ewstest.Change{Do: "delete", Item: inbox.ID})
	w.apply(ewstest.Change{Do: "add", Folder: "inbox", Count: 2})
	before := w.server.Stats()
	s := w.run()
	if _, byOp := w.requests(before); s.Moved != 2 || byOp["FindItem"] == 0 {
		t.Errorf("%+v, %v", s, byOp)
	}
	w.same(w.source(visible(w.hiddenFolders())))
	if s := w.run(func(o *export.Options) { o.Associated = true }); s.Failed != 0 {
		t.Errorf("%+v", s)
	}
	hidden := w.hiddenFolders()
	w.same(w.source(func(f mailbox.InventoryFolder, _ mailbox.InventoryItem) bool { return !hidden[f.ID] && !f.Search }))
}

func TestTwinsAllArrive(t *testing.T) {
	w := newWorld(t, "sample:40")
	m := w.server.Mailbox(alice)
	inbox, _ := m.Distinguished("inbox")
	sent, _ := m.Distinguished("sentitems")
	original := m.Items(inbox.ID)[0]
	for _, to := range []uint64{inbox.ID, inbox.ID, sent.ID} {
		if _, err := m.Copy(original.ID, to); err != nil {
			t.Fatal(err)
		}
	}
	w.run()
	want := w.source(visible(w.hiddenFolders()))
	w.same(want)
	equal := make(map[string]int)
	for _, it := range w.stored() {
		equal[it.content]++
	}
	twins := 0
	for _, n := range equal {
		twins = max(twins, n)
	}
	if twins < 4 {
		t.Errorf("at most %d items are equal", twins)
	}
}

// The rate is chosen by a run without a limit, so that no machine is too slow or
// too fast for the comparison.
func TestARunKeepsTheRate(t *testing.T) {
	w := newWorld(t, "bulk:40:20000")
	free := w.run()
	if err := os.RemoveAll(w.dir); err != nil {
		t.Fatal(err)
	}
	atLeast := 3*free.Elapsed + time.Second/2
	rate := int64(float64(free.Bytes) / atLeast.Seconds())
	held := w.run(func(o *export.Options) { o.LimitRate = pace.Constant(rate) })
	if held.Bytes != free.Bytes || held.Elapsed < atLeast-time.Second/4 {
		t.Errorf("%d bytes at %d a second took %v; without a limit %v", held.Bytes, rate, held.Elapsed, free.Elapsed)
	}
}
