package mailbox

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
)

// maxRecord is more than any record but a blob takes: names and keys.
const maxRecord = 1 << 24

// blobChunk is the size in which a blob is written: chunks with their length,
// the last one empty.
const blobChunk = 1 << 16

// saver writes records. After an error it does nothing.
type saver struct {
	w   *bufio.Writer
	err error
}

func (s *saver) raw(b []byte) {
	if s.err == nil {
		_, s.err = s.w.Write(b)
	}
}

func (s *saver) record(kind byte, fill func(*encoder)) {
	var e encoder
	fill(&e)
	s.raw(binary.BigEndian.AppendUint32([]byte{kind}, uint32(len(e.b))))
	s.raw(e.b)
}

func (s *saver) blob(write func(io.Writer) error) {
	if s.err != nil {
		return
	}
	chunks := bufio.NewWriterSize(chunkWriter{s}, blobChunk)
	if err := write(chunks); err != nil && s.err == nil {
		s.err = err
	}
	if err := chunks.Flush(); err != nil && s.err == nil {
		s.err = err
	}
	s.raw(make([]byte, 4))
}

type chunkWriter struct{ s *saver }

func (c chunkWriter) Write(p []byte) (int, error) {
	for rest := p; len(rest) > 0; {
		n := min(len(rest), blobChunk)
		c.s.raw(binary.BigEndian.AppendUint32(nil, uint32(n)))
		c.s.raw(rest[:n])
		rest = rest[n:]
	}
	return len(p), c.s.err
}

// loader reads records.
type loader struct {
	r   io.Reader
	err error
}

func newLoader(r io.Reader) *loader {
	if _, ok := r.(io.ByteReader); !ok {
		r = bufio.NewReaderSize(r, 1<<16)
	}
	return &loader{r: r}
}

func (l *loader) take(n int) []byte {
	b := make([]byte, n)
	if l.err == nil {
		_, l.err = io.ReadFull(l.r, b)
	}
	return b
}

func (l *loader) record() (byte, *decoder) {
	head := l.take(5)
	n := binary.BigEndian.Uint32(head[1:])
	if n > maxRecord && l.err == nil {
		l.err = errors.New("a record is too long")
	}
	if l.err != nil {
		return recordEnd, &decoder{}
	}
	return head[0], &decoder{b: l.take(int(n))}
}

// blob lets read have a blob, and goes on behind it.
func (l *loader) blob(read func(io.Reader) error) error {
	c := &chunkReader{l: l}
	if err := read(bufio.NewReaderSize(c, blobChunk)); err != nil {
		return err
	}
	_, err := io.Copy(io.Discard, c)
	return err
}

type chunkReader struct {
	l    *loader
	left int
	end  bool
}

func (c *chunkReader) Read(p []byte) (int, error) {
	if c.left == 0 && !c.end {
		n := binary.BigEndian.Uint32(c.l.take(4))
		if n > blobChunk && c.l.err == nil {
			c.l.err = errors.New("a piece of a blob is too long")
		}
		if c.l.err != nil {
			return 0, c.l.err
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
