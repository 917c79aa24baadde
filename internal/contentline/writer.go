package contentline

import (
	"bufio"
	"encoding/base64"
	"errors"
	"io"
	"strings"
	"unicode/utf8"
)

const maxLine = 75 // octets of a line, without its end

// Param is a parameter of a property. Its values are what they mean: they are
// quoted as they need it.
type Param struct {
	Name   string
	Values []string
}

// P makes a parameter.
func P(name string, values ...string) Param { return Param{name, values} }

// Writer writes content lines.
type Writer struct {
	w   *bufio.Writer
	col int // octets of the current line
	n   int64
	err error // of a value's reader
}

// NewWriter returns a writer to w.
func NewWriter(w io.Writer) *Writer { return &Writer{w: bufio.NewWriterSize(w, 16<<10)} }

// Flush writes out what is buffered, and tells the first error there was.
func (w *Writer) Flush() error {
	return errors.Join(w.err, w.w.Flush())
}

// Written returns how many octets were written, buffered ones too.
func (w *Writer) Written() int64 { return w.n }

// Raw writes a property whose value is no text, such as a date or a URI. Control
// characters are left out.
func (w *Writer) Raw(name, value string, params ...Param) {
	w.head(name, params)
	w.value(value)
	w.end()
}

// Text writes a property whose value is one text.
func (w *Writer) Text(name, text string, params ...Param) {
	w.TextFrom(name, strings.NewReader(text), params...)
}

// List writes a property whose value is a list of texts.
func (w *Writer) List(name string, texts []string, params ...Param) {
	w.Fields(name, [][]string{texts}, params...)
}

// Fields writes a property whose value is a structure: of each of its fields a
// list of texts.
func (w *Writer) Fields(name string, fields [][]string, params ...Param) {
	w.head(name, params)
	for i, list := range fields {
		if i > 0 {
			w.put(";")
		}
		for j, text := range list {
			if j > 0 {
				w.put(",")
			}
			w.text(bufio.NewReader(strings.NewReader(text)))
		}
	}
	w.end()
}

// TextFrom writes a property whose value is a text that is read: its line ends
// become \n.
func (w *Writer) TextFrom(name string, r io.Reader, params ...Param) {
	w.head(name, params)
	w.text(bufio.NewReader(r))
	w.end()
}

// Base64 writes a property whose value is data in base64, behind a prefix that
// is written as it is. The data is what write writes.
func (w *Writer) Base64(name, prefix string, write func(io.Writer) error, params ...Param) {
	w.head(name, params)
	w.value(prefix)
	e := base64.NewEncoder(base64.StdEncoding, ascii{w})
	w.keep(write(e))
	w.keep(e.Close())
	w.end()
}

// ascii folds bytes that are all of ASCII.
type ascii struct{ w *Writer }

func (a ascii) Write(p []byte) (int, error) {
	done := len(p)
	for len(p) > 0 {
		if a.w.col == maxLine {
			a.w.fold()
		}
		n := min(len(p), maxLine-a.w.col)
		if _, err := a.w.w.Write(p[:n]); err != nil {
			return 0, err
		}
		a.w.col, a.w.n, p = a.w.col+n, a.w.n+int64(n), p[n:]
	}
	return done, nil
}

func (w *Writer) keep(err error) {
	if w.err == nil {
		w.err = err
	}
}

// put writes what is not to be folded within: a character or an escape.
func (w *Writer) put(s string) {
	if w.col+len(s) > maxLine {
		w.fold()
	}
	_, _ = w.w.WriteString(s) // Flush tells the error
	w.col, w.n = w.col+len(s), w.n+int64(len(s))
}

func (w *Writer) fold() {
	_, _ = w.w.WriteString("\r\n ")
	w.col, w.n = 1, w.n+3
}

func (w *Writer) end() {
	_, _ = w.w.WriteString("\r\n")
	w.col, w.n = 0, w.n+2
}

func (w *Writer) head(name string, params []Param) {
	w.value(name)
	for _, p := range params {
		w.put(";")
		w.value(p.Name)
		for i, v := range p.Values {
			w.put([]string{"=", ","}[min(i, 1)])
			w.param(v)
		}
	}
	w.put(":")
}

// param writes a value of a parameter; what may not stand in one is written as
// RFC 6868 has it.
func (w *Writer) param(s string) {
	s = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(s)
	quote := s == "" || strings.ContainsAny(s, ",;:")
	if quote {
		w.put(`"`)
	}
	for _, r := range s {
		switch {
		case r == '^':
			w.put("^^")
		case r == '\n':
			w.put("^n")
		case r == '"':
			w.put("^'")
		case !control(r):
			w.put(string(r))
		}
	}
	if quote {
		w.put(`"`)
	}
}

func (w *Writer) value(s string) {
	for _, r := range s {
		if !control(r) {
			w.put(string(r))
		}
	}
}

// text writes a TEXT (RFC 5545, 3.3.11; RFC 6350, 4.1).
func (w *Writer) text(from *bufio.Reader) {
	for cr := false; ; {
		r, _, err := from.ReadRune()
		if err != nil {
			if err != io.EOF {
				w.keep(err)
			}
			return
		}
		after := cr
		cr = r == '\r'
		switch {
		case r == '\n' && after:
		case r == '\n' || cr:
			w.put(`\n`)
		case r == '\\' || r == ',' || r == ';':
			w.put(`\` + string(r))
		case r < utf8.RuneSelf && !control(r):
			if w.col == maxLine {
				w.fold()
			}
			_ = w.w.WriteByte(byte(r))
			w.col, w.n = w.col+1, w.n+1
		case !control(r):
			w.put(string(r))
		}
	}
}

// control says whether a character may not be in a value. White space is not one
// of them: a tab may be.
func control(r rune) bool { return r < ' ' && r != '\t' || r == 0x7F }
