package ews

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/gzip"
)

// stallError says that a request made no progress.
type stallError struct {
	doing string
	limit time.Duration
}

func (e *stallError) Error() string {
	return fmt.Sprintf("no progress for %v while %s", e.limit, e.doing)
}

// Timeout makes it a timeout for those who ask, see net.Error.
func (e *stallError) Timeout() bool { return true }

// watchdog ends a request that makes no progress in whichever phase it is.
// There is no limit on the whole: items may be large and lines slow.
type watchdog struct {
	cancel context.CancelCauseFunc
	timer  *time.Timer
	why    atomic.Pointer[stallError]
}

func newWatchdog(cancel context.CancelCauseFunc, d time.Duration, doing string) *watchdog {
	w := &watchdog{cancel: cancel}
	w.why.Store(&stallError{doing, d})
	w.timer = time.AfterFunc(d, func() { w.cancel(w.why.Load()) })
	return w
}

func (w *watchdog) watch(why *stallError) {
	w.why.Store(why)
	w.timer.Reset(why.limit)
}

func (w *watchdog) pause() { w.timer.Stop() }

// sending is the body of a request. While the blob is read nothing is watched:
// that is our own disk.
type sending struct {
	io.ReadCloser
	dog         *watchdog
	stall, wait *stallError
	sent        *atomic.Int64
	failed      *atomic.Pointer[error]
}

func (s *sending) Read(p []byte) (int, error) {
	s.dog.pause()
	n, err := s.ReadCloser.Read(p)
	s.sent.Add(int64(n))
	switch err {
	case nil:
		s.dog.watch(s.stall)
	case io.EOF:
		s.dog.watch(s.wait)
	default:
		s.failed.Store(&err)
	}
	return n, err
}

// receiving is the body of an answer. Only the network is watched, not the one
// who reads.
type receiving struct {
	io.ReadCloser
	ctx      context.Context
	dog      *watchdog
	stall    *stallError
	received *atomic.Int64
}

func (r *receiving) Read(p []byte) (int, error) {
	r.dog.watch(r.stall)
	n, err := r.ReadCloser.Read(p)
	r.dog.pause()
	r.received.Add(int64(n))
	if err != nil && err != io.EOF {
		if cause := context.Cause(r.ctx); cause != nil {
			err = cause
		}
	}
	return n, err
}

// Bounds of what a compressed answer may become. Deflate can grow 1032-fold; base64 of an
// attachment full of zeros comes near, so only great lengths are suspicious.
const (
	bombSize  = 1 << 30
	bombRatio = 200
)

// gunzip reads a compressed answer, without keeping more than its window.
type gunzip struct {
	in       io.Reader
	received *atomic.Int64
	op       string
	suspect  int64 // bytes from which on growth is looked at; 0 is bombSize
	zr       *gzip.Reader
	out      int64
	err      error
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
	if g.out > cmp.Or(g.suspect, bombSize) && g.out/bombRatio > g.received.Load() {
		return 0, g.fail(&ProtocolError{Op: g.op, Reason: fmt.Sprintf("the compressed answer grows more than %d-fold: refused", bombRatio)})
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
		err = &ProtocolError{Op: g.op, Reason: "the answer says it is gzip and is not", Err: err}
	case err == io.EOF:
		err = io.ErrUnexpectedEOF
	case errors.As(err, &corrupt):
		err = &ProtocolError{Op: g.op, Reason: "the compressed answer is damaged", Err: err}
	}
	g.err = err
	return err
}

// limited refuses answers that are longer than an operation can need.
type limited struct {
	io.Reader
	left int64
	op   string
}

func (l *limited) Read(p []byte) (int, error) {
	if l.left <= 0 {
		return 0, &ProtocolError{Op: l.op, Reason: "the answer is longer than anything this operation can need: refused"}
	}
	n, err := l.Reader.Read(p[:min(int64(len(p)), l.left)])
	l.left -= int64(n)
	return n, err
}
