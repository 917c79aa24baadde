// Package memtest lets a test, and above all a fuzz target, bound the memory of
// what it calls.
package memtest

import (
	"runtime/metrics"
	"testing"
)

// Bound fails the test when more than limit bytes are allocated before the
// function that it returns is called: those freed in between count as well, so
// that the bound is one of memory in use, too.
func Bound(t testing.TB, limit uint64) (done func()) {
	t.Helper()
	before := allocated()
	return func() {
		t.Helper()
		if n := allocated() - before; n > limit {
			t.Errorf("%d bytes were allocated, at most %d are allowed", n, limit)
		}
	}
}

// allocated returns the bytes of all objects that this process ever made.
func allocated() uint64 {
	s := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(s)
	return s[0].Value.Uint64()
}
