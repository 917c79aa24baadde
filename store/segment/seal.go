package segment

import (
	"crypto/cipher"
	"encoding/binary"
)

// Keys finds the key with a number, or returns nil where it is not at hand.
// XChaCha20-Poly1305 is the only cipher.
type Keys func(number uint32) cipher.AEAD

func (k Keys) find(number uint32) seal {
	s := seal{number: number, missing: true}
	if k != nil {
		if key := k(number); key != nil {
			s.key, s.missing = key, false
		}
	}
	return s
}

// seal seals and opens the frames of a record. Without a key they are plain.
type seal struct {
	key     cipher.AEAD
	number  uint32
	missing bool // they are sealed, and the key is not at hand
}

const sealOverhead = 16

func (s seal) overhead() uint32 {
	if s.key == nil && !s.missing {
		return 0
	}
	return sealOverhead
}

// nonce is the id of the record and the number of the frame: ids are random for
// each attempt to write a record, so none comes twice.
func nonce(record *[recordHeaderSize]byte, index uint32) (n [24]byte) {
	copy(n[:], record[8:24])
	binary.LittleEndian.PutUint64(n[16:], uint64(index))
	return n
}

// bound is what a frame is bound to: the record's head and its own.
func bound(record *[recordHeaderSize]byte, head []byte) []byte {
	b := make([]byte, 0, 28+12)
	return append(append(b, record[:28]...), head[:12]...)
}

// close seals a payload in place; there is room for the overhead behind it.
func (s seal) close(payload []byte, record *[recordHeaderSize]byte, index uint32, head []byte) {
	n := nonce(record, index)
	s.key.Seal(payload[:0], n[:], payload, bound(record, head))
}

// open opens a payload in place.
func (s seal) open(payload []byte, record *[recordHeaderSize]byte, index uint32, head []byte) ([]byte, error) {
	n := nonce(record, index)
	return s.key.Open(payload[:0], n[:], payload, bound(record, head))
}
