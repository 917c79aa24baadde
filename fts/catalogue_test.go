package fts

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"mailferry/fts/internal/text"
	"mailferry/internal/memtest"
)

func inspected(t *testing.T, m *Message) Catalogue {
	t.Helper()
	var b bytes.Buffer
	if err := WriteMessage(&b, m, WriteOptions{Order: OrderShuffled, Seed: 3, BufferSize: 257}); err != nil {
		t.Fatal(err)
	}
	c, err := Inspect(&b)
	if err != nil {
		t.Fatal(err)
	}
	js, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	var again Catalogue
	if err := json.Unmarshal(js, &again); err != nil || !reflect.DeepEqual(c, again) {
		t.Errorf("as JSON: %v\n%+v\n%+v", err, c, again)
	}
	return c
}

// named makes named properties of LIDs and values.
func named(set GUID, values map[uint32]any) (all Props) {
	for lid, v := range values {
		var t Type
		switch v.(type) {
		case string:
			t = StringUpload
		case int32:
			t = Integer32
		case bool:
			t = Boolean
		case float64:
			t = Floating64
		case FileTime:
			t = Time
		case []byte:
			t = Binary
		case [][]byte:
			t = Binary | MultiValue
		}
		all = append(all, Prop{Tag: MakeTag(0x8001, t), Name: &Name{Set: set, LID: lid}, Value: v})
	}
	return all
}

func oneOffID(name, kind, email string) []byte {
	b := append([]byte{0, 0, 0, 0}, providerOneOff[:]...)
	b = append(b, 0, 0, 1, 0x90)
	for _, s := range []string{name, kind, email} {
		w, _ := text.Encode(text.UTF16LE, s)
		b = append(b, w...)
	}
	return b
}

func bookID(dn string) []byte {
	b := append([]byte{0, 0, 0, 0}, providerBook[:]...)
	return append(append(b, 1, 0, 0, 0, 0, 0, 0, 0), dn+"\x00"...)
}

func wrappedID(inner []byte) []byte {
	b := append([]byte{0, 0, 0, 0}, providerWrapped[:]...)
	return append(append(b, 0xB5), inner...)
}

func TestCatalogueOfAContact(t *testing.T) {
	day := FileTimeOf(time.Date(1970, 2, 28, 0, 0, 0, 0, time.UTC))
	m := &Message{Props: Props{
		{Tag: 0x001A84B0, Value: "IPM.Contact"},
		{Tag: 0x300184B0, Value: "Ann B. Lee"},
		{Tag: 0x3A0684B0, Value: "Ann"},
		{Tag: 0x3A1184B0, Value: "Lee"},
		{Tag: 0x3A1684B0, Value: "Example"},
		{Tag: 0x3A0884B0, Value: "+1"},
		{Tag: 0x3A1C84B0, Value: "+2"},
		{Tag: 0x3A420040, Value: day},
	}, Attachments: []Attachment{{Props: Props{{Tag: 0x7FFF000B, Value: true}, {Tag: 0x37010102, Value: []byte("abc")}}}}}
	m.Props = append(m.Props, named(PSETIDAddress, map[uint32]any{
		0x8005: "Lee, Ann", 0x801B: "1 Street\r\nTown", 0x8080: "Ann", 0x8082: "SMTP", 0x8083: "ann@example.org",
		0x8090: "Ann (work)", 0x8092: "EX", 0x8093: "/o=x/cn=ann", 0x8094: "lee@example.com",
		0x80A0: "Fax", 0x80A2: "FAX", 0x80A3: "Lee@+3",
	})...)
	got := inspected(t, m)
	at := day.Time()
	want := Catalogue{
		Class: "IPM.Contact", DisplayName: "Ann B. Lee", Company: "Example", Importance: 1,
		Emails: []string{"ann@example.org", "lee@example.com", "Lee@+3"},
		Contact: &Contact{
			GivenName: "Ann", Surname: "Lee", FileUnder: "Lee, Ann", Birthday: at, Photo: true,
			Emails:    []Person{{Name: "Ann", Address: "ann@example.org"}, {Name: "Ann (work)", Address: "lee@example.com"}, {Name: "Fax", Address: "Lee@+3", Type: "FAX"}},
			Phones:    got.Contact.Phones,
			Addresses: []Labelled{{"business", "1 Street\r\nTown"}},
		},
		HasAttachments: true,
		Attachments:    []AttachmentInfo{{Size: 3, SHA256: hexSum([]byte("abc"))}},
	}
	checker{t}.equal("contact", got, want)
	if p := got.Contact.Phones; len(p) != 2 || p[0] == p[1] {
		t.Errorf("phones: %v", p)
	}
}

func TestCatalogueOfADistributionList(t *testing.T) {
	members := [][]byte{wrappedID(oneOffID("A", "SMTP", "a@example.org")), bookID("/o=x/cn=b"), wrappedID(bytes.Repeat([]byte{7}, 40)), nil, oneOffID("D", "FAX", "+4")}
	m := &Message{Props: Props{{Tag: 0x001A84B0, Value: "IPM.DistList"}}}
	m.Props = append(m.Props, named(PSETIDAddress, map[uint32]any{0x8055: members})...)
	want := []Person{{Name: "A", Address: "a@example.org"}, {Address: "/o=x/cn=b", Type: "EX"}, {Name: "D", Address: "+4", Type: "FAX"}}
	if got := inspected(t, m); got.Contact == nil || !reflect.DeepEqual(got.Contact.Members, want) {
		t.Errorf("%+v", got.Contact)
	}
	// With names for all, those are taken.
	all := [][]byte{oneOffID("A", "SMTP", "a@example.org"), oneOffID("B", "EX", "/o=x/cn=b"), oneOffID("C", "SMTP", "c@example.org"), oneOffID("D", "FAX", "+4")}
	m.Props = append(m.Props, named(PSETIDAddress, map[uint32]any{0x8054: all})...)
	if got := inspected(t, m); len(got.Contact.Members) != 4 || got.Contact.Members[1] != (Person{"B", "/o=x/cn=b", "EX", 0}) {
		t.Errorf("%+v", got.Contact)
	}
}

func TestCatalogueOfATask(t *testing.T) {
	at := FileTime(1.4e17)
	m := &Message{Props: append(Props{{Tag: 0x001A84B0, Value: "IPM.Task"}}, named(PSETIDTask, map[uint32]any{
		0x8101: int32(1), 0x8102: 0.25, 0x8104: at, 0x8105: at + 1e12, 0x810F: at + 2e12, 0x811C: true, 0x811F: "Ann", 0x8121: "Bob", 0x8126: true,
		0x8116: []byte("no pattern"),
	})...)}
	got := inspected(t, m)
	checker{t}.equal("task", got, Catalogue{
		Class: "IPM.Task", Importance: 1, Start: at.Time(), End: (at + 1e12).Time(), Recurring: true,
		Task: &Task{Status: 1, Complete: true, Percent: 0.25, Completed: (at + 2e12).Time(), Owner: "Ann", Assigner: "Bob"},
	})
}

func TestCatalogueOfAMail(t *testing.T) {
	reply := append(binary.LittleEndian.AppendUint32(nil, 2), 0, 0, 0, 0)
	for _, id := range [][]byte{oneOffID("List", "SMTP", "list@example.org"), bookID("/o=x/cn=team")} {
		reply = append(binary.LittleEndian.AppendUint32(reply, uint32(len(id))), id...)
		reply = append(reply, make([]byte, -len(id)&3)...)
	}
	m := &Message{
		Props: Props{
			{Tag: 0x001A84B0, Value: "IPM.Note"},
			{Tag: 0x004284B0, Value: "Ann"},
			{Tag: 0x006484B0, Value: "EX"},
			{Tag: 0x006584B0, Value: "/o=x/cn=ann"},
			{Tag: 0x00410102, Value: oneOffID("ann", "SMTP", "ann@example.org")},
			{Tag: 0x0C1F84B0, Value: "bob@example.org"},
			{Tag: 0x004F0102, Value: reply},
			{Tag: 0x103984B0, Value: "<1@x> <2@x>"},
			{Tag: 0x007084B0, Value: "topic"},
			{Tag: 0x00710102, Value: []byte{1, 2}},
			{Tag: 0x10900003, Value: int32(2)},
		},
		Recipients: []Recipient{{Props: Props{
			{Tag: 0x0C150003, Value: int32(1)},
			{Tag: 0x300184B0, Value: "Cy"},
			{Tag: 0x300284B0, Value: "EX"},
			{Tag: 0x300384B0, Value: "/o=x/cn=cy"},
			{Tag: 0x5FFD0003, Value: int32(3)},
			{Tag: 0x5FFF0003, Value: int32(3)},
		}}},
		Attachments: []Attachment{{Props: Props{
			{Tag: 0x371284B0, Value: "img1"},
			{Tag: 0x37140003, Value: int32(4)},
			{Tag: 0x370784B0, Value: "a.png"},
			{Tag: 0x37010102, Value: []byte{}},
		}}},
	}
	m.Props = append(m.Props, named(PSETIDCommon, map[uint32]any{0x8506: true, 0x8530: "Follow up", 0x8502: FileTime(1.4e17), 0x8503: true})...)
	checker{t}.equal("mail", inspected(t, m), Catalogue{
		Class: "IPM.Note", From: "ann@example.org", FromName: "Ann", Sender: "bob@example.org",
		ReplyTo:    []Person{{Name: "List", Address: "list@example.org"}, {Address: "/o=x/cn=team", Type: "EX"}},
		To:         []Person{{Name: "Cy", Address: "/o=x/cn=cy", Type: "EX", Status: 3}},
		References: "<1@x> <2@x>", ConversationTopic: "topic", ConversationIndex: []byte{1, 2}, Importance: 1, Private: true, FlagStatus: 2,
		FlagRequest: "Follow up", Reminder: FileTime(1.4e17).Time(), HasAttachments: true,
		Attachments: []AttachmentInfo{{Name: "a.png", Inline: true, ContentID: "img1", SHA256: hexSum(nil)}},
		Calendar:    &Calendar{Organizer: &Person{Name: "Cy", Address: "/o=x/cn=cy", Type: "EX"}},
	})
}

func TestCatalogueOfIndependentStreams(t *testing.T) {
	for _, s := range independent(t) {
		c, err := Inspect(bytes.NewReader(s.blob))
		if err != nil {
			t.Fatal(err)
		}
		switch s.name {
		case "0103":
			if c.Contact == nil || len(c.Contact.Members) == 0 || c.Contact.Members[0] != (Person{Name: "Member 0", Address: "m0@example.org"}) {
				t.Errorf("distribution list: %+v", c.Contact)
			}
		case "0107":
			r := c.Calendar.Recurrence
			if r == nil || r.Count != 10 || len(r.Exceptions) != 1 || *r.Exceptions[0].Subject != "Weekly stand-up (moved)" || c.Calendar.TimeZone != "Europe/Berlin" {
				t.Errorf("series: %+v", c.Calendar)
			}
		}
	}
}

// Catalogues of older stores have recipients as strings.
func TestOlderCatalogue(t *testing.T) {
	var c Catalogue
	err := json.Unmarshal([]byte(`{"class":"IPM.Note","from":"a@x","to":["b@x","Only a name"],"cc":[{"name":"C","address":"c@x"}],"importance":1}`), &c)
	want := Catalogue{Class: "IPM.Note", From: "a@x", To: []Person{{Address: "b@x"}, {Address: "Only a name"}}, Cc: []Person{{Name: "C", Address: "c@x"}}, Importance: 1}
	if err != nil || !reflect.DeepEqual(c, want) {
		t.Errorf("%+v, %v", c, err)
	}
}

func TestEntryIDs(t *testing.T) {
	narrow := append(append([]byte{0, 0, 0, 0}, providerOneOff[:]...), 0, 0, 1, 0)
	narrow = append(narrow, "M\xfcller\x00SMTP\x00m@example.org\x00"...)
	for name, c := range map[string]struct {
		id   []byte
		want Person
		ok   bool
	}{
		"narrow":        {narrow, Person{Name: "Müller", Address: "m@example.org"}, true},
		"cut":           {narrow[:len(narrow)-1], Person{}, false},
		"short":         {narrow[:22], Person{}, false},
		"nothing":       {nil, Person{}, false},
		"book, no name": {bookID(""), Person{Type: "EX"}, false},
		"book, cut":     {bookID("/o=x")[:27], Person{}, false},
		"wrapped":       {wrappedID(bookID("/o=x")), Person{Address: "/o=x", Type: "EX"}, true},
		"wrapped twice": {wrappedID(wrappedID(bookID("/o=x"))), Person{}, false},
		"wrapped cut":   {wrappedID(nil), Person{}, false},
	} {
		if got, ok := ParseEntryID(c.id); got != c.want || ok != c.ok {
			t.Errorf("%s: %+v, %v", name, got, ok)
		}
	}
	if got := ParseEntryIDs([]byte(strings.Repeat("\xff", 64))); got != nil {
		t.Errorf("%+v", got)
	}
}

func FuzzEntryID(f *testing.F) {
	f.Add(oneOffID("A", "SMTP", "a@x"))
	f.Add(wrappedID(bookID("/o=x")))
	f.Add(append([]byte{1, 0, 0, 0, 0, 0, 0, 0, 28, 0, 0, 0}, bookID("")...))
	f.Fuzz(func(t *testing.T, b []byte) {
		defer memtest.Bound(t, 64<<20)()
		p, ok := ParseEntryID(b)
		if n := len(p.Name) + len(p.Address) + len(p.Type); n > 3*len(b) || !ok && p.Name != "" {
			t.Fatalf("%d bytes became %d", len(b), n)
		}
		if n := len(ParseEntryIDs(b)); n > len(b)/24 {
			t.Fatalf("%d bytes became %d persons", len(b), n)
		}
	})
}
