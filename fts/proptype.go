package fts

import (
	"fmt"

	"mailferry/fts/internal/text"
)

// Type is a property type ([MS-OXCDATA] 2.11.1, [MS-OXCFXICS] 2.2.4.1.1).
type Type uint16

// The property types. A multi-value type is its base type with [MultiValue].
const (
	Integer16        Type = 0x0002
	Integer32        Type = 0x0003
	Floating32       Type = 0x0004
	Floating64       Type = 0x0005
	CurrencyType     Type = 0x0006
	FloatingTimeType Type = 0x0007
	ErrorCodeType    Type = 0x000A
	Boolean          Type = 0x000B
	ObjectType       Type = 0x000D
	Integer64        Type = 0x0014
	String8          Type = 0x001E
	String           Type = 0x001F // UTF-16LE
	Time             Type = 0x0040
	GUIDType         Type = 0x0048
	ServerIDType     Type = 0x00FB
	Binary           Type = 0x0102
	MultiValue       Type = 0x1000 // bit
	CodePage         Type = 0x8000 // bit: a string in the code page of the lower bits
	StringUpload     Type = 0x84B0 // code page 1200, UTF-16LE: what ExportItems writes
	StringsUpload    Type = 0x94B0 // the same, multi-value
)

var typeNames = map[Type]string{
	Integer16: "Integer16", Integer32: "Integer32", Floating32: "Floating32", Floating64: "Floating64",
	CurrencyType: "Currency", FloatingTimeType: "FloatingTime", ErrorCodeType: "ErrorCode", Boolean: "Boolean",
	ObjectType: "Object", Integer64: "Integer64", String8: "String8", String: "String", Time: "Time",
	GUIDType: "Guid", ServerIDType: "ServerId", Binary: "Binary",
}

// Name names a type as [MS-OXCDATA] 2.11.1 does: "String", "MultipleInteger32".
// A string in a code page is a String; a type that is not known is a number.
func (t Type) Name() string {
	multiple := ""
	if t&MultiValue != 0 {
		multiple = "Multiple"
	}
	if t&CodePage != 0 {
		return multiple + "String"
	}
	if name := typeNames[t&^MultiValue]; name != "" {
		return multiple + name
	}
	return fmt.Sprintf("0x%04X", uint16(t))
}

// layout is how values of a type lie on the wire.
type layout struct {
	base  Type // the type of one value; String for strings of every kind
	multi bool
	size  int    // bytes of a value; 0: a length stands before each
	cp    uint16 // code page of strings
}

// layoutOf returns false for a type that is not known: the length of its values
// is not known either, so that nothing after it can be read.
func layoutOf(t Type) (layout, bool) {
	if t&CodePage != 0 {
		return codePageLayout(t)
	}
	l := layout{base: t &^ MultiValue, multi: t&MultiValue != 0}
	switch l.base {
	case Integer16:
		l.size = 2
	case Integer32, Floating32:
		l.size = 4
	case Floating64, CurrencyType, FloatingTimeType, Integer64, Time:
		l.size = 8
	case GUIDType:
		l.size = 16
	case String8:
		l.base, l.cp = String, text.ANSI // no sender says which
	case String:
		l.cp = text.UTF16LE
	case Binary:
	case Boolean:
		l.size = 2
		return l, !l.multi
	case ErrorCodeType:
		l.size = 4
		return l, !l.multi
	case ObjectType, ServerIDType:
		return l, !l.multi
	default:
		return l, false
	}
	return l, true
}

// codePageLayout tells single from multi-value code page strings. Both use bit
// 0x1000, once as part of the code page's number. Multi-value types are 0x9000
// + code page (0x94B0 was observed); above that, a type can only be one string
// in a code page whose number has the bit, and is believed if the page exists.
func codePageLayout(t Type) (layout, bool) {
	cp := uint16(t &^ CodePage)
	switch {
	case t&MultiValue == 0:
		return layout{base: String, cp: cp}, true
	case t&0x6000 == 0:
		return layout{base: String, cp: cp &^ uint16(MultiValue), multi: true}, true
	default:
		return layout{base: String, cp: cp}, text.Known(cp)
	}
}

// canonical is the type that all ways to write a value have in common.
func (l layout) canonical() Type {
	if l.multi {
		return l.base | MultiValue
	}
	return l.base
}
