// Package sharedtest finds the test data that lies beside a checkout of the
// repository, and the programs of the machine that tests stand opposite to.
// Neither is part of the repository, so a test that needs one is skipped where
// it is missing; in CI a missing program is a failure.
package sharedtest

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// Dir returns the folder rel (for example "testdata/fts") of the folder
// "shared" that lies beside the repository, or skips the test.
func Dir(t testing.TB, rel string) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		found := filepath.Join(dir, "shared", filepath.FromSlash(rel))
		if info, err := os.Stat(found); err == nil && info.IsDir() {
			return found
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			t.Skipf("shared/%s does not lie beside the repository", rel)
		}
		dir = parent
	}
}

// Program returns the path of a program of the machine. Where it is missing
// the test is skipped, but in CI it fails: there .ci/run installs it.
func Program(t testing.TB, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	switch {
	case err == nil:
		return path
	case os.Getenv("CI") != "":
		t.Fatalf("%s is missing: .ci/run must install it", name)
	default:
		t.Skipf("%s is missing", name)
	}
	return ""
}
