package segment

import (
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"os"
	"path/filepath"
	"time"

	"mailferry/internal/fault"
)

// Name returns the file name of a segment.
func Name(number uint32) string { return fmt.Sprintf("%06d.seg", number) }

// File is a segment that is open for appending, by one goroutine. Sync may be
// called from another.
type File struct {
	Header
	f      fault.File
	off    int64 // where the next record begins
	broken bool  // there may be bytes behind off that could not be cut off
	seal   seal  // of the records to come
	record Record
}

// Seal says that records from now on are sealed with this key.
func (f *File) Seal(number uint32, key cipher.AEAD) { f.seal = seal{key: key, number: number} }

// Create makes a new segment. Its name and header are on the disk when it returns.
func Create(fsys fault.FS, dir string, class Class, number uint32, store [16]byte) (*File, error) {
	h := Header{Version: Version, Class: class, Number: number, Store: store, Created: time.Now().Unix()}
	name := filepath.Join(dir, Name(number))
	f, err := fsys.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	_, err = f.WriteAt(h.encode(), 0)
	if err == nil {
		err = f.Sync()
	}
	if err == nil {
		err = fsys.SyncDir(dir)
	}
	if err != nil {
		f.Close()
		return nil, errors.Join(err, fsys.Remove(name))
	}
	return &File{Header: h, f: f, off: HeaderSize}, nil
}

// Append opens a segment to add records at offset, which must be its end.
func Append(fsys fault.FS, dir string, number uint32, store [16]byte, offset int64) (*File, error) {
	f, h, err := OpenFile(fsys, dir, number, store, os.O_RDWR)
	if err != nil {
		return nil, err
	}
	size, err := f.Size()
	if err == nil && size != offset {
		err = fmt.Errorf("%w: %s has %d bytes instead of %d", ErrDamaged, Name(number), size, offset)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return &File{Header: h, f: f, off: offset}, nil
}

// OpenFile opens a segment file and checks its header.
func OpenFile(fsys fault.FS, dir string, number uint32, store [16]byte, flag int) (fault.File, Header, error) {
	f, err := fsys.OpenFile(filepath.Join(dir, Name(number)), flag, 0)
	if err != nil {
		return nil, Header{}, err
	}
	h, err := ReadHeader(f)
	switch {
	case err != nil:
		err = fmt.Errorf("%s: %w", Name(number), err)
	case h.Number != number || h.Store != store:
		err = fmt.Errorf("%w: %s is another segment, of number %d", ErrDamaged, Name(number), h.Number)
	}
	if err != nil {
		f.Close()
		return nil, h, err
	}
	return f, h, nil
}

// ReadHeader reads and checks the head of a segment file.
func ReadHeader(f fault.File) (Header, error) {
	var b [HeaderSize]byte
	n, err := f.ReadAt(b[:], 0)
	if n < len(b) && !isEOF(err) {
		return Header{}, err
	}
	return decodeHeader(b[:n])
}

// Offset returns where the next record begins.
func (f *File) Offset() int64 { return f.off }

// Usable says whether more records can be added.
func (f *File) Usable() bool { return !f.broken }

// Sync makes everything that was written durable.
func (f *File) Sync() error { return f.f.Sync() }

// Close closes the file without syncing it.
func (f *File) Close() error { return f.f.Close() }

// Cut removes what lies behind offset, which must be the end of a record.
func (f *File) Cut(offset int64) error {
	if err := f.f.Truncate(offset); err != nil {
		f.broken = true
		return err
	}
	f.off = offset
	return nil
}

// Begin begins a record. There is at most one at a time; it is valid until it
// is ended or cancelled.
func (f *File) Begin(kind Kind, meta []byte) (*Record, error) {
	r := &f.record
	switch {
	case f.broken:
		return nil, errors.New("this segment can't be written to any more")
	case len(meta) > MaxTrailer:
		return nil, fmt.Errorf("the key of a record has %d bytes, too many", len(meta))
	}
	if r.hash == nil {
		r.hash = sha256.New()
	}
	r.file, r.size, r.index, r.written, r.err = f, 0, 0, 0, nil
	r.plain, r.out = r.plain[:0], r.out[:0]
	r.hash.Reset()
	r.seal = f.seal
	h := recordHeader{kind: kind, key: f.seal.number}
	if r.seal.key != nil {
		h.flags = flagSealed
	}
	rand.Read(h.id[:])
	r.head = h.encode()
	r.id = h.id
	r.out = append(r.out, r.head[:]...)
	r.frame(frameMeta, 0, meta)
	return r, nil
}

// Record is a record being written.
type Record struct {
	file    *File
	seal    seal
	head    [recordHeaderSize]byte
	id      ID
	hash    hash.Hash
	size    int64  // plain bytes so far
	index   uint32 // number of data frames
	plain   []byte // of the frame to come
	out     []byte // whole frames that are not in the file yet
	written int64  // bytes of the record in the file
	err     error  // the first error; the record can only be cancelled
}

// Write adds plain bytes.
func (r *Record) Write(p []byte) (int, error) {
	if r.err != nil {
		return 0, r.err
	}
	if r.plain == nil {
		r.plain = make([]byte, 0, ChunkSize)
	}
	r.hash.Write(p)
	n := len(p)
	for len(p) > 0 {
		k := min(len(p), ChunkSize-len(r.plain))
		r.plain = append(r.plain, p[:k]...)
		p = p[k:]
		if len(r.plain) == ChunkSize {
			if err := r.flush(); err != nil {
				return n - len(p), err
			}
		}
	}
	r.size += int64(n)
	return n, nil
}

// Size returns the plain bytes so far.
func (r *Record) Size() int64 { return r.size }

// Sum returns the SHA-256 of the plain bytes so far.
func (r *Record) Sum() (sum [32]byte) {
	r.hash.Sum(sum[:0])
	return sum
}

// flush makes a data frame of what was collected.
func (r *Record) flush() error {
	r.index++
	r.frame(frameData, r.index, r.plain)
	r.plain = r.plain[:0]
	if len(r.out) >= ChunkSize/2 {
		return r.spill()
	}
	return nil
}

// frame adds a frame to out.
func (r *Record) frame(kind byte, index uint32, plain []byte) {
	n := len(r.out)
	r.out = append(r.out, make([]byte, frameHeaderSize)...)
	var flags byte
	r.out, flags = compress(r.out, plain)
	packed := len(r.out) - n - frameHeaderSize
	r.out = append(r.out, make([]byte, r.seal.overhead())...)
	head, payload := r.out[n:n+frameHeaderSize], r.out[n+frameHeaderSize:]
	le.PutUint32(head, uint32(len(payload)))
	le.PutUint32(head[4:], uint32(len(plain)))
	head[8], head[9] = kind, flags
	if r.seal.key != nil {
		r.seal.close(payload[:packed], &r.head, index, head)
	}
	le.PutUint32(head[12:], frameSum(&r.id, index, head, payload))
}

// spill writes out to the file.
func (r *Record) spill() error {
	if len(r.out) == 0 {
		return nil
	}
	_, err := r.file.f.WriteAt(r.out, r.file.off+r.written)
	r.written += int64(len(r.out))
	r.out = r.out[:0]
	r.err = err
	return err
}

// End ends a record of the blob that was written. trailer is kept with it.
func (r *Record) End(trailer []byte) (Location, error) {
	return r.EndAs(r.size, r.Sum(), trailer)
}

// EndAs ends a record under a given size and hash: a reference names those of
// the blob it refers to.
func (r *Record) EndAs(size int64, sum [32]byte, trailer []byte) (Location, error) {
	if r.err == nil && len(trailer) > MaxTrailer {
		r.err = fmt.Errorf("the trailer of a record has %d bytes, too many", len(trailer))
	}
	if r.err == nil && len(r.plain) > 0 {
		r.err = r.flush()
	}
	if r.err != nil {
		return Location{}, r.err
	}
	end := make([]byte, endFixed, endFixed+len(trailer))
	le.PutUint64(end, uint64(size))
	copy(end[8:], sum[:])
	before := len(r.out)
	r.frame(frameEnd, endIndex, append(end, trailer...))
	length := len(r.out) - before
	if err := r.spill(); err != nil {
		return Location{}, err
	}
	loc := Location{Segment: r.file.Number, Offset: r.file.off, Length: r.written, End: int32(length)}
	r.file.off += r.written
	r.err = errors.New("the record has ended")
	return loc, nil
}

// Cancel cuts the record off again. When that fails the segment can't be
// written to any more, and the next opening of the store cuts it.
func (r *Record) Cancel() {
	if r.written > 0 {
		r.file.Cut(r.file.off)
	}
	r.written, r.err = 0, errors.New("the record was cancelled")
}
