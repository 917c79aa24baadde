package fts

import (
	"bytes"
	"encoding/binary"
	"strings"
	"testing"
	"time"
	"unicode/utf16"
)

func TestText(t *testing.T) {
	for _, c := range []struct {
		cp   uint16
		raw  string
		want string
	}{
		{1200, "", ""},
		{1200, "\x00\x00", ""},
		{1200, "a\x00", "a"},                     // no terminator
		{1200, "a\x00\x00\x00", "a"},             // one
		{1200, "a\x00\x00\x00\x00\x00", "a\x00"}, // a NUL and one
		{1200, "\x00\x00a\x00", "\x00a"},
		{1200, "=\xD8\x00\xDE\x00\x00", "😀"},
		{1200, "=\xD8\x00\x00", "\xed\xa0\xbd"},
		{1200, "=\xD8=\xD8\x00\xDE", "\xed\xa0\xbd😀"},
		{1200, "\x00\xDEx\x00", "\xed\xb8\x80x"},
		{1200, "a\x00b", "a\uFFFD"},
		{1201, "\x00a\x20\xac\x00\x00", "a€"},
		{1252, "a\x80\x00", "a€"},
		{1252, "a\x00b\x00", "a\x00b"},
		{1251, "\xcf\xf0\x00", "Пр"},
		{932, "\x82\xa0\x00", "あ"},
		{936, "\xc4\xda\x00", "内"},
		{949, "\xb0\xa1\x00", "가"},
		{950, "\xa4\xa4\x00", "中"},
		{20866, "\xC1\x00", "а"},
		{1361, "\xe4\x00", "ä"}, // unknown here: taken for Latin-1
	} {
		if got := decodeText(c.cp, []byte(c.raw)); got != c.want {
			t.Errorf("%d %q: %q, want %q", c.cp, c.raw, got, c.want)
		}
		// In pieces of any size it is the same.
		for n := 1; n < 5; n++ {
			var d textDecoder
			var out collector
			d.reset(c.cp, &out)
			for b := []byte(c.raw); len(b) > 0; b = b[min(n, len(b)):] {
				d.Write(b[:min(n, len(b))])
			}
			if d.Close(); string(out.b) != c.want {
				t.Errorf("%d %q by %d: %q, want %q", c.cp, c.raw, n, out.b, c.want)
			}
		}
		if b, ok := encodeText(c.cp, c.want); ok && decodeText(c.cp, b) != c.want {
			t.Errorf("%d %q does not come back", c.cp, c.want)
		}
	}
}

// UTF-16 of any kind comes back as it was.
func TestUTF16ComesBack(t *testing.T) {
	var raw []byte
	for i := range 1 << 17 {
		u := uint16(i * 40503)
		if i%3 == 0 {
			u = 0xD800 + u%0x800
		}
		if u == 0 {
			u = 'x'
		}
		raw = binary.LittleEndian.AppendUint16(raw, u)
	}
	s := decodeText(1200, raw)
	if got := appendUTF16(nil, s); !bytes.Equal(got, raw) {
		t.Fatal("surrogates are not kept")
	}
	long := strings.Repeat("wörld 😀 ", 5000)
	var b []byte
	for _, u := range utf16.Encode([]rune(long)) {
		b = binary.LittleEndian.AppendUint16(b, u)
	}
	if decodeText(1200, b) != long || !bytes.Equal(appendUTF16(nil, long), b) {
		t.Error("a long text differs from unicode/utf16's")
	}
	if got := decodeText(1200, appendUTF16(nil, "bad\xff\xed\xa0")); got != "bad\uFFFD\uFFFD\uFFFD" {
		t.Errorf("%q", got)
	}
}

func TestLayouts(t *testing.T) {
	for _, c := range []struct {
		t    Type
		want layout
		ok   bool
	}{
		{0x84B0, layout{base: String, cp: 1200}, true},
		{0x94B0, layout{base: String, cp: 1200, multi: true}, true},
		{0x94E4, layout{base: String, cp: 1252, multi: true}, true},
		{0x83A4, layout{base: String, cp: 932}, true},
		{0xD182, layout{base: String, cp: 20866}, true}, // its number has the multi-value bit
		{0xEFAF &^ 0x1000, layout{base: String, cp: 28591}, true},
		{0x101F, layout{base: String, cp: 1200, multi: true}, true},
		{0x101E, layout{base: String, cp: 1252, multi: true}, true},
		{0x000B, layout{base: Boolean, size: 2}, true},
		{0x1048, layout{base: GUIDType, size: 16, multi: true}, true},
		{0x0000, layout{}, false},
		{0x0001, layout{base: 1}, false},
	} {
		got, ok := layoutOf(c.t)
		if ok != c.ok || ok && got != c.want {
			t.Errorf("%04x: %+v, %v", uint16(c.t), got, ok)
		}
	}
}

func TestFileTime(t *testing.T) {
	at := time.Date(2024, 3, 4, 8, 3, 7, 123456700, time.UTC)
	if f := FileTimeOf(at); f != 133540129871234567 || !f.Time().Equal(at) {
		t.Errorf("%d, %v", f, f.Time())
	}
	if got := FileTime(0).Time(); !got.Equal(time.Date(1601, 1, 1, 0, 0, 0, 0, time.UTC)) {
		t.Error(got)
	}
	if FileTimeOf(time.Date(1500, 1, 1, 0, 0, 0, 0, time.UTC)) != 0 {
		t.Error("a time before 1601")
	}
}

func TestPropertyName(t *testing.T) {
	for _, c := range []struct {
		tag  Tag
		name *Name
		want string
	}{
		{0x003784B0, nil, "PidTagSubject (0x0037)"},
		{0x3701000D, nil, "PidTagAttachDataObject (0x3701)"},
		{0x37010102, nil, "PidTagAttachDataBinary (0x3701)"},
		{0x12340003, nil, "0x1234"},
		{0x80010003, &Name{Set: PSETIDAppointment, LID: 0x8208}, "PidLidLocation (0x8208)"},
		{0x80010003, &Name{Set: PSPublicStrings, Text: "Keywords"}, "PidNameKeywords"},
		{0x80010003, &Name{Set: PSETIDMeeting, LID: 3}, "PidLidGlobalObjectId (0x0003)"},
		{0x80010003, &Name{Set: PSETIDCommon, LID: 0x1234}, "PSETID_Common 0x1234"},
		{0x80010003, &Name{Set: PSInternetHeaders, Text: "x-a\n"}, `PS_INTERNET_HEADERS "x-a\n"`},
		{0x80010003, &Name{Set: GUID{1}, LID: 7}, "{00000001-0000-0000-0000-000000000000} 0x0007"},
	} {
		if got := PropertyName(c.tag, c.name); got != c.want {
			t.Errorf("%08x %v: %s, want %s", uint32(c.tag), c.name, got, c.want)
		}
	}
	table := propertyNames()
	if n := strings.Count(properties, "\n") - 3; len(table.tags)+len(table.names) != n {
		t.Errorf("%d names in %d lines", len(table.tags)+len(table.names), n)
	}
	for n := range table.names {
		if n.Set == (GUID{}) || n.LID == 0 && n.Text == "" {
			t.Errorf("%+v in properties.txt is wrong", n)
		}
	}
}

func TestCatalogueChoosesFields(t *testing.T) {
	m := &Message{
		Props: Props{
			{Tag: 0x001A84B0, Value: "IPM.Appointment"},
			{Tag: 0x003D84B0, Value: "RE: "}, {Tag: 0x0E1D84B0, Value: "plan"},
			{Tag: 0x004284B0, Value: "Ana"}, {Tag: 0x006484B0, Value: "EX"}, {Tag: 0x006584B0, Value: "/o=x/cn=ana"},
			{Tag: 0x0C1A84B0, Value: "Bob"}, {Tag: 0x0C1E84B0, Value: "smtp"}, {Tag: 0x0C1F84B0, Value: "bob@example.org"},
			{Tag: 0x007D84B0, Value: "Received: x\r\nMessage-Id: <1@example.org>\r\nSubject: y\r\n"},
			{Tag: 0x00600040, Value: FileTime(1e17)}, {Tag: 0x00610040, Value: FileTime(1.5e17)},
			{Tag: 0x00360003, Value: int32(2)},
			{Tag: 0x80010040, Name: &Name{Set: PSETIDAppointment, LID: 0x820D}, Value: FileTime(1.4e17)},
			{Tag: 0x800284B0, Name: &Name{Set: PSETIDAppointment, LID: 0x8208}, Value: "Room"},
			{Tag: 0x8003000B, Name: &Name{Set: PSETIDAppointment, LID: 0x8223}, Value: true},
			{Tag: 0x0E070014, Value: int64(9)}, // not its type: left out
		},
		Recipients: []Recipient{
			{Props{{Tag: 0x0C150003, Value: int32(0x10000001)}, {Tag: 0x300184B0, Value: "Only a name"}}},
			{Props{{Tag: 0x0C150003, Value: int32(2)}, {Tag: 0x300184B0, Value: "C"}, {Tag: 0x300284B0, Value: "SMTP"}, {Tag: 0x300384B0, Value: "c@example.org"}}},
			{Props{{Tag: 0x0C150003, Value: int32(3)}, {Tag: 0x300384B0, Value: "/o=x/cn=d"}}},
			{Props{{Tag: 0x0C150003, Value: int32(0)}, {Tag: 0x300184B0, Value: "Originator"}}},
		},
		Attachments: []Attachment{{
			Props:    Props{{Tag: 0x300184B0, Value: "inner"}, {Tag: 0x7FFE000B, Value: true}, {Tag: 0x37050003, Value: int32(5)}},
			Embedded: &Message{Props: Props{{Tag: 0x003784B0, Value: "not this one"}}, Recipients: []Recipient{{Props{{Tag: 0x0C150003, Value: int32(1)}}}}},
		}},
	}
	var b bytes.Buffer
	if err := WriteMessage(&b, m, WriteOptions{Order: OrderDescending}); err != nil {
		t.Fatal(err)
	}
	got, err := Inspect(&b)
	if err != nil {
		t.Fatal(err)
	}
	size := got.Attachments[0].Size
	if size < 40 || size > 200 {
		t.Errorf("size of the embedded message: %d", size)
	}
	checker{t}.equal("catalogue", got, Catalogue{
		Class: "IPM.Appointment", Subject: "RE: plan", From: "Ana", FromName: "Ana", Sender: "bob@example.org",
		To: []string{"Only a name"}, Cc: []string{"c@example.org"}, Bcc: []string{"/o=x/cn=d"},
		MessageID: "<1@example.org>", Importance: 1, Sensitivity: 2, Location: "Room", Recurring: true,
		Start: FileTime(1.4e17).Time(), End: FileTime(1.5e17).Time(), HasAttachments: true,
		Attachments: []AttachmentInfo{{Name: "inner", Method: 5, Hidden: true, Size: size}},
	})
}
