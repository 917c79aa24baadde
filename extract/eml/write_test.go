package eml_test

import (
	"bytes"
	"flag"
	"fmt"
	"net/mail"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"mailferry/extract/eml"
	"mailferry/fts"
	"mailferry/internal/sharedtest"
)

var update = flag.Bool("update", false, "write the golden files anew")

// String properties by id.
type texts map[uint16]string

func set(p *fts.Props, all texts) {
	for id, s := range all {
		p.Set(fts.MakeTag(id, fts.StringUpload), s)
	}
}

func number(p *fts.Props, id uint16, n int32) { p.Set(fts.MakeTag(id, fts.Integer32), n) }

// message is a mail from alice to bob.
func message(all texts) *fts.Message {
	m := &fts.Message{Recipients: []fts.Recipient{{}}}
	set(&m.Props, texts{0x001A: "IPM.Note", 0x0042: "Alice", 0x0064: "SMTP", 0x0065: "alice@example.com"})
	set(&m.Props, all)
	m.Props.Set(fts.MakeTag(0x0039, fts.Time), fts.FileTimeOf(time.Date(2025, 3, 1, 9, 30, 0, 0, time.UTC)))
	set(&m.Recipients[0].Props, texts{0x3001: "Bob", 0x3002: "SMTP", 0x3003: "bob@example.com"})
	number(&m.Recipients[0].Props, 0x0C15, int32(fts.To))
	return m
}

func attach(m *fts.Message, data string, all texts) *fts.Attachment {
	var a fts.Attachment
	set(&a.Props, all)
	number(&a.Props, 0x3705, int32(fts.AttachByValue))
	a.Props.Set(fts.MakeTag(0x3701, fts.Binary), []byte(data))
	m.Attachments = append(m.Attachments, a)
	return &m.Attachments[len(m.Attachments)-1]
}

func write(t testing.TB, m *fts.Message) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := eml.WriteMessage(&b, m); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func named(set fts.GUID, text string, value any) fts.Prop {
	return fts.Prop{Tag: fts.MakeTag(0x8001, fts.StringUpload), Name: &fts.Name{Set: set, Text: text}, Value: value}
}

// TestGolden shows what mails look like.
func TestGolden(t *testing.T) {
	t.Parallel()
	html := message(texts{
		0x0037: "Grüße aus Übersee", 0x1000: "Hello\r\nFrom me\r\n",
		0x1013: `<p>Größe: <img src="cid:one@x"><img src='cid:two%20b'></p>`,
		0x0C1A: "The assistant", 0x0C1E: "EX", 0x0C1F: "/O=ORG/OU=A b/CN=RECIPIENTS/CN=ASSIST_1",
		0x1035: "<1@example.com>", 0x1042: "<0@example.com>", 0x1039: "<a@example.com> <0@example.com>",
		0x007D: "Microsoft Mail Internet Headers Version 2.0\r\nReceived: from a by b;\r\n\tSat, 1 Mar 2025 09:30:01 +0000\r\n" +
			"From: Mallory <mallory@example.com>\r\nContent-Type: text/evil\r\nX-Spam: yes; f\xc3\xbcr\r\nMIME-Version: 1.0\r\n\r\nReceived: of a part\r\n",
	})
	number(&html.Props, 0x0017, 2)
	html.Props = append(html.Props, named(fts.PSInternetHeaders, "x-mailer", "Old & good"), named(fts.PSInternetHeaders, "X-Spam", "no"),
		named(fts.PSPublicStrings, "Keywords", []string{"Travel", "Ü"}))
	attach(html, "PNG", texts{0x3707: "one.png", 0x370E: "image/png", 0x3712: "one@x"})
	attach(html, "GIF", texts{0x3707: "not shown.gif", 0x370E: "image/gif", 0x3712: "three@x"})
	attach(html, "list", texts{0x3707: "Übersicht der Preise für das kommende Jahr und alle weiteren Jahre.txt", 0x370E: "text/plain"})

	rich := message(texts{0x0037: "Rich"})
	rich.Props.Set(fts.MakeTag(0x1009, fts.Binary), []byte("\x1e\x00\x00\x00\x12\x00\x00\x00MELA\x00\x00\x00\x00{\\rtf1 plain \\b x}"))
	inner := message(texts{0x0037: "Inside", 0x1000: "in\n"})
	forwarded := attach(rich, "", texts{0x3001: "Inside"})
	forwarded.Embedded, forwarded.Props = inner, forwarded.Props[:1]
	link := attach(rich, "", texts{0x3707: "plan.docx", 0x370D: "https://files.example.com/plan.docx"})
	link.Props = link.Props[:2]

	for name, m := range map[string]*fts.Message{"html": html, "rich": rich} {
		got := write(t, m)
		checkClean(t, name, got)
		file := filepath.Join("testdata", name+".eml")
		if *update {
			if err := os.WriteFile(file, got, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(string(want), string(got)); d != "" {
			t.Errorf("%s: %s", name, d)
		}
		if again := write(t, m); !bytes.Equal(again, got) {
			t.Errorf("%s: another time other bytes", name)
		}
	}
}

// TestAddresses writes people as mail programs can read them.
func TestAddresses(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, kind, address, want string }{
		{"Bob", "SMTP", "bob@example.com", `Bob <bob@example.com>`},
		{"", "SMTP", "bob@example.com", `bob@example.com`},
		{"O'Neil, Kim", "SMTP", "kim.o'neil@example.com", `"O'Neil, Kim" <kim.o'neil@example.com>`},
		{`A "B" \ C`, "SMTP", "a@example.com", `"A \"B\" \\ C" <a@example.com>`},
		{"見積", "SMTP", "a@example.com", `=?utf-8?b?6KaL56mN?= <a@example.com>`},
		{"Bob", "SMTP", "'bob@example.com'", `Bob <bob@example.com>`},
		{"Bob", "SMTP", "bob smith@example.com", `Bob <IMCEASMTP-bob+20smith+40example+2Ecom@imcea.invalid>`},
		{"Bob", "SMTP", "b@x>\r\nBcc: eve@example.com", `Bob <IMCEASMTP-b+40x+3E+0D+0ABcc+3A+20eve+40example+2Ecom@imcea.invalid>`},
		{"Bob", "SMTP", "b,ob@example.com", `Bob <"b,ob"@example.com>`},
		{"Bob", "EX", "/o=Org/cn=bob", `Bob <IMCEAEX-_o=Org_cn=bob@imcea.invalid>`},
		{"Fax", "FAX", "+49 30 1", `Fax <IMCEAFAX-+2B49+2030+201@imcea.invalid>`},
		{"Only a name", "", "", `Only a name <IMCEAINVALID-Only+20a+20name@imcea.invalid>`},
		{"x\r\nBcc: eve@example.com", "SMTP", "b@example.com", `=?utf-8?q?x__Bcc=3A_eve=40example=2Ecom?= <b@example.com>`},
	} {
		m := message(nil)
		m.Recipients[0].Props = nil
		set(&m.Recipients[0].Props, texts{0x3001: c.name, 0x3002: c.kind, 0x3003: c.address})
		number(&m.Recipients[0].Props, 0x0C15, int32(fts.To))
		read, err := mail.ReadMessage(bytes.NewReader(write(t, m)))
		if err != nil {
			t.Fatal(err)
		}
		if got := read.Header.Get("To"); got != c.want {
			t.Errorf("%q %s %q:\n%s\nwant\n%s", c.name, c.kind, c.address, got, c.want)
		}
		if list, err := read.Header.AddressList("To"); err != nil || len(list) != 1 || read.Header.Get("Bcc") != "" {
			t.Errorf("%q %q: %v, %v", c.name, c.address, list, err)
		}
	}
}

// TestDepth: messages in messages are written as deep as other programs read
// them, and deeper ones are refused.
func TestDepth(t *testing.T) {
	t.Parallel()
	nested := func(depth int) *fts.Message {
		m := message(texts{0x0037: "the innermost", 0x1000: "deep"})
		for i := range depth {
			outer := message(texts{0x0037: fmt.Sprint("level ", depth-i), 0x1000: "see below"})
			outer.Attachments = []fts.Attachment{{Embedded: m}}
			m = outer
		}
		return m
	}
	m := nested(100)
	raw := write(t, m)
	got, err := readGo(raw)
	if err != nil {
		t.Fatal(err)
	}
	want := wanted(t, m)
	want.same()
	if got.same(); got.String() != want.String() {
		t.Error("Go reads something else")
	}
	if err := eml.WriteMessage(&bytes.Buffer{}, nested(101)); err == nil {
		t.Error("101 messages in each other are written")
	}
	file := filepath.Join(t.TempDir(), "deep")
	if err := os.WriteFile(file, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	if readPython(t, sharedtest.Program(t, "python3"), []string{file})[0] != want.String() {
		t.Error("Python reads something else")
	}
}

// FuzzMail gives a writer of mail everything that a stranger can write into an
// item: the mail says what the item says and nothing more.
func FuzzMail(f *testing.F) {
	f.Add("Subject", "Bob", "bob@example.com", "SMTP", "Received: x\r\n", "text", "<b>html</b>", "file.txt", "text/plain", "cid@x")
	f.Add("a\r\nBcc: eve@example.com\r\n\r\nbody", "x\n y", "a@b\r\n>", "EX", "A: b\r\n\r\nTo: c\r\nSubject\x00: d", ".\r\nFrom x\r\n--=_", "cid:cid@x", "../a\"\r\nb", "a/b;c=d", "<>\"\r\n")
	f.Add(strings.Repeat("x", 3000), strings.Repeat("ä", 900), strings.Repeat("l", 300)+"@x", "", "X: "+strings.Repeat("y", 2000), "\xed\xa0\x80", "cid:", strings.Repeat("語", 200), "text/"+strings.Repeat("z", 200), strings.Repeat("c", 2000))
	f.Add("=?utf-8?q?x?=", "=?utf-8?b?eA==?=", "@", "a\r\nb", "\r\n X: y\r\n: z\r\nFrom x", "=\r\n", "CID:%zz", "=?utf-8?q?x?=.txt", "multipart/mixed", "x y")
	f.Fuzz(func(t *testing.T, subject, name, address, kind, headers, text, html, file, media, id string) {
		m := message(texts{0x0037: subject, 0x007D: headers, 0x1000: text, 0x1013: html, 0x1035: id, 0x0070: name})
		set(&m.Recipients[0].Props, texts{0x3001: name, 0x3002: kind, 0x3003: address})
		attach(m, text, texts{0x3707: file, 0x370E: media, 0x3712: id})
		m.Props = append(m.Props, named(fts.PSInternetHeaders, name, headers), named(fts.PSPublicStrings, "Keywords", []string{subject, name}))
		raw := write(t, m)
		checkClean(t, "fuzzed", raw)
		got, err := readGo(raw)
		if err != nil {
			t.Fatalf("%v\n%s", err, raw)
		}
		to := 1
		if strings.TrimSpace(visible(name)) == "" && strings.TrimSpace(address) == "" {
			to = 0
		}
		if len(got.From) != 1 || len(got.To) != to && !strings.Contains(strings.ToLower(headers), "to") || len(got.Attachments) != 1 || len(got.Bodies) > 2 {
			t.Errorf("%v\n%s", got, raw)
		}
		if got.Subject != visible(subject) && !strings.Contains(strings.ToLower(headers), "subject") {
			t.Errorf("subject %q, want %q", got.Subject, visible(subject))
		}
		if len(got.Attachments) == 1 && got.Attachments[0].SHA256 != sum([]byte(text)) {
			t.Error("the attachment is another")
		}
	})
}
