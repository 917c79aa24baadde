package fts

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

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
			{Tag: 0x003D84B0, Value: "RE: "},
			{Tag: 0x0E1D84B0, Value: "plan"},
			{Tag: 0x004284B0, Value: "Ana"},
			{Tag: 0x006484B0, Value: "EX"},
			{Tag: 0x006584B0, Value: "/o=x/cn=ana"},
			{Tag: 0x0C1A84B0, Value: "Bob"},
			{Tag: 0x0C1E84B0, Value: "smtp"},
			{Tag: 0x0C1F84B0, Value: "bob@example.org"},
			{Tag: 0x007D84B0, Value: "Received: x\r\nMessage-Id: <1@example.org>\r\nSubject: y\r\n"},
			{Tag: 0x00600040, Value: FileTime(1e17)},
			{Tag: 0x00610040, Value: FileTime(1.5e17)},
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
		Class: "IPM.Appointment", Subject: "RE: plan", From: "Ana", FromName: "Ana", Sender: "bob@example.org", SenderName: "Bob",
		To: []Person{{Name: "Only a name"}}, Cc: []Person{{Name: "C", Address: "c@example.org"}}, Bcc: []Person{{Address: "/o=x/cn=d"}},
		MessageID: "<1@example.org>", Importance: 1, Sensitivity: 2, Private: true, Location: "Room", Recurring: true,
		Start: FileTime(1.4e17).Time(), End: FileTime(1.5e17).Time(), HasAttachments: true,
		Attachments: []AttachmentInfo{{Name: "inner", Method: 5, Hidden: true, Size: size}},
		Calendar:    &Calendar{Organizer: &Person{Name: "Ana", Address: "/o=x/cn=ana", Type: "EX"}},
	})
}
