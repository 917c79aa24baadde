package watch

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/gzip"
)

// Bounds of what a compressed answer may become. Deflate can grow 1032-fold;
// base64 of an attachment full of zeros comes near, so only great lengths are
// suspicious.
const (
	bombSize  = 1 << 30
	bombRatio = 200
)

// BadAnswerError says that bytes are not what they were said to be, or too many.
type BadAnswerError struct {
	Reason string
	Err    error
}

// Error implements error.
func (e *BadAnswerError) Error() string {
	if e.Err != nil {
		return e.Reason + ": " + e.Err.Error()
	}
	return e.Reason
}

// Unwrap returns the error behind it.
func (e *BadAnswerError) Unwrap() error { return e.Err }

// Gunzip returns a reader of what in holds compressed; in must be d's answer. It
// keeps no more than a window of it.
func (d *Dog) Gunzip(in io.Reader) io.Reader { return &gunzip{dog: d, in: in} }

type gunzip struct {
	dog     *Dog
	in      io.Reader
	suspect int64 // bytes from which on growth is looked at; 0 is bombSize
	zr      *gzip.Reader
	out     int64
	err     error
}

func (g *gunzip) Read(p []byte) (int, error) {
	if g.err != nil {
		return 0, g.err
	}
	if g.zr == nil {
		zr, err := gzip.NewReader(bufio.NewReaderSize(g.in, 32<<10))
		if err != nil {
			return 0, g.fail(err)
		}
		g.zr = zr
	}
	n, err := g.zr.Read(p)
	g.out += int64(n)
	if g.out > cmp.Or(g.suspect, bombSize) && g.out/bombRatio > g.dog.Received.Load() {
		return 0, g.fail(&BadAnswerError{Reason: fmt.Sprintf("the compressed answer grows more than %d-fold: refused", bombRatio)})
	}
	if err != nil && err != io.EOF {
		err = g.fail(err)
	}
	return n, err
}

// fail makes errors of the format our own; those of the network stay.
func (g *gunzip) fail(err error) error {
	var corrupt flate.CorruptInputError
	switch {
	case errors.Is(err, gzip.ErrHeader), errors.Is(err, gzip.ErrChecksum):
		err = &BadAnswerError{Reason: "the answer says it is gzip and is not", Err: err}
	case err == io.EOF:
		err = io.ErrUnexpectedEOF
	case errors.As(err, &corrupt):
		err = &BadAnswerError{Reason: "the compressed answer is damaged", Err: err}
	}
	g.err = err
	return err
}

// AtMost returns a reader that refuses more than n bytes.
func AtMost(r io.Reader, n int64) io.Reader { return &limited{r, n} }

type limited struct {
	io.Reader
	left int64
}

func (l *limited) Read(p []byte) (int, error) {
	n, err := l.Reader.Read(p[:min(int64(len(p)), l.left+1)])
	if int64(n) > l.left {
		return 0, &BadAnswerError{Reason: "the answer is longer than this operation can need: refused"}
	}
	l.left -= int64(n)
	return n, err
}
