// Package pace spreads bytes over time.
package pace

import (
	"context"
	"sync"
	"time"

	"mailferry/internal/retry"
)

// Limiter lets bytes by at a rate, whoever asks. A nil Limiter lets all by.
type Limiter struct {
	perSecond float64

	mu   sync.Mutex
	next time.Time // when what was let by is paid for
}

// burst is how much unused time may be saved up.
const burst = 250 * time.Millisecond

// New returns a limiter of so many bytes a second; nil for 0 and less.
func New(perSecond int64) *Limiter {
	if perSecond <= 0 {
		return nil
	}
	return &Limiter{perSecond: float64(perSecond)}
}

// Wait blocks until n bytes more may have gone by.
func (l *Limiter) Wait(ctx context.Context, n int) error {
	if l == nil || n <= 0 {
		return nil
	}
	l.mu.Lock()
	now := time.Now()
	if earliest := now.Add(-burst); l.next.Before(earliest) {
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

// Piece is how many bytes to ask for at once at most, so that a slow rate is not
// one long wait after the other; 0: as many as one likes.
func (l *Limiter) Piece() int {
	if l == nil {
		return 0
	}
	return int(max(1<<10, min(32<<10, l.perSecond/8)))
}
