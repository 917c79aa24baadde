package segment

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
)

// Version is the format version that this package writes and the newest it reads.
const Version = 1

// HeaderSize is where the first record of a segment begins.
const HeaderSize = 64

// Limits of the format. A length beyond them is damage, and is never allocated.
const (
	ChunkSize = 256 << 10 // plain bytes of a data frame, as written
	MaxPlain  = 1 << 20   // plain bytes of any frame, as read
	maxStored = MaxPlain + 64

	recordHeaderSize = 32
	frameHeaderSize  = 16
	endFixed         = 8 + 32 // plain length and SHA-256 before the trailer
)

// MaxTrailer is the most bytes that meta data or a trailer may have.
const MaxTrailer = MaxPlain - endFixed

// Class says what the records of a segment are: data, or the log of the index.
type Class byte

// The classes of segments.
const (
	Data Class = 1
	Log  Class = 2
)

// Kind says what a record is.
type Kind byte

// The kinds of records.
const (
	BlobRecord      Kind = 1 // one item and its blob
	ReferenceRecord Kind = 2 // one item whose blob equals one that is stored already
	LogRecord       Kind = 3 // changes of the index
)

// flagSealed in a record says that the payloads of its frames are sealed.
const flagSealed = 1

const (
	frameMeta = 1
	frameData = 2
	frameEnd  = 3

	frameZstd = 1 // flag of a frame: the payload is a zstd frame

	endIndex = 1<<32 - 1 // the end frame's number, so that it can be checked alone
)

var (
	le          = binary.LittleEndian
	fileMagic   = [8]byte{'M', 'F', 'S', 'E', 'G', '\r', '\n', 0x1a}
	recordMagic = [4]byte{'M', 'F', 'R', '1'}
	castagnoli  = crc32.MakeTable(crc32.Castagnoli)
)

// ID names a record: 16 random bytes. With the number of a frame it makes a
// nonce that never comes twice, even where a record was cut off and another
// written in its place.
type ID [16]byte

// Location is where a record lies.
type Location struct {
	Segment uint32
	Offset  int64
	Length  int64 // of the whole record
	End     int32 // of its end frame, which is the last
}

// Header is the beginning of a segment file.
type Header struct {
	Version uint16
	Class   Class
	Number  uint32
	Store   [16]byte
	Created int64 // seconds since 1970, UTC
}

func (h Header) encode() []byte {
	b := make([]byte, HeaderSize)
	copy(b, fileMagic[:])
	le.PutUint16(b[8:], h.Version)
	b[10] = byte(h.Class)
	le.PutUint32(b[12:], h.Number)
	copy(b[16:32], h.Store[:])
	le.PutUint64(b[32:], uint64(h.Created))
	le.PutUint32(b[60:], crc32.Checksum(b[:60], castagnoli))
	return b
}

func decodeHeader(b []byte) (Header, error) {
	switch {
	case len(b) < HeaderSize || [8]byte(b[:8]) != fileMagic:
		return Header{}, fmt.Errorf("%w: it does not begin as a segment", ErrDamaged)
	case le.Uint32(b[60:]) != crc32.Checksum(b[:60], castagnoli):
		return Header{}, fmt.Errorf("%w: the checksum of the file header is wrong", ErrDamaged)
	}
	h := Header{
		Version: le.Uint16(b[8:]), Class: Class(b[10]), Number: le.Uint32(b[12:]),
		Store: [16]byte(b[16:32]), Created: int64(le.Uint64(b[32:])),
	}
	if h.Version > Version {
		return h, ErrNewer
	}
	return h, nil
}

// recordHeader is the beginning of a record.
type recordHeader struct {
	kind  Kind
	flags byte
	id    ID
	key   uint32 // number of the key that the frames are sealed with
}

func (h recordHeader) encode() (b [recordHeaderSize]byte) {
	copy(b[:], recordMagic[:])
	b[4], b[5] = byte(h.kind), h.flags
	copy(b[8:], h.id[:])
	le.PutUint32(b[24:], h.key)
	le.PutUint32(b[28:], crc32.Checksum(b[:28], castagnoli))
	return b
}

func decodeRecordHeader(b []byte) (h recordHeader, ok bool) {
	if len(b) < recordHeaderSize || [4]byte(b[:4]) != recordMagic ||
		le.Uint32(b[28:]) != crc32.Checksum(b[:28], castagnoli) {
		return h, false
	}
	return recordHeader{kind: Kind(b[4]), flags: b[5], id: ID(b[8:24]), key: le.Uint32(b[24:])}, true
}

// frameHeader is the beginning of a frame.
type frameHeader struct {
	stored, plain uint32
	kind, flags   byte
}

// frameSum is the checksum of a frame. It covers the record and the frame's
// number in it, so a frame left over from a record that was cut off is not taken
// for one of this record.
func frameSum(id *ID, index uint32, head, payload []byte) uint32 {
	var seed [20]byte
	copy(seed[:], id[:])
	le.PutUint32(seed[16:], index)
	sum := crc32.Update(0, castagnoli, seed[:])
	sum = crc32.Update(sum, castagnoli, head[:12])
	return crc32.Update(sum, castagnoli, payload)
}

func decodeFrameHeader(b []byte) frameHeader {
	return frameHeader{stored: le.Uint32(b), plain: le.Uint32(b[4:]), kind: b[8], flags: b[9]}
}

func (f frameHeader) reason(overhead uint32) string {
	switch {
	case f.kind < frameMeta || f.kind > frameEnd:
		return "a frame of unknown kind"
	case f.plain > MaxPlain || f.stored > maxStored:
		return "a frame longer than any"
	case f.flags&^frameZstd != 0:
		return "a frame with unknown flags"
	case f.stored < overhead || f.flags == 0 && f.stored != f.plain+overhead:
		return "a raw frame with two lengths"
	}
	return ""
}
