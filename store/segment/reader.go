package segment

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"hash"
	"io"
)

// Reader reads one record: Next, then the blob by Read up to io.EOF, then the
// trailer. It believes nothing unchecked. It keeps two frames in memory.
type Reader struct {
	src    io.ReaderAt
	keys   Keys
	off    int64 // of the next byte to read
	limit  int64 // end of what may be read
	Kind   Kind
	Meta   []byte
	Blind  bool // the key of the record is not at hand: nothing is told of it, only its checksums are checked
	head   [recordHeaderSize]byte
	id     ID
	seal   seal
	start  int64
	index  uint32
	rest   []byte // plain bytes not yet given to the caller
	stored []byte
	plain  []byte
	hash   hash.Hash
	size   int64
	done   bool
	err    error

	Size    int64    // plain bytes, as the trailer says
	SHA256  [32]byte // of the plain bytes, or of the blob that a reference refers to
	Trailer []byte
	end     int32
}

// NewReader returns a reader over the records of src between from and to. keys
// opens those that are sealed; it may be nil.
func NewReader(src io.ReaderAt, from, to int64, keys Keys) *Reader {
	return &Reader{src: src, keys: keys, off: from, limit: to, done: true, hash: sha256.New()}
}

// Next goes to the next record; what is left of the one before is read and
// checked. It returns io.EOF at the end, exactly. After any other error the
// reader stays where it is.
func (r *Reader) Next() error {
	if !r.done {
		if _, err := io.Copy(io.Discard, r); err != nil {
			return err
		}
	}
	if r.err != nil {
		return r.err
	}
	r.start = r.off
	if r.off == r.limit {
		return io.EOF
	}
	r.fail(r.begin())
	return r.err
}

func (r *Reader) begin() error {
	if err := r.read(r.head[:]); err != nil {
		return err
	}
	h, ok := decodeRecordHeader(r.head[:])
	switch {
	case !ok:
		return damaged(r.start, "no record where one should begin")
	case h.flags&^flagSealed != 0 || h.kind < BlobRecord || h.kind > LogRecord:
		return ErrNewer
	}
	r.Kind, r.id, r.index, r.size, r.rest, r.done = h.kind, h.id, 0, 0, nil, false
	r.seal, r.Blind = seal{}, false
	if h.flags&flagSealed != 0 {
		r.seal = r.keys.find(h.key)
		r.Blind = r.seal.key == nil
	}
	r.Size, r.SHA256, r.Trailer, r.end = 0, [32]byte{}, nil, 0
	r.hash.Reset()
	frame, err := r.frame()
	if err != nil {
		return err
	}
	if frame != frameMeta {
		return damaged(r.start, "a record without a key")
	}
	r.Meta = bytes.Clone(r.plain)
	return nil
}

// Read reads plain bytes. It returns io.EOF only when the length and the hash
// in the trailer are those of what was read.
func (r *Reader) Read(p []byte) (int, error) {
	for len(r.rest) == 0 {
		switch {
		case r.err != nil:
			return 0, r.err
		case r.done:
			return 0, io.EOF
		}
		r.fail(r.advance())
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

func (r *Reader) advance() error {
	frame, err := r.frame()
	if err != nil {
		return err
	}
	switch frame {
	case frameData:
		if r.Kind == ReferenceRecord {
			return damaged(r.start, "a reference with a blob")
		}
		r.hash.Write(r.plain)
		r.size += int64(len(r.plain))
		r.rest = r.plain
		return nil
	case frameEnd:
		return r.finish()
	}
	return damaged(r.start, "a record with two keys")
}

func (r *Reader) finish() error {
	if r.Blind {
		r.done = true
		return nil
	}
	if err := r.setEnd(r.plain); err != nil {
		return err
	}
	if r.Kind != ReferenceRecord && (r.Size != r.size || r.SHA256 != [32]byte(r.hash.Sum(nil))) {
		return damaged(r.start, "a blob that is not the one that was written")
	}
	r.done = true
	return nil
}

func (r *Reader) setEnd(plain []byte) error {
	if len(plain) < endFixed {
		return damaged(r.start, "a short trailer")
	}
	r.Size, r.SHA256 = int64(le.Uint64(plain)), [32]byte(plain[8:])
	r.Trailer = bytes.Clone(plain[endFixed:])
	return nil
}

// Offset returns where the record begins, or the next one after io.EOF.
func (r *Reader) Offset() int64 { return r.start }

// Location returns where the record lies, once its blob was read to the end.
func (r *Reader) Location(segment uint32) Location {
	return Location{Segment: segment, Offset: r.start, Length: r.off - r.start, End: r.end}
}

func (r *Reader) fail(err error) {
	if err != nil {
		r.err = err
	}
}

// read fills p.
func (r *Reader) read(p []byte) error {
	if int64(len(p)) > r.limit-r.off {
		return damaged(r.start, "a record that is cut off")
	}
	n, err := r.src.ReadAt(p, r.off)
	r.off += int64(n)
	switch {
	case n == len(p):
		return nil
	case isEOF(err):
		return damaged(r.start, "a record that is cut off")
	}
	return err
}

// frame reads the next frame into plain and returns its kind.
func (r *Reader) frame() (byte, error) {
	at := r.off
	var b [frameHeaderSize]byte
	if err := r.read(b[:]); err != nil {
		return 0, err
	}
	f := decodeFrameHeader(b[:])
	if reason := f.reason(r.seal.overhead()); reason != "" {
		return 0, damaged(at, reason)
	}
	if int64(f.stored) > r.limit-r.off {
		return 0, damaged(r.start, "a record that is cut off")
	}
	r.stored = grow(r.stored, int(f.stored))
	if err := r.read(r.stored); err != nil {
		return 0, err
	}
	index := r.index
	if f.kind == frameEnd {
		index = endIndex
		r.end = int32(frameHeaderSize + len(r.stored))
	}
	r.index++
	if le.Uint32(b[12:]) != frameSum(&r.id, index, b[:], r.stored) {
		return 0, damaged(at, "a frame with a wrong checksum")
	}
	switch {
	case r.Blind:
		r.plain = nil
		return f.kind, nil
	case r.seal.key != nil:
		var err error
		if r.stored, err = r.seal.open(r.stored, &r.head, index, b[:]); err != nil {
			return 0, damaged(at, "a frame that can't be unsealed")
		}
	}
	if f.flags&frameZstd == 0 {
		r.plain, r.stored = r.stored, r.plain
		return f.kind, nil
	}
	r.plain = grow(r.plain, int(f.plain))
	out, err := decoder().DecodeAll(r.stored, r.plain[:0:f.plain])
	if err != nil || len(out) != int(f.plain) {
		return 0, damaged(at, "a frame that can't be unpacked")
	}
	r.plain = out
	return f.kind, nil
}

// grow returns a slice of n bytes; n was checked against the limits.
func grow(b []byte, n int) []byte {
	if cap(b) < n {
		return make([]byte, n)
	}
	return b[:n]
}

// ReadEnd checks the two ends of the record at loc without reading what lies
// between them, and returns what its trailer says.
func ReadEnd(src io.ReaderAt, loc Location, keys Keys) (*Reader, error) {
	r := NewReader(src, loc.Offset, loc.Offset+loc.Length, keys)
	if err := r.Next(); err != nil {
		return nil, err
	}
	if int64(loc.End) > loc.Length || loc.End < frameHeaderSize {
		return nil, damaged(loc.Offset, "a record whose end lies outside of it")
	}
	r.off = loc.Offset + loc.Length - int64(loc.End)
	kind, err := r.frame()
	if err != nil {
		return nil, err
	}
	if kind != frameEnd || r.off != r.limit {
		return nil, damaged(loc.Offset, "a record without its end")
	}
	if r.Blind {
		return r, nil
	}
	return r, r.setEnd(r.plain)
}

// FindRecord looks for the beginning of a record at or behind from, and returns
// -1 when there is none: what lies there is a torn end, not damage in the middle.
func FindRecord(src io.ReaderAt, from, to int64) (int64, error) {
	const step = 64 << 10
	buf := make([]byte, step+recordHeaderSize-1)
	for at := from; at < to; at += step {
		n, err := src.ReadAt(buf[:min(int64(len(buf)), to-at)], at)
		if err != nil && !isEOF(err) {
			return -1, err
		}
		for i := 0; i < n; i++ {
			j := bytes.Index(buf[i:n], recordMagic[:])
			if j < 0 {
				break
			}
			i += j
			if _, ok := decodeRecordHeader(buf[i:n]); ok {
				return at + int64(i), nil
			}
		}
	}
	return -1, nil
}

func isEOF(err error) bool {
	return err == nil || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
}
