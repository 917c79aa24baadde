package store_test

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"mailferry/internal/fault"
	"mailferry/store"
)

// promise is something that a method of the store returned nil for, and how to
// see that it still holds.
type promise func(s *store.Store) error

// workload does a bit of everything on a store, in one goroutine, and calls
// promised after each step that was durable. It stops at the first error.
func workload(s *store.Store, rounds int, promised func(promise)) error {
	step := func(err error, p promise) error {
		if err == nil {
			promised(p)
		}
		return err
	}
	if err := step(s.PutMailbox(store.Mailbox{Address: alice}), func(s *store.Store) error {
		if all, err := s.Mailboxes(); err != nil || len(all) != 1 {
			return fmt.Errorf("mailboxes: %v, %w", all, err)
		}
		return nil
	}); err != nil {
		return err
	}
	w, err := s.NewWriter()
	if err != nil {
		return err
	}
	defer w.Close()
	j, err := s.Journal("bob@example.com")
	if err != nil {
		return err
	}
	for round := range rounds {
		var changes []store.Change
		for i := range 4 {
			id := fmt.Sprintf("item-%d-%d", round, i)
			changes = append(changes, store.Change{ItemID: id, ChangeKey: "ck-" + id, Size: 1})
		}
		state := fmt.Sprintf("state-%d", round)
		if err := step(s.ApplyChanges(ctx, alice, "inbox", changes, state), func(s *store.Store) error {
			for _, c := range changes { // stored or pending: nothing is forgotten
				_, found, err := s.Item(alice, c.ItemID)
				for p, perr := range s.Pending(alice, "inbox") {
					found = found || p.ID == c.ItemID
					err = errors.Join(err, perr)
				}
				if !found || err != nil {
					return fmt.Errorf("%s is neither stored nor pending, %w", c.ItemID, err)
				}
			}
			return nil
		}); err != nil {
			return err
		}
		var staged []*store.Staged
		blobs := map[string][]byte{}
		for i, c := range changes {
			size := []int{100, 30_000, 300_000, 100}[i] // the last equals the first: a twin
			blob := content(uint64(round*10+i%3), size)
			st, err := tryStage(w, key("inbox", c.ItemID), blob)
			if err != nil {
				w.Discard(staged...)
				return err
			}
			staged = append(staged, st)
			blobs[c.ItemID] = blob
		}
		gone := staged[1] // the answer was short: one is not believed
		w.Discard(gone)
		delete(blobs, gone.Key().ID)
		staged = append(staged[:1:1], staged[2:]...)
		if err := step(s.Commit(ctx, staged), func(s *store.Store) error {
			for id, blob := range blobs {
				if err := wantBlob(s, id, blob); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			w.Discard(staged...)
			return err
		}
		e := []store.JournalEntry{{Source: staged[0].Key(), SHA256: staged[0].SHA256()}}
		source := e[0].Source.ID
		if err := step(j.Intend(ctx, e), func(s *store.Store) error {
			// The outcome may have become durable before the crash.
			return wantState(s, source, store.StateSent, store.StateDone)
		}); err != nil {
			return err
		}
		e[0].State, e[0].TargetID = store.StateDone, "new"
		if err := step(j.Settle(ctx, e), func(s *store.Store) error { return wantState(s, source, store.StateDone) }); err != nil {
			return err
		}
		fk := store.FailureKey{Mailbox: alice, Direction: store.Export, ItemID: gone.Key().ID}
		if err := step(s.RecordFailure(ctx, store.Failure{FailureKey: fk, Code: "x"}), func(s *store.Store) error {
			for f, err := range s.Failures(store.FailureFilter{}) {
				if err == nil && f.ItemID == fk.ItemID {
					return nil
				}
			}
			return fmt.Errorf("the failure of %s is missing", fk.ItemID)
		}); err != nil {
			return err
		}
	}
	return nil
}

func wantState(s *store.Store, id string, want ...store.State) error {
	j, err := s.Journal("bob@example.com")
	if err != nil {
		return err
	}
	e, _, err := j.Get(alice, id)
	if err == nil && !slices.Contains(want, e.State) {
		err = fmt.Errorf("the journal says %q of %s", e.State, id)
	}
	return err
}

// survives opens the store in dir and sees that the promises hold, that every
// byte is sound, and that work goes on.
func survives(t *testing.T, what, dir string, promises []promise) {
	t.Helper()
	s, err := store.Open(dir, store.OpenOptions{})
	if err != nil {
		t.Errorf("%s: %v", what, err)
		return
	}
	defer s.Close()
	for i, p := range promises {
		if err := p(s); err != nil {
			t.Errorf("%s: promise %d: %v", what, i, err)
		}
	}
	r, err := s.Check(ctx, store.CheckOptions{ReadData: true})
	if err != nil || !r.OK() {
		t.Errorf("%s: check: %+v, %v", what, r.Damage, err)
	}
	for it, err := range s.Items(alice, "inbox") {
		if err != nil {
			t.Errorf("%s: %v", what, err)
		} else if strings.HasSuffix(it.ID, "-1") {
			t.Errorf("%s: %s was discarded, and is believed", what, it.ID)
		}
	}
	w, err := s.NewWriter()
	if err != nil {
		t.Errorf("%s: %v", what, err)
		return
	}
	st, err := tryStage(w, key("inbox", "afterwards"), content(99, 5000))
	if err == nil {
		err = s.Commit(ctx, []*store.Staged{st})
	}
	if err == nil {
		err = errors.Join(w.Close(), wantBlob(s, "afterwards", content(99, 5000)))
	}
	if err != nil {
		t.Errorf("%s: afterwards: %v", what, err)
	}
}

// After each step that changes the disk the folder is copied, twice: as a killed
// process leaves it, and as a power cut may leave it, where of what was not
// synced only a part is there, and some of it as zeros. The store opens from
// every copy and keeps its promises.
func TestCrashAtEveryStep(t *testing.T) {
	t.Parallel()
	dir, copies := t.TempDir(), t.TempDir()
	small(t, dir)
	type copied struct {
		what     string
		promises int
	}
	var (
		promises []promise
		made     []copied
		synced   = map[string]int64{}
		r        = rand.New(rand.NewPCG(1, 2))
	)
	snapshot := func(what string) {
		n := len(made)
		copyStore(t, dir, filepath.Join(copies, fmt.Sprint(n)), nil)
		made = append(made, copied{what + ", killed", len(promises)})
		copyStore(t, dir, filepath.Join(copies, fmt.Sprint(n+1)), func(name string, b []byte) []byte {
			if !strings.HasSuffix(name, ".seg") {
				return b
			}
			return powerCut(r, b, synced[name])
		})
		made = append(made, copied{what + ", power cut", len(promises)})
	}
	layer := &fault.Injector{After: func(o fault.Op) {
		if o.Kind == fault.Sync {
			info, err := os.Stat(o.Path)
			must(t, err)
			synced[o.Path] = info.Size()
		}
		if o.Changes() {
			snapshot(fmt.Sprintf("after operation %d, %s %s", o.N, o.Kind, filepath.Base(o.Path)))
		}
	}}
	s, err := store.Open(dir, store.OpenOptions{Files: layer})
	must(t, err)
	must(t, workload(s, 3, func(p promise) {
		promises = append(promises, p)
		snapshot(fmt.Sprintf("after promise %d", len(promises)))
	}))
	must(t, s.Close())
	snapshot("at the end")
	if len(made) < 100 {
		t.Fatalf("only %d copies", len(made))
	}
	for i, c := range made {
		survives(t, c.what, filepath.Join(copies, fmt.Sprint(i)), promises[:c.promises])
		if t.Failed() {
			t.Fatalf("the copy is number %d of %d", i, len(made))
		}
	}
	t.Logf("opened from %d copies", len(made))
}

func powerCut(r *rand.Rand, b []byte, synced int64) []byte {
	if synced >= int64(len(b)) {
		return b
	}
	b = b[:synced+r.Int64N(int64(len(b))-synced+1)]
	if lost := b[synced:]; len(lost) > 0 && r.IntN(2) == 0 {
		clear(lost[r.IntN(len(lost)):])
	}
	return b
}

func copyStore(t *testing.T, from, to string, change func(name string, b []byte) []byte) {
	t.Helper()
	must(t, filepath.WalkDir(from, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		target := filepath.Join(to, strings.TrimPrefix(name, from))
		if d.IsDir() {
			return os.MkdirAll(target, 0o700)
		}
		b, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		if change != nil {
			b = change(name, b)
		}
		return os.WriteFile(target, b, 0o600)
	}))
}

// Each operation fails once, in each way. The error is told, what was promised
// before holds, and the store opens again and goes on.
func TestEveryOperationFails(t *testing.T) {
	t.Parallel()
	faults := map[string]fault.Fault{
		"full disk":            {Err: syscall.ENOSPC},
		"full disk, half done": {Err: syscall.ENOSPC, Short: 1000},
		"broken disk":          {Err: syscall.EIO},
	}
	for name, f := range faults {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for n := 1; ; n++ {
				dir := t.TempDir()
				small(t, dir)
				var promises []promise
				hit := ""
				layer := &fault.Injector{Before: func(o fault.Op) fault.Fault {
					if o.N < n || hit != "" || !o.Changes() {
						return fault.Fault{}
					}
					hit = fmt.Sprintf("operation %d, %s %s", o.N, o.Kind, filepath.Base(o.Path))
					return f
				}}
				s, err := store.Open(dir, store.OpenOptions{Files: layer})
				if err == nil {
					err = workload(s, 2, func(p promise) { promises = append(promises, p) })
					if cerr := s.Close(); cerr != nil {
						t.Errorf("%s: close: %v", hit, cerr)
					}
				}
				if hit == "" {
					must(t, err)
					t.Logf("%d operations failed", n-1)
					return
				}
				switch {
				case err == nil:
					// A failed Cut is healed by the next opening; nothing was lost by it.
					if !strings.Contains(hit, "truncate") {
						t.Errorf("%s: nobody was told", hit)
					}
				case f.Err == syscall.ENOSPC && !errors.Is(err, store.ErrNoSpace):
					t.Errorf("%s: %v", hit, err)
				case strings.Contains(err.Error(), "\n"):
					t.Errorf("%s: more than a line: %q", hit, err)
				}
				survives(t, hit, dir, promises)
				if t.Failed() {
					return
				}
			}
		})
	}
}

// A full disk is no end: after there is space, the same open store goes on.
func TestGoesOnAfterFullDisk(t *testing.T) {
	dir := t.TempDir()
	small(t, dir)
	full := false
	layer := &fault.Injector{Before: func(o fault.Op) fault.Fault {
		if full && o.Kind == fault.Write {
			return fault.Fault{Err: syscall.ENOSPC, Short: 10}
		}
		return fault.Fault{}
	}}
	s, err := store.Open(dir, store.OpenOptions{Files: layer})
	must(t, err)
	w, err := s.NewWriter()
	must(t, err)
	before := stage(t, w, key("inbox", "before"), content(1, 400_000))
	full = true
	wantErr(t, s.Commit(ctx, []*store.Staged{before}), store.ErrNoSpace)
	_, err = tryStage(w, key("inbox", "during"), content(2, 400_000))
	wantErr(t, err, store.ErrNoSpace)
	full = false
	must(t, s.Commit(ctx, []*store.Staged{before}))
	must(t, s.Commit(ctx, []*store.Staged{stage(t, w, key("inbox", "after"), content(3, 100))}))
	must(t, w.Close())
	must(t, s.Close())
	survives(t, "after the full disk", dir, []promise{
		func(s *store.Store) error { return wantBlob(s, "before", content(1, 400_000)) },
		func(s *store.Store) error { return wantBlob(s, "after", content(3, 100)) },
	})
}

// An error of fsync is never forgotten: the disk may have dropped the pages.
func TestFailedSyncIsFatal(t *testing.T) {
	dir := t.TempDir()
	small(t, dir)
	broken := false
	layer := &fault.Injector{Before: func(o fault.Op) fault.Fault {
		if broken && o.Kind == fault.Sync {
			broken = false
			return fault.Fault{Err: syscall.EIO}
		}
		return fault.Fault{}
	}}
	s, err := store.Open(dir, store.OpenOptions{Files: layer})
	must(t, err)
	w, err := s.NewWriter()
	must(t, err)
	st := stage(t, w, key("inbox", "x"), content(1, 1000))
	broken = true
	wantErr(t, s.Commit(ctx, []*store.Staged{st}), syscall.EIO)
	wantErr(t, s.Commit(ctx, []*store.Staged{st}), syscall.EIO)
	wantErr(t, s.PutMailbox(store.Mailbox{Address: alice}), syscall.EIO)
	_, err = w.Begin(key("inbox", "y"))
	wantErr(t, err, syscall.EIO)
	if _, found, err := s.Item(alice, "x"); found || err != nil {
		t.Errorf("the item is believed: %v, %v", found, err)
	}
	must(t, w.Close())
	must(t, s.Close())
	survives(t, "after the failed fsync", dir, nil)
}
