package store_test

import (
	"crypto/rand"
	"fmt"
	"io/fs"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"mailferry/fts"
	"mailferry/internal/fault"
	"mailferry/store"
)

// noSync leaves fsync out, to measure what the processor does.
type noSync struct{ fault.FS }

type noSyncFile struct{ fault.File }

func (n noSync) OpenFile(name string, flag int, mode fs.FileMode) (fault.File, error) {
	f, err := n.FS.OpenFile(name, flag, mode)
	return noSyncFile{f}, err
}

func (noSyncFile) Sync() error { return nil }

// BenchmarkWrite is the way of blobs that can't be compressed, by two writers.
func BenchmarkWrite(b *testing.B) {
	for _, size := range []int{100 << 10, 4 << 20} {
		b.Run(fmt.Sprintf("%dKiB", size>>10), func(b *testing.B) {
			blob := make([]byte, size)
			rand.Read(blob)
			s, err := store.Open(b.TempDir(), store.OpenOptions{Create: true, Files: noSync{fault.OS}})
			must(b, err)
			defer s.Close()
			b.SetBytes(2 * int64(size) * 100)
			n := 0
			cpu := cpuTime()
			for b.Loop() {
				n++
				var wg sync.WaitGroup
				for g := range 2 {
					wg.Go(func() {
						w, err := s.NewWriter()
						must(b, err)
						defer w.Close()
						mine := append([]byte(nil), blob...)
						var staged []*store.Staged
						for i := range 100 {
							copy(mine, fmt.Sprint(n, g, i, "                  "))
							bl, err := w.Begin(key("f", fmt.Sprintf("%0140d-%d-%d", n, g, i)))
							must(b, err)
							for rest := mine; len(rest) > 0; rest = rest[min(len(rest), 32<<10):] {
								_, err = bl.Write(rest[:min(len(rest), 32<<10)])
								must(b, err)
							}
							st, err := bl.Finish(store.Entry{})
							must(b, err)
							staged = append(staged, st)
						}
						must(b, s.Commit(ctx, staged))
					})
				}
				wg.Wait()
			}
			gb := float64(n) * 200 * float64(size) / 1e9
			b.ReportMetric((cpuTime()-cpu).Seconds()/gb, "cpu-s/GB")
		})
	}
}

func catalogue(i int) fts.Catalogue {
	return fts.Catalogue{
		Class: "IPM.Note", Subject: fmt.Sprintf("Re: the report of week %d, and what comes of it", i),
		From: "alice@example.com", Sender: "alice@example.com",
		To:       []fts.Person{{Address: "bob@example.com"}, {Address: "carol@example.com"}, {Address: fmt.Sprintf("user%d@example.com", i%500)}},
		Received: time.Unix(1_700_000_000+int64(i)*60, 0), Sent: time.Unix(1_700_000_000+int64(i)*60, 0),
		Created: time.Unix(1_700_000_000+int64(i)*60, 0), Modified: time.Unix(1_700_000_000+int64(i)*60, 0),
		MessageID: fmt.Sprintf("<%032x@mail.example.com>", i*7919),
	}
}

// BenchmarkCommit is a batch of 100 small items, durable; BenchmarkList lists 100,000.
func BenchmarkCommit(b *testing.B) {
	s, err := store.Open(b.TempDir(), store.OpenOptions{Create: true})
	must(b, err)
	defer s.Close()
	n := 0
	for b.Loop() {
		commitItems(b, s, n*100, 100)
		n++
	}
	b.ReportMetric(float64(b.Elapsed().Milliseconds())/float64(n*100), "ms/item")
}

func commitItems(b testing.TB, s *store.Store, first, n int) {
	w, err := s.NewWriter()
	must(b, err)
	defer w.Close()
	staged := make([]*store.Staged, 0, n)
	for i := first; i < first+n; i++ {
		k := key("f", fmt.Sprintf("AAMkAD%s%08d", strings.Repeat("x", 138), i))
		k.ChangeKey = fmt.Sprintf("CQAAABYAAAB%028d", i)
		bl, err := w.Begin(k)
		must(b, err)
		fmt.Fprint(bl, "blob ", i)
		st, err := bl.Finish(store.Entry{Catalogue: catalogue(i), SearchKey: []byte("sixteen bytes of")})
		must(b, err)
		staged = append(staged, st)
	}
	must(b, s.Commit(ctx, staged))
}

func BenchmarkList(b *testing.B) {
	const items = 100_000
	s, err := store.Open(b.TempDir(), store.OpenOptions{Create: true, Files: noSync{fault.OS}})
	must(b, err)
	defer s.Close()
	for i := 0; i < items; i += 500 {
		commitItems(b, s, i, 500)
	}
	st, err := s.Stats()
	must(b, err)
	var before, m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	peak := uint64(0)
	for b.Loop() {
		n := 0
		for _, err := range s.Items(alice, "f") {
			must(b, err)
			if n++; n%5000 == 0 {
				runtime.ReadMemStats(&m)
				peak = max(peak, m.HeapInuse)
			}
		}
		if n != items {
			b.Fatalf("%d items", n)
		}
	}
	b.ReportMetric(float64(st.IndexBytes)/items, "index-B/item")
	b.ReportMetric(float64(st.SegmentBytes)/items, "segment-B/item")
	b.ReportMetric(float64(peak)/1e6, "heap-MB")
}
