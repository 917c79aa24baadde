package fts

import (
	"encoding/binary"
	"fmt"
	"strconv"
	"time"
)

// GUID is a GUID as it lies on the wire: Data1 to Data3 little-endian.
type GUID [16]byte

// String returns the GUID in registry form, lower case, without braces.
func (g GUID) String() string {
	return fmt.Sprintf("%08x-%04x-%04x-%x-%x", binary.LittleEndian.Uint32(g[0:]), binary.LittleEndian.Uint16(g[4:]),
		binary.LittleEndian.Uint16(g[6:]), g[8:10], g[10:])
}

// guid makes a GUID from the numbers of its registry form.
func guid(d1 uint32, d2, d3 uint16, d4 uint64) GUID {
	var g GUID
	binary.LittleEndian.PutUint32(g[0:], d1)
	binary.LittleEndian.PutUint16(g[4:], d2)
	binary.LittleEndian.PutUint16(g[6:], d3)
	binary.BigEndian.PutUint64(g[8:], d4)
	return g
}

// The property sets of [MS-OXPROPS] 1.3.2.
var (
	PSMapi                  = guid(0x00020328, 0, 0, 0xC000000000000046)
	PSPublicStrings         = guid(0x00020329, 0, 0, 0xC000000000000046)
	PSInternetHeaders       = guid(0x00020386, 0, 0, 0xC000000000000046)
	PSETIDAppointment       = guid(0x00062002, 0, 0, 0xC000000000000046)
	PSETIDTask              = guid(0x00062003, 0, 0, 0xC000000000000046)
	PSETIDAddress           = guid(0x00062004, 0, 0, 0xC000000000000046)
	PSETIDCommon            = guid(0x00062008, 0, 0, 0xC000000000000046)
	PSETIDLog               = guid(0x0006200A, 0, 0, 0xC000000000000046)
	PSETIDNote              = guid(0x0006200E, 0, 0, 0xC000000000000046)
	PSETIDSharing           = guid(0x00062040, 0, 0, 0xC000000000000046)
	PSETIDPostRss           = guid(0x00062041, 0, 0, 0xC000000000000046)
	PSETIDMeeting           = guid(0x6ED8DA90, 0x450B, 0x101B, 0x98DA00AA003F1305)
	PSETIDCalendarAssistant = guid(0x11000E07, 0xB51B, 0x40D6, 0xAF21CAA85EDAB1D0)
	PSETIDUnifiedMessaging  = guid(0x4442858E, 0xA9E3, 0x4E80, 0xB900317A210CC15B)
	PSETIDMessaging         = guid(0x41F28F13, 0x83F4, 0x4114, 0xA584EEDB5A6B0BFF)
	PSETIDAirSync           = guid(0x71035549, 0x0739, 0x4DCB, 0x916300F0580DBBDF)
)

// Tag is a property tag: the id in the upper, the type in the lower 16 bits.
type Tag uint32

// MakeTag puts a tag together.
func MakeTag(id uint16, t Type) Tag { return Tag(id)<<16 | Tag(t) }

// ID returns the property id. Ids from 0x8000 up are private numbers of one
// stream and mean nothing without the property's name.
func (t Tag) ID() uint16 { return uint16(t >> 16) }

// Type returns the property type.
func (t Tag) Type() Type { return Type(t) }

// Name is the name of a named property: a number or, where Text is not empty,
// a text, in a property set.
type Name struct {
	Set  GUID
	LID  uint32
	Text string
}

// The Go types of values that no Go type of their own stands for.
type (
	Currency     int64   // unit 1/10000
	FloatingTime float64 // days since 1899-12-30
	ErrorCode    uint32
	FileTime     uint64 // 100 ns since 1601-01-01 UTC
	Object       []byte // an OLE object, opaque
	ServerID     []byte // opaque
)

// unixEpoch is 1970-01-01 as a FileTime.
const unixEpoch = 116444736000000000

// Time returns the moment in UTC.
func (f FileTime) Time() time.Time {
	d := int64(f/1e7) - unixEpoch/1e7
	return time.Unix(d, int64(f%1e7)*100).UTC()
}

// Text returns the time as RFC 3339 in UTC, or beyond the year 9999 as a number.
func (f FileTime) Text() string {
	if t := f.Time(); t.Year() <= 9999 {
		return t.Format(time.RFC3339Nano)
	}
	return strconv.FormatUint(uint64(f), 10)
}

// Text returns the amount with its four decimals.
func (c Currency) Text() string {
	sign, n := "", uint64(c)
	if c < 0 {
		sign, n = "-", -n
	}
	return fmt.Sprintf("%s%d.%04d", sign, n/10000, n%10000)
}

// FileTimeOf returns t as a FileTime, cut to 100 ns. Times before 1601 become 0.
func FileTimeOf(t time.Time) FileTime {
	s := t.Unix() + unixEpoch/1e7
	if s < 0 {
		return 0
	}
	return FileTime(s)*1e7 + FileTime(t.Nanosecond()/100)
}

// Prop is a property. Name is nil for ids below 0x8000. The Go type of Value
// follows from the tag's type:
//
//	Integer16, Integer32, Integer64  int16, int32, int64
//	Floating32, Floating64           float32, float64
//	Currency, FloatingTime           Currency, FloatingTime
//	ErrorCode, Boolean               ErrorCode, bool
//	Time, Guid                       FileTime, GUID
//	String, String8, code pages      string, decoded; the tag keeps the code page
//	Binary, Object, ServerId         []byte, Object, ServerID
//
// and a slice of these for a multi-value type.
type Prop struct {
	Tag   Tag
	Name  *Name
	Value any
}

// Props is a list of properties in the order of the stream.
type Props []Prop

// Message is a message with its recipients and attachments.
type Message struct {
	Props       Props
	Recipients  []Recipient
	Attachments []Attachment
}

// Recipient is a row of a message's recipient table.
type Recipient struct {
	Props Props
}

// Attachment is an attachment. Embedded is the message it holds, if it holds one.
type Attachment struct {
	Props    Props
	Embedded *Message
}

// Prop returns the first property with this id below 0x8000.
func (p Props) Prop(id uint16) (Prop, bool) {
	for i := range p {
		if p[i].Name == nil && p[i].Tag.ID() == id {
			return p[i], true
		}
	}
	return Prop{}, false
}

// Named returns the first property with this name.
func (p Props) Named(n Name) (Prop, bool) {
	for i := range p {
		if p[i].Name != nil && *p[i].Name == n {
			return p[i], true
		}
	}
	return Prop{}, false
}

// String returns the string with this id, or "".
func (p Props) String(id uint16) string {
	v, _ := p.Prop(id)
	s, _ := v.Value.(string)
	return s
}

// Bytes returns the binary value or object with this id, or nil.
func (p Props) Bytes(id uint16) []byte {
	v, _ := p.Prop(id)
	switch b := v.Value.(type) {
	case []byte:
		return b
	case Object:
		return b
	case ServerID:
		return b
	}
	return nil
}

// Int returns the integer with this id.
func (p Props) Int(id uint16) (int64, bool) {
	v, _ := p.Prop(id)
	switch n := v.Value.(type) {
	case int16:
		return int64(n), true
	case int32:
		return int64(n), true
	case int64:
		return n, true
	}
	return 0, false
}

// Bool returns the boolean with this id; false where there is none.
func (p Props) Bool(id uint16) bool {
	v, _ := p.Prop(id)
	b, _ := v.Value.(bool)
	return b
}

// Time returns the time with this id, or the zero time.
func (p Props) Time(id uint16) time.Time {
	v, _ := p.Prop(id)
	if t, ok := v.Value.(FileTime); ok {
		return t.Time()
	}
	return time.Time{}
}

// Set replaces the value of the property with this tag's id, whatever its type
// was, or appends one.
func (p *Props) Set(tag Tag, value any) {
	for i := range *p {
		if (*p)[i].Name == nil && (*p)[i].Tag.ID() == tag.ID() {
			(*p)[i].Tag, (*p)[i].Value = tag, value
			return
		}
	}
	*p = append(*p, Prop{Tag: tag, Value: value})
}

// Prop returns the message's first property with this id below 0x8000.
func (m *Message) Prop(id uint16) (Prop, bool) { return m.Props.Prop(id) }

// Named returns the message's first property with this name.
func (m *Message) Named(n Name) (Prop, bool) { return m.Props.Named(n) }

// LID makes the name of a property that is known by a number.
func LID(set GUID, lid uint32) Name { return Name{Set: set, LID: lid} }

// NamedValue returns the value of the first property with this name, if it is of
// the Go type T. [Prop] lists the types.
func NamedValue[T any](p Props, n Name) (T, bool) {
	v, _ := p.Named(n)
	t, ok := v.Value.(T)
	return t, ok
}
