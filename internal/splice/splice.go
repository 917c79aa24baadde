// Package splice makes one stream of a document and blobs that stand in it in
// base64, without either being whole in memory, and of a length known before.
package splice

import (
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/segmentio/asm/base64"
)

// Blob is what stands at one place of a document.
type Blob struct {
	Size int64                         // bytes that Open's reader gives, exactly
	Open func() (io.ReadCloser, error) // called each time the stream is opened
}

// BlobError says that a blob could not be read, or is not as long as was said.
// The stream ends there with it: the end of the document is never given away.
type BlobError struct {
	Index int
	Err   error
}

// Error implements error.
func (e *BlobError) Error() string { return fmt.Sprintf("item %d: %v", e.Index, e.Err) }

// Unwrap returns the error of the blob's reader.
func (e *BlobError) Unwrap() error { return e.Err }

const maxSize = 1 << 40 // of a blob, so that sums can't overflow

// New returns what opens the stream, and its length in bytes. cuts are the
// places of the blobs in doc, in order.
func New(doc []byte, cuts []int, blobs []Blob) (open func() io.ReadCloser, size int64, err error) {
	size = int64(len(doc))
	for i, b := range blobs {
		if b.Size > maxSize {
			return nil, 0, &BlobError{Index: i, Err: fmt.Errorf("a blob of %d bytes is too large", b.Size)}
		}
		size += (b.Size + 2) / 3 * 4
	}
	return func() io.ReadCloser { return &stream{doc: doc, cuts: cuts, blobs: blobs} }, size, nil
}

const rawBlock = 24 << 10 // a multiple of 3

// stream may be closed while another goroutine reads, as transports of HTTP do.
type stream struct {
	mu    sync.Mutex
	doc   []byte
	cuts  []int
	blobs []Blob

	index int // the next or current one
	at    int // how much of doc was given away
	blob  io.ReadCloser
	left  int64  // of the blob
	ready []byte // what is to be given away
	raw   []byte
	text  []byte
	err   error
}

func (s *stream) Read(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.ready) == 0 && s.err == nil {
		s.err = s.advance()
	}
	if len(s.ready) == 0 {
		return 0, s.err
	}
	n := copy(p, s.ready)
	s.ready = s.ready[n:]
	return n, nil
}

// advance makes the next part ready.
func (s *stream) advance() error {
	if s.blob != nil {
		if err := s.encode(); err != nil {
			return &BlobError{Index: s.index, Err: err}
		}
		return nil
	}
	if s.at == len(s.doc) {
		return io.EOF
	}
	to := len(s.doc)
	if s.index < len(s.blobs) {
		to = s.cuts[s.index]
		blob, err := s.blobs[s.index].Open()
		if err != nil {
			return &BlobError{Index: s.index, Err: err}
		}
		s.blob, s.left = blob, s.blobs[s.index].Size
	}
	s.ready, s.at = s.doc[s.at:to], to
	return nil
}

// encode makes the next block of the blob ready. The last one is held back until
// the blob was seen to end there.
func (s *stream) encode() error {
	if s.raw == nil {
		s.raw, s.text = make([]byte, rawBlock), make([]byte, rawBlock/3*4)
	}
	size := s.blobs[s.index].Size
	raw := s.raw[:min(rawBlock, s.left)]
	n, err := io.ReadFull(s.blob, raw)
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return fmt.Errorf("the blob ends after %d of %d bytes", size-s.left+int64(n), size)
	}
	if err != nil {
		return err
	}
	text := s.text[:(len(raw)+2)/3*4]
	base64.StdEncoding.Encode(text, raw)
	if s.left -= int64(n); s.left == 0 {
		if err := atEnd(s.blob, size); err != nil {
			return err
		}
		err := s.blob.Close()
		s.blob = nil
		if err != nil {
			return err
		}
		s.index++
	}
	s.ready = text
	return nil
}

// atEnd checks that a blob ends. A reader that verifies what it reads may say
// only now that it is damaged.
func atEnd(r io.Reader, size int64) error {
	var one [1]byte
	n, err := io.ReadFull(r, one[:])
	switch {
	case n > 0:
		return fmt.Errorf("the blob is longer than %d bytes", size)
	case err != io.EOF:
		return err
	}
	return nil
}

func (s *stream) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err == nil {
		s.err = errors.New("splice: the stream is closed")
	}
	if s.blob != nil {
		_ = s.blob.Close()
		s.blob = nil
	}
	return nil
}
