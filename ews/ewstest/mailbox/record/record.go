// Package record writes and reads a stream of records: a kind, a length and that
// many bytes of fields, and between them blobs of any size in pieces. Lengths
// are checked before anything is allocated for them.
package record

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"io"
)

// maxRecord is more than any record but a blob takes: names and keys.
const maxRecord = 1 << 24

// blobChunk is the size in which a blob is written: chunks with their length,
// the last one empty.
const blobChunk = 1 << 16

// Writer writes records. After an error it does nothing.
type Writer struct {
	Err error
	w   *bufio.Writer
}

// NewWriter returns a Writer. What it wrote is complete after Flush.
func NewWriter(w io.Writer) *Writer { return &Writer{w: bufio.NewWriterSize(w, blobChunk)} }

// Flush writes what is buffered, and returns the first error there was.
func (s *Writer) Flush() error {
	if s.Err == nil {
		s.Err = s.w.Flush()
	}
	return s.Err
}

// Raw writes bytes that are no record.
func (s *Writer) Raw(b []byte) {
	if s.Err == nil {
		_, s.Err = s.w.Write(b)
	}
}

// Record writes a record with the fields that fill writes.
func (s *Writer) Record(kind byte, fill func(*Encoder)) {
	var e Encoder
	fill(&e)
	s.Raw(binary.BigEndian.AppendUint32([]byte{kind}, uint32(len(e.b))))
	s.Raw(e.b)
}

// Blob writes a blob of any size.
func (s *Writer) Blob(write func(io.Writer) error) {
	if s.Err != nil {
		return
	}
	chunks := bufio.NewWriterSize(chunkWriter{s}, blobChunk)
	if err := write(chunks); err != nil && s.Err == nil {
		s.Err = err
	}
	if err := chunks.Flush(); err != nil && s.Err == nil {
		s.Err = err
	}
	s.Raw(make([]byte, 4))
}

type chunkWriter struct{ s *Writer }

func (c chunkWriter) Write(p []byte) (int, error) {
	for rest := p; len(rest) > 0; {
		n := min(len(rest), blobChunk)
		c.s.Raw(binary.BigEndian.AppendUint32(nil, uint32(n)))
		c.s.Raw(rest[:n])
		rest = rest[n:]
	}
	return len(p), c.s.Err
}

// Reader reads records. After an error it gives nothing more.
type Reader struct {
	Err error
	r   io.Reader
}

// NewReader returns a Reader, which reads nothing beyond the records if r is an
// io.ByteReader.
func NewReader(r io.Reader) *Reader {
	if _, ok := r.(io.ByteReader); !ok {
		r = bufio.NewReaderSize(r, 1<<16)
	}
	return &Reader{r: r}
}

// Take reads n bytes that are no record.
func (l *Reader) Take(n int) []byte {
	if n <= blobChunk {
		b := make([]byte, n)
		if l.Err == nil {
			_, l.Err = io.ReadFull(l.r, b)
		}
		return b
	}
	var b bytes.Buffer // grows with what is there, not with what the length says
	if l.Err == nil {
		_, l.Err = io.CopyN(&b, l.r, int64(n))
	}
	return b.Bytes()
}

// Record reads a record; kind 0 after an error.
func (l *Reader) Record() (byte, *Decoder) {
	head := l.Take(5)
	n := binary.BigEndian.Uint32(head[1:])
	if n > maxRecord && l.Err == nil {
		l.Err = errors.New("a record is too long")
	}
	if l.Err != nil {
		return 0, &Decoder{}
	}
	return head[0], &Decoder{b: l.Take(int(n))}
}

// Blob lets read have a blob, and goes on behind it.
func (l *Reader) Blob(read func(io.Reader) error) error {
	c := &chunkReader{l: l}
	if err := read(bufio.NewReaderSize(c, blobChunk)); err != nil {
		return err
	}
	_, err := io.Copy(io.Discard, c)
	return err
}

type chunkReader struct {
	l    *Reader
	left int
	end  bool
}

func (c *chunkReader) Read(p []byte) (int, error) {
	if c.left == 0 && !c.end {
		n := binary.BigEndian.Uint32(c.l.Take(4))
		if n > blobChunk && c.l.Err == nil {
			c.l.Err = errors.New("a piece of a blob is too long")
		}
		if c.l.Err != nil {
			return 0, c.l.Err
		}
		c.left, c.end = int(n), n == 0
	}
	if c.end {
		return 0, io.EOF
	}
	n, err := c.l.r.Read(p[:min(len(p), c.left)])
	c.left -= n
	return n, err
}
