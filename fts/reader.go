package fts

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"mailferry/fts/internal/text"
)

// Limits of a Reader.
const (
	maxDepth     = 256      // embedded messages in embedded messages
	maxNameBytes = 32 << 10 // of a named property's name
	maxWarnings  = 16
)

// Reader gives a blob token by token. Its memory does not grow with the size of
// values; reading them is optional. After an error it says the same again.
//
// Each value of a property is reached with NextValue and then read from the
// Reader itself, or all at once with Value.
type Reader struct {
	s        source
	stack    []frame
	err      error
	warnings []Problem
	hasClass bool

	tag    Tag // the current property
	name   Name
	named  bool
	layout layout
	values uint32 // left, the current one not counted
	vsize  uint32 // of the current value
	vleft  uint32
	text   text.Decoder
	small  [16]byte
	keep   *keeper // of an Item, else nil
	begun  bool    // NextValue was called, and the value is still to be read
}

// frame is a state of the nesting automaton.
type frame struct {
	part     Part
	any      bool // had a property
	children bool // had a recipient, an attachment or, in an attachment, a message
	attached bool // had an attachment
}

// NewReader returns a Reader of the blob in r.
func NewReader(r io.Reader) *Reader { return newReader(r, make([]byte, readSize)) }

func newReader(r io.Reader, buf []byte) *Reader {
	rd := &Reader{s: source{r: r, buf: buf}, stack: make([]frame, 1, 4)}
	rd.s.warn = rd.warn
	return rd
}

// Token is a marker or a property. It is valid until the next call of Next.
type Token struct {
	Kind   TokenKind
	Part   Part   // what a property belongs to
	Depth  int    // number of embedded messages around
	Offset int64  // in the blob
	Tag    Tag    // of a property
	Name   *Name  // of a property with an id from 0x8000 up
	Multi  bool   // multi-value
	Count  uint32 // number of values; 1 unless Multi
}

// TokenKind is what a Token is.
type TokenKind uint8

// The kinds of tokens.
const (
	Property TokenKind = iota + 1
	StartRecipient
	EndRecipient
	StartAttachment
	EndAttachment
	StartEmbedded
	EndEmbedded
)

// Offset returns how many bytes of the blob were used.
func (r *Reader) Offset() int64 { return r.s.pos }

// Version returns the source server's version, known after the first token, in
// the three words of TellPartnerVersion.
func (r *Reader) Version() [3]uint16 { return r.s.version }

// Warnings returns what was odd so far and did not stop reading: the first 16.
func (r *Reader) Warnings() []Problem { return r.warnings }

func (r *Reader) warn(off int64, reason string) {
	if len(r.warnings) < maxWarnings {
		r.warnings = append(r.warnings, Problem{off, reason})
	}
}

// Next skips what is left of the current property and returns the next token.
// It returns io.EOF at the end of a whole blob, a [*Problem] where it is not.
func (r *Reader) Next() (Token, error) {
	if r.err != nil {
		return Token{}, r.err
	}
	t, err := r.next()
	if err != nil {
		r.err = err
	}
	return t, err
}

func (r *Reader) next() (Token, error) {
	for {
		if _, err := r.nextValue(); err == io.EOF {
			break
		} else if err != nil {
			return Token{}, err
		}
	}
	r.tag = 0
	if _, err := r.s.chunk(); err != nil {
		return Token{}, r.atEnd(err)
	}
	off := r.s.pos
	b, err := r.atom(4)
	if err != nil {
		return Token{}, r.ended(err, "a marker or property tag")
	}
	u := binary.LittleEndian.Uint32(b)
	switch u {
	case markNewAttach, markStartEmbed, markEndEmbed, markStartRecip, markEndToRecip, markEndAttach:
		return r.marker(u, off)
	}
	if n := foreignMarkers[u]; n != "" {
		return Token{}, &Problem{off, "a marker " + n + ", which has no place in an item"}
	}
	return r.property(Tag(u), off)
}

// atEnd makes sense of the end of the data between two tokens.
func (r *Reader) atEnd(err error) error {
	if err != io.EOF {
		return r.ended(err, "the stream")
	}
	if len(r.stack) > 1 {
		what := map[Part]string{PartMessage: "an embedded message", PartRecipient: "a recipient", PartAttachment: "an attachment"}
		return &Problem{r.s.pos, "the stream ends inside " + what[r.stack[len(r.stack)-1].part]}
	}
	if !r.hasClass {
		r.warn(r.s.pos, "the message has no class")
	}
	return io.EOF
}

// ended turns the two ways in which data can end into a Problem.
func (r *Reader) ended(err error, what string) error {
	switch err {
	case io.EOF:
		return &Problem{r.s.pos, "the stream ends inside " + what}
	case errCut:
		return &Problem{r.s.pos, fmt.Sprintf("the data ends inside %s, %d bytes before the end of its TransferBuffer", what, r.s.left)}
	}
	return err
}

// atom reads n bytes, at most 16, that no border between buffers should cut.
// They are valid until the next read.
func (r *Reader) atom(n int) ([]byte, error) {
	c, err := r.s.chunk()
	if err != nil {
		return nil, err
	}
	if len(c) >= n {
		r.s.consume(n)
		return c[:n], nil
	}
	was := r.s.inAtom
	defer func() { r.s.inAtom = was }()
	for got := 0; ; {
		m := copy(r.small[got:n], c)
		r.s.consume(m)
		if got += m; got == n {
			return r.small[:n], nil
		}
		r.s.inAtom = true
		if c, err = r.s.chunk(); err != nil {
			return nil, err
		}
	}
}

// marker moves the automaton of the nesting.
func (r *Reader) marker(u uint32, off int64) (Token, error) {
	top := &r.stack[len(r.stack)-1]
	t := Token{Offset: off}
	bad := func(what string) (Token, error) {
		return t, &Problem{off, what}
	}
	push := func(k TokenKind, p Part) { t.Kind = k; r.stack = append(r.stack, frame{part: p}) }
	pop := func(k TokenKind) { t.Kind = k; r.stack = r.stack[:len(r.stack)-1] }
	switch u {
	case markStartRecip:
		if top.part != PartMessage {
			return bad("a recipient that is not in a message")
		}
		if top.attached {
			r.warn(off, "a recipient after an attachment")
		}
		top.children = true
		push(StartRecipient, PartRecipient)
	case markEndToRecip:
		if top.part != PartRecipient {
			return bad("the end of a recipient where none began")
		}
		pop(EndRecipient)
	case markNewAttach:
		if top.part != PartMessage {
			return bad("an attachment that is not in a message")
		}
		top.children, top.attached = true, true
		push(StartAttachment, PartAttachment)
	case markEndAttach:
		if top.part != PartAttachment {
			return bad("the end of an attachment where none began")
		}
		pop(EndAttachment)
	case markStartEmbed:
		if top.part != PartAttachment {
			return bad("an embedded message that is not in an attachment")
		}
		if top.children {
			return bad("a second embedded message in one attachment")
		}
		if r.depth() == maxDepth {
			return bad(fmt.Sprintf("more than %d embedded messages inside each other", maxDepth))
		}
		top.children = true
		push(StartEmbedded, PartMessage)
	case markEndEmbed:
		if top.part != PartMessage || len(r.stack) == 1 {
			return bad("the end of an embedded message where none began")
		}
		pop(EndEmbedded)
	}
	t.Depth = r.depth()
	return t, nil
}

// depth is the number of embedded messages around: each of them is two frames.
func (r *Reader) depth() int { return (len(r.stack) - 1) / 2 }

func (r *Reader) property(tag Tag, off int64) (Token, error) {
	var ok bool
	if r.layout, ok = layoutOf(tag.Type()); !ok {
		return Token{}, &Problem{off, fmt.Sprintf("property 0x%04X has the unknown type 0x%04X", tag.ID(), uint16(tag.Type()))}
	}
	top := &r.stack[len(r.stack)-1]
	r.checkPlace(top, tag, off)
	top.any = true
	t := Token{Kind: Property, Part: top.part, Depth: r.depth(), Offset: off, Tag: tag, Multi: r.layout.multi, Count: 1}
	r.tag, r.named = tag, tag.ID() >= 0x8000
	if r.named {
		r.s.inAtom = true
		err := r.readName()
		r.s.inAtom = false
		if err != nil {
			return Token{}, r.ended(err, fmt.Sprintf("the name of property 0x%04X", tag.ID()))
		}
		t.Name = &r.name
	}
	if r.layout.multi {
		b, err := r.atom(4)
		if err != nil {
			return Token{}, r.ended(err, "the count of "+r.what())
		}
		t.Count = binary.LittleEndian.Uint32(b)
	}
	r.values = t.Count
	return t, nil
}

// checkPlace warns of a property that the grammar wants elsewhere.
func (r *Reader) checkPlace(top *frame, tag Tag, off int64) {
	id := tag.ID()
	switch {
	case top.part == PartRecipient && !top.any && id != idRowid:
		r.warn(off, "a recipient does not begin with its row id")
	case top.part == PartAttachment && !top.any && id != idAttachNumber:
		r.warn(off, "an attachment does not begin with its number")
	case top.children && !metaProperty(id):
		r.warn(off, "a property after the recipients, attachments or message of what it belongs to")
	case len(r.stack) == 1 && id == idMessageClass:
		r.hasClass = true
	}
}

// what names the current property in a Problem. Texts of names come from the
// blob, so they are not said.
func (r *Reader) what() string {
	if r.named && r.name.Text != "" {
		return "a named property"
	}
	if r.named {
		return PropertyName(r.tag, &r.name)
	}
	return PropertyName(r.tag, nil)
}

func (r *Reader) readName() error {
	b, err := r.atom(16)
	if err != nil {
		return err
	}
	r.name = Name{Set: GUID(b)}
	off := r.s.pos
	if b, err = r.atom(1); err != nil {
		return err
	}
	switch b[0] {
	case 0:
		if b, err = r.atom(4); err != nil {
			return err
		}
		r.name.LID = binary.LittleEndian.Uint32(b)
		return nil
	case 1:
	default:
		return &Problem{off, fmt.Sprintf("a property name of the unknown kind %d", b[0])}
	}
	var units []byte
	for {
		if b, err = r.atom(2); err != nil {
			return err
		}
		u := binary.LittleEndian.Uint16(b)
		if u == 0 {
			r.name.Text = string(units)
			return nil
		}
		if units = text.AppendUnit(units, u); len(units) > maxNameBytes {
			return &Problem{off, "a property name without end"}
		}
	}
}

var errNoValue = errors.New("fts: no value: call NextValue first")
