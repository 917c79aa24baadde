// Package htmltext takes the text out of HTML as a person would read it, while
// it streams. It is no parser of the standard: it never fails and holds no tree.
package htmltext

import (
	"bufio"
	"html"
	"io"
)

const (
	chunk     = 4 << 10
	maxName   = 32
	maxEntity = 32
	maxBreaks = 3 // line ends one after the other
)

// Reader gives text as UTF-8 with line ends CR LF. White space is joined as a
// browser does.
type Reader struct {
	in  *bufio.Reader
	out []byte
	pos int
	err error

	pre     int    // how many <pre> are open
	hidden  string // the element whose content is not shown
	breaks  int    // line ends to write before the next text
	space   bool   // a space to write before it
	started bool
}

// NewReader returns a Reader of HTML in UTF-8.
func NewReader(r io.Reader) *Reader { return &Reader{in: bufio.NewReaderSize(r, chunk)} }

// Read reads text.
func (h *Reader) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if h.pos == len(h.out) {
		h.out, h.pos = h.out[:0], 0
		for h.err == nil && len(h.out) < chunk {
			h.err = h.step()
		}
	}
	n := copy(p, h.out[h.pos:])
	h.pos += n
	if n == 0 {
		return 0, h.err
	}
	return n, nil
}

func (h *Reader) step() error {
	c, err := h.in.ReadByte()
	if err != nil {
		return err
	}
	switch {
	case c == '<':
		return h.markup()
	case h.hidden != "":
	case c == '&':
		return h.entity()
	case h.pre > 0 && c == '\n':
		h.breaks++
	case h.pre > 0 && c == '\r':
		h.breaks++
		if b, err := h.in.Peek(1); err == nil && b[0] == '\n' {
			h.in.Discard(1)
		}
	case h.pre > 0:
		h.byte(c)
	case c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f':
		h.space = true
	default:
		h.byte(c)
	}
	return nil
}

func (h *Reader) byte(c byte) {
	h.flush()
	h.out = append(h.out, c)
}

// flush writes the white space that waits.
func (h *Reader) flush() {
	switch {
	case !h.started:
	case h.breaks > 0:
		for range min(h.breaks, maxBreaks) {
			h.out = append(h.out, "\r\n"...)
		}
	case h.space:
		h.out = append(h.out, ' ')
	}
	h.started, h.breaks, h.space = true, 0, false
}

// line asks for at least n line ends.
func (h *Reader) line(n int) { h.breaks = max(h.breaks, n) }

// entity reads a reference to a character.
func (h *Reader) entity() error {
	name := []byte{'&'}
	for len(name) < maxEntity {
		c, err := h.in.ReadByte()
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		if c == ';' {
			name = append(name, c)
			break
		}
		if !(c == '#' && len(name) == 1 || c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z') {
			if err := h.in.UnreadByte(); err != nil {
				return err
			}
			break
		}
		name = append(name, c)
	}
	s := html.UnescapeString(string(name))
	if s == "\u00A0" {
		s = " "
	}
	h.flush()
	h.out = append(h.out, s...)
	return nil
}

// markup reads what begins with "<".
func (h *Reader) markup() error {
	c, err := h.in.ReadByte()
	if err == io.EOF {
		if h.hidden == "" {
			h.byte('<')
		}
		return nil
	}
	if err != nil {
		return err
	}
	switch {
	case h.hidden != "" && c != '/':
		return h.in.UnreadByte()
	case c == '!':
		if b, err := h.in.Peek(2); err == nil && string(b) == "--" {
			h.in.Discard(2)
			return h.comment()
		}
		return h.attributes()
	case c == '?':
		return h.attributes()
	case c == '/' || c|0x20 >= 'a' && c|0x20 <= 'z':
		return h.tag(c)
	}
	h.byte('<')
	return h.in.UnreadByte()
}

func (h *Reader) comment() error {
	dashes := 0
	for {
		c, err := h.in.ReadByte()
		if err != nil {
			return err
		}
		switch {
		case c == '-':
			dashes++
		case c == '>' && dashes >= 2:
			return nil
		default:
			dashes = 0
		}
	}
}

// attributes skips to the end of a tag.
func (h *Reader) attributes() error {
	quote := byte(0)
	for {
		c, err := h.in.ReadByte()
		if err != nil {
			return err
		}
		switch {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '>':
			return nil
		case c == '"' || c == '\'':
			quote = c
		}
	}
}

func (h *Reader) tag(c byte) error {
	end := c == '/'
	var name []byte
	if !end {
		name = append(name, c|0x20)
	}
	for {
		c, err := h.in.ReadByte()
		if err != nil {
			return err
		}
		if c >= 'A' && c <= 'Z' {
			c |= 0x20
		}
		if !(c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == ':') {
			if err := h.in.UnreadByte(); err != nil {
				return err
			}
			break
		}
		if len(name) < maxName {
			name = append(name, c)
		}
	}
	if h.hidden != "" && string(name) != h.hidden {
		return nil // of a script, say
	}
	h.element(string(name), end)
	return h.attributes()
}

// hiding elements have content that is not read by persons.
var hiding = map[string]bool{"script": true, "style": true, "title": true, "template": true}

// blocks are elements that begin a line, with how many line ends stand before them.
var blocks = map[string]int{
	"p": 2, "div": 1, "h1": 2, "h2": 2, "h3": 2, "h4": 2, "h5": 2, "h6": 2, "ul": 1, "ol": 1, "li": 1, "table": 1, "tr": 1, "blockquote": 2, "hr": 1,
	"pre": 2, "dl": 1, "dt": 1, "dd": 1, "form": 1, "section": 1, "article": 1, "header": 1, "footer": 1, "address": 1, "center": 1, "body": 0,
}

func (h *Reader) element(name string, end bool) {
	if h.hidden != "" {
		h.hidden = ""
		return
	}
	if hiding[name] {
		if !end {
			h.hidden = name
		}
		return
	}
	if n, ok := blocks[name]; ok {
		h.line(n)
	}
	switch name {
	case "br":
		h.breaks++
		h.space = false
	case "td", "th":
		if !end && h.breaks == 0 && h.started {
			h.out = append(h.out, '\t')
			h.space = false
		}
	case "li":
		if !end {
			h.flush()
			h.out = append(h.out, "- "...)
		}
	case "pre":
		if !end {
			h.pre++
		} else if h.pre > 0 {
			h.pre--
		}
	}
}
