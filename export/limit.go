package export

import (
	"context"
	"sync"
	"time"

	"mailferry/internal/retry"
)

// limiter lets bytes by at a rate, all workers together. A nil limiter lets all by.
type limiter struct {
	perSecond float64
	burst     time.Duration // time that may be saved up

	mu   sync.Mutex
	next time.Time // when what was let by is paid for
}

func newLimiter(perSecond int64) *limiter {
	if perSecond <= 0 {
		return nil
	}
	return &limiter{perSecond: float64(perSecond), burst: 250 * time.Millisecond}
}

// wait blocks until n bytes more may have gone by.
func (l *limiter) wait(ctx context.Context, n int) error {
	if l == nil || n <= 0 {
		return nil
	}
	l.mu.Lock()
	now := time.Now()
	if earliest := now.Add(-l.burst); l.next.Before(earliest) {
		l.next = earliest
	}
	l.next = l.next.Add(time.Duration(float64(n) / l.perSecond * float64(time.Second)))
	d := l.next.Sub(now)
	l.mu.Unlock()
	if d <= 0 {
		return nil
	}
	return retry.Sleep(ctx, d)
}
