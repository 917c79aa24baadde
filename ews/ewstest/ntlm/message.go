package ntlm

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"unicode/utf16"
)

const (
	signature  = "NTLMSSP\x00"
	maxMessage = 32 << 10 // a HTTP header holds less

	typeNegotiate    = 1
	typeChallenge    = 2
	typeAuthenticate = 3
)

// The NEGOTIATE flags (2.2.2.5) that matter here.
const (
	flagUnicode      = 1 << 0
	flagOEM          = 1 << 1
	flagTarget       = 1 << 2
	flagNTLM         = 1 << 9
	flagAlwaysSign   = 1 << 15
	flagTargetDomain = 1 << 16
	flagExtended     = 1 << 19
	flagTargetInfo   = 1 << 23
	flagVersion      = 1 << 25
	flag128          = 1 << 29
	flag56           = 1 << 31
)

// The AV pairs (2.2.2.1) that matter here.
const (
	avEOL         = 0
	avNbComputer  = 1
	avNbDomain    = 2
	avDNSComputer = 3
	avDNSDomain   = 4
	avTimestamp   = 7
	avBinding     = 10
)

var errNoMessage = errors.New("not an NTLM message")

// messageType checks the signature and returns the type of a message.
func messageType(m []byte) (uint32, error) {
	if len(m) < 12 || len(m) > maxMessage || string(m[:8]) != signature {
		return 0, errNoMessage
	}
	return binary.LittleEndian.Uint32(m[8:]), nil
}

// field returns the bytes that the length and offset at position at point to.
func field(m []byte, at int) ([]byte, error) {
	if at+8 > len(m) {
		return nil, fmt.Errorf("message of %d bytes ends before its field at %d", len(m), at)
	}
	length := int64(binary.LittleEndian.Uint16(m[at:]))
	offset := int64(binary.LittleEndian.Uint32(m[at+4:]))
	if length == 0 {
		return nil, nil
	}
	if offset+length > int64(len(m)) {
		return nil, fmt.Errorf("field at %d points behind the message", at)
	}
	return m[offset : offset+length], nil
}

// text decodes a string of a message: UTF-16 or, where the two sides agreed on
// OEM, bytes that are taken for Latin-1, as curl does.
func text(b []byte, flags uint32) (string, error) {
	var units []uint16
	if flags&flagUnicode == 0 {
		for _, c := range b {
			units = append(units, uint16(c))
		}
		return string(utf16.Decode(units)), nil
	}
	if len(b)%2 != 0 {
		return "", errors.New("a name in UTF-16 has an odd length")
	}
	for i := 0; i < len(b); i += 2 {
		units = append(units, binary.LittleEndian.Uint16(b[i:]))
	}
	return string(utf16.Decode(units)), nil
}

// unicode encodes s in UTF-16, little-endian.
func unicode(s string) []byte {
	var b []byte
	for _, u := range utf16.Encode([]rune(s)) {
		b = binary.LittleEndian.AppendUint16(b, u)
	}
	return b
}

// appendAV appends one AV pair.
func appendAV(b []byte, id uint16, value []byte) []byte {
	b = binary.LittleEndian.AppendUint16(b, id)
	b = binary.LittleEndian.AppendUint16(b, uint16(len(value)))
	return append(b, value...)
}

// findAV returns the value of the first pair with this id, or nil. A list that
// ends early or without its last pair is an error.
func findAV(list []byte, id uint16) ([]byte, error) {
	var found []byte
	for {
		if len(list) < 4 {
			return nil, errors.New("the list of AV pairs has no end")
		}
		this, length := binary.LittleEndian.Uint16(list), int(binary.LittleEndian.Uint16(list[2:]))
		list = list[4:]
		if this == avEOL {
			return found, nil
		}
		if length > len(list) {
			return nil, errors.New("an AV pair points behind its list")
		}
		if this == id && found == nil {
			found = bytes.Clone(list[:length])
		}
		list = list[length:]
	}
}
