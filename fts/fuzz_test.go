package fts

import (
	"bytes"
	"errors"
	"reflect"
	"testing"
	"testing/iotest"

	"mailferry/internal/memtest"
)

// seeds are blobs that this package wrote: one with something of everything,
// small ones, and streams that no writer of ours makes.
func seeds(f *testing.F) [][]byte {
	f.Helper()
	var all [][]byte
	small := &Message{Props: Props{{Tag: 0x001A84B0, Value: "IPM.Note"}, {Tag: 0x100084B0, Value: "x"}}}
	for i, m := range []*Message{sampleMessage(), small, {}} {
		m.Props = append(Props{}, m.Props...)
		for j := range m.Props {
			if b, ok := m.Props[j].Value.(string); ok && len(b) > 200 {
				m.Props[j].Value = b[:200]
			}
		}
		if i == 0 {
			m.Attachments[0].Props.Set(0x37010102, []byte("data"))
			m.Attachments[1].Embedded.Props.Set(0x10130102, []byte("<p>"))
		}
		for _, o := range []WriteOptions{{}, {BufferSize: 100, KeepCodePages: true, DNPrefix: "/O=X", Order: OrderDescending}} {
			var b bytes.Buffer
			if err := WriteMessage(&b, m, o); err != nil {
				f.Fatal(err)
			}
			all = append(all, b.Bytes())
		}
	}
	for _, s := range [][]byte{
		stream(0x001A84E4, 2, "I\x00", 0x003784B0, 3, "\x00\xD8x", 0x003D84B0, 0),
		stream(0x001A001E, 3, "I\x81x", 0x003783A4, 3, "\x82\xA0\x81", 0x003DD182, 2, "\xC1\x00"),
		stream(0x00370102, 0, markNewAttach, 0x3701000D, 3, "ole", markStartEmbed, markEndEmbed, 0x37050003, 6, markEndAttach),
		stream(markStartRecip, markEndToRecip, markNewAttach, markEndAttach, markStartRecip, markEndToRecip, 0x00170003, 1),
		stream(-0x7FFE6B50, "0123456789abcdef\x01a\x00\x00\xD8b\x00\x00\x00", 2, 2, "\x00\x00", 4, "a\x00b\x00"),
	} {
		all = append(all, enframe(s, 7))
	}
	return all
}

func FuzzInspect(f *testing.F) {
	for _, s := range seeds(f) {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, blob []byte) {
		defer memtest.Bound(t, 64<<20)()
		r := bytes.NewReader(blob)
		got, err := Inspect(r)
		var p *Problem
		if err != nil && (!errors.As(err, &p) || p.Offset < 0 || p.Offset > int64(len(blob))) {
			t.Fatalf("%v in %d bytes", err, len(blob))
		}
		if r.Len() > 0 {
			t.Fatalf("%d bytes unread", r.Len())
		}
		slow, slowErr := Inspect(iotest.OneByteReader(bytes.NewReader(blob)))
		if !reflect.DeepEqual(got, slow) || !reflect.DeepEqual(err, slowErr) {
			t.Fatalf("a slow reader changes\n%+v, %v to\n%+v, %v", got, err, slow, slowErr)
		}
		if _, err2 := ReadMessage(bytes.NewReader(blob)); !reflect.DeepEqual(err, err2) {
			t.Fatalf("Inspect says %v, ReadMessage %v", err, err2)
		}
	})
}

// What can be read can be written, and is read again as the same.
func FuzzReadMessage(f *testing.F) {
	for _, s := range seeds(f) {
		f.Add(s[62:], uint16(31680))
	}
	f.Fuzz(func(t *testing.T, records []byte, size uint16) {
		defer memtest.Bound(t, 64<<20)()
		blob := append(enframe(nil, 1), records...)
		m, err := ReadMessage(bytes.NewReader(blob))
		if err != nil {
			return
		}
		o := WriteOptions{BufferSize: minBuffer + int(size), KeepCodePages: size%2 == 0, Order: Order(size % 4), WholeElements: size%3 == 0}
		var b bytes.Buffer
		if err := WriteMessage(&b, m, o); err != nil {
			t.Fatal(err)
		}
		again, err := ReadMessage(&b)
		if err != nil {
			t.Fatal(err)
		}
		want, got := MessageContent(m), MessageContent(again)
		if d := Compare(want, got); d != nil || want.Sum() != got.Sum() {
			t.Fatalf("read again: %v", d)
		}
		if streamed, err := ReadContent(bytes.NewReader(blob)); err != nil || streamed.Sum() != want.Sum() {
			t.Fatalf("streamed: %v %v", err, Compare(want, streamed))
		}
	})
}

func FuzzContent(f *testing.F) {
	for _, s := range seeds(f) {
		inner := []byte{}
		for rest := s[62:]; len(rest) > 8; {
			n := int(rest[4]) | int(rest[5])<<8
			inner = append(inner, rest[8:8+n]...)
			rest = rest[8+n:]
		}
		f.Add(inner, uint16(100), []byte{})
		f.Add(inner, uint16(5), stream(0x00170003, 1))
	}
	f.Fuzz(func(t *testing.T, inner []byte, size uint16, before []byte) {
		defer memtest.Bound(t, 64<<20)()
		a, errA := ReadContent(bytes.NewReader(enframe(inner, 1+int(size))))
		b, errB := ReadContent(iotest.OneByteReader(bytes.NewReader(enframe(append(before, inner...), 1<<20))))
		var p *Problem
		for _, err := range []error{errA, errB} {
			if err != nil && !errors.As(err, &p) {
				t.Fatal(err)
			}
		}
		if errA != nil || errB != nil {
			return
		}
		if d := Compare(a, a); d != nil {
			t.Fatalf("with itself: %v", d)
		}
		if d := Compare(a, b); (d == nil) != (a.Sum() == b.Sum()) || len(before) == 0 && d != nil {
			t.Fatalf("sums equal: %v, differences %v", a.Sum() == b.Sum(), d)
		}
		if len(Compare(a, b)) != len(Compare(b, a)) && len(a.recipients)+len(a.attachments) == 0 {
			t.Fatalf("%v\nbackwards\n%v", Compare(a, b), Compare(b, a))
		}
	})
}
