package eml

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"

	"mailferry/fts"
)

// part is an entity of MIME: text, data, a message, or several parts.
type part struct {
	fields  []field                   // of its content, but for those that follow from how it is encoded
	text    func() (io.Reader, error) // UTF-8
	data    func() (io.Reader, error)
	message *fts.Message
	parts   []*part
	kind    string // of a multipart
}

// joined makes one part of several, if there is more than one.
func joined(kind string, parts ...*part) *part {
	if len(parts) == 1 {
		return parts[0]
	}
	return &part{kind: kind, parts: parts}
}

// writer writes one file.
type writer struct {
	w    *bufio.Writer
	seed string // of boundaries
	n    int    // boundaries so far
}

func newWriter(w io.Writer, m *fts.Message) *writer {
	sum := sha256.Sum256([]byte(m.Props.String(idMessageID) + "\x00" + string(m.Props.Bytes(idSearchKey)) + "\x00" + m.Subject()))
	return &writer{w: bufio.NewWriterSize(w, 16<<10), seed: hex.EncodeToString(sum[:8])}
}

// boundary is a line that neither quoted-printable nor base64 can hold, nor a
// header, and that differs from those of the other parts.
func (w *writer) boundary() string {
	w.n++
	return fmt.Sprintf("=_%s.%06d", w.seed, w.n)
}

func (w *writer) field(f field) { _, _ = w.w.WriteString(f.String()) } // the error is kept, and told by Flush

func (w *writer) line(s string) {
	_, _ = w.w.WriteString(s)
	_, _ = w.w.WriteString("\r\n")
}

// part writes the fields of a part's content and the content. The last part of
// a file ends with a line end.
func (w *writer) part(p *part, last bool) error {
	for _, f := range p.fields {
		w.field(f)
	}
	switch {
	case p.parts != nil:
		return w.multipart(p)
	case p.message != nil:
		w.line("")
		return w.message(p.message, last)
	case p.text != nil:
		r, err := p.text()
		if err != nil {
			return err
		}
		return w.text(r, last)
	}
	w.field(valued("Content-Transfer-Encoding", "base64"))
	w.line("")
	r, err := p.data()
	if err != nil {
		return err
	}
	return writeBase64(w.w, r)
}

func (w *writer) multipart(p *part) error {
	b := w.boundary()
	params := [][]string{parameters("boundary", b)}
	if p.kind == "related" {
		params = append(params, parameters("type", "text/html"))
	}
	w.field(valued("Content-Type", "multipart/"+p.kind, params...))
	w.line("")
	for i, child := range p.parts {
		if i > 0 {
			w.line("")
		}
		w.line("--" + b)
		if err := w.part(child, false); err != nil {
			return err
		}
	}
	w.line("")
	w.line("--" + b + "--")
	return nil
}

func (w *writer) text(from io.Reader, last bool) error {
	r := textReader(from)
	if mostlyWide(r) {
		w.field(valued("Content-Transfer-Encoding", "base64"))
		w.line("")
		return writeBase64(w.w, &crlf{r: r})
	}
	w.field(valued("Content-Transfer-Encoding", "quoted-printable"))
	w.line("")
	return writeQuoted(w.w, r, last)
}
