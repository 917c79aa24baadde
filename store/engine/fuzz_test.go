package engine

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"mailferry/internal/fault"
)

// Whatever stands in an index, looking at its pages ends, in little memory, and
// with damage told or none; where none is told, the index can be read to its end.
func FuzzPages(f *testing.F) {
	dir := f.TempDir()
	e, err := Open(dir, OpenOptions{Create: true})
	if err != nil {
		f.Fatal(err)
	}
	churn(f, e, rand.New(rand.NewPCG(5, 6)), 60)
	if err := e.Close(); err != nil {
		f.Fatal(err)
	}
	name := filepath.Join(dir, IndexName)
	good, err := os.ReadFile(name)
	if err != nil {
		f.Fatal(err)
	}
	size := int64(os.Getpagesize())
	for at := int64(0); at < int64(len(good)); at += size {
		f.Add(uint32(at+8), []byte{0xff, 0xff, 0xff, 0xff})
	}
	f.Add(uint32(0), []byte{})
	f.Fuzz(func(t *testing.T, at uint32, patch []byte) {
		b := bytes.Clone(good)
		copy(b[int(at)%len(b):], patch)
		damaged := 0
		c := newPageChecker(bytes.NewReader(b), size, int64(len(b))/size, func(err error) {
			if !errors.Is(err, ErrDamaged) {
				t.Errorf("told: %v", err)
			}
			damaged++
		})
		err := c.metas()
		root, ok, rootErr := c.root()
		if err == nil && rootErr == nil && ok {
			err = c.tree("", root, nil, nil, 0)
		}
		if err != nil && !errors.Is(err, ErrDamaged) && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("ends with %v", err)
		}
		if err != nil || rootErr != nil || !ok || damaged > 0 {
			return
		}
		if err := os.WriteFile(name, b, 0o600); err != nil {
			t.Fatal(err)
		}
		e, err := Open(dir, OpenOptions{ReadOnly: true})
		if err != nil { // of a value
			if !errors.Is(err, ErrDamaged) {
				t.Errorf("nothing was told, and it can't be opened: %v", err)
			}
			return
		}
		defer e.Close()
		if err := e.CheckIndex(func(error) {}); err != nil {
			t.Errorf("nothing was told, and it can't be read: %v", err)
		}
	})
}

// Whatever stands in store.json, it is a store's or it is refused.
func FuzzConfig(f *testing.F) {
	dir := f.TempDir()
	if err := Init(dir, Options{}); err != nil {
		f.Fatal(err)
	}
	good, err := os.ReadFile(filepath.Join(dir, configName))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add([]byte(`{"format":3}`))
	f.Add([]byte(`{"format":1,"id":"zz"}`))
	f.Add(bytes.Replace(good, []byte("2"), []byte("1"), 1))
	f.Fuzz(func(t *testing.T, b []byte) {
		if err := os.WriteFile(filepath.Join(dir, configName), b, 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := readConfigFile(fault.OS, dir, configName)
		switch {
		case err == nil:
			again, err := c.encode()
			if err != nil {
				t.Fatal(err)
			}
			var back config
			if err := os.WriteFile(filepath.Join(dir, configName), again, 0o600); err != nil {
				t.Fatal(err)
			}
			if back, err = readConfigFile(fault.OS, dir, configName); err != nil || back.ID != c.ID || back.Format != c.Format {
				t.Errorf("%q: written again it is %q, %v", b, again, err)
			}
		case !errors.Is(err, ErrDamaged) && !errors.Is(err, ErrNewerFormat) && !errors.Is(err, ErrNotAStore):
			t.Errorf("%q: %v", b, err)
		}
	})
}
