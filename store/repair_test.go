package store_test

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"mailferry/internal/fault"
	"mailferry/store"
)

var stride = flag.Int("stride", 97, "how far apart the flipped bytes of TestRepairAfterAFlippedByte are")

// little makes a small store with several segments, and returns what was put in.
func little(t *testing.T, dir string, keys ...store.Key) map[string][]byte {
	t.Helper()
	must(t, store.Init(dir, store.Options{SegmentSize: 16 << 10, Keys: keys}))
	s, err := store.Open(dir, store.OpenOptions{Unlock: unlock(keys)})
	must(t, err)
	must(t, s.PutMailbox(store.Mailbox{Address: alice}))
	must(t, s.PutFolders(ctx, alice, []store.Folder{{ID: "inbox", Path: "Inbox", Name: "Inbox", Root: store.Primary}}))
	blobs := map[string][]byte{}
	for round := range 6 {
		var ids []string
		var changes []store.Change
		for i := range 3 {
			id := fmt.Sprintf("item-%d-%d", round, i)
			ids = append(ids, id)
			changes = append(changes, store.Change{ItemID: id, ChangeKey: "ck-" + id, Size: 1})
			blobs[id] = content(uint64(10*round+i), []int{200, 4000, 9000}[i])
		}
		must(t, s.ApplyChanges(ctx, alice, "inbox", changes, fmt.Sprint("state-", round)))
		put(t, s, "inbox", ids, func(i int) []byte { return blobs[ids[i]] })
	}
	j, err := s.Journal("bob@example.com")
	must(t, err)
	e := []store.JournalEntry{{Source: key("inbox", "item-0-0")}, {Source: key("inbox", "item-0-1")}}
	must(t, j.Intend(ctx, e))
	e[0].State, e[0].TargetID = store.StateDone, "new"
	must(t, j.Settle(ctx, e[:1]))
	must(t, s.RecordFailure(ctx, store.Failure{FailureKey: store.FailureKey{Mailbox: alice, Direction: store.Export, ItemID: "gone"}, Subject: "about gone", Code: "x"}))
	must(t, s.SetStatus(map[string]any{"command": "export", "moved": 18}))
	must(t, s.Close())
	return blobs
}

func unlock(keys []store.Key) store.Unlock {
	return store.Unlock{Passphrase: func() (string, error) {
		for _, k := range keys {
			if k.Passphrase != "" {
				return k.Passphrase, nil
			}
		}
		return "", nil
	}}
}

func checkAll(t *testing.T, dir string) store.CheckReport {
	t.Helper()
	s, err := store.Open(dir, store.OpenOptions{ReadOnly: true})
	if err != nil {
		return store.CheckReport{Damaged: 1, Damage: []store.Damage{{Text: err.Error()}}}
	}
	defer s.Close()
	r, err := s.Check(ctx, store.CheckOptions{ReadData: true})
	must(t, err)
	return r
}

// exportAgain puts back what is pending, as an export does.
func exportAgain(t *testing.T, dir string, blobs map[string][]byte) int {
	t.Helper()
	s, err := store.Open(dir, store.OpenOptions{})
	must(t, err)
	defer func() { must(t, s.Close()) }()
	var ids []string
	for _, p := range collect(t, s.Pending(alice, "inbox")) {
		ids = append(ids, p.ID)
	}
	put(t, s, "inbox", ids, func(i int) []byte { return blobs[ids[i]] })
	for _, id := range ids {
		must(t, s.ClearFailure(ctx, store.FailureKey{Mailbox: alice, Direction: store.Export, ItemID: id}))
	}
	return len(ids)
}

// After any flipped byte of any file the check names it, repair keeps all other
// items, and another export completes the store.
func TestRepairAfterAFlippedByte(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	blobs := little(t, dir)
	want := dump(t, dir)
	var files []string
	must(t, filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() && d.Name() != "lock" {
			rel, _ := filepath.Rel(dir, path)
			files = append(files, rel)
		}
		return err
	}))
	if len(files) < 6 {
		t.Fatalf("only %v", files)
	}
	work := filepath.Join(t.TempDir(), "store")
	flips, free, again := 0, 0, 0
	for _, name := range files {
		good, err := os.ReadFile(filepath.Join(dir, name))
		must(t, err)
		for at := 0; at < len(good); at += *stride {
			must(t, os.RemoveAll(work))
			must(t, os.CopyFS(work, os.DirFS(dir)))
			bad := slices.Clone(good)
			bad[at] ^= 1 << (at % 8)
			must(t, os.WriteFile(filepath.Join(work, name), bad, 0o600))
			flips++
			r := checkAll(t, work)
			if r.OK() {
				if name != "index.db" {
					t.Fatalf("%s, byte %d: nothing was found", name, at)
				}
				free++ // a page that holds nothing: TestEachFlippedByteOfALivePageIsFound
				if got := dump(t, work); got != want {
					t.Fatalf("%s, byte %d: not found, and the store answers\n%s", name, at, got)
				}
				continue
			}
			if !strings.Contains(fmt.Sprint(r.Damage), filepath.Base(name)) {
				t.Fatalf("%s, byte %d: found %v", name, at, r.Damage)
			}
			rep, err := store.Repair(ctx, work, store.OpenOptions{})
			if err != nil {
				t.Fatalf("%s, byte %d: %v", name, at, err)
			}
			if len(rep.Lost) > 1 || rep.Lossy {
				t.Fatalf("%s, byte %d: too much is lost: %+v", name, at, rep)
			}
			if r := checkAll(t, work); !r.OK() {
				t.Fatalf("%s, byte %d: damaged after the repair: %v", name, at, r.Damage)
			}
			again += exportAgain(t, work, blobs)
			s, err := store.Open(work, store.OpenOptions{})
			must(t, err)
			for id, blob := range blobs {
				if err := wantBlob(s, id, blob); err != nil {
					t.Fatalf("%s, byte %d: %v", name, at, err)
				}
			}
			must(t, wantState(s, "item-0-0", store.StateDone))
			must(t, wantState(s, "item-0-1", store.StateSent))
			if n := len(collect(t, s.Failures(store.FailureFilter{}))); n != 1 {
				t.Fatalf("%s, byte %d: %d failures", name, at, n)
			}
			must(t, s.Close())
			must(t, os.Remove(filepath.Join(work, "index.db")))
			s, err = store.Open(work, store.OpenOptions{Rebuild: true})
			if err != nil {
				t.Fatalf("%s, byte %d: rebuild: %v", name, at, err)
			}
			for id, blob := range blobs {
				must(t, wantBlob(s, id, blob))
			}
			must(t, s.Close())
		}
	}
	t.Logf("%d bytes flipped in %d files, %d of them in pages that hold nothing; %d items exported again", flips, len(files), free, again)
	if again == 0 || flips < 50 {
		t.Error("too little happened to say anything")
	}
}

// Whole files that are missing, swapped, short or of another store.
func TestRepairSegments(t *testing.T) {
	t.Parallel()
	other := t.TempDir()
	little(t, other)
	for what, harm := range map[string]func(dir string) error{
		"missing data":     func(dir string) error { return os.Remove(filepath.Join(dir, "segments", "000001.seg")) },
		"missing log":      func(dir string) error { return os.Remove(filepath.Join(dir, "segments", "000002.seg")) },
		"missing index":    func(dir string) error { return os.Remove(filepath.Join(dir, "index.db")) },
		"missing settings": func(dir string) error { return os.Remove(filepath.Join(dir, "store.json")) },
		"no settings at all": func(dir string) error {
			if err := os.Remove(filepath.Join(dir, "store.copy.json")); err != nil {
				return err
			}
			return os.WriteFile(filepath.Join(dir, "store.json"), []byte("{"), 0o600)
		},
		"swapped": func(dir string) error {
			a, b := filepath.Join(dir, "segments", "000001.seg"), filepath.Join(dir, "segments", "000003.seg")
			for _, step := range [][2]string{{a, a + ".x"}, {b, a}, {a + ".x", b}} {
				if err := os.Rename(step[0], step[1]); err != nil {
					return err
				}
			}
			return nil
		},
		"short": func(dir string) error { return os.Truncate(filepath.Join(dir, "segments", "000001.seg"), 5000) },
		"of another store": func(dir string) error {
			b, err := os.ReadFile(filepath.Join(other, "segments", "000003.seg"))
			if err != nil {
				return err
			}
			return os.WriteFile(filepath.Join(dir, "segments", "000003.seg"), b, 0o600)
		},
		"index and log": func(dir string) error {
			if err := os.Remove(filepath.Join(dir, "index.db")); err != nil {
				return err
			}
			name := filepath.Join(dir, "segments", "000002.seg")
			b, err := os.ReadFile(name)
			if err != nil {
				return err
			}
			b[len(b)/2] ^= 1
			return os.WriteFile(name, b, 0o600)
		},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			blobs := little(t, dir)
			must(t, harm(dir))
			rep, err := store.Repair(ctx, dir, store.OpenOptions{})
			must(t, err)
			if len(rep.Repaired) == 0 {
				t.Error("nothing is said")
			}
			if r := checkAll(t, dir); !r.OK() {
				t.Fatalf("damaged after the repair: %v", r.Damage)
			}
			s, err := store.Open(dir, store.OpenOptions{})
			must(t, err)
			// A lossy repair asks the source for everything again.
			for id := range blobs {
				must(t, s.ApplyChanges(ctx, alice, "inbox", []store.Change{{ItemID: id, ChangeKey: "ck-" + id, Size: 1}}, "new"))
			}
			must(t, s.Close())
			n := exportAgain(t, dir, blobs)
			s, err = store.Open(dir, store.OpenOptions{})
			must(t, err)
			defer s.Close()
			for id, blob := range blobs {
				if err := wantBlob(s, id, blob); err != nil {
					t.Error(err)
				}
			}
			t.Logf("%+v, %d exported again", rep.Repaired, n)
			if n == len(blobs) {
				t.Error("nothing was kept")
			}
		})
	}
}

// A store that was copied while it was written: where the segments were copied
// first, the index tells of what they lack; where the index was, it catches up.
func TestCopiedWhileItIsWritten(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	blobs := little(t, dir)
	early, late := filepath.Join(t.TempDir(), "early"), filepath.Join(t.TempDir(), "late")
	must(t, os.CopyFS(early, os.DirFS(dir)))
	s, err := store.Open(dir, store.OpenOptions{})
	must(t, err)
	later := map[string][]byte{}
	for i := range 8 {
		id := fmt.Sprint("later-", i)
		later[id] = content(uint64(500+i), 6000)
		put(t, s, "inbox", []string{id}, func(int) []byte { return later[id] })
	}
	must(t, s.Close())
	must(t, os.CopyFS(late, os.DirFS(dir)))

	segmentsFirst, indexFirst := filepath.Join(t.TempDir(), "a"), filepath.Join(t.TempDir(), "b")
	for to, from := range map[string][2]string{segmentsFirst: {early, late}, indexFirst: {late, early}} {
		must(t, os.CopyFS(to, os.DirFS(from[0])))
		b, err := os.ReadFile(filepath.Join(from[1], "index.db"))
		must(t, err)
		must(t, os.WriteFile(filepath.Join(to, "index.db"), b, 0o600))
	}
	s, err = store.Open(indexFirst, store.OpenOptions{})
	must(t, err)
	for id, blob := range later {
		must(t, wantBlob(s, id, blob))
	}
	must(t, s.Close())
	if r := checkAll(t, indexFirst); !r.OK() {
		t.Errorf("the index was copied first: %v", r.Damage)
	}

	if r := checkAll(t, segmentsFirst); r.OK() {
		t.Error("the segments were copied first: nothing was found")
	}
	_, err = store.Repair(ctx, segmentsFirst, store.OpenOptions{})
	must(t, err)
	if r := checkAll(t, segmentsFirst); !r.OK() {
		t.Errorf("damaged after the repair: %v", r.Damage)
	}
	s, err = store.Open(segmentsFirst, store.OpenOptions{})
	must(t, err)
	defer s.Close()
	for id, blob := range blobs {
		must(t, wantBlob(s, id, blob))
	}
	pending := len(collect(t, s.Pending(alice, "inbox")))
	for id, blob := range later {
		if _, found, _ := s.Item(alice, id); found {
			must(t, wantBlob(s, id, blob))
			pending++
		}
	}
	if pending != len(later) {
		t.Errorf("of %d later items %d are there or to be exported again", len(later), pending)
	}
}

// A repair that is cut off at any step can be run again.
func TestRepairIsKilled(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	blobs := little(t, dir)
	name := filepath.Join(dir, "segments", "000001.seg")
	b, err := os.ReadFile(name)
	must(t, err)
	b[len(b)/2] ^= 1
	must(t, os.WriteFile(name, b, 0o600))
	work := filepath.Join(t.TempDir(), "store")
	for step := 1; ; step++ {
		must(t, os.RemoveAll(work))
		must(t, os.CopyFS(work, os.DirFS(dir)))
		// From this step on nothing is written any more.
		dead := false
		disk := &fault.Injector{Before: func(o fault.Op) fault.Fault {
			if dead = dead || o.N >= step && o.Changes(); dead && o.Changes() {
				return fault.Fault{Err: errors.New("killed")}
			}
			return fault.Fault{}
		}}
		_, err := store.Repair(ctx, work, store.OpenOptions{Files: disk})
		if !dead {
			must(t, err)
			t.Logf("%d steps", step)
			break
		}
		_, err = store.Repair(ctx, work, store.OpenOptions{})
		must(t, err)
		if r := checkAll(t, work); !r.OK() {
			t.Fatalf("step %d: damaged: %v", step, r.Damage)
		}
		if n := exportAgain(t, work, blobs); n > 1 {
			t.Fatalf("step %d: %d items were lost", step, n)
		}
		s, err := store.Open(work, store.OpenOptions{})
		must(t, err)
		for id, blob := range blobs {
			if err := wantBlob(s, id, blob); err != nil {
				t.Fatalf("step %d: %v", step, err)
			}
		}
		must(t, s.Close())
	}
}

// An Init that is cut off at any step leaves a folder that the next one takes.
func TestInitIsKilled(t *testing.T) {
	t.Parallel()
	for step := 1; ; step++ {
		dir := filepath.Join(t.TempDir(), "store")
		dead := false
		disk := &fault.Injector{Before: func(o fault.Op) fault.Fault {
			if dead = dead || o.N >= step && o.Changes(); dead && o.Changes() {
				return fault.Fault{Err: errors.New("killed")}
			}
			return fault.Fault{}
		}}
		s, err := store.Open(dir, store.OpenOptions{Create: true, Files: disk})
		if err == nil {
			s.Close()
		}
		if !dead {
			must(t, err)
			return
		}
		s, err = store.Open(dir, store.OpenOptions{Create: true})
		if err != nil {
			t.Fatalf("step %d: %v", step, err)
		}
		must(t, s.Close())
	}
}
