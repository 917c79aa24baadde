package soap

import (
	"bytes"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"mailferry/internal/xmlstream"
)

// Writer writes small documents.
type Writer struct{ bytes.Buffer }

// Raw writes s as it is.
func (w *Writer) Raw(s string) { w.WriteString(s) }

// Open writes a start tag; attributes are names and values in turns. Those with
// an empty value are left out, but for Id.
func (w *Writer) Open(name string, attrs ...string) {
	w.tag(name, attrs)
	w.Raw(">")
}

// Empty writes an empty element.
func (w *Writer) Empty(name string, attrs ...string) {
	w.tag(name, attrs)
	w.Raw("/>")
}

func (w *Writer) tag(name string, attrs []string) {
	w.Raw("<" + name)
	for i := 0; i+1 < len(attrs); i += 2 {
		if attrs[i+1] != "" || attrs[i] == "Id" {
			w.Raw(" " + attrs[i] + `="`)
			w.Escape(attrs[i+1])
			w.Raw(`"`)
		}
	}
}

// Close writes an end tag.
func (w *Writer) Close(name string) { w.Raw("</" + name + ">") }

// Element writes an element that holds text.
func (w *Writer) Element(name, text string) {
	w.Open(name)
	w.Escape(text)
	w.Close(name)
}

// Escape writes s. Characters that XML can't carry become U+FFFD.
func (w *Writer) Escape(s string) {
	for _, r := range s {
		switch {
		case r == '&':
			w.Raw("&amp;")
		case r == '<':
			w.Raw("&lt;")
		case r == '>':
			w.Raw("&gt;")
		case r == '"':
			w.Raw("&quot;")
		case r == '\t' || r == '\n' || r == '\r':
			w.Raw("&#" + strconv.Itoa(int(r)) + ";")
		case r < 0x20 || r == 0xFFFE || r == 0xFFFF:
			w.WriteRune(utf8.RuneError)
		default:
			w.WriteRune(r)
		}
	}
}

// Outline renders a request for a trace: tags, and the attributes that name
// folders and items; texts are left out.
func Outline(doc []byte) string {
	var b strings.Builder
	s := xmlstream.NewScanner(bytes.NewReader(doc))
	for {
		tok, err := s.Next()
		if err != nil {
			return b.String()
		}
		if tok.Kind == xmlstream.End {
			b.WriteString("</" + tok.Name.Local + ">")
			continue
		}
		b.WriteString("<" + tok.Name.Local)
		for _, a := range tok.Attrs {
			b.WriteString(" " + a.Name.Local + "=" + strconv.Quote(a.Value))
		}
		b.WriteString(">")
		if n, _ := io.Copy(io.Discard, s.Text()); n > 0 {
			b.WriteString("[" + strconv.FormatInt(n, 10) + " bytes]")
		}
	}
}
