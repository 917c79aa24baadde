package pst

import (
	"bytes"
	"encoding/binary"
	"math"
	"unicode/utf16"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/korean"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/traditionalchinese"

	"mailferry/fts"
)

// cell is a property as it stands in the file.
type cell struct {
	id   uint16
	kind fts.Type
	raw  []byte
}

// fixedSize returns how many bytes a value of the type has, -1 for any number.
func fixedSize(t fts.Type) int {
	switch t {
	case fts.Boolean:
		return 1
	case fts.Integer16:
		return 2
	case fts.Integer32, fts.Floating32, fts.ErrorCodeType:
		return 4
	case fts.Integer64, fts.Floating64, fts.CurrencyType, fts.FloatingTimeType, fts.Time:
		return 8
	case fts.GUIDType:
		return 16
	}
	return -1
}

// prop converts a property; false where a message cannot hold it.
func (f *file) prop(c cell) (fts.Prop, bool) {
	kind, value, ok := f.convert(c.kind, c.raw)
	if !ok {
		return fts.Prop{}, false
	}
	p := fts.Prop{Tag: fts.MakeTag(c.id, kind), Value: value}
	if c.id >= 0x8000 {
		name, ok := f.names[c.id]
		if !ok {
			return fts.Prop{}, false
		}
		p.Name = &name
	}
	return p, true
}

func (f *file) convert(t fts.Type, raw []byte) (fts.Type, any, bool) {
	if t&fts.MultiValue != 0 {
		return f.multi(t&^fts.MultiValue, raw)
	}
	switch t {
	case fts.String:
		return fts.StringUpload, fromUTF16(raw), true
	case fts.String8:
		return fts.StringUpload, f.text(raw), true
	case fts.Binary:
		return t, raw, true
	case fts.ServerIDType:
		return t, fts.ServerID(raw), true
	case fts.ErrorCodeType, fts.ObjectType:
		return t, nil, false
	}
	v, ok := fixed(t, raw)
	return t, v, ok
}

// fixed converts a value of fixed size.
func fixed(t fts.Type, raw []byte) (any, bool) {
	if size := fixedSize(t); size < 0 || len(raw) < size {
		return nil, false
	}
	switch t {
	case fts.Boolean:
		return raw[0] != 0, true
	case fts.Integer16:
		return int16(binary.LittleEndian.Uint16(raw)), true
	case fts.Integer32:
		return int32(le32(raw)), true
	case fts.Floating32:
		return math.Float32frombits(le32(raw)), true
	case fts.GUIDType:
		return fts.GUID(raw[:16]), true
	}
	n := binary.LittleEndian.Uint64(raw)
	switch t {
	case fts.Integer64:
		return int64(n), true
	case fts.Floating64:
		return math.Float64frombits(n), true
	case fts.CurrencyType:
		return fts.Currency(n), true
	case fts.FloatingTimeType:
		return fts.FloatingTime(math.Float64frombits(n)), true
	case fts.Time:
		return fts.FileTime(n), true
	}
	return nil, false
}

// multi converts a multi-value property ([MS-PST] 2.3.3.4): values of fixed
// size follow each other, others are found by a list of offsets.
func (f *file) multi(t fts.Type, raw []byte) (fts.Type, any, bool) {
	var parts [][]byte
	if size := fixedSize(t); size > 0 {
		for ; len(raw) >= size; raw = raw[size:] {
			parts = append(parts, raw[:size])
		}
	} else if len(raw) >= 4 {
		count := int(le32(raw))
		if count < 0 || count > len(raw)/4-1 {
			return t, nil, false
		}
		for i := range count {
			from, to := int(le32(raw[4+4*i:])), len(raw)
			if i+1 < count {
				to = int(le32(raw[8+4*i:]))
			}
			if from > to || to > len(raw) {
				return t, nil, false
			}
			parts = append(parts, raw[from:to])
		}
	}
	multi := t | fts.MultiValue
	switch t {
	case fts.String, fts.String8:
		decode := fromUTF16
		if t == fts.String8 {
			decode = f.text
		}
		return fts.StringsUpload, each(parts, decode), true
	case fts.Binary:
		return multi, each(parts, bytes.Clone), true
	case fts.Integer16:
		return multi, eachFixed[int16](t, parts), true
	case fts.Integer32:
		return multi, eachFixed[int32](t, parts), true
	case fts.Integer64:
		return multi, eachFixed[int64](t, parts), true
	case fts.Floating32:
		return multi, eachFixed[float32](t, parts), true
	case fts.Floating64:
		return multi, eachFixed[float64](t, parts), true
	case fts.CurrencyType:
		return multi, eachFixed[fts.Currency](t, parts), true
	case fts.FloatingTimeType:
		return multi, eachFixed[fts.FloatingTime](t, parts), true
	case fts.Time:
		return multi, eachFixed[fts.FileTime](t, parts), true
	case fts.GUIDType:
		return multi, eachFixed[fts.GUID](t, parts), true
	}
	return t, nil, false
}

func each[T any](parts [][]byte, convert func([]byte) T) []T {
	all := make([]T, 0, len(parts))
	for _, p := range parts {
		all = append(all, convert(p))
	}
	return all
}

func eachFixed[T any](t fts.Type, parts [][]byte) []T {
	return each(parts, func(raw []byte) T {
		v, _ := fixed(t, raw)
		typed, _ := v.(T)
		return typed
	})
}

func fromUTF16(raw []byte) string {
	units := make([]uint16, len(raw)/2)
	for i := range units {
		units[i] = binary.LittleEndian.Uint16(raw[2*i:])
	}
	for len(units) > 0 && units[len(units)-1] == 0 {
		units = units[:len(units)-1]
	}
	return string(utf16.Decode(units))
}

// choosePage takes the code page of 8-bit strings from the message itself.
func (f *file) choosePage(cells []cell) {
	f.page = 0
	for _, c := range cells {
		if (c.id == 0x3FFD || c.id == 0x3FDE && f.page == 0) && c.kind == fts.Integer32 {
			f.page = int(le32(c.raw))
		}
	}
}

var pages = map[int]encoding.Encoding{
	874: charmap.Windows874, 932: japanese.ShiftJIS, 936: simplifiedchinese.GBK, 949: korean.EUCKR, 950: traditionalchinese.Big5,
	1250: charmap.Windows1250, 1251: charmap.Windows1251, 1252: charmap.Windows1252, 1253: charmap.Windows1253,
	1254: charmap.Windows1254, 1255: charmap.Windows1255, 1256: charmap.Windows1256, 1257: charmap.Windows1257,
	1258: charmap.Windows1258, 20866: charmap.KOI8R, 28592: charmap.ISO8859_2, 28605: charmap.ISO8859_15,
	65001: encoding.Nop,
}

// text decodes an 8-bit string.
func (f *file) text(raw []byte) string {
	raw = bytes.TrimRight(raw, "\x00")
	page := pages[f.page]
	if page == nil {
		page = charmap.Windows1252
	}
	s, err := page.NewDecoder().Bytes(raw)
	if err != nil {
		return string(raw)
	}
	return string(s)
}

// readNames reads the names of named properties ([MS-PST] 2.4.7).
func (f *file) readNames() (map[uint16]fts.Name, error) {
	n, err := f.node(nidNames)
	if err != nil {
		return nil, err
	}
	props, _, err := f.properties(n)
	if err != nil {
		return nil, err
	}
	sets, entries, texts := props.Bytes(2), props.Bytes(3), props.Bytes(4)
	names := map[uint16]fts.Name{}
	for ; len(entries) >= 8; entries = entries[8:] {
		ref, set, index := le32(entries), binary.LittleEndian.Uint16(entries[4:]), binary.LittleEndian.Uint16(entries[6:])
		name := fts.Name{LID: ref}
		if set&1 != 0 {
			name = fts.Name{}
			if uint64(ref)+4 > uint64(len(texts)) {
				return nil, errDamaged
			}
			length := le32(texts[ref:])
			if uint64(ref)+4+uint64(length) > uint64(len(texts)) {
				return nil, errDamaged
			}
			name.Text = fromUTF16(texts[ref+4 : ref+4+length])
		}
		switch at := int(set >> 1); {
		case at == 1:
			name.Set = fts.PSMapi
		case at == 2:
			name.Set = fts.PSPublicStrings
		case at >= 3 && (at-2)*16 <= len(sets):
			copy(name.Set[:], sets[(at-3)*16:])
		}
		names[0x8000+index] = name
	}
	return names, nil
}
