// Package ewsid makes ids and change keys that look like those of Exchange.
//
// An id is base64 of a compression byte (0 plain, 1 run-length encoded), the
// storage type 3, the mailbox GUID as text with its length, an instruction
// byte, and an entry id of 46 (folder) or 70 (item) bytes with its length. So
// ids are case-sensitive, name their mailbox, and have two spellings.
package ewsid

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"slices"
	"strings"

	"mailferry/fts"
)

const (
	folderEntryID = 46
	itemEntryID   = 70
	storeProvider = 3
)

// ID is what an id says.
type ID struct {
	Mailbox string // GUID as text, lower case
	Folder  bool   // or an item
	N       uint64
	Parent  uint64 // of an item: its folder
}

func (id ID) bytes() []byte {
	entry := id.EntryID()
	b := make([]byte, 0, 128)
	b = append(b, storeProvider)
	b = binary.LittleEndian.AppendUint16(b, uint16(len(id.Mailbox)))
	b = append(b, id.Mailbox...)
	b = append(b, 0)
	b = binary.LittleEndian.AppendUint16(b, uint16(len(entry)))
	return append(b, entry...)
}

// EntryID is the MAPI entry id of the object ([MS-OXCDATA] 2.2.4), the same
// that the mailbox tells.
func (id ID) EntryID() []byte {
	guid := GUIDBytes(id.Mailbox)
	b := append(make([]byte, 4, itemEntryID), guid...)
	counter := func(n uint64) {
		var c [8]byte
		binary.BigEndian.PutUint64(c[:], n)
		b = append(b, guid...)
		b = append(b, c[2:]...)
		b = append(b, 0, 0)
	}
	if id.Folder {
		b = append(b, 1, 0)
		counter(id.N)
		return b
	}
	b = append(b, 7, 0)
	counter(id.Parent)
	counter(id.N)
	return b
}

// GUIDBytes is a GUID as it lies on the wire.
func GUIDBytes(text string) []byte {
	b, err := hex.DecodeString(strings.ReplaceAll(text, "-", ""))
	if err != nil || len(b) != 16 {
		return make([]byte, 16)
	}
	slices.Reverse(b[:4])
	slices.Reverse(b[4:6])
	slices.Reverse(b[6:8])
	return b
}

// Encode writes an id, in its other spelling if packed.
func (id ID) Encode(packed bool) string {
	b := id.bytes()
	if packed {
		b = append([]byte{1}, pack(b)...)
	} else {
		b = append([]byte{0}, b...)
	}
	return base64.StdEncoding.EncodeToString(b)
}

// Decode reads an id in either spelling.
func Decode(s string) (ID, bool) {
	b, err := base64.StdEncoding.Strict().DecodeString(s)
	if err != nil || len(b) < 4 || b[0] > 1 {
		return ID{}, false
	}
	packed := b[0] == 1
	b = b[1:]
	if packed {
		if b, err = unpack(b); err != nil {
			return ID{}, false
		}
	}
	if len(b) < 3 || b[0] != storeProvider {
		return ID{}, false
	}
	n := int(binary.LittleEndian.Uint16(b[1:]))
	b = b[3:]
	if n != 36 || len(b) < n+3 {
		return ID{}, false
	}
	id := ID{Mailbox: string(b[:n])}
	size := int(binary.LittleEndian.Uint16(b[n+1:]))
	b = b[n+3:]
	if len(b) != size || size != folderEntryID && size != itemEntryID {
		return ID{}, false
	}
	id.Folder = size == folderEntryID
	id.N = counterAt(b, size)
	if !id.Folder {
		id.Parent = counterAt(b, folderEntryID)
	}
	return id, string(id.EntryID()) == string(b) && strings.ToLower(id.Mailbox) == id.Mailbox
}

// counterAt reads the counter that ends two bytes before end.
func counterAt(entry []byte, end int) uint64 {
	var c [8]byte
	copy(c[2:], entry[end-8:end-2])
	return binary.BigEndian.Uint64(c[:])
}

// guidText writes a GUID from its bytes on the wire.
func guidText(wire []byte) string {
	var g fts.GUID
	copy(g[:], wire)
	return g.String()
}

// pack writes runs of equal bytes as two of them and a count of the rest.
func pack(b []byte) []byte {
	var out []byte
	for i := 0; i < len(b); {
		n := 1
		for i+n < len(b) && b[i+n] == b[i] && n < 257 {
			n++
		}
		out = append(out, b[i])
		if n > 1 {
			out = append(out, b[i], byte(n-2))
		}
		i += n
	}
	return out
}

type unpackError struct{}

func (unpackError) Error() string { return "not a packed id" }

func unpack(b []byte) ([]byte, error) {
	var out []byte
	for i := 0; i < len(b); i++ {
		out = append(out, b[i])
		if i+1 < len(b) && b[i+1] == b[i] {
			if i+2 >= len(b) {
				return nil, unpackError{}
			}
			for range int(b[i+2]) + 1 {
				out = append(out, b[i])
			}
			i += 2
		}
		if len(out) > 512 {
			return nil, unpackError{}
		}
	}
	return out, nil
}

// Kinds of change keys: the first byte tells what the object is.
const (
	KeyFolder   = 1
	KeyMessage  = 9
	KeyCalendar = 15
	KeyContact  = 17
	KeyTask     = 19
)

// ChangeKey writes the change key of an object's change number.
func ChangeKey(kind uint32, mailbox string, change uint64) string {
	var c [8]byte
	binary.BigEndian.PutUint64(c[:], change)
	b := binary.LittleEndian.AppendUint32(nil, kind)
	b = binary.LittleEndian.AppendUint32(b, 22)
	b = append(b, GUIDBytes(mailbox)...)
	return base64.StdEncoding.EncodeToString(append(b, c[2:]...))
}

// DecodeChangeKey says whether s can be a change key. The change number is 0
// where the key is a short one that has none.
func DecodeChangeKey(s string) (change uint64, ok bool) {
	b, err := base64.StdEncoding.DecodeString(s)
	if err != nil || len(b) < 4 {
		return 0, false
	}
	if len(b) == 4 {
		return 0, true
	}
	if len(b) < 8 || int(binary.LittleEndian.Uint32(b[4:])) != len(b)-8 {
		return 0, false
	}
	if len(b) == 30 {
		var c [8]byte
		copy(c[2:], b[24:])
		change = binary.BigEndian.Uint64(c[:])
	}
	return change, true
}

// FromEntryID reads a MAPI entry id.
func FromEntryID(entry []byte) (ID, bool) {
	size := len(entry)
	if size != folderEntryID && size != itemEntryID {
		return ID{}, false
	}
	id := ID{Mailbox: guidText(entry[4:20]), Folder: size == folderEntryID, N: counterAt(entry, size)}
	if !id.Folder {
		id.Parent = counterAt(entry, folderEntryID)
	}
	return id, bytes.Equal(id.EntryID(), entry)
}
