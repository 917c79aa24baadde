package fts

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"

	"mailferry/fts/internal/text"
)

// WriteOptions says how a message is laid out in a blob. What a blob holds does
// not depend on it. The zero value writes as Exchange does.
type WriteOptions struct {
	// Version is the source server's version in the words of TellPartnerVersion; zero: 15.2.1544.4.
	Version [3]uint16
	// BufferSize is the largest payload of a TransferBuffer, at least 64; 0: 31680.
	// Only what must not be cut (the name of a property) may be longer.
	BufferSize int
	// WholeElements begins a new buffer rather than split an element that fits in one.
	WholeElements bool
	// Order is the order of properties in each list.
	Order Order
	// Seed makes OrderShuffled different and repeatable.
	Seed uint64
	// FirstNamedID is the id of the first named property; 0: 0x8001.
	FirstNamedID uint16
	// KeepCodePages writes strings in the code page of their tag where they can
	// be written in it; otherwise all strings are written as 0x84B0.
	KeepCodePages bool
	// DNPrefix, if not empty, is written as MetaTagDnPrefix as Exchange 2010 does. Readers ignore it.
	DNPrefix string
	// NoDirectives leaves out the two MetaTagFXDelProp of the outermost message.
	NoDirectives bool
}

// Order is an order of properties.
type Order int

// The orders. What the format fixes (Rowid, AttachNumber and Mid come first) holds in each.
const (
	OrderKept       Order = iota // as they are in the Message
	OrderAscending               // by id, named ones last
	OrderDescending              // by id, named ones first
	OrderShuffled                // by chance, see Seed
)

const (
	defaultBuffer = 31680 // observed in Exchange Online
	minBuffer     = 64
	firstNamed    = 0x8001
	lastNamed     = 0xFFFE
)

// WriteMessage writes m as a blob. Properties that a stream may not hold are
// left out: error codes, the provider's internal range 0x6600 to 0x67FF, and
// the meta-properties. Rowid, AttachNumber and the Mid of embedded messages are
// written anew. Nothing is written if the options are not possible; a property
// whose value does not fit its tag is an error.
func WriteMessage(w io.Writer, m *Message, o WriteOptions) error {
	if o.Version == [3]uint16{} {
		o.Version = [3]uint16{15<<8 | 2, 0x8000 | 1544, 4}
	}
	if o.BufferSize == 0 {
		o.BufferSize = defaultBuffer
	}
	if o.FirstNamedID == 0 {
		o.FirstNamedID = firstNamed
	}
	if o.BufferSize < minBuffer || o.FirstNamedID < 0x8000 {
		return errors.New("write item: the buffer size is under 64 bytes or the first named id under 0x8000")
	}
	wr := &writer{o: o, w: w, buf: make([]byte, 8, 8+o.BufferSize), ids: map[Name]uint16{}}
	if o.Order == OrderShuffled {
		wr.rand = rand.New(rand.NewPCG(o.Seed, 0))
	}
	wr.head()
	if o.DNPrefix != "" {
		b, ok := text.Encode(text.ANSI, o.DNPrefix)
		if !ok {
			return errors.New("write item: the DN prefix has letters that code page 1252 lacks")
		}
		wr.u32(uint32(MakeTag(idDNPrefix, CodePage|text.ANSI)))
		wr.sized(b)
		wr.endElement()
	}
	if err := wr.message(m, 0); err != nil {
		return err
	}
	wr.flush()
	return wr.err
}

// writer collects an element as pieces, and puts elements into TransferBuffers.
type writer struct {
	o    WriteOptions
	w    io.Writer
	err  error
	buf  []byte // a record: its header and the payload so far
	ids  map[Name]uint16
	rand *rand.Rand

	element []piece
	size    int
}

// piece is a part of an element. An atom must stay in one buffer.
type piece struct {
	b    []byte
	atom bool
}

func (w *writer) write(p []byte) {
	if w.err == nil {
		if _, err := w.w.Write(p); err != nil {
			w.err = fmt.Errorf("write item: %w", err)
		}
	}
}

func (w *writer) head() {
	le := binary.LittleEndian
	b := le.AppendUint32(nil, opConfig)
	b = le.AppendUint32(b, 8)
	b = le.AppendUint32(b, 0)
	b = le.AppendUint32(b, transferMethod)
	b = le.AppendUint32(b, opIsInterfaceOk)
	b = le.AppendUint32(b, 24)
	b = le.AppendUint32(b, transferMethod)
	b = append(b, iidMessage[:]...)
	b = le.AppendUint32(b, interfaceFlags)
	b = le.AppendUint32(b, opPartnerVersion)
	b = le.AppendUint32(b, 6)
	for _, v := range w.o.Version {
		b = le.AppendUint16(b, v)
	}
	w.write(b)
}

// flush writes the TransferBuffer that is being filled, if anything is in it.
func (w *writer) flush() {
	if len(w.buf) == 8 {
		return
	}
	binary.LittleEndian.PutUint32(w.buf, opTransferBuffer)
	binary.LittleEndian.PutUint32(w.buf[4:], uint32(len(w.buf)-8))
	w.write(w.buf)
	w.buf = w.buf[:8]
}

func (w *writer) room() int { return w.o.BufferSize - (len(w.buf) - 8) }

func (w *writer) atom(b []byte) {
	w.element = append(w.element, piece{b, true})
	w.size += len(b)
}

func (w *writer) u32(u uint32) { w.atom(binary.LittleEndian.AppendUint32(nil, u)) }

// sized is a variable-size value with its length.
func (w *writer) sized(b []byte) {
	w.u32(uint32(len(b)))
	w.element = append(w.element, piece{b, false})
	w.size += len(b)
}

// endElement puts the collected element into buffers.
func (w *writer) endElement() {
	if w.o.WholeElements && w.size > w.room() && w.size <= w.o.BufferSize {
		w.flush()
	}
	for _, p := range w.element {
		if p.atom {
			if len(p.b) > w.room() {
				w.flush()
			}
			w.buf = append(w.buf, p.b...)
			continue
		}
		for b := p.b; len(b) > 0; {
			if w.room() <= 0 {
				w.flush()
			}
			n := min(len(b), w.room())
			w.buf = append(w.buf, b[:n]...)
			b = b[n:]
		}
	}
	clear(w.element)
	w.element, w.size = w.element[:0], 0
}

func (w *writer) mark(m uint32) {
	w.u32(m)
	w.endElement()
}

func (w *writer) int32(id uint16, v uint32) {
	w.u32(uint32(MakeTag(id, Integer32)))
	w.u32(v)
	w.endElement()
}

func (w *writer) directive(tag uint32, depth int) {
	if depth == 0 && !w.o.NoDirectives {
		w.int32(idFXDelProp, tag)
	}
}

func (w *writer) message(m *Message, depth int) error {
	if depth > maxDepth {
		return fmt.Errorf("write item: more than %d embedded messages inside each other", maxDepth)
	}
	if err := w.props(m.Props, PartMessage); err != nil {
		return err
	}
	w.directive(tagMessageRecipients, depth)
	for i := range m.Recipients {
		w.mark(markStartRecip)
		w.int32(idRowid, uint32(i))
		if err := w.props(m.Recipients[i].Props, PartRecipient); err != nil {
			return fmt.Errorf("recipient %d: %w", i+1, err)
		}
		w.mark(markEndToRecip)
	}
	w.directive(tagMessageAttachments, depth)
	for i := range m.Attachments {
		a := &m.Attachments[i]
		w.mark(markNewAttach)
		w.int32(idAttachNumber, uint32(i))
		if err := w.props(a.Props, PartAttachment); err != nil {
			return fmt.Errorf("attachment %d: %w", i+1, err)
		}
		if a.Embedded != nil {
			w.mark(markStartEmbed)
			mid, _ := a.Embedded.Props.Int(idMid)
			w.u32(uint32(MakeTag(idMid, Integer64)))
			w.atom(binary.LittleEndian.AppendUint64(nil, uint64(mid)))
			w.endElement()
			if err := w.message(a.Embedded, depth+1); err != nil {
				return fmt.Errorf("attachment %d: %w", i+1, err)
			}
			w.mark(markEndEmbed)
		}
		w.mark(markEndAttach)
	}
	return w.err
}

func (w *writer) props(p Props, part Part) error {
	for _, i := range w.order(p) {
		prop := &p[i]
		if prop.Name == nil && unwritten(prop.Tag, part) {
			continue
		}
		if prop.Tag.Type() == ErrorCodeType {
			continue
		}
		if err := w.prop(prop); err != nil {
			return err
		}
		w.endElement()
		if w.err != nil {
			return w.err
		}
	}
	return nil
}

// unwritten says whether a property is the stream's affair and not the message's.
func unwritten(t Tag, part Part) bool {
	id := t.ID()
	return metaProperty(id) || internalProperty(id) ||
		part == PartRecipient && id == idRowid || part == PartAttachment && id == idAttachNumber
}

// order returns the indexes of p in the order to write them in.
func (w *writer) order(p Props) []int {
	order := make([]int, len(p))
	for i := range order {
		order[i] = i
	}
	rank := func(i int) int {
		if p[i].Name != nil {
			return 0x10000
		}
		return int(p[i].Tag.ID())
	}
	switch w.o.Order {
	case OrderAscending:
		slices.SortStableFunc(order, func(a, b int) int { return rank(a) - rank(b) })
	case OrderDescending:
		slices.SortStableFunc(order, func(a, b int) int { return rank(b) - rank(a) })
	case OrderShuffled:
		w.rand.Shuffle(len(order), func(a, b int) { order[a], order[b] = order[b], order[a] })
	}
	return order
}
