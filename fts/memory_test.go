package fts

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"
	"runtime"
	"testing"
	"time"
)

// bigBlob makes a blob with an attachment of size bytes while it is read.
func bigBlob(size int64) io.Reader {
	inner := stream(0x001A84B0, 4, "I\x00\x00\x00", 0x003784B0, 6, "B\x00g\x00\x00\x00", markNewAttach, 0x0E210003, 0, 0x37010102, int(size))
	pr, pw := io.Pipe()
	go func() {
		w := &writer{w: pw, o: WriteOptions{Version: [3]uint16{0x0F02, 0x8608, 4}, BufferSize: defaultBuffer}}
		w.head()
		first := enframe(inner, defaultBuffer)[62:]
		w.write(first)
		record := make([]byte, 8+defaultBuffer)
		for i := range record {
			record[i] = byte(i * 7)
		}
		for size > 0 {
			n := min(size, defaultBuffer)
			binary.LittleEndian.PutUint32(record, opTransferBuffer)
			binary.LittleEndian.PutUint32(record[4:], uint32(n))
			w.write(record[:8+n])
			size -= n
		}
		w.write(enframe(stream(markEndAttach), 4)[62:])
		pw.CloseWithError(w.err)
	}()
	return pr
}

// allocated runs f and returns how many bytes it allocated in all, freed ones
// too: more than any peak.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

func TestMemoryStaysFlat(t *testing.T) {
	const size = 200 << 20
	for name, f := range map[string]func(io.Reader) error{
		"Inspect": func(r io.Reader) error {
			c, err := Inspect(r)
			if err == nil && (len(c.Attachments) != 1 || c.Attachments[0].Size != size || c.Subject != "Bg") {
				err = fmt.Errorf("catalogue %+v", c)
			}
			return err
		},
		"ReadContent": func(r io.Reader) error { _, err := ReadContent(r); return err },
		"Reader":      func(r io.Reader) error { _, err := count(r); return or(err, io.EOF) },
	} {
		var err error
		n := allocated(func() { err = f(bigBlob(size)) })
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if n > 2<<20 {
			t.Errorf("%s of an attachment of 200 MB allocates %d bytes", name, n)
		}
	}
}

func or(err, good error) error {
	if err == good {
		return nil
	}
	return err
}

// A length or count that lies costs nothing.
func TestLyingLengths(t *testing.T) {
	for name, s := range map[string][]byte{
		"binary":  stream(0x10130102, -1, "x"),
		"string":  stream(0x100084B0, -1, "x"),
		"count":   stream(0x00371003, -1, "x"),
		"strings": stream(0x003794B0, -1, -1, "x"),
		"files":   stream(markNewAttach, 0x37010102, -1, "x"),
	} {
		blob := enframe(s, 1<<20)
		binary.LittleEndian.PutUint32(blob[0x42:], 0xFFFFFFFF)
		n := allocated(func() {
			ReadMessage(bytes.NewReader(blob))
			Inspect(bytes.NewReader(blob))
			ReadContent(bytes.NewReader(blob))
		})
		if n > 1<<20 {
			t.Errorf("%s: %d bytes allocated", name, n)
		}
	}
}

func TestHostileCatalogue(t *testing.T) {
	m := &Message{Props: Props{{Tag: 0x001A84B0, Value: "IPM.Note"}}}
	long := string(bytes.Repeat([]byte("内x"), 300<<10))
	for _, id := range []uint16{0x0037, 0x0042, 0x5D02, 0x5D01, 0x1035, 0x1042, 0x007D, 0x3A16} {
		m.Props.Set(MakeTag(id, StringUpload), long)
	}
	m.Props.Set(0x0E060040, FileTime(1<<63))
	many := make([]string, 10_000)
	for i := range many {
		many[i] = long[:400]
	}
	m.Props = append(m.Props, Prop{Tag: 0x800194B0, Name: &Name{Set: PSPublicStrings, Text: "Keywords"}, Value: many})
	for range 5000 {
		m.Recipients = append(m.Recipients, Recipient{Props{{Tag: 0x0C150003, Value: int32(1)}, {Tag: 0x39FE84B0, Value: long[:400]}}})
		m.Attachments = append(m.Attachments, Attachment{Props: Props{{Tag: 0x370784B0, Value: long[:40]}}})
	}
	var b bytes.Buffer
	if err := WriteMessage(&b, m, WriteOptions{}); err != nil {
		t.Fatal(err)
	}
	c, err := Inspect(&b)
	if err != nil || !c.Cut || !c.HasAttachments {
		t.Fatalf("cut %v, %v", c.Cut, err)
	}
	if len(c.Subject) > maxString || len(c.Categories) > maxCategories || len(c.To) > maxRecipients || len(c.Attachments) > maxAttachments {
		t.Errorf("%d bytes of subject, %d categories, %d recipients, %d attachments", len(c.Subject), len(c.Categories), len(c.To), len(c.Attachments))
	}
	total := 0
	for _, s := range append(c.Categories, c.Subject, c.From, c.Sender, c.MessageID, c.InReplyTo) {
		total += len(s)
	}
	for _, p := range c.To {
		total += len(p.Name) + len(p.Address)
	}
	if total > maxAll {
		t.Errorf("%d bytes of strings", total)
	}
	if !c.Received.IsZero() {
		t.Errorf("received %v", c.Received)
	}
}

func TestTooMuchToCompare(t *testing.T) {
	one := stream(0x00170003, 1)
	_, err := ReadContent(bytes.NewReader(enframe(bytes.Repeat(one, maxElements+1), 1<<20)))
	if _, ok := err.(*Problem); !ok {
		t.Error(err)
	}
}

func benchmarkBlob(b *testing.B) []byte {
	b.Helper()
	m := sampleMessage()
	m.Attachments[0].Props.Set(0x37010102, bytes.Repeat([]byte("0123456789abcdef"), 25<<16))
	var out bytes.Buffer
	if err := WriteMessage(&out, m, WriteOptions{}); err != nil {
		b.Fatal(err)
	}
	return out.Bytes()
}

func BenchmarkInspect(b *testing.B) {
	blob := benchmarkBlob(b)
	b.SetBytes(int64(len(blob)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Inspect(bytes.NewReader(blob)); err != nil {
			b.Fatal(err)
		}
	}
}

// x-sha256 is the time in proportion to that of SHA-256 over the same bytes.
func BenchmarkReadContent(b *testing.B) {
	blob := benchmarkBlob(b)
	b.SetBytes(int64(len(blob)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ReadContent(bytes.NewReader(blob)); err != nil {
			b.Fatal(err)
		}
	}
	reading := b.Elapsed() / time.Duration(b.N)
	best := time.Hour
	for range 5 {
		start := time.Now()
		sha256.Sum256(blob)
		best = min(best, time.Since(start))
	}
	b.ReportMetric(float64(reading)/float64(best), "x-sha256")
}

func benchmarkSmall(b *testing.B, f func(io.Reader) error) {
	var out bytes.Buffer
	if err := WriteMessage(&out, sampleMessage(), WriteOptions{}); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(out.Len()))
	b.ReportAllocs()
	for b.Loop() {
		if err := f(bytes.NewReader(out.Bytes())); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkInspectSmall(b *testing.B) {
	benchmarkSmall(b, func(r io.Reader) error { _, err := Inspect(r); return err })
}

func BenchmarkReadContentSmall(b *testing.B) {
	benchmarkSmall(b, func(r io.Reader) error { _, err := ReadContent(r); return err })
}

func BenchmarkReadMessageSmall(b *testing.B) {
	benchmarkSmall(b, func(r io.Reader) error { _, err := ReadMessage(r); return err })
}

func BenchmarkWriteMessage(b *testing.B) {
	m := sampleMessage()
	b.ReportAllocs()
	for b.Loop() {
		if err := WriteMessage(io.Discard, m, WriteOptions{}); err != nil {
			b.Fatal(err)
		}
	}
}
