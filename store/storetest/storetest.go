// Package storetest gives tests a store that is checked when the test ends.
package storetest

import (
	"context"
	"testing"

	"mailferry/store"
)

// New makes a store in a temporary folder. When the test ends the store is
// closed and every byte of it is checked.
func New(t testing.TB) *store.Store {
	t.Helper()
	return Open(t, t.TempDir(), store.OpenOptions{Create: true})
}

// Open opens a store as New does, in a given folder.
func Open(t testing.TB, dir string, o store.OpenOptions) *store.Store {
	t.Helper()
	s, err := store.Open(dir, o)
	if err != nil {
		t.Fatalf("open store: %v", err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close store: %v", err)
		}
		Check(t, dir)
	})
	return s
}

// Check opens the store in dir, checks every byte of it, and closes it.
func Check(t testing.TB, dir string) {
	t.Helper()
	s, err := store.Open(dir, store.OpenOptions{})
	if err != nil {
		t.Errorf("open store to check it: %v", err)
		return
	}
	defer s.Close()
	report, err := s.Check(context.Background(), store.CheckOptions{ReadData: true})
	if err != nil {
		t.Errorf("check store: %v", err)
	}
	for _, d := range report.Damage {
		t.Errorf("store is damaged: %s: %s %s", d.File, d.Text, d.Item)
	}
}
