package pace

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestTheRateIsShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := New(Constant(1000))
		began := time.Now()
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() {
				for range 10 {
					if err := l.Wait(t.Context(), 250); err != nil {
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
		if err := l.Wait(t.Context(), 2000); err != nil {
			t.Error(err)
		}
		if took := time.Since(began); took < time.Second {
			t.Errorf("after an hour 2,000 bytes took %v", took)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := l.Wait(ctx, 1e6); !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled: %v", err)
		}
	})
}

func TestNoLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := New(Constant(0))
		began := time.Now()
		if err := l.Wait(t.Context(), 1e9); err != nil || time.Since(began) > 0 || l.Piece() != 0 {
			t.Errorf("%v after %v", err, time.Since(began))
		}
	})
}

func TestPiecesAreSmallWhereTheRateIsLow(t *testing.T) {
	for rate, want := range map[int64]int{1: 1 << 10, 80_000: 10_000, 1 << 30: 32 << 10} {
		if got := New(Constant(rate)).Piece(); got != want {
			t.Errorf("at %d bytes a second: %d", rate, got)
		}
	}
}
