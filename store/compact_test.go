package store_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"mailferry/internal/fault"
	"mailferry/store"
)

// aged makes a store of three runs: in each, every item is changed.
func aged(t *testing.T, dir string) (runs []uint64, last map[string][]byte) {
	t.Helper()
	must(t, store.Init(dir, store.Options{SegmentSize: 64 << 10}))
	s, err := store.Open(dir, store.OpenOptions{})
	must(t, err)
	for round := range 3 {
		run, err := s.BeginRun(ctx, "export", alice, "")
		must(t, err)
		runs = append(runs, run)
		last = map[string][]byte{}
		var ids []string
		for i := range 12 {
			id := fmt.Sprint("item-", i)
			ids = append(ids, id)
			last[id] = content(uint64(100*round+i), 8000)
		}
		last["item-11"] = last["item-10"] // a twin
		w, err := s.NewWriter()
		must(t, err)
		var staged []*store.Staged
		for _, id := range ids {
			k := key("inbox", id)
			k.ChangeKey = fmt.Sprint("ck-", round)
			staged = append(staged, stage(t, w, k, last[id]))
		}
		must(t, s.Commit(ctx, staged))
		must(t, w.Close())
		must(t, s.EndRun(ctx, run, "done"))
	}
	must(t, s.Close())
	return runs, last
}

func holds(t *testing.T, dir string, blobs map[string][]byte, old int) {
	t.Helper()
	if r := checkAll(t, dir); !r.OK() {
		t.Fatalf("damaged: %v", r.Damage)
	}
	s, err := store.Open(dir, store.OpenOptions{})
	must(t, err)
	defer s.Close()
	for id, blob := range blobs {
		if err := wantBlob(s, id, blob); err != nil {
			t.Fatal(err)
		}
	}
	versions := collect(t, s.OldVersions(alice))
	if old >= 0 && len(versions) != old {
		t.Errorf("%d superseded versions, want %d", len(versions), old)
	}
	for _, it := range versions {
		if _, err := readBlob(s, it); err != nil {
			t.Error(err)
		}
	}
}

// Superseded versions go, those of a chosen run stay, and the room is given back.
// The log and the index that are written anew say the same.
func TestCompact(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	runs, last := aged(t, dir)
	holds(t, dir, last, 24)
	s, err := store.Open(dir, store.OpenOptions{})
	must(t, err)
	_, err = s.Compact(ctx, store.CompactOptions{KeepRuns: []uint64{99}})
	wantErr(t, err, store.ErrNoRun)
	r, err := s.Compact(ctx, store.CompactOptions{KeepRuns: runs[1:2], DryRun: true})
	must(t, err)
	if r.Dropped != 12 || r.Kept != 12 || r.BytesAfter != r.BytesBefore {
		t.Errorf("a dry run: %+v", r)
	}
	r, err = s.Compact(ctx, store.CompactOptions{KeepRuns: runs[1:2]})
	must(t, err)
	if r.Dropped != 12 || r.Kept != 12 || r.Segments == 0 || r.BytesAfter >= r.BytesBefore {
		t.Errorf("keeping the second run: %+v", r)
	}
	must(t, s.Close())
	holds(t, dir, last, 12)
	s, err = store.Open(dir, store.OpenOptions{})
	must(t, err)
	r, err = s.Compact(ctx, store.CompactOptions{})
	must(t, err)
	if r.Dropped != 12 || r.Kept != 0 {
		t.Errorf("keeping nothing: %+v", r)
	}
	again, err := s.Compact(ctx, store.CompactOptions{})
	must(t, err)
	if again.Dropped != 0 || again.Segments != 0 {
		t.Errorf("once more: %+v", again)
	}
	put(t, s, "inbox", []string{"late"}, func(int) []byte { return content(9, 900) })
	last["late"] = content(9, 900)
	must(t, s.Close())
	holds(t, dir, last, 0)
	want := dump(t, dir)
	must(t, os.Remove(filepath.Join(dir, "index.db")))
	s, err = store.Open(dir, store.OpenOptions{Rebuild: true})
	must(t, err)
	must(t, s.Close())
	if got := dump(t, dir); got != want {
		t.Errorf("rebuilt after compaction it answers\n%s\ninstead of\n%s", got, want)
	}
}

// A compaction that dies or meets a full disk at any step loses nothing and can be
// run again, and so can the rebuilding of the index after it.
func TestCompactIsKilled(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	_, last := aged(t, dir)
	work := filepath.Join(t.TempDir(), "store")
	for step := 1; ; step++ {
		must(t, os.RemoveAll(work))
		must(t, os.CopyFS(work, os.DirFS(dir)))
		dead := false
		disk := &fault.Injector{Before: func(o fault.Op) fault.Fault {
			if dead = dead || o.N >= step && o.Changes(); dead && o.Changes() {
				return fault.Fault{Err: errors.New("killed"), Short: o.Len / 2}
			}
			return fault.Fault{}
		}}
		s, err := store.Open(work, store.OpenOptions{Files: disk})
		if err == nil {
			_, err = s.Compact(ctx, store.CompactOptions{})
			s.Close()
		}
		if !dead {
			must(t, err)
			t.Logf("%d steps", step)
			return
		}
		holds(t, work, last, -1)
		if step%7 == 0 {
			must(t, os.Remove(filepath.Join(work, "index.db")))
			s, err := store.Open(work, store.OpenOptions{Rebuild: true})
			if err != nil {
				t.Fatalf("step %d: rebuild: %v", step, err)
			}
			must(t, s.Close())
			holds(t, work, last, -1)
		}
		s, err = store.Open(work, store.OpenOptions{})
		must(t, err)
		_, err = s.Compact(ctx, store.CompactOptions{})
		if err != nil {
			t.Fatalf("step %d: once more: %v", step, err)
		}
		must(t, s.Close())
		holds(t, work, last, 0)
	}
}
