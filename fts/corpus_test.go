package fts

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"unicode/utf16"

	"mailferry/internal/sharedtest"
)

// The streams of shared/testdata/fts/independent were made by gromox 3.10, an
// independent implementation; the values they must decode to were read from its
// database. Its README names every field.
type truth struct {
	Stream struct {
		Bytes           int64
		SHA256          string
		TransferBuffers int `json:"transfer_buffers"`
	}
	truthMessage
	Read, Associated *bool
}

type truthMessage struct {
	Class             *string `json:"message_class"`
	Subject           *string
	Sender            truthParty
	Representing      truthParty
	Recipients        map[string][]truthParty
	SentFiletime      *uint64 `json:"sent_filetime"`
	ReceivedFiletime  *uint64 `json:"received_filetime"`
	InternetMessageID *string `json:"internet_message_id"`
	Importance        *int64
	Sensitivity       *int64
	Draft             bool
	SearchKey         *string `json:"search_key"`
	Body              struct {
		Text *struct {
			Chars      int
			UTF16Units int `json:"utf16_units"`
			UTF8Bytes  int `json:"utf8_bytes"`
			SHA256     string
			Value      *string
		}
		HTML *struct {
			Bytes    int
			SHA256   string
			Codepage *int64
		}
		RTF *struct {
			Bytes  int
			SHA256 string
		} `json:"rtf_compressed"`
	}
	Categories     []string
	Named          []truthNamed `json:"named_properties"`
	HasAttachments bool         `json:"has_attachments"`
	Attachments    []truthAttachment
	Subjects       []string `json:"embedded_subjects"`
}

type truthParty struct {
	Name, Addrtype, Email, SMTP *string
	Type                        *int64
}

type truthNamed struct {
	GUID        string
	LID         *uint32
	Name        string
	Type        string
	Value       json.RawMessage
	ValueChars  *int   `json:"value_chars"`
	ValueSHA256 string `json:"value_sha256"`
	InStream    *bool  `json:"in_stream"`
}

type truthAttachment struct {
	FileName    *string `json:"file_name"`
	LongName    *string `json:"long_name"`
	ShortName   *string `json:"short_name"`
	DisplayName *string `json:"display_name"`
	Method      *int64
	Mime        *string
	ContentID   *string `json:"content_id"`
	Size        *int64
	SHA256      *string
	Embedded    *truthMessage
}

type sample struct {
	name  string
	blob  []byte
	truth truth
}

// independent returns the independent streams.
func independent(t testing.TB) []sample {
	t.Helper()
	dir := sharedtest.Dir(t, "testdata/fts/independent")
	paths, err := filepath.Glob(filepath.Join(dir, "*.blob"))
	if err != nil || len(paths) != 62 {
		t.Fatalf("%d streams, %v; want 62", len(paths), err)
	}
	var all []sample
	for _, p := range paths {
		s := sample{name: strings.TrimSuffix(filepath.Base(p), ".blob")}
		if s.blob, err = os.ReadFile(p); err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(strings.TrimSuffix(p, ".blob") + ".json")
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(b, &s.truth); err != nil {
			t.Fatalf("%s: %v", s.name, err)
		}
		all = append(all, s)
	}
	return all
}

func TestIndependentStreams(t *testing.T) {
	for _, s := range independent(t) {
		t.Run(s.name, func(t *testing.T) {
			c := checker{t}
			inner, buffers := unframe(t, s.blob)
			c.equal("stream bytes", int64(len(inner)), s.truth.Stream.Bytes)
			c.equal("stream sha256", hexSum(inner), s.truth.Stream.SHA256)
			c.equal("buffers", len(buffers), s.truth.Stream.TransferBuffers)
			m, err := ReadMessage(bytes.NewReader(s.blob))
			if err != nil {
				t.Fatal(err)
			}
			c.message(m, &s.truth.truthMessage)
			flags, _ := m.Props.Int(idMessageFlags)
			c.equal("read", flags&FlagRead != 0, *s.truth.Read)
			c.equal("associated", flags&FlagAssociated != 0, *s.truth.Associated)
			c.catalogue(s.blob, &s.truth)
		})
	}
}

// unframe is a second, simpler reader of the outer framing.
func unframe(t *testing.T, blob []byte) (inner []byte, sizes []int) {
	t.Helper()
	u32 := func(b []byte) int { return int(b[0]) | int(b[1])<<8 | int(b[2])<<16 | int(b[3])<<24 }
	for rest := blob; len(rest) > 0; {
		op, n := u32(rest), u32(rest[4:])
		if op == opTransferBuffer {
			inner = append(inner, rest[8:8+n]...)
			sizes = append(sizes, n)
		}
		rest = rest[8+n:]
	}
	return inner, sizes
}

func hexSum(b []byte) string {
	s := sha256.Sum256(b)
	return hex.EncodeToString(s[:])
}

type checker struct{ t *testing.T }

func (c checker) equal(what string, got, want any) {
	c.t.Helper()
	if !reflect.DeepEqual(got, want) {
		c.t.Errorf("%s: %#v, want %#v", what, got, want)
	}
}

func (c checker) text(what string, p Props, id uint16, want *string) {
	c.t.Helper()
	v, ok := p.Prop(id)
	if want == nil {
		if ok {
			c.t.Errorf("%s: %v, want none", what, v.Value)
		}
		return
	}
	c.equal(what, v.Value, *want)
}

func (c checker) number(what string, p Props, id uint16, want *int64) {
	c.t.Helper()
	n, ok := p.Int(id)
	c.equal(what+" there", ok, want != nil)
	if want != nil {
		c.equal(what, n, *want)
	}
}

func (c checker) filetime(what string, p Props, id uint16, want *uint64) {
	c.t.Helper()
	v, ok := p.Prop(id)
	c.equal(what+" there", ok, want != nil)
	if want != nil {
		c.equal(what, v.Value, FileTime(*want))
	}
}

func (c checker) message(m *Message, w *truthMessage) {
	p := m.Props
	c.text("class", p, 0x001A, w.Class)
	c.text("subject", p, 0x0037, w.Subject)
	c.party("sender", p, [4]uint16{0x0C1A, 0x0C1E, 0x0C1F, 0x5D01}, w.Sender)
	c.party("representing", p, [4]uint16{0x0042, 0x0064, 0x0065, 0x5D02}, w.Representing)
	c.recipients(m, w)
	c.filetime("sent", p, 0x0039, w.SentFiletime)
	c.filetime("received", p, 0x0E06, w.ReceivedFiletime)
	c.text("message id", p, 0x1035, w.InternetMessageID)
	c.number("importance", p, 0x0017, w.Importance)
	c.number("sensitivity", p, 0x0036, w.Sensitivity)
	flags, _ := p.Int(idMessageFlags)
	c.equal("draft", flags&FlagUnsent != 0, w.Draft)
	if w.SearchKey != nil {
		c.equal("search key", hex.EncodeToString(p.Bytes(0x300B)), *w.SearchKey)
	} else if p.Bytes(0x300B) != nil {
		c.t.Error("search key, want none")
	}
	c.body(p, w)
	c.named(p, w)
	c.equal("has attachments", len(m.Attachments) > 0, w.HasAttachments)
	c.equal("attachments", len(m.Attachments), len(w.Attachments))
	var subjects []string
	for i := range min(len(m.Attachments), len(w.Attachments)) {
		c.attachment(fmt.Sprintf("attachment %d: ", i), &m.Attachments[i], &w.Attachments[i])
		subjects = append(subjects, embeddedSubjects(m.Attachments[i].Embedded)...)
	}
	if len(subjects)+len(w.Subjects) > 0 {
		c.equal("embedded subjects", subjects, w.Subjects)
	}
}

func embeddedSubjects(m *Message) []string {
	if m == nil {
		return nil
	}
	all := []string{m.Props.String(0x0037)}
	for _, a := range m.Attachments {
		all = append(all, embeddedSubjects(a.Embedded)...)
	}
	return all
}

func (c checker) party(what string, p Props, ids [4]uint16, w truthParty) {
	c.t.Helper()
	for i, want := range []*string{w.Name, w.Addrtype, w.Email, w.SMTP} {
		c.text(fmt.Sprintf("%s %d", what, i), p, ids[i], want)
	}
}

func (c checker) recipients(m *Message, w *truthMessage) {
	got := map[string][]Props{}
	for _, r := range m.Recipients {
		kind, ok := r.Props.Int(0x0C15)
		k := "other"
		switch {
		case !ok:
		case kind&0x0F == 1:
			k = "to"
		case kind&0x0F == 2:
			k = "cc"
		case kind&0x0F == 3:
			k = "bcc"
		}
		got[k] = append(got[k], r.Props)
	}
	for _, k := range []string{"to", "cc", "bcc", "other"} {
		c.equal("number of "+k, len(got[k]), len(w.Recipients[k]))
		for i := range min(len(got[k]), len(w.Recipients[k])) {
			want := w.Recipients[k][i]
			p := got[k][i]
			name := ""
			if want.Name != nil {
				name = *want.Name
			}
			c.equal("recipient name", p.String(0x3001), name)
			want.Name = nil
			c.text("recipient type", p, 0x3002, want.Addrtype)
			c.text("recipient address", p, 0x3003, want.Email)
			c.text("recipient smtp", p, 0x39FE, want.SMTP)
			if want.Type != nil {
				c.number("recipient kind", p, 0x0C15, want.Type)
			}
		}
	}
}

func (c checker) body(p Props, w *truthMessage) {
	text, ok := p.Prop(0x1000)
	c.equal("text there", ok, w.Body.Text != nil)
	if b := w.Body.Text; b != nil && ok {
		s := text.Value.(string)
		c.equal("text chars", len([]rune(s)), b.Chars)
		c.equal("text units", len(utf16.Encode([]rune(s))), b.UTF16Units)
		c.equal("text bytes", len(s), b.UTF8Bytes)
		c.equal("text sha256", hexSum([]byte(s)), b.SHA256)
		if b.Value != nil {
			c.equal("text", s, *b.Value)
		}
	}
	_, ok = p.Prop(0x1013)
	c.equal("html there", ok, w.Body.HTML != nil)
	if b := w.Body.HTML; b != nil {
		c.equal("html bytes", len(p.Bytes(0x1013)), b.Bytes)
		c.equal("html sha256", hexSum(p.Bytes(0x1013)), b.SHA256)
		c.number("html code page", p, 0x3FDE, b.Codepage)
	}
	_, ok = p.Prop(0x1009)
	c.equal("rtf there", ok, w.Body.RTF != nil)
	if b := w.Body.RTF; b != nil {
		c.equal("rtf bytes", len(p.Bytes(0x1009)), b.Bytes)
		c.equal("rtf sha256", hexSum(p.Bytes(0x1009)), b.SHA256)
	}
}

func (c checker) attachment(what string, a *Attachment, w *truthAttachment) {
	p := a.Props
	c.text(what+"long name", p, 0x3707, w.LongName)
	c.text(what+"short name", p, 0x3704, w.ShortName)
	c.text(what+"display name", p, 0x3001, w.DisplayName)
	c.number(what+"method", p, 0x3705, w.Method)
	c.text(what+"mime", p, 0x370E, w.Mime)
	c.text(what+"content id", p, 0x3712, w.ContentID)
	_, ok := p.Prop(idAttachData)
	c.equal(what+"data there", ok, w.Size != nil)
	if w.Size != nil {
		c.equal(what+"size", int64(len(p.Bytes(idAttachData))), *w.Size)
		c.equal(what+"sha256", hexSum(p.Bytes(idAttachData)), *w.SHA256)
	}
	c.equal(what+"embedded", a.Embedded != nil, w.Embedded != nil)
	if a.Embedded != nil && w.Embedded != nil {
		c.message(a.Embedded, w.Embedded)
	}
}

// catalogue checks what Inspect finds, with a reader that gives a byte at a time.
func (c checker) catalogue(blob []byte, w *truth) {
	got, err := Inspect(&slowReader{b: blob})
	if err != nil {
		c.t.Fatal(err)
	}
	str := func(s *string) string {
		if s == nil {
			return ""
		}
		return *s
	}
	c.equal("catalogue class", got.Class, str(w.Class))
	c.equal("catalogue subject", got.Subject, str(w.Subject))
	c.equal("catalogue message id", got.MessageID, str(w.InternetMessageID))
	c.equal("catalogue categories", got.Categories, w.Categories)
	c.equal("catalogue attachments", len(got.Attachments), len(w.Attachments))
	for i := range min(len(got.Attachments), len(w.Attachments)) {
		a := w.Attachments[i]
		c.equal("catalogue attachment", got.Attachments[i].Name, str(a.FileName))
		if a.Size != nil {
			c.equal("catalogue size", got.Attachments[i].Size, *a.Size)
			c.equal("catalogue sha256", got.Attachments[i].SHA256, *a.SHA256)
		} else if a.Embedded != nil && got.Attachments[i].Size == 0 {
			c.t.Error("catalogue size of an embedded message: 0")
		}
	}
	for k, list := range map[string][]Person{"to": got.To, "cc": got.Cc, "bcc": got.Bcc} {
		c.equal("catalogue "+k, len(list), len(w.Recipients[k]))
		for i := range min(len(list), len(w.Recipients[k])) {
			want := w.Recipients[k][i]
			c.equal("catalogue name", list[i].Name, str(want.Name))
			if want.SMTP != nil {
				c.equal("catalogue address", list[i].Address, *want.SMTP)
			} else if strings.EqualFold(str(want.Addrtype), "SMTP") {
				c.equal("catalogue address", list[i].Address, str(want.Email))
			}
		}
	}
	c.equal("catalogue draft", got.Flags&FlagUnsent != 0, w.Draft)
	c.equal("catalogue search key", hex.EncodeToString(got.SearchKey), str(w.SearchKey))
	if w.SentFiletime != nil {
		c.equal("catalogue sent", FileTimeOf(got.Sent), FileTime(*w.SentFiletime))
	}
	if w.ReceivedFiletime != nil {
		c.equal("catalogue received", FileTimeOf(got.Received), FileTime(*w.ReceivedFiletime))
	}
	if got.Cut {
		c.t.Error("catalogue cut")
	}
	if _, err := json.Marshal(got); err != nil {
		c.t.Error(err)
	}
}
