package upload_test

import (
	"context"
	"math/rand/v2"
	"net/http"
	"os"
	"strconv"
	"sync/atomic"
	"testing"

	"mailferry/ews/ewstest"
	"mailferry/upload"
)

// Faults of many kinds at once, and kills, by a seed: in the end each item is
// there once. MAILFERRY_LONG_TESTS is the number of seeds.
func TestMixedFaultsAndKills(t *testing.T) {
	t.Parallel()
	seeds := uint64(4)
	if n, err := strconv.ParseUint(os.Getenv("MAILFERRY_LONG_TESTS"), 10, 32); err == nil {
		seeds = n
	}
	kinds := []ewstest.Fault{
		{Kind: "drop-before", Every: 5},
		{Kind: "drop-after-commit", Every: 4},
		{Kind: "drop-mid-response", Every: 5, After: 900},
		{Kind: "short-response", Every: 4},
		{Kind: "busy", Every: 6, BackOffMS: 3},
		{Kind: "busy-item", Every: 17, BackOffMS: 3},
		{Kind: "batch-stopped", Every: 19},
		{Kind: "timeout", Every: 5},
		{Kind: "http-503", Every: 7},
		{Kind: "http-413", Every: 6},
		{Kind: "server-duplicates", Every: 11},
		{Kind: "quota", Every: 41},
		{Kind: "corrupt-item", Every: 23},
		{Kind: "gzip-garbage", Every: 9},
		{Op: "SyncFolderItems", Kind: "invalid-sync-state", Every: 7},
		{Op: "CreateFolder", Kind: "drop-after-commit", Every: 3},
		{Op: "FindItem", Kind: "duplicate-ids", Every: 2},
		{Op: "ExportItems", Kind: "drop-mid-response", Every: 3, After: 3000},
		{Op: "ExportItems", Kind: "truncated", Every: 5},
		{Op: "FindFolder", Kind: "drop-before", Every: 4},
	}
	w := newWorld(t, "sample:40")
	w.twins(3)
	w.export()
	want := w.held(alice)
	restore := w.snapshot()
	for seed := range seeds {
		t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) {
			w.t = t
			restore()
			w.server.Reset()
			w.wrap = nil
			rnd := rand.New(rand.NewPCG(seed, 7))
			var chosen []ewstest.Fault
			for _, i := range rnd.Perm(len(kinds))[:2+rnd.IntN(4)] {
				f := kinds[i]
				if f.Op == "" {
					f.Op = "UploadItems"
				}
				f.Times = 1 + rnd.IntN(5)
				chosen = append(chosen, f)
			}
			w.faults(chosen...)
			batch := 2 + rnd.IntN(12)
			for range 2 + rnd.IntN(4) {
				ctx, cancel := context.WithCancel(t.Context())
				var count atomic.Int64
				at, after := 2+rnd.Int64N(40), rnd.IntN(2) == 0
				w.wrap = func(next http.RoundTripper) http.RoundTripper {
					return &killer{next: next, count: &count, at: at, after: after, cancel: cancel}
				}
				_, _ = w.try(ctx, func(o *upload.Options) { o.BatchItems = batch }) // it may be killed, or end at a fault
				cancel()
			}
			w.wrap = nil
			for range 10 {
				if s, err := w.try(t.Context()); err == nil && s.Failed+s.Left == 0 {
					break
				}
			}
			w.faults()
			s := w.run()
			if s.Failed+s.Left > 0 {
				t.Errorf("%+v", s)
			}
			w.equal(want, w.held(bob))
			if f := w.failures(); len(f) > 0 {
				t.Errorf("failures: %v", f)
			}
			if r := w.verify(upload.LevelContent); !r.OK() || r.Equal != total(want) {
				t.Errorf("verify: %+v", r)
			}
			if t.Failed() {
				t.Logf("faults: %+v", chosen)
			}
		})
	}
}
