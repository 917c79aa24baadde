package extract

import (
	"io"
	"os"
	"path/filepath"
	"testing"
)

// TestLeftovers: what a run left that was killed is in nobody's way, whatever it is,
// and is not written through.
func TestLeftovers(t *testing.T) {
	t.Parallel()
	dir, outside := t.TempDir(), filepath.Join(t.TempDir(), "outside")
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	out := &output{root: root, made: make(map[string]bool)}
	for name, leave := range map[string]func(at string) error{
		"file":   func(at string) error { return os.WriteFile(at, []byte("longer than what comes"), 0o600) },
		"folder": func(at string) error { return os.MkdirAll(filepath.Join(at, "inside"), 0o700) },
		"link":   func(at string) error { return os.Symlink(outside, at) },
	} {
		if err := leave(filepath.Join(dir, part(name))); err != nil {
			t.Fatal(err)
		}
		if err := out.file(t.Context(), name, func(w io.Writer) error {
			_, err := io.WriteString(w, "new")
			return err
		}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if b, err := os.ReadFile(filepath.Join(dir, name)); err != nil || string(b) != "new" {
			t.Errorf("%s: %q, %v", name, b, err)
		}
	}
	if _, err := os.Lstat(outside); err == nil {
		t.Error("it was written through a link")
	}
	if names, err := filepath.Glob(filepath.Join(dir, ".part-*")); err != nil || len(names) != 0 {
		t.Errorf("left: %q, %v", names, err)
	}
}
