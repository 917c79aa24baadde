package rtf

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"unicode/utf16"
	"unicode/utf8"
)

// Kind is what RTF was made of.
type Kind int

// The kinds.
const (
	Native Kind = iota // it was RTF from the start
	HTML               // HTML is encapsulated in it
	Text               // plain text is
)

// ErrNoRTF says that something does not begin as RTF does.
var ErrNoRTF = errors.New("no RTF: it does not begin with {\\rtf")

const (
	maxDepth  = 4 << 10 // groups in groups
	maxFonts  = 4 << 10
	chunkSize = 4 << 10
)

// state is what a group inherits from the one around it.
type state struct {
	skip    bool  // a destination whose text is not shown
	tag     bool  // an HTMLTAG destination
	hideTag bool  // between \htmlrtf and \htmlrtf0
	hidden  bool  // \v
	fonts   bool  // in the font table
	first   bool  // nothing but "\*" came in this group
	star    bool  // "\*" came
	uc      uint8 // characters that stand for a \u to readers that don't know it
	font    int32
}

// Decoder gives the HTML or text in RTF, as UTF-8. Line ends are CR LF.
type Decoder struct {
	lex   lexer
	kind  Kind
	page  int // default code page
	fonts map[int32]int
	now   state
	stack []state
	omit  int    // characters to leave out after a \u
	high  rune   // a high surrogate that waits for the low one
	done  bool   // the outermost group was closed
	out   []byte // what was not read yet starts at pos
	pos   int
	text  pages
	err   error
}

// NewDecoder reads as much of the RTF in r as it needs to tell its kind.
// The error is [ErrNoRTF] or one of r.
func NewDecoder(r io.Reader) (*Decoder, error) {
	in := bufio.NewReaderSize(r, chunkSize)
	head, err := in.Peek(5)
	if err != nil && err != io.EOF {
		return nil, err
	}
	if string(head) != `{\rtf` {
		return nil, ErrNoRTF
	}
	d := &Decoder{lex: lexer{in: in, names: map[string]string{}}, page: 1252, fonts: map[int32]int{}, out: make([]byte, 0, 2*chunkSize)}
	d.now.uc = 1
	d.text.out = &d.out
	return d, d.head()
}

// Kind says what the decoder gives: HTML for [HTML], else plain text.
func (d *Decoder) Kind() Kind { return d.kind }

// headTokens is how far the words \fromhtml and \fromtext can be ([MS-OXRTFEX]
// 2.1.3.1): among the first ten.
const headTokens = 10

func (d *Decoder) head() error {
	for range headTokens {
		t, err := d.lex.next()
		if err == io.EOF {
			d.err = io.EOF
			return nil
		}
		if err != nil {
			return err
		}
		if t.kind == blank {
			continue
		}
		switch {
		case t.kind == word && t.name == "fromhtml" && t.param == 1:
			d.kind = HTML
			return nil
		case t.kind == word && t.name == "fromtext":
			d.kind = Text
			return nil
		}
		if d.err = d.token(t); d.err != nil {
			return d.bad(d.err)
		}
		if t.kind != word && t.kind != open {
			return nil
		}
	}
	return nil
}

// bad is the error that is one for the caller of NewDecoder.
func (d *Decoder) bad(err error) error {
	if err == io.EOF {
		return nil
	}
	return err
}

// Read reads text. RTF that ends too early, or goes on after its end, is no error.
func (d *Decoder) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if d.pos == len(d.out) {
		d.out, d.pos = d.out[:0], 0
		for d.err == nil && len(d.out) < chunkSize {
			d.err = d.step()
		}
		if d.err != nil {
			d.flush()
		}
	}
	if d.pos == len(d.out) {
		return 0, d.err
	}
	n := copy(p, d.out[d.pos:])
	d.pos += n
	return n, nil
}

func (d *Decoder) step() error {
	if d.done {
		return io.EOF
	}
	t, err := d.lex.next()
	if err != nil {
		return err
	}
	return d.token(t)
}

func (d *Decoder) token(t token) error {
	switch t.kind {
	case open:
		d.omit = 0
		if len(d.stack) == maxDepth {
			return fmt.Errorf("RTF has more than %d groups inside each other", maxDepth)
		}
		d.stack = append(d.stack, d.now)
		d.now.first, d.now.star = true, false
		return nil
	case shut:
		d.omit = 0
		if n := len(d.stack); n > 0 {
			d.now = d.stack[n-1]
			d.stack = d.stack[:n-1]
		}
		d.done = len(d.stack) == 0
		return nil
	case blank:
		return nil
	case word:
		first := d.now.first
		if t.name == "bin" {
			d.now.first = false
			return d.lex.skip(t.param)
		}
		if t.name != "*" {
			d.now.first = false
		}
		d.control(t, first)
		return nil
	}
	d.now.first = false
	if d.omit > 0 {
		d.omit--
		return nil
	}
	if d.shown() {
		d.lone()
		d.text.byte(d.codePage(), t.b)
	}
	return nil
}

// shown says whether text is part of what is read.
func (d *Decoder) shown() bool {
	s := &d.now
	if s.tag {
		return true
	}
	return !s.skip && !s.hideTag && (!s.hidden || d.kind == HTML)
}

// codePage is that of text bytes: in an HTMLTAG group the default one, elsewhere that
// of the font ([MS-OXRTFEX] 2.2.3.2).
func (d *Decoder) codePage() int {
	if !d.now.tag {
		if cp := d.fonts[d.now.font]; cp != 0 {
			return cp
		}
	}
	return d.page
}

// flush ends the text that is being decoded.
func (d *Decoder) flush() {
	d.lone()
	d.text.flush()
}

// lone gives out a high surrogate that no low one followed.
func (d *Decoder) lone() {
	if d.high != 0 {
		d.high = 0
		d.out = utf8.AppendRune(d.out, utf8.RuneError)
	}
}

// put gives out characters.
func (d *Decoder) put(s string) {
	if d.shown() {
		d.flush()
		d.out = append(d.out, s...)
	}
}

// unicode is a \u: a UTF-16 unit, which may be written as a negative number.
func (d *Decoder) unicode(n int) {
	d.omit = int(d.now.uc)
	if !d.shown() {
		return
	}
	r := rune(uint16(n))
	high := d.high
	d.text.flush()
	if high != 0 && r >= 0xDC00 && r < 0xE000 {
		d.high = 0
		d.out = utf8.AppendRune(d.out, utf16.DecodeRune(high, r))
		return
	}
	d.lone()
	if r >= 0xD800 && r < 0xDC00 {
		d.high = r
		return
	}
	d.out = utf8.AppendRune(d.out, r)
}
