package mailbox

import (
	"bytes"
	"io"
	"runtime"
	"testing"
)

// BenchmarkUpload shows the speed of an upload and, as peak, the memory that it
// takes while it runs in multiples of the blob.
func BenchmarkUpload(b *testing.B) {
	for _, size := range []string{"100KB", "25MB"} {
		b.Run(size, func(b *testing.B) {
			from := load(b, "bulk:1:"+size, Options{})
			var raw bytes.Buffer
			it := all(from)[0]
			if err := from.WriteBlob(&raw, it); err != nil {
				b.Fatal(err)
			}
			to := load(b, "", Options{})
			b.SetBytes(int64(raw.Len()))
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			for b.Loop() {
				up, err := to.Upload(Upload{Folder: inbox(b, to), Blob: bytes.NewReader(raw.Bytes())})
				if err != nil {
					b.Fatal(err)
				}
				if err := to.Delete(up.ID, HardDelete); err != nil {
					b.Fatal(err)
				}
			}
			runtime.ReadMemStats(&after)
			b.ReportMetric(float64(after.TotalAlloc-before.TotalAlloc)/float64(b.N)/float64(raw.Len()), "alloc/blob")
		})
	}
}

// BenchmarkRender shows the speed of an export of what was uploaded.
func BenchmarkRender(b *testing.B) {
	from, to := load(b, "bulk:1:25MB", Options{}), load(b, "", Options{})
	var raw bytes.Buffer
	if err := from.WriteBlob(&raw, all(from)[0]); err != nil {
		b.Fatal(err)
	}
	it, err := to.Upload(Upload{Folder: inbox(b, to), Blob: &raw})
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(25e6)
	for b.Loop() {
		if err := to.WriteBase64(io.Discard, it); err != nil {
			b.Fatal(err)
		}
	}
}
