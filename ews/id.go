package ews

import (
	"encoding/base64"
	"encoding/binary"
)

// plainID writes an id in its plain spelling. Exchange spells the same id in two
// ways and was seen to answer in the other than the one it was asked with: the
// first byte of the base64 is 0, or 1 where runs of equal bytes are packed
// (OfficeDev/ews-managed-api#46). It takes back both. All else compares ids, so
// that none may come in two spellings. What is not surely a packed id is left
// as it is.
func plainID(id string) string {
	// The first byte is 1 where the first characters are A and one of 010000 to 011111.
	if len(id) < 2 || id[0] != 'A' || !(id[1] >= 'Q' && id[1] <= 'Z' || id[1] >= 'a' && id[1] <= 'f') {
		return id
	}
	packed, err := base64.StdEncoding.Strict().DecodeString(id)
	if err != nil || packed[0] != 1 {
		return id
	}
	plain, ok := unpackRuns(packed[1:])
	if !ok || !isStoreID(plain[1:]) {
		return id
	}
	return base64.StdEncoding.EncodeToString(plain)
}

// maxUnpacked is more than any id is long, in bytes.
const maxUnpacked = 2048

// unpackRuns undoes the packing: two equal bytes are followed by how many more
// there are. A zero, the mark of the plain spelling, stands before.
func unpackRuns(b []byte) ([]byte, bool) {
	out := make([]byte, 1, 256)
	for i := 0; i < len(b); i++ {
		out = append(out, b[i])
		if i+1 == len(b) || b[i+1] != b[i] {
			continue
		}
		if i+2 == len(b) {
			return nil, false
		}
		for range int(b[i+2]) + 1 {
			out = append(out, b[i])
		}
		if i += 2; len(out) > maxUnpacked {
			return nil, false
		}
	}
	return out, true
}

// isStoreID says whether these are the parts of an id: the kind of store, the
// mailbox as the text of a GUID, an instruction, and an entry id, each of the
// last that varies with its length before it.
func isStoreID(b []byte) bool {
	const guid = 36
	if len(b) < 3+guid+3 || b[0] != 3 && b[0] != 6 || binary.LittleEndian.Uint16(b[1:]) != guid {
		return false
	}
	for i, c := range b[3 : 3+guid] {
		dash := i == 8 || i == 13 || i == 18 || i == 23
		hex := c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
		if dash && c != '-' || !dash && !hex {
			return false
		}
	}
	entry := b[3+guid+1:]
	return int(binary.LittleEndian.Uint16(entry)) == len(entry)-2
}
