package fts

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"mailferry/internal/memtest"
)

// opener opens a blob and counts how often and how many are open.
type opener struct {
	blob         []byte
	opened, open int
}

func (o *opener) Open() (io.ReadCloser, error) {
	o.opened++
	o.open++
	return &opened{bytes.NewReader(o.blob), o}, nil
}

type opened struct {
	io.Reader
	o *opener
}

func (o *opened) Close() error { o.o.open--; return nil }

func blobOf(t testing.TB, m *Message, o WriteOptions) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := WriteMessage(&b, m, o); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// whole loads the streams of an item, in the order of the blob or backwards.
func whole(t testing.TB, m *Message, backwards bool) {
	t.Helper()
	var streams []*Prop
	collect := func(p Props) {
		for i := range p {
			if _, ok := p[i].Value.(*Stream); ok {
				streams = append(streams, &p[i])
			}
		}
	}
	var walk func(m *Message)
	walk = func(m *Message) {
		collect(m.Props)
		for i := range m.Recipients {
			collect(m.Recipients[i].Props)
		}
		for i := range m.Attachments {
			collect(m.Attachments[i].Props)
			if e := m.Attachments[i].Embedded; e != nil {
				walk(e)
			}
		}
	}
	walk(m)
	for i := range streams {
		p := streams[i]
		if backwards {
			p = streams[len(streams)-1-i]
		}
		r, err := p.Open()
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		l, _ := layoutOf(p.Tag.Type())
		switch l.base {
		case String:
			p.Value = string(b)
		case ObjectType:
			p.Value = Object(b)
		default:
			p.Value = b
		}
	}
}

// An item is the message that ReadMessage gives, but for the large values.
func TestItemsAreMessages(t *testing.T) {
	large := 0
	for _, s := range independent(t) {
		want, err := ReadMessage(bytes.NewReader(s.blob))
		if err != nil {
			t.Fatal(err)
		}
		for _, backwards := range []bool{false, true} {
			o := &opener{blob: s.blob}
			it, err := OpenItem(o.Open)
			if err != nil || o.open != 0 {
				t.Fatalf("%s: %v, %d left open", s.name, err, o.open)
			}
			whole(t, &it.Message, backwards)
			it.Close()
			if !reflect.DeepEqual(&it.Message, want) {
				t.Errorf("%s: the item differs: %v", s.name, Compare(MessageContent(want), MessageContent(&it.Message)))
			}
			if o.open != 0 || !backwards && o.opened > 2 {
				t.Errorf("%s: opened %d times, %d left open", s.name, o.opened, o.open)
			}
			large += o.opened - 1
		}
	}
	if large < 10 {
		t.Errorf("only %d passes for large values", large)
	}
}

func TestItemOfASample(t *testing.T) {
	m := sampleMessage()
	m.Attachments[0].Props.Set(0x37010102, bytes.Repeat([]byte("0123456789"), 10_000))
	m.Props.Set(0x100084B0, strings.Repeat("Zeile 内 😀\r\n", 5000))
	o := &opener{blob: blobOf(t, m, WriteOptions{BufferSize: 1000})}
	it, err := OpenItem(o.Open)
	if err != nil {
		t.Fatal(err)
	}
	data, _ := it.Attachments[0].Data()
	if data.Size() != 100_000 {
		t.Errorf("size %d", data.Size())
	}
	first, err := data.Open()
	if err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 10)
	if _, err := io.ReadFull(first, b); err != nil || string(b) != "0123456789" {
		t.Errorf("%q, %v", b, err)
	}
	body, err := it.Text()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := first.Read(b); err != errOldReader {
		t.Errorf("a reader of before: %v", err)
	}
	text, err := io.ReadAll(iotest.OneByteReader(body))
	if err != nil || string(text) != m.Props.String(0x1000) {
		t.Errorf("%d bytes of text, %v", len(text), err)
	}
	if _, err := it.HTML(); err != nil {
		t.Error(err)
	}
	if err := it.Close(); err != nil || o.open != 0 {
		t.Errorf("%v, %d left open", err, o.open)
	}
	// It can be read after that, and a blob that changed is found out.
	if r, err := data.Open(); err != nil {
		t.Error(err)
	} else if n, err := io.Copy(io.Discard, r); n != 100_000 || err != nil {
		t.Errorf("%d bytes, %v", n, err)
	}
	it.Close()
	o.blob = blobOf(t, sampleMessage(), WriteOptions{})
	if _, err := data.Open(); err == nil {
		t.Error("another blob is not noticed")
	}
	it.Close()
	if o.open != 0 {
		t.Errorf("%d left open", o.open)
	}
}

func TestItemErrors(t *testing.T) {
	broken := errors.New("broken")
	if _, err := OpenItem(func() (io.ReadCloser, error) { return nil, broken }); err != broken {
		t.Error(err)
	}
	blob := blobOf(t, sampleMessage(), WriteOptions{})
	it, err := OpenItem((&opener{blob: blob[:len(blob)-10]}).Open)
	if p, ok := err.(*Problem); !ok || p.Offset != int64(len(blob)-10) || it.Class() != "IPM.Note" {
		t.Errorf("%v, class %q", err, it.Class())
	}
}

func TestItemMemoryStaysFlat(t *testing.T) {
	const size = 200 << 20
	n := allocated(func() {
		it, err := OpenItem(func() (io.ReadCloser, error) { return io.NopCloser(bigBlob(size)), nil })
		if err != nil {
			t.Fatal(err)
		}
		data, ok := it.Attachments[0].Data()
		if !ok {
			t.Fatal("no data")
		}
		r, err := data.Open()
		if err != nil {
			t.Fatal(err)
		}
		if n, err := io.Copy(io.Discard, r); n != size || err != nil {
			t.Fatal(n, err)
		}
	})
	if n > 2<<20 {
		t.Errorf("%d bytes allocated", n)
	}
}

// Blobs that are as small as they can be for what they make a reader hold.
func TestHostileItems(t *testing.T) {
	many := func(head []byte, one []byte, n int) []byte { return append(head, bytes.Repeat(one, n)...) }
	name := "\x29\x03\x02\x00\x00\x00\x00\x00\xC0\x00\x00\x00\x00\x00\x00\x46\x01"
	var names []byte
	for i := range 300_000 {
		names = append(names, stream(-0x7FFEFFFE, name, fmt.Sprintf("%c\x00%c\x00\x00\x00", 'a'+i%26, 'a'+i/26%26), "xx")...)
	}
	for what, s := range map[string][]byte{
		"properties":  many(nil, stream(0x00170002, "xx"), 5_000_000),
		"strings":     many(stream(0x003794B0, 10_000_000), stream(0), 10_000_000),
		"numbers":     many(stream(0x00371002, 20_000_000), []byte("xx"), 20_000_000),
		"recipients":  many(nil, stream(markStartRecip, markEndToRecip), 4_000_000),
		"attachments": many(nil, stream(markNewAttach, markEndAttach), 4_000_000),
		"messages":    many(nil, stream(markNewAttach, markStartEmbed, markEndEmbed, markEndAttach), 2_000_000),
		"values":      many(nil, append(stream(0x10130102, inlineSize), make([]byte, inlineSize)...), 2000),
		"names":       names,
	} {
		blob := enframe(s, 1<<20)
		var it *Item
		var err error
		before := heap()
		it, err = OpenItem((&opener{blob: blob}).Open)
		held := int64(heap()) - int64(before)
		if p, ok := err.(*Problem); !ok && what != "names" || ok && !strings.Contains(p.Reason, "can be held") {
			t.Errorf("%s: %v", what, err)
		}
		if held > 64<<20 {
			t.Errorf("%s: a blob of %d bytes holds %d", what, len(blob), held)
		}
		runtime.KeepAlive(it)
		runtime.KeepAlive(blob)
	}
}

// heap returns the bytes that are in use.
func heap() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func TestStringsWithoutCodePage(t *testing.T) {
	s := stream(0x001A001E, 2, "I\x00", 0x0037001E, 3, "\xcf\xf0\x00", markStartRecip, 0x3001001E, 2, "\xcf\x00", markEndToRecip)
	s = append(s, stream(0x3FFD0003, 1251)...) // anywhere
	s = append(stream(0x1000001E, inlineSize+2), append(bytes.Repeat([]byte{0xCF}, inlineSize+2), s...)...)
	it, err := OpenItem((&opener{blob: enframe(s, 1000)}).Open)
	if err != nil {
		t.Fatal(err)
	}
	body, err := it.Text()
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(body)
	if err != nil || it.Subject() != "Пр" || it.Recipients[0].Person().Name != "П" || string(text) != strings.Repeat("П", inlineSize+2) {
		t.Errorf("%q, %q, %.20q, %v", it.Subject(), it.Recipients[0].Person().Name, text, err)
	}
}

func FuzzItem(f *testing.F) {
	for _, s := range seeds(f) {
		f.Add(s[62:])
	}
	f.Add(enframe(append(stream(0x100084B0, inlineSize+10), make([]byte, inlineSize+10)...), 5000)[62:])
	f.Fuzz(func(t *testing.T, records []byte) {
		defer memtest.Bound(t, 64<<20)()
		blob := append(enframe(nil, 1), records...)
		o := &opener{blob: blob}
		it, err := OpenItem(o.Open)
		want, wantErr := ReadMessage(bytes.NewReader(blob))
		if !reflect.DeepEqual(err, wantErr) {
			t.Fatalf("%v, but ReadMessage says %v", err, wantErr)
		}
		if err != nil {
			return
		}
		bodies(t, &it.Message)
		whole(t, &it.Message, len(blob)%2 == 0)
		it.Close()
		if o.open != 0 {
			t.Fatalf("%d left open", o.open)
		}
		if cp, ok := want.Props.Int(idMessageCodepage); ok && cp != 0 {
			return // strings are decoded otherwise
		}
		if a, b := blobOf(t, want, WriteOptions{}), blobOf(t, &it.Message, WriteOptions{}); !bytes.Equal(a, b) {
			t.Fatal("the item is not the message")
		}
	})
}

// bodies reads all of a message's bodies, and of those inside.
func bodies(t *testing.T, m *Message) {
	t.Helper()
	kind, err := m.Body()
	if err != nil {
		t.Fatal(err)
	}
	for i, open := range []func() (io.Reader, error){m.Text, m.HTML, m.RTF} {
		r, err := open()
		if err != nil {
			t.Fatal(err)
		}
		if r == nil {
			if i == 0 && kind == TextBody || i == 1 && kind == HTMLBody || i == 2 && kind == RTFBody {
				t.Fatalf("no %v body", kind)
			}
			continue
		}
		io.Copy(io.Discard, r) // errors are those of damaged RTF
	}
	for i := range m.Attachments {
		if e := m.Attachments[i].Embedded; e != nil {
			bodies(t, e)
		}
	}
	_, _, _ = m.From(), m.Sender(), m.Subject()
}
