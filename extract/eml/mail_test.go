package eml_test

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode"

	"mailferry/extract/eml"
	"mailferry/fts"
)

// read is what a program understands of a mail.
type read struct {
	From        []person     `json:"from"`
	To          []person     `json:"to"`
	Cc          []person     `json:"cc"`
	Bcc         []person     `json:"bcc"`
	ReplyTo     []person     `json:"reply_to"`
	Subject     string       `json:"subject"`
	MessageID   string       `json:"message_id"`
	InReplyTo   string       `json:"in_reply_to"`
	References  string       `json:"references"`
	Date        int64        `json:"date"`
	Bodies      []bodyRead   `json:"bodies"`
	Attachments []attachRead `json:"attachments"`
}

type person struct {
	Name    string `json:"name"`
	Address string `json:"address"`
}

type bodyRead struct {
	Type   string `json:"type"`
	SHA256 string `json:"sha256"`
}

type attachRead struct {
	Name      string `json:"name"`
	Type      string `json:"type"`
	Size      int64  `json:"size"`
	SHA256    string `json:"sha256"`
	Inline    bool   `json:"inline"`
	ContentID string `json:"content_id"`
	Message   *read  `json:"message"`
}

func sum(b []byte) string {
	s := sha256.Sum256(b)
	return hex.EncodeToString(s[:])
}

// same makes white space and what only one side can know the same on both.
func (r *read) same() {
	join := func(s string) string { return strings.Join(strings.Fields(s), " ") }
	for _, list := range [][]person{r.From, r.To, r.Cc, r.Bcc, r.ReplyTo} {
		for i := range list {
			list[i] = person{join(list[i].Name), plainAddress(list[i].Address)}
		}
	}
	r.Subject, r.References = join(r.Subject), join(r.References)
	for i := range r.Attachments {
		r.Attachments[i].Name = join(r.Attachments[i].Name)
		if m := r.Attachments[i].Message; m != nil {
			m.same()
		}
	}
}

// plainAddress takes an address out of its capsule.
func plainAddress(s string) string {
	s, ok := strings.CutSuffix(s, "@imcea.invalid")
	kind, rest, _ := strings.Cut(s, "-")
	if !ok || !strings.HasPrefix(kind, "IMCEA") {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(rest); i++ {
		switch {
		case rest[i] == '_':
			b.WriteByte('/')
		case rest[i] == '+':
			n, _ := strconv.ParseUint(rest[i+1:i+3], 16, 8)
			b.WriteByte(byte(n))
			i += 2
		default:
			b.WriteByte(rest[i])
		}
	}
	return strings.TrimPrefix(kind, "IMCEA") + ":" + b.String()
}

func (r *read) String() string {
	b, err := json.MarshalIndent(r, "", " ")
	if err != nil {
		panic(err)
	}
	return strings.ReplaceAll(string(b), "null", "[]")
}

// visible is a text as a header can tell it.
func visible(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
}

// wanted is what the mail of a message must say, as the item has it.
func wanted(t testing.TB, m *fts.Message) *read {
	t.Helper()
	r := &read{Subject: visible(m.Subject()), MessageID: m.Props.String(0x1035), InReplyTo: strings.TrimSpace(m.Props.String(0x1042)), References: m.Props.String(0x1039)}
	add := func(list *[]person, p fts.Person) {
		p.Address = strings.Trim(p.Address, "'")
		switch {
		case p.Name == "" && p.Address == "":
			return
		case p.Address == "":
			p.Address = "INVALID:" + p.Name
		case p.Type != "":
			p.Address = p.Type + ":" + p.Address
		case strings.HasPrefix(p.Address, "/O="):
			p.Address = "EX:" + p.Address
		case !strings.Contains(p.Address, "@"):
			p.Address = "SMTP:" + p.Address
		}
		*list = append(*list, person{visible(p.Name), p.Address})
	}
	from := m.From()
	if from.Name+from.Address == "" {
		from = m.Sender()
	}
	add(&r.From, from)
	for i := range m.Recipients {
		p := m.Recipients[i].Person()
		switch m.Recipients[i].Kind() {
		case fts.To:
			add(&r.To, p)
		case fts.Cc:
			add(&r.Cc, p)
		case fts.Bcc:
			add(&r.Bcc, p)
		}
	}
	if came := headersOf(m); len(m.Recipients) == 0 && came.Get("To") != "" {
		list, err := came.AddressList("To")
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range list {
			r.To = append(r.To, person{a.Name, a.Address})
		}
	}
	for _, p := range fts.ParseEntryIDs(m.Props.Bytes(0x004F)) {
		add(&r.ReplyTo, p)
	}
	came, _ := headersOf(m).Date()
	for _, at := range []time.Time{m.Props.Time(0x0039), m.Props.Time(0x0E06), came, m.Props.Time(0x3008), m.Props.Time(0x3007)} {
		if r.Date == 0 && (at.Year() >= 1900 || at.Equal(came) && !at.IsZero()) {
			r.Date = at.Unix()
		}
	}
	if strings.HasSuffix(m.Class(), "SMIME.MultipartSigned") {
		// The content is the one that was signed.
		p, _ := m.Attachments[0].Data()
		from, err := p.Open()
		if err != nil {
			t.Fatal(err)
		}
		if signed, err := mail.ReadMessage(from); err == nil && strings.HasPrefix(signed.Header.Get("Content-Type"), "multipart/signed") {
			if err := r.collect(signed.Header.Get, signed.Body); err != nil {
				t.Fatal(err)
			}
			return r
		}
	}
	kind, err := m.Body()
	if err != nil {
		t.Fatal(err)
	}
	inline := ""
	text := func(kind string, open func() (io.Reader, error)) string {
		from, err := open()
		if err != nil {
			t.Fatal(err)
		}
		s := unlined(all(t, from))
		r.Bodies = append(r.Bodies, bodyRead{kind, sum([]byte(s))})
		return s
	}
	if p, ok := m.Prop(0x1000); kind == fts.TextBody || kind == fts.RTFBody || kind == fts.HTMLBody && ok && p.Size() > 0 {
		text("text/plain", m.Text)
	}
	if kind == fts.HTMLBody {
		inline = strings.ToLower(text("text/html", m.HTML))
	}
	for pass := range 2 {
		if pass == 1 && kind == fts.RTFBody {
			from, err := m.RTF()
			if err != nil {
				t.Fatal(err)
			}
			b := all(t, from)
			r.Attachments = append(r.Attachments, attachRead{Name: "body.rtf", Type: "text/rtf", Size: int64(len(b)), SHA256: sum(b)})
		}
		for i := range m.Attachments {
			a := &m.Attachments[i]
			id := a.ContentID()
			shown := id != "" && a.Embedded == nil && strings.Contains(inline, "cid:"+strings.ToLower(id))
			if shown == (pass == 1) {
				continue
			}
			r.Attachments = append(r.Attachments, wantedAttachment(t, a, shown))
		}
	}
	if len(r.Bodies)+len(r.Attachments) == 0 {
		r.Bodies = append(r.Bodies, bodyRead{"text/plain", sum(nil)})
	}
	return r
}

// headersOf are those that a message came with.
func headersOf(m *fts.Message) mail.Header {
	came, err := mail.ReadMessage(strings.NewReader(m.Props.String(0x007D) + "\r\n\r\n"))
	if err != nil {
		return mail.Header{}
	}
	return came.Header
}

func wantedAttachment(t testing.TB, a *fts.Attachment, inline bool) attachRead {
	w := attachRead{Name: visible(a.Name()), Type: a.Mime(), Inline: inline, ContentID: a.ContentID()}
	if w.Type == "" || strings.HasPrefix(w.Type, "message/") || strings.HasPrefix(w.Type, "multipart/") {
		w.Type = "application/octet-stream"
	}
	p, ok := a.Data()
	switch {
	case a.Embedded != nil:
		if w.Name != "" && !strings.HasSuffix(w.Name, ".eml") {
			w.Name += ".eml"
		}
		return attachRead{Name: w.Name, Message: wanted(t, a.Embedded)}
	case ok:
		from, err := p.Open()
		if err != nil {
			t.Fatal(err)
		}
		b := all(t, from)
		w.Size, w.SHA256 = int64(len(b)), sum(b)
	case a.Path() != "":
		b := []byte(a.Path())
		w.Name, w.Type, w.Size, w.SHA256 = w.Name+".txt", "text/plain", int64(len(b)), sum(b)
	default:
		w.SHA256 = sum(nil)
	}
	return w
}

func all(t testing.TB, r io.Reader) []byte {
	t.Helper()
	if r == nil {
		return nil
	}
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// unlined makes line ends one byte, and the text valid.
func unlined(b []byte) string {
	return strings.ToValidUTF8(strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(surrogatesReplaced(b)), "\uFFFD")
}

// surrogatesReplaced makes each half of a pair one replacement character for each byte, as decoders do.
func surrogatesReplaced(b []byte) string { return string([]rune(string(b))) }

// rendered renders a blob.
func rendered(t testing.TB, blob []byte) (*fts.Item, []byte) {
	t.Helper()
	it, err := fts.OpenItem(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(blob)), nil })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { it.Close() })
	var b bytes.Buffer
	if err := eml.Write(&b, it); err != nil {
		t.Fatal(err)
	}
	return it, b.Bytes()
}

// readGo reads a mail with the standard library.
func readGo(raw []byte) (*read, error) {
	m, err := mail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		return nil, err
	}
	r := &read{}
	words := mime.WordDecoder{}
	parser := mail.AddressParser{WordDecoder: &words}
	for name, to := range map[string]*[]person{"From": &r.From, "To": &r.To, "Cc": &r.Cc, "Bcc": &r.Bcc, "Reply-To": &r.ReplyTo} {
		if m.Header.Get(name) == "" {
			continue
		}
		list, err := parser.ParseList(m.Header.Get(name))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		for _, a := range list {
			*to = append(*to, person{a.Name, a.Address})
		}
	}
	for name, to := range map[string]*string{"Subject": &r.Subject, "Message-ID": &r.MessageID, "In-Reply-To": &r.InReplyTo, "References": &r.References} {
		if *to, err = words.DecodeHeader(m.Header.Get(name)); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	if m.Header.Get("Date") != "" {
		at, err := m.Header.Date()
		if err != nil {
			return nil, err
		}
		r.Date = at.Unix()
	}
	return r, r.collect(m.Header.Get, m.Body)
}

func (r *read) collect(get func(string) string, body io.Reader) error {
	kind, params, err := mime.ParseMediaType(cmp.Or(get("Content-Type"), "text/plain"))
	if err != nil {
		return fmt.Errorf("content type %q: %w", get("Content-Type"), err)
	}
	switch get("Content-Transfer-Encoding") {
	case "base64":
		body = base64.NewDecoder(base64.StdEncoding, body)
	case "quoted-printable":
		body = quotedprintable.NewReader(body)
	}
	disposition, dparams := "", map[string]string{}
	if d := get("Content-Disposition"); d != "" {
		if disposition, dparams, err = mime.ParseMediaType(d); err != nil {
			return fmt.Errorf("disposition %q: %w", d, err)
		}
	}
	if strings.HasPrefix(kind, "multipart/") {
		parts := multipart.NewReader(body, params["boundary"])
		for {
			p, err := parts.NextRawPart()
			if err == io.EOF {
				return nil
			}
			if err != nil {
				return err
			}
			if err := r.collect(p.Header.Get, p); err != nil {
				return err
			}
		}
	}
	b, err := io.ReadAll(body)
	if err != nil {
		return err
	}
	switch {
	case kind == "message/rfc822":
		inner, err := readGo(b)
		r.Attachments = append(r.Attachments, attachRead{Name: dparams["filename"], Message: inner})
		return err
	case disposition == "":
		r.Bodies = append(r.Bodies, bodyRead{kind, sum([]byte(unlined(b)))})
	default:
		r.Attachments = append(r.Attachments, attachRead{
			Name: dparams["filename"], Type: kind, Size: int64(len(b)), SHA256: sum(b),
			Inline: disposition == "inline", ContentID: strings.Trim(get("Content-ID"), "<>"),
		})
	}
	return nil
}
