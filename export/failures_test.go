package export_test

import (
	"maps"
	"testing"

	"mailferry/ews/ewstest"
	"mailferry/ews/ewstest/mailbox"
	"mailferry/export"
	"mailferry/store"
)

// inRole chooses items of the folder with a role.
func inRole(role string) func(mailbox.InventoryFolder, mailbox.InventoryItem) bool {
	return func(f mailbox.InventoryFolder, _ mailbox.InventoryItem) bool { return f.Distinguished == role }
}

// open opens the store for the time of use.
func (w *world) open(use func(*store.Store)) {
	w.t.Helper()
	st, err := store.Open(w.dir, store.OpenOptions{})
	if err != nil {
		w.t.Fatal(err)
	}
	use(st)
	if err := st.Close(); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) accept(id string) {
	w.t.Helper()
	w.open(func(st *store.Store) {
		key := store.FailureKey{Mailbox: alice, Direction: store.Export, ItemID: id}
		if err := st.AcceptFailures(w.t.Context(), "known", key); err != nil {
			w.t.Fatal(err)
		}
	})
}

func TestAcceptanceCoversOneItemAndOneCode(t *testing.T) {
	w := newWorld(t, "sample:60")
	known, other := w.anyOf(inRole("inbox")), w.anyOf(inRole("sentitems"))
	w.faults(ewstest.Fault{Op: "ExportItems", Kind: "corrupt-item", Item: known.ID})
	if s := w.run(few); s.Failed != 1 || s.Accepted != 0 {
		t.Fatalf("%+v", s)
	}
	w.accept(known.ID)
	if s := w.run(few); s.Failed != 1 || s.Accepted != 1 || s.Moved != 0 {
		t.Errorf("again, with nothing else to do: %+v", s)
	}
	w.apply(ewstest.Change{Do: "update", Item: other.ID})
	w.faults(ewstest.Fault{Op: "ExportItems", Kind: "corrupt-item", Item: known.ID}, ewstest.Fault{Op: "ExportItems", Kind: "corrupt-item", Item: other.ID})
	only := func(o *export.Options) { o.Selection.Folders = []string{"#sent"} }
	if s := w.run(few, only); s.Failed != 1 || s.Accepted != 0 {
		t.Errorf("the failure of another folder was accepted, not this: %+v", s)
	}
	one := func(o *export.Options) { o.MaxFailures = 1 }
	if s := w.run(few, one); s.Failed != 2 || s.Accepted != 1 {
		t.Errorf("accepted failures don't count for the most that there may be: %+v", s)
	}
	w.faults(ewstest.Fault{Op: "ExportItems", Kind: "truncated", Where: "data", Item: known.ID})
	if s := w.run(few); s.Failed != 1 || s.Accepted != 0 || s.Moved != 1 {
		t.Errorf("the same item with another code: %+v", s)
	}
	w.faults()
	if s := w.run(few); s.Failed != 0 || s.Moved != 1 || len(w.failures()) != 0 {
		t.Errorf("when it has passed: %+v, %+v", s, w.failures())
	}
	w.same(w.source(fewItems))
}

func TestAnAcceptedItemIsTriedOnceAndNotWaitedFor(t *testing.T) {
	w := newWorld(t, "sample:60")
	cut := w.anyOf(inRole("sentitems"))
	w.faults(ewstest.Fault{Op: "ExportItems", Kind: "truncated", Where: "data", Item: cut.ID})
	attempts := func() int {
		t.Helper()
		failures := w.failures()
		if len(failures) != 1 || failures[0].Code != "truncated" || failures[0].Subject != cut.Subject {
			t.Fatalf("failures %+v", failures)
		}
		return failures[0].Attempts
	}
	w.run(few)
	patient := attempts()
	if patient < 2 {
		t.Fatalf("tried %d times", patient)
	}
	w.accept(cut.ID)
	if s := w.run(few); s.Accepted != 1 || attempts() != patient+1 {
		t.Errorf("accepted: %d attempts after %d, %+v", attempts(), patient, s)
	}
	w.open(func(st *store.Store) {
		if err := st.RetryFailures(t.Context(), w.keysOf(st)...); err != nil {
			t.Fatal(err)
		}
	})
	if s := w.run(few); s.Accepted != 1 || attempts() != 2*patient+1 {
		t.Errorf("a retry was asked for: %d attempts after %d, %+v", attempts(), patient+1, s)
	}
}

// keysOf are the keys of all failures.
func (w *world) keysOf(st *store.Store) (keys []store.FailureKey) {
	w.t.Helper()
	for f, err := range st.Failures(store.FailureFilter{}) {
		if err != nil {
			w.t.Fatal(err)
		}
		keys = append(keys, f.FailureKey)
	}
	return keys
}

func TestAgainFetchesWhatTheSyncStateHasPassed(t *testing.T) {
	w := newWorld(t, "sample:60")
	bad := w.anyOf(inRole("inbox"))
	w.faults(ewstest.Fault{Op: "ExportItems", Kind: "corrupt-item", Item: bad.ID})
	w.run(few)
	before := w.failures()
	again := func() {
		w.open(func(st *store.Store) {
			if err := export.Again(t.Context(), st, before); err != nil {
				t.Fatal(err)
			}
		})
	}
	// It is pending: nothing has to be read from the beginning for it.
	stats := w.server.Stats()
	w.run(few)
	_, plain := w.requests(stats)
	stats = w.server.Stats()
	again()
	w.run(few)
	if _, ops := w.requests(stats); !maps.Equal(ops, plain) {
		t.Errorf("%v, and without being asked %v", ops, plain)
	}
	w.open(func(st *store.Store) {
		key := store.ItemKey{Mailbox: alice, Folder: before[0].FolderID, ID: bad.ID, ChangeKey: bad.ChangeKey}
		if err := st.DropPending(t.Context(), key); err != nil {
			t.Fatal(err)
		}
	})
	w.faults()
	if s := w.run(few); s.Moved != 0 || len(w.failures()) != 1 {
		t.Fatalf("the item is not passed over: %+v", s)
	}
	again()
	if s := w.run(few); s.Moved != 1 || s.Failed != 0 || len(w.failures()) != 0 {
		t.Errorf("%+v, %+v", s, w.failures())
	}
	w.same(w.source(fewItems))
}

func TestARecordThatAKilledRunLeftIsCleared(t *testing.T) {
	w := newWorld(t, "sample:60")
	bad := w.anyOf(inRole("inbox"))
	w.faults(ewstest.Fault{Op: "ExportItems", Kind: "corrupt-item", Item: bad.ID})
	w.run(few)
	record := w.failures()[0]
	w.faults()
	w.run(few)
	w.open(func(st *store.Store) {
		if err := st.RecordFailure(t.Context(), record); err != nil { // as if the run had been killed before it went
			t.Fatal(err)
		}
	})
	w.run(few, func(o *export.Options) { o.DryRun = true })
	if len(w.failures()) != 1 {
		t.Error("a dry run wrote")
	}
	if s := w.run(few); s.Moved != 0 || s.Failed != 0 || len(w.failures()) != 0 {
		t.Errorf("%+v, %+v", s, w.failures())
	}
}

func TestAFolderThatCanBeReadAgainHasNoFailure(t *testing.T) {
	w := newWorld(t, "sample:60")
	w.run(few)
	folder := w.stored()[w.anyOf(inRole("inbox")).ID].folder
	failure := store.Failure{
		FailureKey: store.FailureKey{Mailbox: alice, Direction: store.Export, ItemID: folder.ID}, FolderPath: folder.Path, FolderID: folder.ID, Code: "x",
	}
	w.open(func(st *store.Store) {
		if err := st.RecordFailure(t.Context(), failure); err != nil {
			t.Fatal(err)
		}
		if err := export.Again(t.Context(), st, []store.Failure{failure}); err != nil {
			t.Error(err)
		}
	})
	if w.run(few); len(w.failures()) != 0 {
		t.Errorf("%+v", w.failures())
	}
}
