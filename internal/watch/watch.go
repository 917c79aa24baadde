// Package watch ends transfers that make no progress, in either direction, and
// answers that become larger than anybody meant. There is no limit on the time of
// a transfer that moves.
package watch

import (
	"context"
	"fmt"
	"io"
	"sync/atomic"
	"time"
)

// StallError says that a request made no progress.
type StallError struct {
	Doing string
	Limit time.Duration
}

// Error implements error.
func (e *StallError) Error() string {
	return fmt.Sprintf("no progress for %v while %s", e.Limit, e.Doing)
}

// Timeout makes it a timeout for those who ask, see net.Error.
func (e *StallError) Timeout() bool { return true }

// Limits are how long the phases of a request may stand still.
type Limits struct {
	Stall     time.Duration // connecting, sending, reading
	FirstByte time.Duration // from the end of the request to the answer
}

// Dog ends one request that stands still, by cancelling its context with a
// *StallError, and counts what went by. Items may be large and lines slow, so there
// is no limit on the whole.
type Dog struct {
	Sent     atomic.Int64 // bytes read of the body that was opened last
	Received atomic.Int64

	ctx    context.Context
	cancel context.CancelCauseFunc
	limits Limits
	timer  *time.Timer
	why    atomic.Pointer[StallError]
	failed atomic.Pointer[error]
}

// New begins to watch; ctx is the request's, cancel ends it.
func New(ctx context.Context, cancel context.CancelCauseFunc, l Limits) *Dog {
	d := &Dog{ctx: ctx, cancel: cancel, limits: l}
	d.why.Store(&StallError{"connecting", l.Stall})
	d.timer = time.AfterFunc(l.Stall, func() { d.cancel(d.why.Load()) })
	return d
}

// Pause stops watching until the next byte is waited for.
func (d *Dog) Pause() { d.timer.Stop() }

func (d *Dog) watch(doing string, limit time.Duration) {
	d.why.Store(&StallError{doing, limit})
	d.timer.Reset(limit)
}

// BodyError is the error that the body of the request itself failed with, or nil.
func (d *Dog) BodyError() error {
	if err := d.failed.Load(); err != nil {
		return *err
	}
	return nil
}

// Sending watches the body of a request. While it is read itself nothing is
// watched: that is our own disk. A body that is opened again begins at 0.
func (d *Dog) Sending(body io.ReadCloser) io.ReadCloser {
	d.Sent.Store(0)
	return &sending{body, d}
}

type sending struct {
	io.ReadCloser
	dog *Dog
}

func (s *sending) Read(p []byte) (int, error) {
	d := s.dog
	d.Pause()
	n, err := s.ReadCloser.Read(p)
	d.Sent.Add(int64(n))
	switch err {
	case nil:
		d.watch("sending the request", d.limits.Stall)
	case io.EOF:
		d.watch("waiting for the answer", d.limits.FirstByte)
	default:
		d.failed.Store(&err)
	}
	return n, err
}

// Receiving watches the body of an answer: only the network, not the one who reads.
func (d *Dog) Receiving(body io.ReadCloser) io.ReadCloser {
	d.Pause()
	return &receiving{body, d, &StallError{"reading the answer", d.limits.Stall}}
}

type receiving struct {
	io.ReadCloser
	dog *Dog
	why *StallError
}

func (r *receiving) Read(p []byte) (int, error) {
	d := r.dog
	d.why.Store(r.why)
	d.timer.Reset(r.why.Limit)
	n, err := r.ReadCloser.Read(p)
	d.Pause()
	d.Received.Add(int64(n))
	if err != nil && err != io.EOF {
		if cause := context.Cause(d.ctx); cause != nil {
			err = cause
		}
	}
	return n, err
}
