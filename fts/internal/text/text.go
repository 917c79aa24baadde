// Package text turns the strings of an item stream into UTF-8 and back. A
// stream has them in UTF-16 or in a Windows code page, with a terminator.
//
// UTF-16 with unpaired surrogates is kept: each of them becomes three bytes in
// the manner of WTF-8, and two bytes again when it is written.
package text

import (
	"bytes"
	"io"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/transform"
)

// Code pages with a meaning of their own.
const (
	ANSI    = 1252 // what a string is taken for that does not say its code page
	UTF16LE = 1200
	UTF16BE = 1201
)

// Decoder writes a string value to w as UTF-8 while it arrives, and leaves
// out its terminator if there is one. Bytes of a code page that is not known
// are taken for Latin-1, so that different values stay different.
type Decoder struct {
	w    io.Writer
	cp   uint16
	page encoding.Encoding
	one  *charmap.Charmap  // page, where a byte is a character
	many *transform.Writer // page, where it is not

	zero bool   // a NUL that may be the terminator
	odd  int    // first byte of a UTF-16 unit, or -1
	hi   uint16 // high surrogate that waits for its low one
	out  []byte
	err  error
}

const bufferSize = 2 << 10

// Reset makes d ready for a value in code page cp whose text goes to w.
func (d *Decoder) Reset(cp uint16, w io.Writer) {
	*d = Decoder{w: w, cp: cp, odd: -1, out: d.out[:0]}
	if d.out == nil {
		d.out = make([]byte, 0, bufferSize)
	}
	if cp == UTF16LE || cp == UTF16BE {
		return
	}
	d.page = pages[cp]
	d.one, _ = d.page.(*charmap.Charmap)
	if d.page != nil && d.one == nil {
		d.many = transform.NewWriter(sinkOf{d}, d.page.NewDecoder())
	}
}

// sinkOf writes to a decoder's buffer.
type sinkOf struct{ d *Decoder }

func (s sinkOf) Write(p []byte) (int, error) {
	s.d.flush()
	if s.d.err == nil {
		_, s.d.err = s.d.w.Write(p)
	}
	return len(p), s.d.err
}

func (d *Decoder) flush() {
	if d.err == nil && len(d.out) > 0 {
		_, d.err = d.w.Write(d.out)
	}
	d.out = d.out[:0]
}

func (d *Decoder) room() {
	if len(d.out) > bufferSize-8 {
		d.flush()
	}
}

// Write takes the next bytes of the value.
func (d *Decoder) Write(p []byte) (int, error) {
	n := len(p)
	if d.cp == UTF16LE || d.cp == UTF16BE {
		d.utf16(p)
		return n, d.err
	}
	if n == 0 {
		return 0, d.err
	}
	if d.zero {
		d.zero = false
		d.bytes([]byte{0})
	}
	if p[n-1] == 0 {
		d.zero = true
		p = p[:n-1]
	}
	d.bytes(p)
	return n, d.err
}

func (d *Decoder) bytes(p []byte) {
	if d.many != nil {
		if _, err := d.many.Write(p); err != nil && d.err == nil {
			d.err = err
		}
		return
	}
	for _, b := range p {
		d.room()
		switch {
		case b < utf8.RuneSelf:
			d.out = append(d.out, b)
		case d.one != nil:
			d.out = utf8.AppendRune(d.out, d.one.DecodeByte(b))
		default:
			d.out = utf8.AppendRune(d.out, rune(b))
		}
	}
}

func (d *Decoder) utf16(p []byte) {
	lo, hi := 0, 1
	if d.cp == UTF16BE {
		lo, hi = 1, 0
	}
	if d.odd >= 0 && len(p) > 0 {
		unit := [2]byte{byte(d.odd), p[0]}
		d.odd = -1
		d.unit(uint16(unit[lo]) | uint16(unit[hi])<<8)
		p = p[1:]
	}
	for len(p) >= 2 {
		u := uint16(p[lo]) | uint16(p[hi])<<8
		p = p[2:]
		if u-1 < utf8.RuneSelf-1 && !d.zero && d.hi == 0 && len(d.out) < bufferSize {
			d.out = append(d.out, byte(u))
			continue
		}
		d.unit(u)
	}
	if len(p) == 1 {
		d.odd = int(p[0])
	}
}

func (d *Decoder) unit(u uint16) {
	d.room()
	if d.zero {
		d.zero = false
		d.out = append(d.out, 0)
	}
	low := u >= 0xDC00 && u < 0xE000
	if d.hi != 0 {
		hi := d.hi
		d.hi = 0
		if low {
			d.out = utf8.AppendRune(d.out, utf16.DecodeRune(rune(hi), rune(u)))
			return
		}
		d.out = AppendRune(d.out, rune(hi))
	}
	switch {
	case u == 0:
		d.zero = true
	case u >= 0xD800 && u < 0xDC00:
		d.hi = u
	default:
		d.out = AppendRune(d.out, rune(u))
	}
}

// Flush writes what was decoded so far.
func (d *Decoder) Flush() error {
	d.flush()
	return d.err
}

// Close ends the value. A byte that is left of a UTF-16 unit becomes U+FFFD.
func (d *Decoder) Close() error {
	if d.odd >= 0 {
		d.unit(utf8.RuneError)
	}
	if d.hi != 0 {
		d.out = AppendRune(d.out, rune(d.hi))
	}
	if d.many != nil {
		if err := d.many.Close(); err != nil && d.err == nil {
			d.err = err
		}
	}
	d.flush()
	return d.err
}

// AppendRune is utf8.AppendRune that keeps surrogates, as three bytes.
func AppendRune(s []byte, r rune) []byte {
	if utf16.IsSurrogate(r) {
		return append(s, 0xE0|byte(r>>12), 0x80|byte(r>>6)&0xBF, 0x80|byte(r)&0xBF)
	}
	return utf8.AppendRune(s, r)
}

// loneSurrogate reads what AppendRune made of a surrogate.
func loneSurrogate[S string | []byte](s S) (uint16, bool) {
	if len(s) >= 3 && s[0] == 0xED && s[1] >= 0xA0 && s[1] <= 0xBF && s[2] >= 0x80 && s[2] <= 0xBF {
		return 0xD000 | uint16(s[1]&0x3F)<<6 | uint16(s[2]&0x3F), true
	}
	return 0, false
}

// AppendUTF16 appends s as UTF-16LE. What is no UTF-8 becomes U+FFFD.
func AppendUTF16(b []byte, s string) []byte {
	for len(s) > 0 {
		if c := s[0]; c < utf8.RuneSelf {
			b = append(b, c, 0)
			s = s[1:]
			continue
		}
		r, n := utf8.DecodeRuneInString(s)
		if r == utf8.RuneError && n == 1 {
			if u, ok := loneSurrogate(s); ok {
				r, n = rune(u), 3
			}
		}
		s = s[n:]
		if r >= 0x10000 {
			hi, lo := utf16.EncodeRune(r)
			b = append(b, byte(hi), byte(hi>>8), byte(lo), byte(lo>>8))
		} else {
			b = append(b, byte(r), byte(r>>8))
		}
	}
	return b
}

// Encode returns s in a code page with its terminator, and false if that
// page can't hold it.
func Encode(cp uint16, s string) ([]byte, bool) {
	switch cp {
	case UTF16LE, UTF16BE:
		b := append(AppendUTF16(make([]byte, 0, 2*len(s)+2), s), 0, 0)
		if cp == UTF16BE {
			for i := 0; i < len(b); i += 2 {
				b[i], b[i+1] = b[i+1], b[i]
			}
		}
		return b, true
	}
	page := pages[cp]
	if page == nil {
		b := make([]byte, 0, len(s)+1)
		for _, r := range s {
			if r > 0xFF {
				return nil, false
			}
			b = append(b, byte(r))
		}
		return append(b, 0), true
	}
	b, err := page.NewEncoder().Bytes([]byte(s))
	if err != nil || Decode(cp, append(b, 0)) != s {
		return nil, false
	}
	return append(b, 0), true
}

// Decode returns a string value that is in memory.
func Decode(cp uint16, b []byte) string {
	var d Decoder
	var out bytes.Buffer
	d.Reset(cp, &out)
	d.Write(b)
	d.Close()
	return out.String()
}

// AppendUnit appends a UTF-16 unit to s and joins it with a high surrogate before it.
func AppendUnit(s []byte, u uint16) []byte {
	if n := len(s); u >= 0xDC00 && u < 0xE000 && n >= 3 {
		if hi, ok := loneSurrogate(s[n-3:]); ok && hi < 0xDC00 {
			return AppendRune(s[:n-3], utf16.DecodeRune(rune(hi), rune(u)))
		}
	}
	return AppendRune(s, rune(u))
}
