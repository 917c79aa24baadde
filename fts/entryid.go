package fts

import (
	"encoding/binary"
	"strings"

	"mailferry/fts/internal/text"
)

// Person is somebody in an item. Address is the SMTP address; where the item has
// none it is what it has instead, and Type says of which kind ("EX" for the DN
// of an Exchange organisation). Either may be empty.
type Person struct {
	Name    string `json:"name,omitempty"`
	Address string `json:"address,omitempty"`
	Type    string `json:"type,omitempty"` // empty for SMTP and where the item does not say
	Status  int32  `json:"status,omitempty"`
}

// Providers of entry ids.
var (
	providerOneOff  = guid(0xA41F2B81, 0xA3BE, 0x1910, 0x9D6E00DD010F5402)
	providerBook    = guid(0xC840A7DC, 0x42C0, 0x101A, 0xB4B908002B2FE182)
	providerWrapped = guid(0xD3AD91C0, 0x9D51, 0x11CF, 0xA4A900AA0047FAA4)
)

// Flags of a one-off entry id.
const oneOffUnicode = 0x8000

// ParseEntryID returns the person that an entry id names: a one-off one
// ([MS-OXCDATA] 2.2.5.1), one of the address book (2.2.5.2) or one that is
// wrapped in a distribution list ([MS-OXOCNTC] 2.2.2.4.3.1). Others, such as those of a
// contact in the same mailbox, name nobody: false.
func ParseEntryID(b []byte) (Person, bool) {
	const head = 4 + 16
	if len(b) < head {
		return Person{}, false
	}
	rest := b[head:]
	switch GUID(b[4:head]) {
	case providerOneOff:
		return oneOff(rest)
	case providerBook:
		if len(rest) < 8 {
			return Person{}, false
		}
		dn, _, ok := zeroEnded(rest[8:], text.ANSI)
		return Person{Address: dn, Type: "EX"}, ok && dn != ""
	case providerWrapped:
		// Wrapped ones have the head of another id inside, never the same again.
		if len(rest) > 1+head && GUID(rest[5:1+head]) != providerWrapped {
			return ParseEntryID(rest[1:])
		}
	}
	return Person{}, false
}

func oneOff(b []byte) (Person, bool) {
	if len(b) < 4 {
		return Person{}, false
	}
	cp := uint16(text.ANSI)
	if binary.LittleEndian.Uint16(b[2:])&oneOffUnicode != 0 {
		cp = text.UTF16LE
	}
	var s [3]string
	for i, rest, ok := 0, b[4:], true; i < len(s); i++ {
		if s[i], rest, ok = zeroEnded(rest, cp); !ok {
			return Person{}, false
		}
	}
	p := Person{Name: s[0], Address: s[2], Type: s[1]}
	if strings.EqualFold(p.Type, "SMTP") {
		p.Type = ""
	}
	return p, true
}

// zeroEnded cuts a string with its terminator off b.
func zeroEnded(b []byte, cp uint16) (s string, rest []byte, ok bool) {
	width := 1
	if cp == text.UTF16LE {
		width = 2
	}
	for i := 0; i+width <= len(b); i += width {
		if b[i] == 0 && b[i+width-1] == 0 {
			return strings.ToValidUTF8(text.Decode(cp, b[:i]), "\uFFFD"), b[i+width:], true
		}
	}
	return "", nil, false
}

// ParseEntryIDs returns the persons of a FlatEntryList ([MS-OXCDATA] 2.3.3), as
// PidTagReplyRecipientEntries has it. It stops where the list is damaged.
func ParseEntryIDs(b []byte) (all []Person) {
	le := binary.LittleEndian
	if len(b) < 8 {
		return nil
	}
	n := le.Uint32(b)
	for b = b[8:]; n > 0 && len(b) >= 4; n-- {
		size := int64(le.Uint32(b))
		if size > int64(len(b)-4) {
			break
		}
		if p, ok := ParseEntryID(b[4 : 4+size]); ok {
			all = append(all, p)
		}
		b = b[min(int64(len(b)), 4+(size+3)&^3):]
	}
	return all
}
