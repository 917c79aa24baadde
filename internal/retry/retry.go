// Package retry holds how long to wait before something is tried again.
package retry

import (
	"context"
	"math/rand/v2"
	"time"
)

// Policy is exponential back-off with jitter. Its zero value is the default.
type Policy struct {
	Attempts int           // tries in all; 0 is 8, 1 never tries again
	Base     time.Duration // the first wait at most; 0 is 250 ms, doubled each time
	Max      time.Duration // no wait is longer; 0 is 30 s
}

// Tries returns the number of tries in all.
func (p Policy) Tries() int {
	if p.Attempts <= 0 {
		return 8
	}
	return p.Attempts
}

// Delay returns how long to wait after the given number of failures (1 is the
// first): between half and the whole of Base doubled failures-1 times, Max at
// most.
func (p Policy) Delay(failures int) time.Duration {
	base, limit := p.Base, p.Max
	if base <= 0 {
		base = 250 * time.Millisecond
	}
	if limit <= 0 {
		limit = 30 * time.Second
	}
	d := base
	for i := 1; i < failures && d < limit; i++ {
		d *= 2
	}
	return Jitter(min(d, limit))
}

// Jitter returns a random duration between half of d and d.
func Jitter(d time.Duration) time.Duration {
	if d < 2 {
		return d
	}
	return d/2 + rand.N(d/2+1)
}

// Sleep waits for d or until ctx ends, and returns why ctx ended.
func Sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return context.Cause(ctx)
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}
