package export

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"mailferry/internal/event"
)

func TestLimiterSharesTheRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLimiter(1000)
		began := time.Now()
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() {
				for range 10 {
					if err := l.wait(t.Context(), 250); err != nil {
						t.Error(err)
					}
				}
			})
		}
		all.Wait()
		if took := time.Since(began); took < 9*time.Second || took > 11*time.Second {
			t.Errorf("10,000 bytes at 1,000 a second took %v", took)
		}
		<-time.After(time.Hour) // what was not used is not saved up for long
		began = time.Now()
		if err := l.wait(t.Context(), 2000); err != nil {
			t.Error(err)
		}
		if took := time.Since(began); took < time.Second {
			t.Errorf("after an hour 2,000 bytes took %v", took)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := l.wait(ctx, 1e6); !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled: %v", err)
		}
		var none *limiter
		if err := none.wait(t.Context(), 1e9); err != nil {
			t.Error(err)
		}
	})
}

func TestProgressIsAddedUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told, bytes int64
		e := &emitter{mailbox: "a@example.com", told: time.Now(), to: func(ev event.Event) {
			if ev.Kind != event.Progress || ev.Mailbox != "a@example.com" || ev.Time.IsZero() {
				t.Errorf("%+v", ev)
			}
			told++
			bytes += ev.Bytes
		}}
		for range 1000 {
			e.progress(10_000)
		}
		e.flush()
		e.flush()
		if bytes != 10_000_000 || told > 12 {
			t.Errorf("%d bytes in %d events", bytes, told)
		}
	})
}
