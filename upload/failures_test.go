package upload_test

import (
	"testing"

	"mailferry/ews/ewstest"
	"mailferry/store"
	"mailferry/upload"
)

// records are the recorded failures.
func records(t *testing.T, st *store.Store) (all []store.Failure) {
	t.Helper()
	for f, err := range st.Failures(store.FailureFilter{Direction: store.Upload}) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, f)
	}
	return all
}

func TestAgainSendsWhatFailed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "sample:60")
	sums := w.blobsOf(30)
	w.faults(ewstest.Fault{Op: "UploadItems", Kind: "corrupt-item", Item: sums[3]}, ewstest.Fault{Op: "UploadItems", Kind: "corrupt-item", Item: sums[17]})
	w.run()
	w.open(func(st *store.Store) {
		failures := records(t, st)
		if len(failures) != 2 {
			t.Fatalf("%+v", failures)
		}
		if err := upload.Again(t.Context(), st, failures[:1]); err != nil {
			t.Fatal(err)
		}
		j, err := st.Journal(bob)
		if err != nil {
			t.Fatal(err)
		}
		for i, want := range []store.State{store.StatePending, store.StateFailed} {
			if e, _, err := j.Get(alice, failures[i].ItemID); err != nil || e.State != want || (e.Code == "") != (i == 0) {
				t.Errorf("entry %+v, %v", e, err)
			}
		}
		if len(records(t, st)) != 2 {
			t.Error("a record went before its item was moved")
		}
	})
	w.faults()
	if s := w.run(); s.Moved != 2 || s.Failed != 0 || len(w.failures()) != 0 {
		t.Errorf("%+v, %v", s, w.failures())
	}
	w.same()
}

func TestAgainLeavesWhatIsDoneOrOnItsWay(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "sample:40")
	w.open(func(st *store.Store) {
		j, err := st.Journal(bob)
		if err != nil {
			t.Fatal(err)
		}
		entries := []store.JournalEntry{
			{Source: store.ItemKey{Mailbox: alice, Folder: "F", ID: "done"}, State: store.StateDone, TargetFolder: "F", TargetID: "T"},
			{Source: store.ItemKey{Mailbox: alice, Folder: "F", ID: "sent"}, State: store.StateSent, TargetFolder: "F"},
		}
		if err := j.Settle(t.Context(), entries[:1]); err != nil {
			t.Fatal(err)
		}
		if err := j.Intend(t.Context(), entries[1:]); err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			key := store.FailureKey{Mailbox: alice, Direction: store.Upload, Target: bob, ItemID: e.Source.ID}
			if err := upload.Again(t.Context(), st, []store.Failure{{FailureKey: key}}); err != nil {
				t.Error(err)
			}
			if got, found, err := j.Get(alice, e.Source.ID); err != nil || !found || got.State != e.State {
				t.Errorf("%+v became %+v, %v", e, got, err)
			}
		}
	})
}

func TestAcceptanceEndsWithTheCode(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "sample:60")
	sums := w.blobsOf(30)
	w.faults(ewstest.Fault{Op: "UploadItems", Kind: "corrupt-item", Item: sums[3]})
	w.run()
	var record store.Failure
	w.open(func(st *store.Store) {
		record = records(t, st)[0]
		if err := st.AcceptFailures(t.Context(), "known", record.FailureKey); err != nil {
			t.Fatal(err)
		}
	})
	one := func(o *upload.Options) { o.MaxFailures = 1 }
	if s := w.run(one); s.Failed != 1 || s.Accepted != 1 || s.Moved != 0 {
		t.Errorf("again, with nothing else to do: %+v", s)
	}
	w.faults(ewstest.Fault{Op: "UploadItems", Kind: "poison", Item: sums[3]})
	if s := w.run(); s.Failed != 1 || s.Accepted != 0 {
		t.Errorf("with another code: %+v", s)
	}
	w.faults()
	if s := w.run(); s.Moved != 1 || s.Failed != 0 || len(w.failures()) != 0 {
		t.Errorf("when it has passed: %+v", s)
	}
	w.open(func(st *store.Store) { // as if that run had been killed before the record went
		if err := st.RecordFailure(t.Context(), record); err != nil {
			t.Fatal(err)
		}
	})
	if s := w.run(); s.Moved != 0 || len(w.failures()) != 0 {
		t.Errorf("the record of an item that is there is kept: %+v, %v", s, w.failures())
	}
	w.same()
}
