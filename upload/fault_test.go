package upload_test

import (
	"encoding/hex"
	"math/bits"
	"strings"
	"testing"

	"mailferry/ews/ewstest"
	"mailferry/store"
	"mailferry/upload"
)

// Each kind of fault, several times in one run: each item arrives once.
func TestFaultsThatPass(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]ewstest.Fault{
		"drop-before":             {Op: "UploadItems", Kind: "drop-before", Every: 3, Times: 4},
		"drop-after-commit":       {Op: "UploadItems", Kind: "drop-after-commit", Every: 3, Times: 4},
		"drop-mid-response":       {Op: "UploadItems", Kind: "drop-mid-response", Every: 3, Times: 4, After: 1200},
		"short-response":          {Op: "UploadItems", Kind: "short-response", Every: 3, Times: 4},
		"busy":                    {Op: "UploadItems", Kind: "busy", Every: 3, Times: 3, BackOffMS: 5},
		"busy-zero":               {Op: "UploadItems", Kind: "busy-zero", Every: 4, Times: 2},
		"busy-item":               {Op: "UploadItems", Kind: "busy-item", Every: 20, Times: 6, BackOffMS: 5},
		"inner-busy":              {Op: "UploadItems", Kind: "inner-busy", Every: 20, Times: 6},
		"batch-stopped":           {Op: "UploadItems", Kind: "batch-stopped", Every: 15, Times: 5},
		"timeout":                 {Op: "UploadItems", Kind: "timeout", Every: 4, Times: 3},
		"http-503":                {Op: "UploadItems", Kind: "http-503", Every: 4, Times: 2},
		"http-302-error-page":     {Op: "UploadItems", Kind: "http-302-error-page", Every: 4, Times: 2},
		"http-413":                {Op: "UploadItems", Kind: "http-413", Every: 3, Times: 4},
		"gzip-garbage":            {Op: "UploadItems", Kind: "gzip-garbage", Every: 4, Times: 2},
		"wrong-content-type":      {Op: "UploadItems", Kind: "wrong-content-type", Every: 4, Times: 2},
		"server-duplicates":       {Op: "UploadItems", Kind: "server-duplicates", Every: 13},
		"move-in-progress":        {Op: "UploadItems", Kind: "move-in-progress", Every: 25, Times: 3},
		"folders exist meanwhile": {Op: "CreateFolder", Kind: "drop-after-commit", Every: 3},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, "sample:60")
			want := w.held(alice)
			w.faults(fault)
			s := w.run()
			if w.server.Stats().Faults == 0 {
				t.Error("the fault never came")
			}
			if s.Moved != total(want) {
				t.Errorf("summary %+v", s)
			}
			w.equal(want, w.held(bob))
			w.faults()
			if s := w.run(); s.Moved != 0 {
				t.Errorf("second run: %+v", s)
			}
			w.equal(want, w.held(bob))
			if name == "server-duplicates" && !strings.Contains(warnings(w), "extra copies") {
				t.Errorf("extra copies were not told: %q", warnings(w))
			}
			if name != "server-duplicates" {
				w.nothingDeleted()
			}
			if f := w.failures(); len(f) > 0 {
				t.Errorf("failures: %v", f)
			}
		})
	}
}

func warnings(w *world) string {
	var all []string
	for _, e := range w.warnings {
		all = append(all, e.Text)
	}
	return strings.Join(all, "\n")
}

// blobsOf returns the hex hashes of some items of the store.
func (w *world) blobsOf(n int) []string {
	w.t.Helper()
	var sums []string
	w.open(func(st *store.Store) {
		folders, err := st.Folders(alice)
		if err != nil {
			w.t.Fatal(err)
		}
		for _, f := range folders {
			if f.Root != store.Primary {
				continue
			}
			for it, err := range st.Items(alice, f.ID) {
				if err != nil {
					w.t.Fatal(err)
				}
				if !it.Associated && len(sums) < n {
					sums = append(sums, hex.EncodeToString(it.SHA256[:]))
				}
			}
		}
	})
	if len(sums) < n {
		w.t.Fatalf("only %d items", len(sums))
	}
	return sums
}

// loneBlob returns the hash of a blob in the middle that no other item has.
func (w *world) loneBlob() string {
	w.t.Helper()
	sums := w.blobsOf(100)
	times := make(map[string]int)
	for _, sum := range w.blobsOf(130) {
		times[sum]++
	}
	for _, sum := range sums[60:] {
		if times[sum] == 1 {
			return sum
		}
	}
	w.t.Fatal("all blobs have twins")
	return ""
}

func TestPoisonStandsAloneInTheEnd(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "sample:60")
	sums := w.blobsOf(40)
	poison := sums[20]
	w.faults(ewstest.Fault{Op: "UploadItems", Kind: "poison", Item: poison})
	s := w.run()
	if s.Failed != 1 || s.Moved != s.Found-1 {
		t.Errorf("summary %+v", s)
	}
	if f := w.failures(); f["ErrorInternalServerError"] != 1 || len(f) != 1 {
		t.Errorf("failures: %v", f)
	}
	w.faults()
	if s := w.run(); s.Moved != 1 || s.Failed != 0 {
		t.Errorf("when it has passed: %+v", s)
	}
	w.same()
	if f := w.failures(); len(f) != 0 {
		t.Errorf("failures are left: %v", f)
	}
}

// One item that makes its whole batch fail costs a few requests for each halving
// of the batch, whatever its size.
func TestPoisonIsFoundWithFewRequests(t *testing.T) {
	t.Parallel()
	for _, size := range []int{8, 64} {
		count := func(faults ...ewstest.Fault) int64 {
			w := newWorld(t, "sample:130")
			if len(faults) > 0 {
				faults[0].Item = w.loneBlob()
			}
			w.faults(faults...)
			if s := w.run(func(o *upload.Options) { o.BatchItems, o.Workers = size, 1 }); s.Failed != len(faults) {
				t.Errorf("%+v", s)
			}
			return w.server.Stats().Requests["UploadItems"]
		}
		plain, poisoned := count(), count(ewstest.Fault{Op: "UploadItems", Kind: "poison"})
		extra, halvings := poisoned-plain, int64(bits.Len(uint(size))-1)
		t.Logf("batches of %d: %d requests, %d more for one poisoned item", size, plain, extra)
		// Each halving sends two parts; the last is sent once more.
		if extra <= 0 || extra > 2*halvings+4 {
			t.Errorf("batches of %d: %d more requests for %d halvings", size, extra, halvings)
		}
	}
}

func TestItemsThatAreRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "sample:60")
	sums := w.blobsOf(30)
	w.faults(
		ewstest.Fault{Op: "UploadItems", Kind: "corrupt-item", Item: sums[3]},
		ewstest.Fault{Op: "UploadItems", Kind: "corrupt-item", Item: sums[17]},
	)
	s := w.run()
	if s.Failed != 2 || s.Moved != s.Found-2 || s.Left != 0 {
		t.Errorf("summary %+v", s)
	}
	if f := w.failures(); f["ErrorCorruptData"] != 2 {
		t.Errorf("failures: %v", f)
	}
	r := w.verify(upload.LevelKey)
	if r.Missing != 2 || r.OK() || len(r.Findings) != 2 {
		t.Errorf("verify: %+v", r)
	}
	w.open(func(st *store.Store) {
		for f, err := range st.Failures(store.FailureFilter{Mailbox: alice}) {
			if err != nil {
				t.Fatal(err)
			}
			if err := st.AcceptFailures(t.Context(), "known", f.FailureKey); err != nil {
				t.Fatal(err)
			}
		}
	})
	if s := w.run(); s.Failed != 2 || s.Accepted != 2 {
		t.Errorf("after they were accepted: %+v", s)
	}
	for _, level := range []upload.Level{upload.LevelCount, upload.LevelKey} {
		if r := w.verify(level); !r.OK() || r.Accepted != 2 {
			t.Errorf("verify %s: %+v", level, r)
		}
	}
	if s, err := w.try(t.Context(), func(o *upload.Options) { o.MaxFailures = 1; o.Into = "X"; o.Workers = 1 }); err != nil || s.Left == 0 || s.Failed != 2 {
		t.Errorf("max-failures: %+v, %v", s, err)
	}
}

func TestQuotaEndsTheRunAndCanBeResumed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "sample:60")
	w.faults(ewstest.Fault{Op: "UploadItems", Kind: "quota", Nth: 25})
	s, err := w.try(t.Context())
	if err == nil || !strings.Contains(err.Error(), "full") || s.Left == 0 || s.Failed != 0 || s.Moved == 0 {
		t.Errorf("%+v, %v", s, err)
	}
	w.adds(s)
	w.faults()
	w.run()
	w.same()
}

func TestADamagedBlobIsNotSent(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "sample:40")
	damaged := damage(t, w)
	s, err := w.try(t.Context())
	if err != nil || s.Failed != damaged || s.Moved != s.Found-damaged {
		t.Fatalf("%d damaged: %+v, %v", damaged, s, err)
	}
	if f := w.failures(); f[upload.CodeDamaged] != damaged {
		t.Errorf("failures: %v", f)
	}
	held := w.held(bob)
	if total(held) != s.Moved {
		t.Errorf("the target holds %d of %d", total(held), s.Moved)
	}
}

func TestEveryItemFailsAsTooLarge(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "sample:30")
	w.faults(ewstest.Fault{Op: "UploadItems", Kind: "http-413", Item: ""})
	s, err := w.try(t.Context(), func(o *upload.Options) { o.BatchItems = 4 })
	if err != nil || s.Failed != s.Found {
		t.Fatalf("%+v, %v", s, err)
	}
	w.faults()
	w.run()
	w.same()
}
