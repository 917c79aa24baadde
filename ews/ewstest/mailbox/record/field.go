package record

import (
	"encoding/binary"
	"time"

	"mailferry/fts"
)

// Encoder writes the fields of a record.
type Encoder struct{ b []byte }

// Number writes unsigned numbers.
func (e *Encoder) Number(ns ...uint64) {
	for _, n := range ns {
		e.b = binary.AppendUvarint(e.b, n)
	}
}

// Numbers writes a list of numbers.
func (e *Encoder) Numbers(ns []uint64) {
	e.Number(uint64(len(ns)))
	e.Number(ns...)
}

// Bytes writes bytes with their length.
func (e *Encoder) Bytes(b []byte) {
	e.Number(uint64(len(b)))
	e.b = append(e.b, b...)
}

// Text writes a string.
func (e *Encoder) Text(s string) { e.Bytes([]byte(s)) }

// Flags writes up to 64 flags.
func (e *Encoder) Flags(flags ...bool) {
	var n uint64
	for i, f := range flags {
		if f {
			n |= 1 << i
		}
	}
	e.Number(n)
}

// Times writes times, cut to 100 ns.
func (e *Encoder) Times(ts ...time.Time) {
	for _, t := range ts {
		e.Number(uint64(fts.FileTimeOf(t)))
	}
}

// Decoder reads the fields of a record in the order in which they were written.
type Decoder struct {
	Failed bool // the record is too short, or not made of these fields
	b      []byte
}

// Number reads a number.
func (d *Decoder) Number() uint64 {
	n, w := binary.Uvarint(d.b)
	if w <= 0 {
		d.Failed = true
		return 0
	}
	d.b = d.b[w:]
	return n
}

// Numbers reads a list of numbers.
func (d *Decoder) Numbers() []uint64 {
	n := d.Number()
	if n > uint64(len(d.b)) {
		d.Failed = true
		return nil
	}
	ns := make([]uint64, n)
	for i := range ns {
		ns[i] = d.Number()
	}
	return ns
}

// Bytes reads bytes, which are valid as long as the record.
func (d *Decoder) Bytes() []byte {
	n := d.Number()
	if n > uint64(len(d.b)) {
		d.Failed = true
		return nil
	}
	b := d.b[:n]
	d.b = d.b[n:]
	return b
}

// Text reads a string.
func (d *Decoder) Text() string { return string(d.Bytes()) }

// Flags reads flags.
func (d *Decoder) Flags(flags ...*bool) {
	n := d.Number()
	for i, f := range flags {
		*f = n&(1<<i) != 0
	}
}

// Time reads a time, in UTC.
func (d *Decoder) Time() time.Time { return fts.FileTime(d.Number()).Time() }
