// Package pace spreads bytes over time.
package pace

import (
	"context"
	"sync"
	"time"

	"mailferry/internal/retry"
)

// Limiter lets bytes by at the rate of a timetable, whoever asks. A nil Limiter
// lets all by.
type Limiter struct {
	table Timetable

	mu   sync.Mutex
	next time.Time // when what was let by is paid for
}

// burst is how much unused time may be saved up.
const burst = 250 * time.Millisecond

// New returns a limiter; nil if the timetable has no limit at any time.
func New(t Timetable) *Limiter {
	if !t.limits() {
		return nil
	}
	return &Limiter{table: t}
}

// Wait blocks until n bytes more may have gone by. Where the rate changes while
// it waits, the rest goes by at the new one.
func (l *Limiter) Wait(ctx context.Context, n int) error {
	if l == nil || n <= 0 {
		return nil
	}
	l.mu.Lock()
	now := time.Now()
	if earliest := now.Add(-burst); l.next.Before(earliest) {
		l.next = earliest
	}
	if rate, _ := l.table.At(l.next); rate == 0 && l.next.Before(now) {
		l.next = now // where there was no limit nothing is saved up
	}
	l.next = l.table.through(l.next, float64(n))
	d := l.next.Sub(now)
	l.mu.Unlock()
	if d <= 0 {
		return nil
	}
	return retry.Sleep(ctx, d)
}

// Piece is how many bytes to ask for at once at most now, so that a slow rate is
// not one long wait after the other; 0: as many as one likes.
func (l *Limiter) Piece() int {
	if l == nil {
		return 0
	}
	rate, _ := l.table.At(time.Now())
	if rate == 0 {
		return 0
	}
	return int(max(1<<10, min(32<<10, rate/8)))
}
