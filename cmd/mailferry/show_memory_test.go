package main

import (
	"path/filepath"
	"strings"
	"testing"
)

// TestShowLarge: an item with an attachment of 150 MB and a body of 5 MB is shown
// in the memory of a small one, and the body whole.
func TestShowLarge(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("writes 300 MB")
	}
	dir := filepath.Join(t.TempDir(), "store")
	storeLarge(t, dir)
	for flag, want := range map[string]struct {
		text  string
		times int
	}{
		"--properties=false": {"A line of a body with an", 100_000},
		"--properties":       {" = 157286385 bytes: ", 1}, // of the attachment
		"--json":             {`"format":"mailferry item 1"`, 1},
	} {
		cmd, said := program(t, t.Context(), "show", "1", "--store", dir, flag)
		told := filepath.Join(t.TempDir(), "memory")
		cmd.Env = append(cmd.Env, tellsMemory+"="+told)
		if err := cmd.Run(); err != nil {
			t.Fatalf("%s: %v\n%.2000s", flag, err, said)
		}
		if n := strings.Count(said.String(), want.text); n != want.times {
			t.Errorf("%s: %q is shown %d times, want %d", flag, want.text, n, want.times)
		}
		peak := peakMemory(t, told)
		if t.Logf("%s: %d MiB", flag, peak>>20); peak > 64<<20 {
			t.Errorf("%s took %d MiB of memory", flag, peak>>20)
		}
	}
}
