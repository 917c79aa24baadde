package fts

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"hash"
	"io"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"mailferry/fts/internal/text"
)

// Content is what an item holds, in a form that does not depend on how its
// blob was laid out: a hash for each value. It grows with the number of
// properties, never with their size. It is not changed once it is made, and may
// be used from several goroutines.
//
// It holds strings as the text they stand for, whatever their code page, and
// named properties under their name. It does not hold what [StoreAssigned]
// lists, the stream's own properties, the provider's internal range and error codes.
type Content struct {
	props       []propSum // sorted
	recipients  []*Content
	attachments []*Content
	embedded    *Content
	sum         [32]byte
}

// propSum is a property: what it is called, and a hash of its type and value.
type propSum struct {
	id   uint16 // namedID if named
	name *Name
	sum  [32]byte
}

// namedID sorts named properties after the others, whose ids are lower.
const namedID = 0x8000

// maxElements limits what a hostile blob of empty properties costs: about 40 MB.
const maxElements = 1 << 19

// order sorts properties by what they are called.
func (p *propSum) order(q *propSum) int {
	if c := cmp.Compare(p.id, q.id); c != 0 || p.name == q.name {
		return c
	}
	return cmp.Or(bytes.Compare(p.name.Set[:], q.name.Set[:]), cmp.Compare(p.name.LID, q.name.LID), strings.Compare(p.name.Text, q.name.Text))
}

func (p *propSum) orderWithSum(q *propSum) int {
	return cmp.Or(p.order(q), bytes.Compare(p.sum[:], q.sum[:]))
}

// Sum returns a hash of all that [Compare] looks at: two contents have the same
// sum if and only if Compare finds no difference.
func (c *Content) Sum() [32]byte { return c.sum }

// finish sorts the properties and computes the sum. What is inside is finished.
func (c *Content) finish() *Content {
	slices.SortFunc(c.props, func(p, q propSum) int { return p.orderWithSum(&q) })
	h := sha256.New()
	var b []byte
	for i := range c.props {
		p := &c.props[i]
		b = binary.LittleEndian.AppendUint16(b[:0], p.id)
		if p.name != nil {
			b = append(b, p.name.Set[:]...)
			b = binary.LittleEndian.AppendUint32(b, p.name.LID)
			b = binary.LittleEndian.AppendUint32(b, uint32(len(p.name.Text)))
			b = append(b, p.name.Text...)
		}
		h.Write(append(b, p.sum[:]...))
	}
	for i, list := range [][]*Content{c.recipients, c.attachments} {
		sums := make([][32]byte, len(list))
		for i := range list {
			sums[i] = list[i].sum
		}
		slices.SortFunc(sums, func(a, b [32]byte) int { return bytes.Compare(a[:], b[:]) })
		h.Write([]byte{0xFF, 0xFF, byte(i)}) // no property has this id
		for i := range sums {
			h.Write(sums[i][:])
		}
	}
	if c.embedded != nil {
		h.Write([]byte{0xFF, 0xFF, 0xFF})
		h.Write(c.embedded.sum[:])
	}
	h.Sum(c.sum[:0])
	return c
}

// ReadContent reads a blob's content, to the blob's end. A blob that is not
// whole is a [*Problem].
func ReadContent(r io.Reader) (*Content, error) {
	buf := buffers.Get().(*[readSize]byte)
	defer buffers.Put(buf)
	b := contentReader{r: newReader(r, buf[:]), h: newValueHash(), names: map[Name]*Name{}}
	return b.message()
}

var buffers = sync.Pool{New: func() any { return new([readSize]byte) }}

type contentReader struct {
	r     *Reader
	h     *valueHash
	names map[Name]*Name
	count int
}

func (b *contentReader) next() (Token, error) {
	t, err := b.r.Next()
	if b.count++; b.count > maxElements && err == nil {
		err = &Problem{t.Offset, "more properties, recipients and attachments than can be compared"}
	}
	return t, err
}

func (b *contentReader) message() (*Content, error) {
	c := &Content{}
	for {
		t, err := b.next()
		if err == io.EOF || err == nil && t.Kind == EndEmbedded {
			return c.finish(), nil
		}
		if err != nil {
			return nil, err
		}
		if t.Kind == Property {
			if err := b.prop(c, t); err != nil {
				return nil, err
			}
			continue
		}
		child, err := b.list()
		if err != nil {
			return nil, err
		}
		if t.Kind == StartRecipient {
			c.recipients = append(c.recipients, child)
		} else {
			c.attachments = append(c.attachments, child)
		}
	}
}

// list reads a recipient or an attachment.
func (b *contentReader) list() (*Content, error) {
	c := &Content{}
	for {
		t, err := b.next()
		if err != nil {
			return nil, err
		}
		switch t.Kind {
		case Property:
			err = b.prop(c, t)
		case StartEmbedded:
			c.embedded, err = b.message()
		default:
			return c.finish(), nil
		}
		if err != nil {
			return nil, err
		}
	}
}

func (b *contentReader) prop(c *Content, t Token) error {
	p := propSum{id: t.Tag.ID()}
	if t.Name != nil {
		n := b.names[*t.Name]
		if n == nil {
			one := *t.Name
			n = &one
			b.names[one] = n
		}
		p.id, p.name = namedID, n
	}
	if ignored(t.Part, &p, t.Tag) {
		return nil
	}
	b.h.begin(b.r.layout)
	for {
		_, err := b.r.NextValue()
		if err == io.EOF {
			break
		}
		if err == nil && b.r.layout.size > 0 {
			var v []byte
			if v, err = b.r.take(); err == nil {
				b.h.fixed(&p, v)
			}
		} else if err == nil {
			err = b.r.WriteText(b.h)
		}
		if err != nil {
			return err
		}
		b.h.end()
	}
	b.h.sum(&p.sum)
	c.props = append(c.props, p)
	return nil
}

// valueHash hashes the type and the values of a property. A multi-value
// property is a hash of the hashes of its values.
type valueHash struct {
	one, all hash.Hash
	multi    bool
	base     Type
	tmp      [32]byte
}

func newValueHash() *valueHash { return &valueHash{one: sha256.New(), all: sha256.New()} }

func (h *valueHash) begin(l layout) {
	h.multi, h.base = l.multi, l.base
	h.one.Reset()
	first := h.one
	if l.multi {
		h.all.Reset()
		first = h.all
	}
	t := l.canonical()
	h.tmp[0], h.tmp[1] = byte(t), byte(t>>8)
	first.Write(h.tmp[:2])
}

func (h *valueHash) Write(p []byte) (int, error) { return h.one.Write(p) }

// fixed takes a fixed-size value. Any boolean that is not zero is true. Of the
// message flags only those count that the store does not compute.
func (h *valueHash) fixed(p *propSum, v []byte) {
	switch {
	case h.base == Boolean && v[0]|v[1] != 0:
		v[0], v[1] = 1, 0
	case p.id == idMessageFlags && h.base == Integer32:
		v[0] &^= computedFlags
	}
	h.one.Write(v)
}

// end ends a value.
func (h *valueHash) end() {
	if h.multi {
		h.all.Write(h.one.Sum(h.tmp[:0]))
		h.one.Reset()
	}
}

func (h *valueHash) sum(to *[32]byte) {
	if h.multi {
		h.all.Sum(to[:0])
	} else {
		h.one.Sum(to[:0])
	}
}

// MessageContent returns the content of a message: that of the blob which
// [WriteMessage] makes of it.
func MessageContent(m *Message) *Content { return messageContent(m, newValueHash()) }

func messageContent(m *Message, h *valueHash) *Content {
	c := &Content{props: propSums(m.Props, PartMessage, h)}
	for i := range m.Recipients {
		r := &Content{props: propSums(m.Recipients[i].Props, PartRecipient, h)}
		c.recipients = append(c.recipients, r.finish())
	}
	for i := range m.Attachments {
		a := &Content{props: propSums(m.Attachments[i].Props, PartAttachment, h)}
		if e := m.Attachments[i].Embedded; e != nil {
			a.embedded = messageContent(e, h)
		}
		c.attachments = append(c.attachments, a.finish())
	}
	return c.finish()
}

func propSums(props Props, part Part, h *valueHash) []propSum {
	sums := make([]propSum, 0, len(props))
	var w writer
	for i := range props {
		p := propSum{id: props[i].Tag.ID(), name: props[i].Name}
		if p.name != nil {
			p.id = namedID
		} else if p.id >= namedID {
			continue // can't be written either
		}
		if ignored(part, &p, props[i].Tag) {
			continue
		}
		l, _ := layoutOf(props[i].Tag.Type())
		h.begin(l)
		switch v := props[i].Value.(type) {
		case string:
			h.text(v)
		case []string:
			for _, s := range v {
				h.text(s)
			}
		default:
			w.element = w.element[:0]
			w.value(l, v)
			h.pieces(&p, l, w.element)
		}
		h.sum(&p.sum)
		sums = append(sums, p)
	}
	return sums
}

// text takes a string as it will be read back.
func (h *valueHash) text(s string) {
	if !utf8.ValidString(s) {
		b, _ := text.Encode(text.UTF16LE, s)
		s = text.Decode(text.UTF16LE, b)
	}
	io.WriteString(h.one, s)
	h.end()
}

// pieces takes a value as the writer cuts it: a count before several values, a
// length before each that has one.
func (h *valueHash) pieces(p *propSum, l layout, pieces []piece) {
	if l.multi && len(pieces) > 0 {
		pieces = pieces[1:]
	}
	for i := range pieces {
		if l.size > 0 {
			h.fixed(p, pieces[i].b)
		} else if pieces[i].atom {
			continue
		} else {
			h.one.Write(pieces[i].b)
		}
		h.end()
	}
}
