package fts

import (
	"encoding/binary"
	"fmt"
	"math"

	"mailferry/fts/internal/text"
)

// prop collects the pieces of a property.
func (w *writer) prop(p *Prop) error {
	t := p.Tag.Type()
	l, ok := layoutOf(t)
	if !ok {
		return fmt.Errorf("write item: property 0x%04X has the unknown type 0x%04X", p.Tag.ID(), uint16(t))
	}
	id, err := w.id(p)
	if err != nil {
		return err
	}
	var texts [][]byte
	if l.base == String {
		if t, texts, err = w.texts(p, t, l); err != nil {
			return err
		}
	}
	def := binary.LittleEndian.AppendUint32(nil, uint32(MakeTag(id, t)))
	if p.Name != nil {
		def = append(def, p.Name.Set[:]...)
		if p.Name.Text == "" {
			def = binary.LittleEndian.AppendUint32(append(def, 0), p.Name.LID)
		} else {
			def = append(text.AppendUTF16(append(def, 1), p.Name.Text), 0, 0)
		}
	}
	w.atom(def)
	if l.base == String {
		if l.multi {
			w.u32(uint32(len(texts)))
		}
		for _, b := range texts {
			w.sized(b)
		}
		return nil
	}
	if !w.value(l, p.Value) {
		return misfit(p)
	}
	return nil
}

func misfit(p *Prop) error {
	return fmt.Errorf("write item: property 0x%04X has a value of Go type %T, which does not fit its type 0x%04X",
		p.Tag.ID(), p.Value, uint16(p.Tag.Type()))
}

// id gives every name one id in the stream.
func (w *writer) id(p *Prop) (uint16, error) {
	if p.Name == nil {
		if p.Tag.ID() >= 0x8000 {
			return 0, fmt.Errorf("write item: property 0x%04X has no name", p.Tag.ID())
		}
		return p.Tag.ID(), nil
	}
	for i := range len(p.Name.Text) {
		if p.Name.Text[i] == 0 {
			return 0, fmt.Errorf("write item: a property name holds a NUL")
		}
	}
	if len(p.Name.Text) > maxNameBytes {
		return 0, fmt.Errorf("write item: a property name of %d bytes", len(p.Name.Text))
	}
	id, ok := w.ids[*p.Name]
	if !ok {
		if len(w.ids) > lastNamed-int(w.o.FirstNamedID) {
			return 0, fmt.Errorf("write item: more than %d named properties", len(w.ids))
		}
		id = w.o.FirstNamedID + uint16(len(w.ids))
		w.ids[*p.Name] = id
	}
	return id, nil
}

// texts encodes a string property's values and says which type they have then:
// UTF-16 unless the tag's code page is wanted and can hold them.
func (w *writer) texts(p *Prop, t Type, l layout) (Type, [][]byte, error) {
	var values []string
	var fits bool
	switch v := p.Value.(type) {
	case string:
		values, fits = []string{v}, !l.multi
	case []string:
		values, fits = v, l.multi
	}
	if !fits {
		return 0, nil, misfit(p)
	}
	encode := func(cp uint16) ([][]byte, bool) {
		all := make([][]byte, len(values))
		for i, s := range values {
			b, ok := text.Encode(cp, s)
			if !ok {
				return nil, false
			}
			all[i] = b
		}
		return all, true
	}
	if w.o.KeepCodePages {
		if b, ok := encode(l.cp); ok {
			return t, b, nil
		}
	}
	b, _ := encode(text.UTF16LE)
	for i := range b {
		if len(b[i]) > math.MaxUint32 {
			return 0, nil, fmt.Errorf("write item: property 0x%04X is longer than 4 GiB", p.Tag.ID())
		}
	}
	if l.multi {
		return StringsUpload, b, nil
	}
	return StringUpload, b, nil
}

// value collects the pieces of a value that is no string; false if its Go type
// is not the one for this layout.
func (w *writer) value(l layout, v any) bool {
	le := binary.LittleEndian
	switch l.base {
	case Integer16:
		return atoms(w, l, v, func(v int16) []byte { return le.AppendUint16(nil, uint16(v)) })
	case Integer32:
		return atoms(w, l, v, func(v int32) []byte { return le.AppendUint32(nil, uint32(v)) })
	case Integer64:
		return atoms(w, l, v, func(v int64) []byte { return le.AppendUint64(nil, uint64(v)) })
	case Floating32:
		return atoms(w, l, v, func(v float32) []byte { return le.AppendUint32(nil, math.Float32bits(v)) })
	case Floating64:
		return atoms(w, l, v, func(v float64) []byte { return le.AppendUint64(nil, math.Float64bits(v)) })
	case CurrencyType:
		return atoms(w, l, v, func(v Currency) []byte { return le.AppendUint64(nil, uint64(v)) })
	case FloatingTimeType:
		return atoms(w, l, v, func(v FloatingTime) []byte { return le.AppendUint64(nil, math.Float64bits(float64(v))) })
	case Boolean:
		return atoms(w, l, v, func(v bool) []byte {
			if v {
				return []byte{1, 0}
			}
			return []byte{0, 0}
		})
	case Time:
		return atoms(w, l, v, func(v FileTime) []byte { return le.AppendUint64(nil, uint64(v)) })
	case GUIDType:
		return atoms(w, l, v, func(v GUID) []byte { return v[:] })
	case ObjectType:
		return sizeds(w, l, v, func(v Object) []byte { return v })
	case ServerIDType:
		return sizeds(w, l, v, func(v ServerID) []byte { return v })
	case Binary:
		return sizeds(w, l, v, func(v []byte) []byte { return v })
	}
	return false
}

func atoms[T any](w *writer, l layout, v any, encode func(T) []byte) bool {
	return each(w, l, v, func(v T) bool { w.atom(encode(v)); return true })
}

func sizeds[T any](w *writer, l layout, v any, encode func(T) []byte) bool {
	return each(w, l, v, func(v T) bool {
		b := encode(v)
		if len(b) > math.MaxUint32 {
			return false
		}
		w.sized(b)
		return true
	})
}

func each[T any](w *writer, l layout, v any, add func(T) bool) bool {
	if !l.multi {
		one, ok := v.(T)
		return ok && add(one)
	}
	all, ok := v.([]T)
	if !ok {
		return false
	}
	w.u32(uint32(len(all)))
	for _, v := range all {
		if !add(v) {
			return false
		}
	}
	return true
}
