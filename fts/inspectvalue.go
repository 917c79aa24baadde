package fts

import (
	"encoding/binary"
	"encoding/hex"
	"hash"
	"io"
	"math"
	"strings"
	"time"
	"unicode/utf8"
)

func hexOf(h hash.Hash) string { return hex.EncodeToString(h.Sum(nil)) }

// text reads a string, cut to n bytes. A value of another type is no string.
func (in *inspector) text(to *string, n int) error {
	if in.r.layout.base != String || in.r.layout.multi {
		return nil
	}
	if _, err := in.r.NextValue(); err != nil {
		return err
	}
	s, err := in.cutText(n)
	*to = s
	return err
}

// cutText reads the current value, a string, as far as n bytes of it go.
func (in *inspector) cutText(n int) (string, error) {
	n = min(n, in.left)
	r := in.r
	c := collector{b: in.scratch[:0]}
	r.text.Reset(r.layout.cp, &c)
	for r.vleft > 0 && len(c.b) <= n {
		b, err := r.valueChunk()
		if err != nil {
			return "", err
		}
		b = b[:min(len(b), 1<<10)]
		r.text.Write(b)
		r.took(len(b))
	}
	r.text.Close()
	b := c.b
	in.scratch = b
	if len(b) > n {
		in.c.Cut = true
		for n > 0 && !utf8.RuneStart(b[n]) {
			n--
		}
		b = b[:n]
	}
	in.left -= len(b)
	return strings.ToValidUTF8(string(b), "\uFFFD"), nil
}

// each calls f for each value of the current property.
func (in *inspector) each(f func(size int64) error) error {
	for {
		n, err := in.r.NextValue()
		if err == io.EOF {
			return nil
		}
		if err == nil {
			err = f(n)
		}
		if err != nil {
			return err
		}
	}
}

// texts reads a multi-value string, or a single one as a list.
func (in *inspector) texts(to *[]string, most int) error {
	if in.r.layout.base != String {
		return nil
	}
	return in.each(func(int64) error {
		if len(*to) >= most || in.left == 0 {
			in.c.Cut = true
			return nil
		}
		s, err := in.cutText(maxString)
		*to = append(*to, s)
		return err
	})
}

// persons reads entry ids.
func (in *inspector) persons(to *[]Person) error {
	if in.r.layout.base != Binary {
		return nil
	}
	return in.each(func(size int64) error {
		if len(*to) >= maxRecipients || size > 4*maxString || int(size) > in.left {
			in.c.Cut = true
			return nil
		}
		b := make([]byte, size)
		if _, err := io.ReadFull(in.r, b); err != nil {
			return err
		}
		if p, ok := ParseEntryID(b); ok {
			in.left -= len(p.Name) + len(p.Address) + len(p.Type)
			*to = append(*to, p)
		}
		return nil
	})
}

// value reads a fixed-size value; nil if the type is not the wanted one.
func (in *inspector) value(base Type) ([]byte, error) {
	if in.r.layout.base != base || in.r.layout.multi {
		return nil, nil
	}
	if _, err := in.r.NextValue(); err != nil {
		return nil, err
	}
	return in.r.take()
}

func (in *inspector) int32(to *int32) error {
	b, err := in.value(Integer32)
	if b != nil {
		*to = int32(binary.LittleEndian.Uint32(b))
	}
	return err
}

func (in *inspector) bool(to *bool) error {
	b, err := in.value(Boolean)
	if b != nil {
		*to = b[0]|b[1] != 0
	}
	return err
}

// float reads a number; what is none (JSON has no word for it) is left out.
func (in *inspector) float(to *float64) error {
	b, err := in.value(Floating64)
	if b != nil {
		if v := math.Float64frombits(binary.LittleEndian.Uint64(b)); !math.IsNaN(v) && !math.IsInf(v, 0) {
			*to = v
		}
	}
	return err
}

// time reads a time. What no calendar shows (years from 10000 up) is left out:
// it can't be written as JSON either.
func (in *inspector) time(to *time.Time) error {
	b, err := in.value(Time)
	if b != nil {
		if t := FileTime(binary.LittleEndian.Uint64(b)).Time(); t.Year() < 10000 {
			*to = t
		}
	}
	return err
}

// binary reads a binary value of at most n bytes; a longer one is left out.
func (in *inspector) binary(to *[]byte, n int64) error {
	if in.r.layout.base != Binary || in.r.layout.multi {
		return nil
	}
	size, err := in.r.NextValue()
	if err != nil {
		return err
	}
	if size > n {
		in.c.Cut = in.c.Cut || n == maxBinary
		return nil
	}
	c := collector{most: size}
	if _, err = in.r.WriteTo(&c); err == nil {
		*to = c.b
	}
	return err
}

// headers looks for the message id in a block of Internet headers.
func (in *inspector) headers() error {
	left, cut := in.left, in.c.Cut
	var block string
	in.left = maxHeaders
	err := in.text(&block, maxHeaders)
	in.left, in.c.Cut = left, cut
	const name = "message-id:"
	for line := range strings.Lines(block) {
		if len(line) > len(name) && strings.EqualFold(line[:len(name)], name) {
			id := strings.TrimSpace(line[len(name):])
			if len(id) > maxString {
				id = ""
			}
			in.headerID = strings.Clone(id)
			break
		}
	}
	return err
}
