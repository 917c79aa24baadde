package fts

import (
	"errors"
	"fmt"
	"io"

	"mailferry/fts/internal/text"
)

// Limits of an Item.
const (
	inlineSize  = 32 << 10 // bytes of a value that is kept in memory
	itemBudget  = 24 << 20 // bytes that all values kept may have, with what holds them
	costOfProp  = 96
	costOfValue = 48  // of several
	costOfPart  = 160 // a recipient, an attachment or a message
)

// Item is a message whose large values stay in its blob: where [Prop] lists a
// string, []byte or Object, an Item's property may have a [*Stream] instead. Its
// memory does not grow with the size of bodies and attachments.
//
// An Item is used from one goroutine.
type Item struct {
	Message
	Warnings []Problem // what was odd, the first 16
	Version  [3]uint16 // of the source server, see [Reader.Version]

	open   func() (io.ReadCloser, error)
	source io.ReadCloser // that of r
	r      *Reader       // where the last Stream was read
	at     int64         // offset of r's current property
	turn   int           // counts readers, so that an old one is found out
}

// OpenItem reads an item from a blob. It calls open for a first pass, and again
// when streams are read in another order than they lie in. A blob that is not
// whole is a [*Problem], and what was read until then is returned with it; so is
// one with more properties than can be held (24 MiB without large values).
func OpenItem(open func() (io.ReadCloser, error)) (*Item, error) {
	rc, err := open()
	if err != nil {
		return nil, err
	}
	it := &Item{open: open}
	r := NewReader(rc)
	r.keep = &keeper{item: it, left: itemBudget, names: map[Name]*Name{}}
	err = r.message(&it.Message)
	it.Warnings, it.Version = r.Warnings(), r.Version()
	if closeErr := rc.Close(); err == nil && closeErr != nil {
		err = fmt.Errorf("read item: %w", closeErr)
	}
	return it, err
}

// Close ends reading. Streams can still be opened; they begin from the start.
func (it *Item) Close() error {
	it.turn++
	if it.source == nil {
		return nil
	}
	err := it.source.Close()
	it.source, it.r = nil, nil
	return err
}

// seek moves the reader to the value of the property at an offset.
func (it *Item) seek(offset int64) error {
	it.turn++
	if it.r != nil && (it.at >= offset || it.r.err != nil) {
		it.Close()
	}
	if it.r == nil {
		rc, err := it.open()
		if err != nil {
			return err
		}
		it.source, it.r, it.at = rc, NewReader(rc), -1
	}
	for {
		t, err := it.r.Next()
		if err == io.EOF || err == nil && t.Offset > offset {
			return errors.New("the blob is not the one that was read before")
		}
		if err != nil {
			return err
		}
		if it.at = t.Offset; t.Offset == offset && t.Kind == Property {
			_, err := it.r.NextValue()
			return err
		}
	}
}

// keeper decides what an Item holds in memory.
type keeper struct {
	item  *Item
	left  int64
	names map[Name]*Name
}

// spend counts what is held; false if it is too much. Without a keeper nothing is.
func (k *keeper) spend(n int64) bool {
	if k != nil {
		k.left -= n
		return k.left >= 0
	}
	return true
}

// spend is a Problem where an Item would hold too much.
func (r *Reader) spend(n int64) error {
	if r.keep.spend(n) {
		return nil
	}
	r.err = &Problem{Offset: r.s.pos, Reason: "it has more properties, recipients or attachments than can be held"}
	return r.err
}

// kept reads the current property's value, or returns a [*Stream] if it is large.
func (r *Reader) kept(t Token) (any, error) {
	if r.layout.size > 0 || r.layout.multi {
		return r.Value()
	}
	n, err := r.NextValue()
	if err != nil {
		return nil, err
	}
	if n > inlineSize {
		return &Stream{item: r.keep.item, offset: t.Offset, size: n, cp: r.layout.cp, text: r.layout.base == String}, nil
	}
	r.begun = true
	return r.sizedValue()
}

// Stream is a value that stayed in its blob.
type Stream struct {
	item   *Item
	offset int64
	size   int64
	cp     uint16
	text   bool
}

// Size returns the value's size in the blob, in bytes. That of a string counts
// its code page and terminator.
func (s *Stream) Size() int64 { return s.size }

// Open returns a reader of the value: a string as UTF-8 without terminator,
// others as they are. The reader is good until the next Open of any Stream of the
// Item, or its Close. Streams that are opened in the order of the blob (bodies,
// then attachments) cost one pass over it.
func (s *Stream) Open() (io.Reader, error) {
	if err := s.item.seek(s.offset); err != nil {
		return nil, err
	}
	v := &valueReader{item: s.item, turn: s.item.turn}
	if s.text {
		return newTextReader(v, s.cp), nil
	}
	return v, nil
}

// valueReader reads the value that an Item's reader is at.
type valueReader struct {
	item *Item
	turn int
}

var errOldReader = errors.New("fts: another value of the item was opened since")

func (v *valueReader) Read(p []byte) (int, error) {
	if v.turn != v.item.turn {
		return 0, errOldReader
	}
	return v.item.r.Read(p)
}

// textReader decodes a string value while it is read.
type textReader struct {
	from io.Reader
	d    text.Decoder
	raw  [1 << 10]byte
	out  collector
	pos  int
	err  error
}

func newTextReader(from io.Reader, cp uint16) *textReader {
	t := &textReader{from: from, out: collector{most: 8 << 10}}
	t.d.Reset(cp, &t.out)
	return t
}

func (t *textReader) Read(p []byte) (int, error) {
	for t.pos == len(t.out.b) && t.err == nil {
		t.out.b, t.pos = t.out.b[:0], 0
		var n int
		n, t.err = t.from.Read(t.raw[:])
		t.d.Write(t.raw[:n])
		if t.err == io.EOF {
			t.d.Close()
		} else {
			t.d.Flush()
		}
	}
	n := copy(p, t.out.b[t.pos:])
	t.pos += n
	if n == 0 && len(p) > 0 {
		return 0, t.err
	}
	return n, nil
}
