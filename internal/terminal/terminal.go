// Package terminal makes text from mail safe to print: nothing in it can steer a
// terminal, or turn the direction of the text around it.
package terminal

import (
	"fmt"
	"io"
	"unicode"
	"unicode/utf8"
)

// Form says how text is printed.
type Form int

// The forms. In each, what could do harm becomes an escape as Go writes it: \x1b
// or \u202e.
const (
	Lines  Form = iota // lines stay lines, tabs stay tabs; CR LF and CR end a line too
	Line               // all in one line: what ends lines, and tabs, become spaces
	Quoted             // between quotes in one line, with backslashes doubled, so that it can be read back
)

// Writer prints text in a form while it streams by. Bytes that are no UTF-8 become
// U+FFFD. Close writes what is held back of a character that was begun.
type Writer struct {
	w    io.Writer
	form Form
	held []byte // the begin of a character
	cr   bool   // the last character was CR, and its line end is written already
	out  []byte
	any  bool // the quote that opens is written
}

// NewWriter returns a Writer that prints to w, which is best buffered.
func NewWriter(w io.Writer, form Form) *Writer { return &Writer{w: w, form: form} }

// Write prints text; it may end inside of a character.
func (t *Writer) Write(p []byte) (int, error) {
	t.open()
	b := p
	if len(t.held) > 0 {
		b = append(t.held, p...)
	}
	b = b[t.escape(b, false):]
	t.held = append([]byte(nil), b...)
	return len(p), t.flush()
}

// Close ends the text, but does not close what it is printed to.
func (t *Writer) Close() error {
	t.open()
	t.escape(t.held, true)
	t.held = nil
	if t.form == Quoted {
		t.out = append(t.out, '"')
	}
	return t.flush()
}

func (t *Writer) open() {
	if t.form == Quoted && !t.any {
		t.out = append(t.out, '"')
	}
	t.any = true
}

func (t *Writer) flush() error {
	_, err := t.w.Write(t.out)
	t.out = t.out[:0]
	return err
}

// escape returns how many bytes it took: all, or without the end perhaps not a
// character that was begun.
func (t *Writer) escape(b []byte, end bool) int {
	i := 0
	for i < len(b) {
		if !end && !utf8.FullRune(b[i:]) {
			break
		}
		r, n := utf8.DecodeRune(b[i:])
		i += n
		t.rune(r)
	}
	return i
}

func (t *Writer) rune(r rune) {
	after := t.cr
	t.cr = r == '\r'
	switch {
	case t.form == Quoted && (r == '"' || r == '\\'):
		t.out = append(t.out, '\\', byte(r))
	case t.form == Quoted && r == '\n':
		t.out = append(t.out, `\n`...)
	case t.form == Quoted && r == '\r':
		t.out = append(t.out, `\r`...)
	case t.form == Quoted && r == '\t':
		t.out = append(t.out, `\t`...)
	case r == '\n' && after: // CR LF is one line end
	case r == '\n', r == '\r':
		t.out = append(t.out, map[Form]byte{Lines: '\n', Line: ' '}[t.form])
	case r == '\t':
		t.out = append(t.out, map[Form]byte{Lines: '\t', Line: ' '}[t.form])
	case r < utf8.RuneSelf && unicode.IsControl(r):
		t.out = fmt.Appendf(t.out, `\x%02x`, r)
	case unicode.IsControl(r), unicode.Is(unicode.Bidi_Control, r), r == '\u2028', r == '\u2029':
		t.out = fmt.Appendf(t.out, `\u%04x`, r)
	default:
		t.out = utf8.AppendRune(t.out, r)
	}
}

// Text returns a text in a form.
func Text(s string, form Form) string {
	t := &Writer{form: form}
	t.open()
	t.escape([]byte(s), true)
	if form == Quoted {
		t.out = append(t.out, '"')
	}
	return string(t.out)
}
