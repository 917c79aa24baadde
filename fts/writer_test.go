package fts

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"testing"
)

// bufferSizes are 1 KB to 64 KB and some that fall anywhere.
var bufferSizes = []int{64, 257, 1 << 10, 4 << 10, 8191, 31680, 64 << 10}

func TestWriteWhatWasRead(t *testing.T) {
	for _, s := range independent(t) {
		m, err := ReadMessage(bytes.NewReader(s.blob))
		if err != nil {
			t.Fatalf("%s: %v", s.name, err)
		}
		want, err := ReadContent(bytes.NewReader(s.blob))
		if err != nil {
			t.Fatalf("%s: %v", s.name, err)
		}
		if MessageContent(m).Sum() != want.Sum() {
			t.Fatalf("%s: content of the message: %v", s.name, Compare(want, MessageContent(m)))
		}
		for i, size := range bufferSizes {
			o := WriteOptions{
				BufferSize: size, WholeElements: i%2 == 0, Order: Order(i % 4), Seed: uint64(i),
				KeepCodePages: i%3 == 0, NoDirectives: i%3 == 1, FirstNamedID: 0x8000 + uint16(i)*0x1234,
			}
			if i%2 == 1 {
				o.DNPrefix = "/O=EXAMPLE/OU=FIRST/CN=RECIPIENTS/CN="
			}
			var out bytes.Buffer
			if err := WriteMessage(&out, m, o); err != nil {
				t.Fatalf("%s: %v", s.name, err)
			}
			checkSplits(t, s.name, out.Bytes(), o)
			got, err := ReadContent(&slowReader{b: out.Bytes()})
			if err != nil {
				t.Fatalf("%s at %d: %v", s.name, size, err)
			}
			if d := Compare(want, got); d != nil || want.Sum() != got.Sum() {
				t.Errorf("%s at %d: %v", s.name, size, d)
			}
			again, err := ReadMessage(&out)
			if err != nil {
				t.Fatalf("%s at %d: %v", s.name, size, err)
			}
			if MessageContent(again).Sum() != want.Sum() {
				t.Errorf("%s at %d: the message read again differs", s.name, size)
			}
		}
	}
}

// checkSplits walks the stream beside its buffer borders: a border may lie only
// between atoms or inside a variable-size value, and no buffer may be empty.
func checkSplits(t *testing.T, name string, blob []byte, o WriteOptions) {
	t.Helper()
	inner, sizes := unframe(t, blob)
	border := map[int]bool{}
	at := 0
	for i, n := range sizes {
		if n == 0 || n > o.BufferSize && o.BufferSize >= 1<<10 {
			t.Errorf("%s: buffer %d of %d bytes, at most %d allowed", name, i, n, o.BufferSize)
		}
		at += n
		border[at] = true
	}
	atom := func(from, n int) int {
		for i := from + 1; i < from+n; i++ {
			if border[i] {
				t.Fatalf("%s: a border at %d cuts the atom at %d", name, i, from)
			}
		}
		return from + n
	}
	le := binary.LittleEndian
	for p := 0; p < len(inner); {
		start := p
		u := le.Uint32(inner[p:])
		if slices.Contains([]uint32{markNewAttach, markStartEmbed, markEndEmbed, markStartRecip, markEndToRecip, markEndAttach}, u) {
			p = atom(p, 4)
			continue
		}
		def := 4
		if u >= 0x80000000 {
			def += 17
			if inner[p+20] == 0 {
				def += 4
			} else {
				for le.Uint16(inner[p+def:]) != 0 {
					def += 2
				}
				def += 2
			}
		}
		p = atom(p, def)
		l, ok := layoutOf(Type(u))
		if !ok {
			t.Fatalf("%s: type of %08x", name, u)
		}
		n := 1
		if l.multi {
			n = int(le.Uint32(inner[p:]))
			p = atom(p, 4)
		}
		for range n {
			if l.size > 0 {
				p = atom(p, l.size)
				continue
			}
			n := int(le.Uint32(inner[p:]))
			p = atom(p, 4) + n
		}
		if o.WholeElements && p-start <= o.BufferSize {
			atom(start, p-start)
		}
	}
}

func TestBordersInAtomsAreWarnedOf(t *testing.T) {
	m := sampleMessage()
	var out bytes.Buffer
	if err := WriteMessage(&out, m, WriteOptions{}); err != nil {
		t.Fatal(err)
	}
	inner, _ := unframe(t, out.Bytes())
	blob := enframe(inner, 3)
	want, _ := ReadContent(&out)
	got, err := ReadContent(bytes.NewReader(blob))
	if err != nil || Compare(want, got) != nil {
		t.Fatalf("a border anywhere stops reading: %v", err)
	}
	if w := warningsOf(t, blob); len(w) == 0 {
		t.Error("no warning of borders inside atoms")
	}
	for _, s := range independent(t) {
		for _, w := range warningsOf(t, s.blob) {
			if w.Reason == "a TransferBuffer begins inside what must not be cut" {
				t.Errorf("%s: %v", s.name, w.Error())
			}
		}
	}
}

func warningsOf(t *testing.T, blob []byte) []Problem {
	t.Helper()
	r := NewReader(bytes.NewReader(blob))
	for {
		if _, err := r.Next(); err != nil {
			return r.Warnings()
		}
	}
}

// enframe puts the outer framing around a stream, cut anywhere.
func enframe(inner []byte, size int) []byte {
	var b bytes.Buffer
	w := &writer{w: &b, o: WriteOptions{Version: [3]uint16{0x0F02, 0x8608, 4}}}
	w.head()
	for len(inner) > 0 {
		n := min(size, len(inner))
		b.Write(binary.LittleEndian.AppendUint32([]byte{2, 0, 0, 0}, uint32(n)))
		b.Write(inner[:n])
		inner = inner[n:]
	}
	return b.Bytes()
}

// sampleMessage has something of everything that the format knows.
func sampleMessage() *Message {
	keywords := &Name{Set: PSPublicStrings, Text: "Keywords"}
	inner := &Message{
		Props: Props{
			{Tag: 0x001A84B0, Value: "IPM.Note"},
			{Tag: 0x003784B0, Value: "inside"},
			{Tag: 0x10130102, Value: bytes.Repeat([]byte("<p>"), 1000)},
		},
		Recipients: []Recipient{
			{Props{{Tag: 0x0C150003, Value: int32(1)}, {Tag: 0x300184B0, Value: "In Side"}, {Tag: 0x39FE84B0, Value: "in@example.org"}}},
		},
	}
	return &Message{
		Props: Props{
			{Tag: 0x001A84B0, Value: "IPM.Note"},
			{Tag: 0x003784B0, Value: "Grüße 内 😀 \xed\xa0\x80 lone"},
			{Tag: 0x00170003, Value: int32(2)},
			{Tag: 0x0029000B, Value: true},
			{Tag: 0x0E060040, Value: FileTime(133540129870000001)},
			{Tag: 0x0E070003, Value: int32(FlagRead)},
			{Tag: 0x300B0102, Value: []byte{1, 2, 3}},
			{Tag: 0x100084B0, Value: string(bytes.Repeat([]byte("line\r\n"), 900))},
			{Tag: 0x800194B0, Name: keywords, Value: []string{"Red", "", "Blau"}},
			{Tag: 0x80020002, Name: &Name{Set: PSETIDCommon, LID: 1}, Value: int16(-2)},
			{Tag: 0x80030004, Name: &Name{Set: PSETIDCommon, LID: 2}, Value: float32(1.5)},
			{Tag: 0x80040005, Name: &Name{Set: PSETIDCommon, LID: 3}, Value: 0.25},
			{Tag: 0x80050006, Name: &Name{Set: PSETIDCommon, LID: 4}, Value: Currency(-12345)},
			{Tag: 0x80060007, Name: &Name{Set: PSETIDCommon, LID: 5}, Value: FloatingTime(45000.5)},
			{Tag: 0x80070014, Name: &Name{Set: PSETIDCommon, LID: 6}, Value: int64(-1)},
			{Tag: 0x80080048, Name: &Name{Set: PSETIDCommon, LID: 7}, Value: PSETIDTask},
			{Tag: 0x800900FB, Name: &Name{Set: PSETIDCommon, LID: 8}, Value: ServerID{1, 0, 5}},
			{Tag: 0x800A1003, Name: &Name{Set: PSETIDCommon, LID: 9}, Value: []int32{1, -2}},
			{Tag: 0x800B1102, Name: &Name{Set: PSETIDCommon, LID: 10}, Value: [][]byte{{1}, {}, {2, 3}}},
			{Tag: 0x800C1048, Name: &Name{Set: PSETIDCommon, LID: 11}, Value: []GUID{PSETIDLog}},
			{Tag: 0x800D1040, Name: &Name{Set: PSETIDCommon, LID: 12}, Value: []FileTime{}},
			{Tag: 0x800E001E, Name: &Name{Set: PSInternetHeaders, Text: "x-größe"}, Value: "€ 8-bit"},
			{Tag: 0x800F83A4, Name: &Name{Set: PSETIDCommon, LID: 13}, Value: "日本語"},
			{Tag: 0x801084E3, Name: &Name{Set: PSETIDCommon, LID: 14}, Value: "привет"},
		},
		Recipients: []Recipient{
			{Props{{Tag: 0x0C150003, Value: int32(1)}, {Tag: 0x300184B0, Value: "Ana"}, {Tag: 0x39FE84B0, Value: "ana@example.org"}}},
			{Props{{Tag: 0x0C150003, Value: int32(2)}, {Tag: 0x300184B0, Value: "Bob"}, {Tag: 0x39FE84B0, Value: "bob@example.org"}}},
			{Props{{Tag: 0x0C150003, Value: int32(3)}, {Tag: 0x300184B0, Value: "Cid"}, {Tag: 0x300284B0, Value: "SMTP"}, {Tag: 0x300384B0, Value: "cid@example.org"}}},
		},
		Attachments: []Attachment{
			{Props: Props{{Tag: 0x37050003, Value: int32(1)}, {Tag: 0x370784B0, Value: "a.txt"}, {Tag: 0x37010102, Value: bytes.Repeat([]byte("data "), 9000)}}},
			{Props: Props{{Tag: 0x37050003, Value: int32(5)}, {Tag: 0x300184B0, Value: "inside"}}, Embedded: inner},
			{Props: Props{{Tag: 0x37050003, Value: int32(6)}, {Tag: 0x3701000D, Value: Object("ole")}}},
		},
	}
}

func TestWriterRefusesWhatDoesNotFit(t *testing.T) {
	deep := &Message{}
	for range maxDepth + 1 {
		deep = &Message{Attachments: []Attachment{{Embedded: deep}}}
	}
	for name, m := range map[string]*Message{
		"value of another type": {Props: Props{{Tag: 0x00170003, Value: "1"}}},
		"no value":              {Props: Props{{Tag: 0x003784B0}}},
		"single for multi":      {Props: Props{{Tag: 0x003794B0, Value: "x"}}},
		"multi for single":      {Props: Props{{Tag: 0x003784B0, Value: []string{"x"}}}},
		"unknown type":          {Props: Props{{Tag: 0x00370099, Value: "x"}}},
		"no name":               {Props: Props{{Tag: 0x80010003, Value: int32(1)}}},
		"NUL in a name":         {Props: Props{{Tag: 0x80010003, Name: &Name{Text: "a\x00b"}, Value: int32(1)}}},
		"too deep":              deep,
	} {
		if err := WriteMessage(&bytes.Buffer{}, m, WriteOptions{}); err == nil {
			t.Errorf("%s: written", name)
		}
	}
	for _, o := range []WriteOptions{{BufferSize: 1}, {FirstNamedID: 5}} {
		if err := WriteMessage(&bytes.Buffer{}, &Message{}, o); err == nil {
			t.Errorf("options %+v: taken", o)
		}
	}
}

func TestWriterLeavesOutWhatNoStreamHolds(t *testing.T) {
	m := &Message{
		Props: Props{
			{Tag: 0x001A84B0, Value: "IPM.Note"},
			{Tag: 0x67480014, Value: int64(7)},
			{Tag: 0x0037000A, Value: ErrorCode(0x8004010F)},
			{Tag: 0x40160003, Value: int32(1)},
		},
		Recipients:  []Recipient{{Props{{Tag: 0x30000003, Value: int32(9)}}}},
		Attachments: []Attachment{{Props: Props{{Tag: 0x0E210003, Value: int32(9)}}, Embedded: &Message{Props: Props{{Tag: 0x674A0014, Value: int64(5)}}}}},
	}
	var out bytes.Buffer
	if err := WriteMessage(&out, m, WriteOptions{}); err != nil {
		t.Fatal(err)
	}
	var got []string
	for r := NewReader(&out); ; {
		tok, err := r.Next()
		if err != nil {
			break
		}
		s := fmt.Sprint(tok.Kind)
		if tok.Kind == Property {
			v, err := r.Value()
			if err != nil {
				t.Fatal(err)
			}
			s = fmt.Sprintf("%08x=%v", uint32(tok.Tag), v)
		}
		got = append(got, s)
	}
	want := []string{
		"001a84b0=IPM.Note", fmt.Sprintf("40160003=%d", tagMessageRecipients), "2", "30000003=0", "3",
		fmt.Sprintf("40160003=%d", tagMessageAttachments), "4", "0e210003=0", "6", "674a0014=5", "7", "5",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}
