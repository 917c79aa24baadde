package jsonitem

import (
	"encoding/base64"
	"fmt"
	"io"
	"math"
	"strconv"
	"unicode/utf8"

	"mailferry/fts"
)

func (w *writer) property(p fts.Prop) error {
	w.raw(fmt.Sprintf(`"tag":"0x%08X","name":`, uint32(p.Tag)))
	w.text(fts.PropertyName(p.Tag, p.Name))
	if p.Name != nil {
		w.raw(`,"set":"` + p.Name.Set.String() + `"`)
		if p.Name.Text != "" {
			w.raw(`,"key":`)
			w.text(p.Name.Text)
		} else {
			w.raw(`,"lid":` + strconv.FormatUint(uint64(p.Name.LID), 10))
		}
	}
	w.raw(`,"type":"` + p.Tag.Type().Name() + `","value":`)
	return w.value(p)
}

func (w *writer) value(p fts.Prop) error {
	switch v := p.Value.(type) {
	case *fts.Stream:
		return w.stream(p, v)
	case []int16:
		values(w, v)
	case []int32:
		values(w, v)
	case []int64:
		values(w, v)
	case []float32:
		values(w, v)
	case []float64:
		values(w, v)
	case []fts.Currency:
		values(w, v)
	case []fts.FloatingTime:
		values(w, v)
	case []fts.FileTime:
		values(w, v)
	case []fts.GUID:
		values(w, v)
	case []string:
		values(w, v)
	case [][]byte:
		values(w, v)
	case []bool:
		values(w, v)
	case []fts.ErrorCode:
		values(w, v)
	case []fts.Object:
		values(w, v)
	case []fts.ServerID:
		values(w, v)
	default:
		return w.scalar(v)
	}
	return nil
}

func values[T any](w *writer, all []T) {
	w.raw("[")
	for i, v := range all {
		if i > 0 {
			w.raw(",")
		}
		_ = w.scalar(any(v)) // the types above are known
	}
	w.raw("]")
}

func (w *writer) scalar(v any) error {
	switch v := v.(type) {
	case int16:
		w.raw(strconv.FormatInt(int64(v), 10))
	case int32:
		w.raw(strconv.FormatInt(int64(v), 10))
	case int64:
		w.quoted(strconv.FormatInt(v, 10))
	case float32:
		w.float(float64(v), 32)
	case float64:
		w.float(v, 64)
	case fts.Currency:
		w.quoted(v.Text())
	case fts.FloatingTime:
		w.float(float64(v), 64)
	case fts.ErrorCode:
		w.quoted(fmt.Sprintf("0x%08X", uint32(v)))
	case fts.FileTime:
		w.quoted(v.Text())
	case fts.GUID:
		w.quoted(v.String())
	case bool:
		w.raw(strconv.FormatBool(v))
	case string:
		w.text(v)
	case []byte:
		w.binary(v)
	case fts.Object:
		w.binary(v)
	case fts.ServerID:
		w.binary(v)
	default:
		return fmt.Errorf("a property has a value of the type %T, which JSON has no form for", v)
	}
	return nil
}

func (w *writer) quoted(s string) { w.raw(`"` + s + `"`) }

func (w *writer) float(f float64, bits int) {
	s := strconv.FormatFloat(f, 'g', -1, bits)
	if math.IsNaN(f) || math.IsInf(f, 0) {
		w.quoted(s)
		return
	}
	w.raw(s)
}

func (w *writer) binary(b []byte) { w.quoted(base64.StdEncoding.EncodeToString(b)) }

// stream writes a large value while it is read.
func (w *writer) stream(p fts.Prop, s *fts.Stream) error {
	r, err := s.Open()
	if err != nil {
		return err
	}
	w.raw(`"`)
	if t := p.Tag.Type(); t == fts.String || t == fts.String8 || t&fts.CodePage != 0 {
		err = w.textOf(r)
	} else {
		e := base64.NewEncoder(base64.StdEncoding, w.w)
		if _, err = io.Copy(e, r); err == nil {
			err = e.Close()
		}
	}
	w.raw(`"`)
	return err
}

func (w *writer) text(s string) {
	w.raw(`"`)
	w.escaped([]byte(s), true)
	w.raw(`"`)
}

// textOf writes the inside of a string. A character may lie in two reads.
func (w *writer) textOf(r io.Reader) error {
	buf, held := make([]byte, 16<<10), 0
	for {
		n, err := r.Read(buf[held:])
		n += held
		done := w.escaped(buf[:n], err == io.EOF)
		held = copy(buf, buf[done:n])
		switch {
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		}
	}
}

// escaped writes text as it can stand in a string, and returns how much of it:
// all of it at the end, else perhaps not a character that was begun.
func (w *writer) escaped(b []byte, end bool) int {
	const surrogate = 3 // bytes of half a pair, as fts writes it
	plain := 0          // begin of what needs no escape
	flush := func(i int) { _, _ = w.w.Write(b[plain:i]) }
	i := 0
	for i < len(b) {
		c := b[i]
		if c >= utf8.RuneSelf {
			r, n := utf8.DecodeRune(b[i:])
			switch {
			case r != utf8.RuneError || n > 1:
				i += n
				continue
			case !end && len(b)-i < utf8.UTFMax && !utf8.FullRune(b[i:]) || !end && c == 0xED && len(b)-i < surrogate:
				flush(i)
				return i
			}
			flush(i)
			if c == 0xED && len(b)-i >= surrogate && b[i+1] >= 0xA0 && b[i+1] <= 0xBF && b[i+2]&0xC0 == 0x80 {
				w.raw(fmt.Sprintf(`\u%04x`, 0xD000|uint16(b[i+1]&0x3F)<<6|uint16(b[i+2]&0x3F)))
				i += surrogate
			} else {
				w.raw(`\ufffd`)
				i++
			}
			plain = i
			continue
		}
		if c >= ' ' && c != '"' && c != '\\' && c != 0x7f {
			i++
			continue
		}
		flush(i)
		switch c {
		case '"', '\\':
			w.raw(`\` + string(rune(c)))
		case '\n':
			w.raw(`\n`)
		case '\r':
			w.raw(`\r`)
		case '\t':
			w.raw(`\t`)
		default:
			w.raw(fmt.Sprintf(`\u%04x`, c))
		}
		i++
		plain = i
	}
	flush(i)
	return i
}
