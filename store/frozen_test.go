package store_test

import (
	"os"
	"path/filepath"
	"testing"

	"mailferry/store"
)

// A store that mailferry wrote in format 1 (an export of a simulated mailbox of
// 12 items with later changes, one failure, and an upload) opens for ever: for
// reading as it is, for writing after it was brought to the newest format.
func TestFrozenStoreOpens(t *testing.T) {
	t.Parallel()
	frozen := filepath.Join("..", "testdata", "store", "v1")
	dir := filepath.Join(t.TempDir(), "store")
	must(t, os.CopyFS(dir, os.DirFS(frozen)))
	look := func(o store.OpenOptions, pending int) {
		t.Helper()
		s, err := store.Open(dir, o)
		must(t, err)
		defer func() { must(t, s.Close()) }()
		st, err := s.Stats()
		must(t, err)
		if st.Items != 13 || st.Deleted != 1 || st.Old != 1 || st.Folders != 84 || st.Pending != pending || st.Blobs != 15 {
			t.Errorf("%+v", st)
		}
		r, err := s.Check(ctx, store.CheckOptions{ReadData: true})
		must(t, err)
		if !r.OK() {
			t.Errorf("damaged: %v", r.Damage)
		}
		if f := collect(t, s.Failures(store.FailureFilter{})); len(f) != 1 || f[0].Code != "ErrorCorruptData" || f[0].Subject != "Message 141" {
			t.Errorf("failures: %+v", f)
		}
		j, err := s.Journal("bob@new.example")
		must(t, err)
		done := 0
		for _, e := range collect(t, j.All()) {
			if e.State == store.StateDone && e.TargetID != "" {
				done++
			}
		}
		if done != 14 {
			t.Errorf("%d items were uploaded", done)
		}
		folders, err := s.Folders("alice@old.example")
		must(t, err)
		items := 0
		for _, f := range folders {
			for _, it := range collect(t, s.Items("alice@old.example", f.ID)) {
				if _, err := readBlob(s, it); err != nil {
					t.Error(err)
				}
				items++
			}
		}
		if items != 14 {
			t.Errorf("%d items are read", items)
		}
	}
	look(store.OpenOptions{ReadOnly: true}, 1)
	look(store.OpenOptions{}, 1)
	if _, err := os.Stat(filepath.Join(dir, "store.copy.json")); err != nil {
		t.Errorf("it was not brought to the newest format: %v", err)
	}
	look(store.OpenOptions{Rebuild: true}, 0) // what is pending is asked for again
}
