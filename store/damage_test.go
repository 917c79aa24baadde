package store_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"mailferry/store"
)

// A store with a bit of everything, closed.
func filled(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	small(t, dir)
	s, err := store.Open(dir, store.OpenOptions{})
	must(t, err)
	must(t, workload(s, 2, func(promise) {}))
	must(t, s.Close())
	return dir
}

// Any flipped byte in a segment is found, and so is one in what the index
// believes. (Free pages of the index hold nothing.)
func TestFlippedByteIsFound(t *testing.T) {
	t.Parallel()
	dir := filled(t)
	files, err := filepath.Glob(filepath.Join(dir, "segments", "*.seg"))
	must(t, err)
	if len(files) < 3 {
		t.Fatalf("only %d segments", len(files))
	}
	flips := 0
	for _, name := range append(files, filepath.Join(dir, "store.json")) {
		good, err := os.ReadFile(name)
		must(t, err)
		for at := 0; at < len(good); at += 997 {
			bad := slices.Clone(good)
			bad[at] ^= 0x10
			must(t, os.WriteFile(name, bad, 0o600))
			flips++
			s, err := store.Open(dir, store.OpenOptions{ReadOnly: true})
			if err != nil {
				if filepath.Base(name) != "store.json" {
					t.Fatalf("%s, byte %d: %v", name, at, err)
				}
				continue
			}
			r, err := s.Check(ctx, store.CheckOptions{ReadData: true})
			if err != nil || r.OK() {
				t.Errorf("%s, byte %d: nothing was found, %v", filepath.Base(name), at, err)
			} else if r.Damage[0].File != "segments/"+filepath.Base(name) {
				t.Errorf("%s, byte %d: the damage is said to be in %s", filepath.Base(name), at, r.Damage[0].File)
			}
			must(t, s.Close())
		}
		must(t, os.WriteFile(name, good, 0o600))
	}
	t.Logf("%d flips", flips)
}

// A damaged index never gives a wrong answer or a crash.
func TestFlippedByteInIndex(t *testing.T) {
	t.Parallel()
	dir := filled(t)
	name := filepath.Join(dir, "index.db")
	good, err := os.ReadFile(name)
	must(t, err)
	want := dump(t, dir)
	found, flips := 0, 0
	for at := 0; at < len(good); at += 97 {
		bad := slices.Clone(good)
		bad[at] ^= 0x10
		must(t, os.WriteFile(name, bad, 0o600))
		flips++
		s, err := store.Open(dir, store.OpenOptions{ReadOnly: true})
		if err != nil {
			found++
			continue
		}
		r, err := s.Check(ctx, store.CheckOptions{})
		must(t, s.Close())
		if err != nil || !r.OK() {
			found++
			continue
		}
		if got := dump(t, dir); got != want {
			t.Fatalf("byte %d: the check found nothing, and the store answers\n%s\ninstead of\n%s", at, got, want)
		}
	}
	if found == 0 {
		t.Error("nothing was found")
	}
	t.Logf("%d of %d flips found, the others changed no answer", found, flips)
}

// dump tells all that a store answers, but for pending rows and sync states.
func dump(t *testing.T, dir string) string {
	t.Helper()
	s, err := store.Open(dir, store.OpenOptions{ReadOnly: true})
	must(t, err)
	defer s.Close()
	var b strings.Builder
	boxes, err := s.Mailboxes()
	must(t, err)
	fmt.Fprintf(&b, "%+v\n", boxes)
	folders, err := s.Folders(alice)
	must(t, err)
	fmt.Fprintf(&b, "%+v\n", folders)
	for _, it := range collect(t, s.Items(alice, "inbox")) {
		byID, found, err := s.Item(alice, it.ID)
		fmt.Fprintf(&b, "%+v %v %v %v\n", it, byID.SHA256 == it.SHA256, found, err)
	}
	for _, it := range collect(t, s.OldVersions(alice)) {
		fmt.Fprintf(&b, "%+v\n", it)
	}
	targets, err := s.Targets()
	must(t, err)
	for _, target := range targets {
		j, err := s.Journal(target)
		must(t, err)
		fmt.Fprintf(&b, "%+v\n%+v\n", collect(t, j.All()), collect(t, j.Unsettled()))
	}
	fmt.Fprintf(&b, "%+v\n%+v\n", collect(t, s.Failures(store.FailureFilter{})), collect(t, s.Runs()))
	counts, err := s.CountItems(alice)
	must(t, err)
	fmt.Fprintln(&b, counts)
	return b.String()
}

// The index is disposable.
func TestRebuildFromSegments(t *testing.T) {
	dir := filled(t)
	s, err := store.Open(dir, store.OpenOptions{})
	must(t, err)
	must(t, s.PutFolders(ctx, alice, []store.Folder{{ID: "inbox", Path: "Inbox", Root: store.Primary}}))
	run, err := s.BeginRun(ctx, "export", alice, "")
	must(t, err)
	must(t, s.EndRun(ctx, run, "done"))
	must(t, s.ApplyChanges(ctx, alice, "inbox", []store.Change{{Kind: store.Delete, ItemID: "item-0-0"}}, "s"))
	put(t, s, "inbox", []string{"item-0-2"}, func(int) []byte { return content(7, 7) }) // a new version
	must(t, s.Close())
	want := dump(t, dir)
	must(t, os.Remove(filepath.Join(dir, "index.db")))
	s, err = store.Open(dir, store.OpenOptions{Rebuild: true})
	must(t, err)
	must(t, s.Close())
	if got := dump(t, dir); got != want {
		t.Errorf("the rebuilt index answers\n%s\ninstead of\n%s", got, want)
	}
	survives(t, "after the rebuild", dir, nil)
}

// An index that was put back from an older copy catches up with the segments.
func TestOlderIndexCatchesUp(t *testing.T) {
	dir := filled(t)
	name := filepath.Join(dir, "index.db")
	older, err := os.ReadFile(name)
	must(t, err)
	s, err := store.Open(dir, store.OpenOptions{})
	must(t, err)
	put(t, s, "inbox", []string{"late", "later"}, func(i int) []byte { return content(uint64(50+i), 90_000) })
	must(t, s.PutFolders(ctx, alice, []store.Folder{{ID: "inbox", Path: "Inbox"}}))
	must(t, s.Close())
	want := dump(t, dir)
	must(t, os.WriteFile(name, older, 0o600))
	s, err = store.Open(dir, store.OpenOptions{})
	must(t, err)
	must(t, s.Close())
	if got := dump(t, dir); got != want {
		t.Errorf("the older index answers\n%s\ninstead of\n%s", got, want)
	}
	survives(t, "after the older index", dir, nil)
}

func TestSegmentsThatAreNotOurs(t *testing.T) {
	t.Parallel()
	segments, err := filepath.Glob(filepath.Join(filled(t), "segments", "*.seg"))
	must(t, err)
	for what, harm := range map[string]func(dir string) error{
		"missing": func(dir string) error { return os.Remove(filepath.Join(dir, "segments", "000002.seg")) },
		"swapped": func(dir string) error {
			return os.Rename(filepath.Join(dir, "segments", "000003.seg"), filepath.Join(dir, "segments", "000002.seg"))
		},
		"short": func(dir string) error { return os.Truncate(filepath.Join(dir, "segments", "000002.seg"), 200) },
		"of another store": func(dir string) error {
			b, err := os.ReadFile(segments[1])
			if err != nil {
				return err
			}
			return os.WriteFile(filepath.Join(dir, "segments", "000002.seg"), b, 0o600)
		},
	} {
		dir := filled(t)
		must(t, harm(dir))
		if _, err := store.Open(dir, store.OpenOptions{}); !errors.Is(err, store.ErrDamaged) {
			t.Fatalf("%s: got error %v", what, err)
		}
		s, err := store.Open(dir, store.OpenOptions{ReadOnly: true}) // to look at it
		must(t, err)
		r, err := s.Check(ctx, store.CheckOptions{})
		must(t, err)
		if r.OK() || !strings.Contains(fmt.Sprint(r.Damage), "000002.seg") || !strings.Contains(fmt.Sprint(r.Damage), "item-0-") {
			t.Errorf("%s: found %+v", what, r.Damage)
		}
		must(t, s.Close())
	}
}

// A damaged blob is found when it is read, and by a sample.
func TestDamagedBlobIsNotGivenOut(t *testing.T) {
	dir := t.TempDir()
	small(t, dir)
	s, err := store.Open(dir, store.OpenOptions{})
	must(t, err)
	put(t, s, "f", []string{"a"}, func(int) []byte { return content(1, 900_000) })
	it, _, err := s.Item(alice, "a")
	must(t, err)
	name := filepath.Join(dir, "segments", "000001.seg")
	b, err := os.ReadFile(name)
	must(t, err)
	b[len(b)*2/3] ^= 1
	must(t, os.WriteFile(name, b, 0o600))
	_, err = readBlob(s, it)
	wantErr(t, err, store.ErrDamaged)
	r, err := s.Check(ctx, store.CheckOptions{Sample: 1})
	must(t, err)
	if r.OK() || r.Damage[len(r.Damage)-1].Item != "a" {
		t.Errorf("the sample found %+v", r.Damage)
	}
	must(t, s.Close())
}

// Eight writers at once, with others that read and write beside them.
func TestEightWriters(t *testing.T) {
	dir := t.TempDir()
	must(t, store.Init(dir, store.Options{SegmentSize: 1 << 20}))
	s := open(t, dir)
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			w, err := s.NewWriter()
			if err != nil {
				t.Error(err)
				return
			}
			defer w.Close()
			for n := range 12 {
				var staged []*store.Staged
				for i := range 5 {
					id := fmt.Sprintf("%d-%d-%d", g, n, i)
					st, err := tryStage(w, key(fmt.Sprint("folder", g%3), id), content(uint64(i+n*10), 1000+n*3000))
					if err != nil {
						t.Error(err)
						return
					}
					staged = append(staged, st)
				}
				if n%5 == 4 {
					w.Discard(staged[0])
					staged = staged[1:]
				}
				if err := s.Commit(ctx, staged); err != nil {
					t.Error(err)
				}
			}
		})
		wg.Go(func() {
			j, err := s.Journal("bob@example.com")
			if err != nil {
				t.Error(err)
				return
			}
			for n := range 5 {
				e := []store.JournalEntry{{Source: key("f", fmt.Sprint(g, n))}}
				if err := j.Intend(ctx, e); err != nil {
					t.Error(err)
				}
				for _, err := range s.Items(alice, "folder1") {
					if err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	wg.Wait()
	n := 0
	for f := range 3 {
		for _, it := range collect(t, s.Items(alice, fmt.Sprint("folder", f))) {
			n++
			var g, round, i int
			fmt.Sscanf(it.ID, "%d-%d-%d", &g, &round, &i)
			if err := wantBlob(s, it.ID, content(uint64(i+round*10), 1000+round*3000)); err != nil {
				t.Error(err)
			}
		}
	}
	if want := 8 * (12*5 - 2); n != want {
		t.Errorf("%d items, want %d", n, want)
	}
}
