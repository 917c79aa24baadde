package record

import (
	"bytes"
	"io"
	"testing"
	"time"
)

func TestRoundTrip(t *testing.T) {
	var file bytes.Buffer
	w := NewWriter(&file)
	at := time.Date(2026, 1, 2, 3, 4, 5, 600, time.UTC)
	big := bytes.Repeat([]byte("0123456789"), 100_000)
	w.Record(7, func(e *Encoder) {
		e.Number(1, 1<<63)
		e.Numbers([]uint64{3, 4})
		e.Text("ä")
		e.Flags(true, false, true)
		e.Times(at)
	})
	w.Blob(func(w io.Writer) error { _, err := w.Write(big); return err })
	w.Record(8, func(*Encoder) {})
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	r := NewReader(&file)
	kind, d := r.Record()
	var a, b, c bool
	if kind != 7 || d.Number() != 1 || d.Number() != 1<<63 || len(d.Numbers()) != 2 || d.Text() != "ä" {
		t.Error("fields differ")
	}
	if d.Flags(&a, &b, &c); !a || b || !c {
		t.Error("flags differ")
	}
	if !d.Time().Equal(at) || d.Failed {
		t.Error("time differs")
	}
	err := r.Blob(func(r io.Reader) error {
		got, err := io.ReadAll(r)
		if !bytes.Equal(got, big) {
			t.Errorf("a blob of %d bytes came back", len(got))
		}
		return err
	})
	if kind, _ := r.Record(); err != nil || kind != 8 || r.Err != nil {
		t.Errorf("after the blob: %d, %v, %v", kind, err, r.Err)
	}
}

// Whatever the bytes, a reader ends, and takes no more memory than there is.
func FuzzReader(f *testing.F) {
	f.Add([]byte{1, 0, 0, 0, 2, 5, 6, 0, 0, 0, 0})
	f.Add([]byte{1, 255, 255, 255, 255})
	f.Fuzz(func(t *testing.T, raw []byte) {
		r := NewReader(bytes.NewReader(raw))
		for r.Err == nil {
			_, d := r.Record()
			for !d.Failed && len(d.b) > 0 {
				d.Numbers()
				d.Bytes()
			}
			_ = r.Blob(func(r io.Reader) error { _, err := io.Copy(io.Discard, r); return err })
		}
	})
}
