package store_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"iter"
	"math/rand/v2"
	"testing"

	"mailferry/fts"
	"mailferry/store"
	"mailferry/store/storetest"
)

const alice = "alice@example.com"

var ctx = context.Background()

// must ends the test on an error.
func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func collect[T any](t testing.TB, seq iter.Seq2[T, error]) (all []T) {
	t.Helper()
	for row, err := range seq {
		must(t, err)
		all = append(all, row)
	}
	return all
}

// content is the made-up blob of an item: no FastTransfer stream, half of it
// compressible. The store keeps what it does not understand.
func content(seed uint64, size int) []byte {
	r := rand.New(rand.NewPCG(seed, 1))
	b := make([]byte, size)
	for i := range b {
		if i < size/2 {
			b[i] = byte(r.Uint32())
		} else {
			b[i] = "the quick brown fox "[i%20]
		}
	}
	return b
}

func key(folder, id string) store.ItemKey {
	return store.ItemKey{Mailbox: alice, Folder: folder, ID: id, ChangeKey: "ck-" + id}
}

// stage writes one blob and finishes it.
func stage(t testing.TB, w *store.Writer, k store.ItemKey, blob []byte) *store.Staged {
	t.Helper()
	st, err := tryStage(w, k, blob)
	must(t, err)
	return st
}

func tryStage(w *store.Writer, k store.ItemKey, blob []byte) (*store.Staged, error) {
	b, err := w.Begin(k)
	if err != nil {
		return nil, err
	}
	defer b.Abort()
	for rest := blob; len(rest) > 0; {
		n := min(len(rest), 8191)
		if _, err := b.Write(rest[:n]); err != nil {
			return nil, err
		}
		rest = rest[n:]
	}
	return b.Finish(store.Entry{Catalogue: fts.Catalogue{Subject: "about " + k.ID, Class: "IPM.Note"}, SearchKey: []byte(k.ID)})
}

// put stages and commits items of a folder, one blob each.
func put(t testing.TB, s *store.Store, folder string, ids []string, blob func(i int) []byte) {
	t.Helper()
	w, err := s.NewWriter()
	must(t, err)
	defer w.Close()
	var staged []*store.Staged
	for i, id := range ids {
		staged = append(staged, stage(t, w, key(folder, id), blob(i)))
	}
	must(t, s.Commit(ctx, staged))
}

// wantBlob says what is wrong with an item in the store, or nil.
func wantBlob(s *store.Store, id string, blob []byte) error {
	it, found, err := s.Item(alice, id)
	if err != nil {
		return err
	}
	if !found {
		return fmt.Errorf("item %s is missing", id)
	}
	if it.SHA256 != sha256.Sum256(blob) || it.Size != int64(len(blob)) || it.Catalogue.Subject != "about "+id {
		return fmt.Errorf("item %s is another: %+v", id, it)
	}
	got, err := readBlob(s, it)
	if err != nil {
		return err
	}
	if !bytes.Equal(got, blob) {
		return fmt.Errorf("item %s has another blob", id)
	}
	return nil
}

func readBlob(s *store.Store, it store.Item) ([]byte, error) {
	r, err := s.OpenBlob(it)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(r)
}

// small makes a store with small segments, so that there are many.
func small(t testing.TB, dir string) {
	t.Helper()
	must(t, store.Init(dir, store.Options{SegmentSize: 64 << 10}))
}

// open opens a store that is checked when the test ends.
func open(t testing.TB, dir string) *store.Store {
	t.Helper()
	return storetest.Open(t, dir, store.OpenOptions{Create: true})
}

func wantErr(t testing.TB, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("got error %v, want %v", err, want)
	}
}
