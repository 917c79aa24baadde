package fts

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
)

// NextValue skips what is left of the current value and moves on to the next
// one of the current property. It returns its size in bytes, and io.EOF when
// the property has no more values.
func (r *Reader) NextValue() (int64, error) {
	if r.err != nil {
		return 0, r.err
	}
	n, err := r.nextValue()
	if err != nil && err != io.EOF {
		r.err = err
	}
	return n, err
}

func (r *Reader) nextValue() (int64, error) {
	for r.vleft > 0 {
		c, err := r.valueChunk()
		if err != nil {
			return 0, err
		}
		r.took(len(c))
	}
	if r.values == 0 {
		r.vsize = 0
		return 0, io.EOF
	}
	r.values--
	r.vsize = uint32(r.layout.size)
	if r.vsize == 0 {
		b, err := r.atom(4)
		if err != nil {
			return 0, r.ended(err, "the length of "+r.what())
		}
		r.vsize = binary.LittleEndian.Uint32(b)
	}
	r.vleft = r.vsize
	return int64(r.vsize), nil
}

// valueChunk returns bytes of the current value, at least one, out of the
// Reader's buffer. There must be some left.
func (r *Reader) valueChunk() ([]byte, error) {
	r.s.inAtom = r.layout.size > 0 && r.vleft < r.vsize
	c, err := r.s.chunk()
	r.s.inAtom = false
	if err != nil {
		return nil, r.endedInValue(err)
	}
	return c[:min(len(c), int(r.vleft))], nil
}

func (r *Reader) endedInValue(err error) error {
	if err != io.EOF && err != errCut {
		return err
	}
	what := "the value of " + r.what()
	if r.layout.size == 0 {
		what += fmt.Sprintf(" (%d of %d bytes)", r.vsize-r.vleft, r.vsize)
	}
	return r.ended(err, what)
}

func (r *Reader) took(n int) {
	r.s.consume(n)
	r.vleft -= uint32(n)
}

// Read reads raw bytes of the current value. io.EOF is the end of the value,
// not of the blob.
func (r *Reader) Read(p []byte) (int, error) {
	if r.err != nil {
		return 0, r.err
	}
	if r.vleft == 0 {
		return 0, io.EOF
	}
	c, err := r.valueChunk()
	if err != nil {
		r.err = err
		return 0, err
	}
	n := copy(p, c)
	r.took(n)
	return n, nil
}

// WriteTo writes the raw bytes that are left of the current value.
func (r *Reader) WriteTo(w io.Writer) (int64, error) {
	var n int64
	for r.vleft > 0 {
		if r.err != nil {
			return n, r.err
		}
		c, err := r.valueChunk()
		if err != nil {
			r.err = err
			return n, err
		}
		m, err := w.Write(c)
		n += int64(m)
		r.took(m)
		if err != nil {
			return n, err
		}
		if m < len(c) {
			return n, io.ErrShortWrite
		}
	}
	return n, nil
}

// WriteText writes the rest of the current value to w as UTF-8, without its
// terminator, if its type is a string; other values are written raw.
func (r *Reader) WriteText(w io.Writer) error {
	if r.layout.base != String {
		_, err := r.WriteTo(w)
		return err
	}
	r.text.Reset(r.layout.cp, w)
	if _, err := r.WriteTo(&r.text); err != nil {
		return err
	}
	return r.text.Close()
}

// take reads the current value, which must be of fixed size and unread. It is
// valid until the next read.
func (r *Reader) take() ([]byte, error) {
	b, err := r.atom(r.layout.size)
	if err != nil {
		r.err = r.endedInValue(err)
		return nil, r.err
	}
	r.vleft = 0
	return b, nil
}

// Value reads the current property's value, or all of them, in the Go type that
// [Prop] lists. It holds them in memory whole.
func (r *Reader) Value() (any, error) {
	if r.err != nil {
		return nil, r.err
	}
	if r.tag == 0 || (r.values == 0 && !r.layout.multi) {
		return nil, errNoValue
	}
	le := binary.LittleEndian
	switch r.layout.base {
	case Integer16:
		return readFixed(r, func(b []byte) int16 { return int16(le.Uint16(b)) })
	case Integer32:
		return readFixed(r, func(b []byte) int32 { return int32(le.Uint32(b)) })
	case Integer64:
		return readFixed(r, func(b []byte) int64 { return int64(le.Uint64(b)) })
	case Floating32:
		return readFixed(r, func(b []byte) float32 { return math.Float32frombits(le.Uint32(b)) })
	case Floating64:
		return readFixed(r, func(b []byte) float64 { return math.Float64frombits(le.Uint64(b)) })
	case CurrencyType:
		return readFixed(r, func(b []byte) Currency { return Currency(le.Uint64(b)) })
	case FloatingTimeType:
		return readFixed(r, func(b []byte) FloatingTime { return FloatingTime(math.Float64frombits(le.Uint64(b))) })
	case ErrorCodeType:
		return readFixed(r, func(b []byte) ErrorCode { return ErrorCode(le.Uint32(b)) })
	case Boolean:
		return readFixed(r, func(b []byte) bool { return le.Uint16(b) != 0 })
	case Time:
		return readFixed(r, func(b []byte) FileTime { return FileTime(le.Uint64(b)) })
	case GUIDType:
		return readFixed(r, func(b []byte) GUID { return GUID(b) })
	}
	return r.sizedValue()
}

// sizedValue reads the values of a type that has a length before each.
func (r *Reader) sizedValue() (any, error) {
	switch r.layout.base {
	case ObjectType:
		return readSized(r, func(b []byte) Object { return b })
	case ServerIDType:
		return readSized(r, func(b []byte) ServerID { return b })
	case String:
		return readSized(r, func(b []byte) string { return string(b) })
	}
	return readSized(r, func(b []byte) []byte { return b })
}

func readFixed[T any](r *Reader, decode func([]byte) T) (any, error) {
	return readValues(r, func() (v T, err error) {
		if _, err := r.NextValue(); err != nil {
			return v, err
		}
		b, err := r.take()
		if err == nil {
			v = decode(b)
		}
		return v, err
	})
}

func readSized[T any](r *Reader, convert func([]byte) T) (any, error) {
	return readValues(r, func() (v T, err error) {
		n := int64(r.vsize)
		if !r.begun {
			if n, err = r.NextValue(); err != nil {
				return v, err
			}
		}
		r.begun = false
		// Grown as bytes arrive: n may be a lie.
		w := collector{b: make([]byte, 0, min(n, readSize)), most: n}
		if err := r.WriteText(&w); err != nil {
			return v, err
		}
		return convert(w.b), nil
	})
}

func readValues[T any](r *Reader, read func() (T, error)) (any, error) {
	if !r.layout.multi {
		v, err := read()
		if err == nil {
			err = r.spend(int64(r.vsize))
		}
		return v, err
	}
	all := []T{}
	for {
		v, err := read()
		if err == io.EOF {
			return all, nil
		}
		if err != nil {
			return nil, err
		}
		if err := r.spend(int64(r.vsize) + costOfValue); err != nil {
			return nil, err
		}
		all = append(all, v)
	}
}

// collector keeps what is written to it. It doubles as it fills, but not beyond
// the announced size: large values end up in a slice of their own length, and
// are copied twice at most.
type collector struct {
	b    []byte
	most int64
}

func (c *collector) Write(p []byte) (int, error) {
	if need := len(c.b) + len(p); need > cap(c.b) {
		room := max(need, int(min(2*int64(cap(c.b)), c.most)))
		c.b = append(make([]byte, 0, room), c.b...)
	}
	c.b = append(c.b, p...)
	return len(p), nil
}
