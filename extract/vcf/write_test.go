package vcf_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"

	"mailferry/extract/vcf"
	"mailferry/fts"
	"mailferry/internal/memtest"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// item is a message as it comes out of a store.
func item(t testing.TB, m *fts.Message) *fts.Item {
	t.Helper()
	var b bytes.Buffer
	must(t, fts.WriteMessage(&b, m, fts.WriteOptions{}))
	return open(t, b.Bytes())
}

func open(t testing.TB, blob []byte) *fts.Item {
	t.Helper()
	it, err := fts.OpenItem(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(blob)), nil })
	must(t, err)
	t.Cleanup(func() { it.Close() })
	return it
}

func write(t testing.TB, it *fts.Item, v vcf.Version) string {
	t.Helper()
	var b bytes.Buffer
	must(t, vcf.WriteVersion(&b, it, v))
	return b.String()
}

func lid(m *fts.Message, n fts.Name, kind fts.Type, value any) {
	m.Props = append(m.Props, fts.Prop{Tag: fts.MakeTag(0x8000, kind), Name: &n, Value: value})
}

func address(m *fts.Message, number uint32, value string) {
	lid(m, fts.LID(fts.PSETIDAddress, number), fts.StringUpload, value)
}

func tags(m *fts.Message, values map[uint16]string) {
	for id, s := range values {
		m.Props.Set(fts.MakeTag(id, fts.StringUpload), s)
	}
}

// oneOff is a one-off entry id ([MS-OXCDATA] 2.2.5.1).
func oneOff(name, kind, address string) []byte {
	b := append(make([]byte, 4), 0x81, 0x2B, 0x1F, 0xA4, 0xBE, 0xA3, 0x10, 0x19, 0x9D, 0x6E, 0x00, 0xDD, 0x01, 0x0F, 0x54, 0x02, 0, 0, 1, 0x80)
	for _, s := range []string{name, kind, address} {
		for _, u := range append(utf16.Encode([]rune(s)), 0) {
			b = binary.LittleEndian.AppendUint16(b, u)
		}
	}
	return b
}

// contact has everything that a card can say.
func contact() *fts.Message {
	m := &fts.Message{}
	tags(m, map[uint16]string{
		0x001A: "IPM.Contact", 0x3001: "Dr. Zoë, Müller", 0x3A06: "Zoë", 0x3A11: "Müller; née Ng", 0x3A44: "A", 0x3A45: "Dr.", 0x3A05: "Jr.",
		0x3A4F: "Zo", 0x3A16: "ACME, Inc.", 0x3A18: "R&D", 0x3A17: "Head", 0x3A46: "Chemist", 0x3A08: "+1 555 0100", 0x3A1C: "+1 555 0101", 0x3A24: "+1 555 0102",
		0x3A1A: "+1 555 0103", 0x3A51: "https://example.com/a;b", 0x3A19: "Room 4", 0x3A48: "Kim", 0x3A30: "Bo", 0x3A4E: "Max",
		0x3A59: "Ulm", 0x3A5D: "Home street 1", 0x1000: "First\r\nSecond, third",
	})
	for number, s := range map[uint32]string{
		0x8082: "SMTP", 0x8083: "zoe@example.com", 0x8092: "EX", 0x8093: "/o=Org/cn=zoe", 0x8094: "zoe@work.example", 0x80A2: "EX", 0x80A3: "/o=Org/cn=z",
		0x8045: "1 Main St.", 0x8046: "Bern", 0x8049: "CH", 0x801B: "1 Main St.\r\nBern", 0x8062: "zoe@im.example",
	} {
		address(m, number, s)
	}
	lid(m, fts.LID(fts.PSETIDAddress, 0x8022), fts.Integer32, int32(2))
	lid(m, fts.Name{Set: fts.PSPublicStrings, Text: "Keywords"}, fts.StringUpload|fts.MultiValue, []string{"Red, green", "Blue"})
	m.Props.Set(fts.MakeTag(0x3A42, fts.Time), fts.FileTimeOf(time.Date(1980, 4, 1, 22, 0, 0, 0, time.UTC))) // midnight of the 2nd in Berlin
	m.Props.Set(fts.MakeTag(0x3A41, fts.Time), fts.FileTimeOf(time.Date(2004, 2, 29, 11, 59, 0, 0, time.UTC)))
	m.Props.Set(fts.MakeTag(0x3008, fts.Time), fts.FileTimeOf(time.Date(2025, 3, 1, 9, 30, 5, 0, time.UTC)))
	m.Props.Set(fts.MakeTag(0x300B, fts.Binary), []byte("0123456789abcdef"))
	photo(m, []byte("picture"))
	return m
}

func photo(m *fts.Message, data []byte) {
	var a fts.Attachment
	a.Props.Set(fts.MakeTag(0x3707, fts.StringUpload), "ContactPicture.png")
	a.Props.Set(fts.MakeTag(0x3705, fts.Integer32), int32(fts.AttachByValue))
	a.Props.Set(fts.MakeTag(0x7FFF, fts.Boolean), true)
	a.Props.Set(fts.MakeTag(0x3701, fts.Binary), data)
	m.Attachments = append(m.Attachments, a)
}

// TestContact: the card says what the contact says, in both versions.
func TestContact(t *testing.T) {
	t.Parallel()
	it := item(t, contact())
	for v, want := range map[vcf.Version]string{
		vcf.V4: `BEGIN:VCARD
VERSION:4.0
PRODID:-//mailferry//extract//EN
UID:urn:uuid:30313233-3435-3637-3839-616263646566
REV:20250301T093005Z
FN:Dr. Zoë\, Müller
N:Müller\; née Ng;Zoë;A;Dr.;Jr.
NICKNAME:Zo
ORG:ACME\, Inc.;R&D
TITLE:Head
ROLE:Chemist
EMAIL;PREF=1:zoe@example.com
EMAIL:zoe@work.example
EMAIL:IMCEAEX-_o=Org_cn=z@imcea.invalid
IMPP:im:zoe@im.example
URL;TYPE=work:https://example.com/a;b
TEL;TYPE=voice;PREF=1:+1 555 0103
TEL;TYPE=work,voice:+1 555 0100
TEL;TYPE=cell,voice:+1 555 0101
TEL;TYPE=work,fax:+1 555 0102
ADR;PREF=1;TYPE=work;LABEL=1 Main St.^nBern:;Room 4;1 Main St.;Bern;;;CH
ADR;TYPE=home:;;Home street 1;Ulm;;;
BDAY:19800402
ANNIVERSARY:20040229
RELATED;TYPE=spouse;VALUE=text:Kim
X-MANAGER:Max
X-ASSISTANT:Bo
CATEGORIES:Red\, green,Blue
NOTE:First\nSecond\, third
PHOTO:data:image/png;base64,cGljdHVyZQ==
END:VCARD
`,
		vcf.V3: `BEGIN:VCARD
VERSION:3.0
PRODID:-//mailferry//extract//EN
UID:urn:uuid:30313233-3435-3637-3839-616263646566
REV:2025-03-01T09:30:05Z
FN:Dr. Zoë\, Müller
N:Müller\; née Ng;Zoë;A;Dr.;Jr.
NICKNAME:Zo
ORG:ACME\, Inc.;R&D
TITLE:Head
ROLE:Chemist
EMAIL;TYPE=INTERNET,pref:zoe@example.com
EMAIL;TYPE=INTERNET:zoe@work.example
EMAIL;TYPE=INTERNET:IMCEAEX-_o=Org_cn=z@imcea.invalid
IMPP:im:zoe@im.example
URL;TYPE=work:https://example.com/a;b
TEL;TYPE=voice,pref:+1 555 0103
TEL;TYPE=work,voice:+1 555 0100
TEL;TYPE=cell,voice:+1 555 0101
TEL;TYPE=work,fax:+1 555 0102
LABEL;TYPE=work,pref:1 Main St.\nBern
ADR;TYPE=work,pref:;Room 4;1 Main St.;Bern;;;CH
ADR;TYPE=home:;;Home street 1;Ulm;;;
BDAY;VALUE=date:1980-04-02
X-ANNIVERSARY:2004-02-29
X-SPOUSE:Kim
X-MANAGER:Max
X-ASSISTANT:Bo
CATEGORIES:Red\, green,Blue
NOTE:First\nSecond\, third
PHOTO;ENCODING=b;TYPE=PNG:cGljdHVyZQ==
END:VCARD
`,
	} {
		got := strings.ReplaceAll(strings.ReplaceAll(write(t, it, v), "\r\n ", ""), "\r\n", "\n")
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s: %s", v, d)
		}
	}
	if err := vcf.WriteVersion(io.Discard, it, "2.1"); err == nil {
		t.Error("there is a version 2.1")
	}
}

// TestList: a list tells its members, also those that are known by a one-off entry only.
func TestList(t *testing.T) {
	t.Parallel()
	m := &fts.Message{}
	tags(m, map[uint16]string{0x001A: "IPM.DistList"})
	address(m, 0x8053, "Team")
	contactID := append(make([]byte, 4), bytes.Repeat([]byte{7}, 60)...)
	lid(m, fts.LID(fts.PSETIDAddress, 0x8055), fts.Binary|fts.MultiValue, [][]byte{contactID, oneOff("Bo", "SMTP", "bo@example.com"), oneOff("Ex", "EX", "/o=Org/cn=ex")})
	lid(m, fts.LID(fts.PSETIDAddress, 0x8054), fts.Binary|fts.MultiValue, [][]byte{oneOff("Al \"A\"", "SMTP", "a l@example.com")})
	want := `KIND:group
FN:Team
MEMBER;X-CN=Al ^'A^':mailto:IMCEASMTP-a+2B20l+2B40example+2B2Ecom@imcea.invalid
MEMBER;X-CN=Bo:mailto:bo@example.com
MEMBER;X-CN=Ex:mailto:IMCEAEX-_o%3DOrg_cn%3Dex@imcea.invalid
`
	want = strings.ReplaceAll(want, "+2B", "+")
	it := item(t, m)
	got := strings.ReplaceAll(strings.ReplaceAll(write(t, it, vcf.V4), "\r\n ", ""), "\r\n", "\n")
	if !strings.Contains(got, want) {
		t.Errorf("%s", cmp.Diff(want, got))
	}
	got = strings.ReplaceAll(strings.ReplaceAll(write(t, it, vcf.V3), "\r\n ", ""), "\r\n", "\n")
	want = strings.NewReplacer("KIND:", "X-ADDRESSBOOKSERVER-KIND:", "FN:Team", "FN:Team\nN:Team;;;;", "MEMBER;", "X-ADDRESSBOOKSERVER-MEMBER;").Replace(want)
	if !strings.Contains(got, want) {
		t.Errorf("%s", cmp.Diff(want, got))
	}
}

// TestFlat: a photo and a note cost no memory, whatever their size.
func TestFlat(t *testing.T) {
	m := contact()
	m.Attachments = nil
	photo(m, bytes.Repeat([]byte("p"), 24<<20))
	tags(m, map[uint16]string{0x1000: strings.Repeat("note ", 2<<20)})
	it := item(t, m)
	done := memtest.Bound(t, 2<<20)
	must(t, vcf.Write(io.Discard, it))
	done()
}

// TestBroken: a blob that can't be read is an error.
func TestBroken(t *testing.T) {
	t.Parallel()
	m := contact()
	m.Attachments = nil
	photo(m, bytes.Repeat([]byte("p"), 1<<20))
	var b bytes.Buffer
	must(t, fts.WriteMessage(&b, m, fts.WriteOptions{}))
	opened := 0
	it, err := fts.OpenItem(func() (io.ReadCloser, error) {
		blob := b.Bytes()
		if opened++; opened > 1 {
			blob = blob[:len(blob)/2]
		}
		return io.NopCloser(bytes.NewReader(blob)), nil
	})
	must(t, err)
	defer it.Close()
	if err := vcf.Write(io.Discard, it); !errors.As(err, new(*fts.Problem)) {
		t.Errorf("half a blob: %v", err)
	}
}

// FuzzCard gives a writer whatever a blob can hold: the card has its lines and no others.
func FuzzCard(f *testing.F) {
	var b bytes.Buffer
	must(f, fts.WriteMessage(&b, contact(), fts.WriteOptions{}))
	f.Add(b.Bytes(), "x\r\nEND:VCARD")
	f.Fuzz(func(t *testing.T, blob []byte, text string) {
		it, err := fts.OpenItem(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(blob)), nil })
		if err != nil {
			it = item(t, contact())
		}
		defer it.Close()
		defer memtest.Bound(t, 64<<20)()
		tags(&it.Message, map[uint16]string{0x3A11: text, 0x3A51: text, 0x3A08: text})
		for _, v := range []vcf.Version{vcf.V3, vcf.V4} {
			var b bytes.Buffer
			if vcf.WriteVersion(&b, it, v) != nil {
				continue
			}
			s := strings.ReplaceAll(b.String(), "\r\n ", "")
			if strings.Count("\r\n"+s, "\r\nEND:VCARD\r\n") != 1 || strings.Count(s, "\r\nFN:") != 1 || strings.ContainsAny(strings.ReplaceAll(s, "\r\n", ""), "\r\n") {
				t.Errorf("%q", s)
			}
		}
	})
}
