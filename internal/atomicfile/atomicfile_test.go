package atomicfile_test

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"mailferry/internal/atomicfile"
)

func TestWriteTo(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "status.json")
	if err := atomicfile.Write(name, []byte("one"), 0o600); err != nil {
		t.Fatal(err)
	}
	broken := errors.New("broken")
	err := atomicfile.WriteTo(name, 0o600, func(w io.Writer) error {
		io.WriteString(w, "half of two")
		return broken
	})
	if !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
	if got, err := os.ReadFile(name); string(got) != "one" || err != nil {
		t.Errorf("the file holds %q, %v", got, err)
	}
	if err := atomicfile.Write(name, []byte("two"), 0o640); err != nil {
		t.Fatal(err)
	}
	if got, _ := os.ReadFile(name); string(got) != "two" {
		t.Errorf("the file holds %q", got)
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 1 {
		t.Errorf("there is more than the file: %v", entries)
	}
	if err := atomicfile.Write(filepath.Join(dir, "missing", "f"), nil, 0o600); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a missing folder: %v", err)
	}
}
