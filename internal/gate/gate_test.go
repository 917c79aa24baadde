package gate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func acquire(t *testing.T, g *Gate) func() {
	t.Helper()
	release, err := g.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return release
}

func TestGateLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := New(2, nil)
		first, second := acquire(t, g), acquire(t, g)
		var third atomic.Bool
		go func() {
			release := acquire(t, g)
			third.Store(true)
			release()
		}()
		synctest.Wait()
		if third.Load() {
			t.Fatal("three requests at once")
		}
		first()
		first() // a second call does nothing
		synctest.Wait()
		if !third.Load() {
			t.Fatal("the third was not let through")
		}
		second()
	})
}

func TestGateKeepsEverybodyBackAndCountsTheWaitOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var waits []Wait
		g := New(8, func(w Wait) { waits = append(waits, w) })
		start := time.Now()
		g.Throttled(Throttle{Reason: "busy", BackOff: 30 * time.Second, Started: start})
		var wg sync.WaitGroup
		for range 5 {
			wg.Go(func() {
				release := acquire(t, g)
				if waited := time.Since(start); waited < 30*time.Second {
					t.Errorf("a request was let through after %v", waited)
				}
				release()
			})
		}
		synctest.Wait()
		time.Sleep(10 * time.Second)
		// A shorter back-off doesn't shorten the one that lasts; a longer one lengthens it.
		g.Throttled(Throttle{BackOff: time.Second, Started: start})
		wg.Wait()
		if g.Waited() != 30*time.Second {
			t.Errorf("waited %v", g.Waited())
		}
		if len(waits) != 1 || waits[0].For != 30*time.Second || !waits[0].Until.Equal(start.Add(30*time.Second)) {
			t.Errorf("reported %v", waits)
		}
	})
}

func TestGateLongerBackOffWins(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := New(4, nil)
		start := time.Now()
		g.Throttled(Throttle{BackOff: 5 * time.Second, Started: start})
		go func() {
			time.Sleep(3 * time.Second)
			g.Throttled(Throttle{BackOff: 10 * time.Second, Started: start})
		}()
		acquire(t, g)()
		if waited := time.Since(start); waited != 13*time.Second {
			t.Errorf("waited %v", waited)
		}
	})
}

func TestGateNeverBelievesZero(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := New(4, nil)
		var total, last time.Duration
		for range 12 {
			acquire(t, g)()
			start := time.Now()
			g.Throttled(Throttle{Started: start})
			acquire(t, g)()
			last = time.Since(start)
			total += last
			if last < busyFloor/2 {
				t.Fatalf("only %v", last)
			}
		}
		if last < floorMax/2 || last > floorMax {
			t.Errorf("the last wait was %v", last)
		}
		g.Succeeded()
		start := time.Now()
		g.Throttled(Throttle{Started: start})
		acquire(t, g)()
		if d := time.Since(start); d > busyFloor {
			t.Errorf("after a success the wait was %v", d)
		}
	})
}

func TestGateHugeBackOffIsCapped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := New(1, nil)
		start := time.Now()
		g.Throttled(Throttle{BackOff: 1 << 62, Started: start})
		acquire(t, g)()
		if d := time.Since(start); d != backOffMax {
			t.Errorf("waited %v", d)
		}
	})
}

func TestGateAdapts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := New(8, nil)
		sent := time.Now()
		for range 4 { // all four were sent together, so they count once
			g.Throttled(Throttle{BackOff: time.Second, Started: sent})
			time.Sleep(time.Millisecond)
		}
		if g.Limit() != 4 {
			t.Errorf("halved to %d", g.Limit())
		}
		time.Sleep(2 * time.Second)
		for n := 1; g.Limit() < 8; n++ {
			if n > 40 {
				t.Fatalf("after %d successes still %d", n, g.Limit())
			}
			g.Succeeded()
		}
		for range 10 {
			time.Sleep(time.Minute)
			g.Throttled(Throttle{BackOff: time.Millisecond, Started: time.Now()})
		}
		if g.Limit() != 1 {
			t.Errorf("at the bottom %d", g.Limit())
		}
	})
}

func TestGateRemembersTooManyConnections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := New(8, nil)
		var release []func()
		for range 5 {
			release = append(release, acquire(t, g))
		}
		g.Throttled(Throttle{Connections: true, Started: time.Now()})
		if g.Limit() != 4 {
			t.Errorf("five at once were too many, so %d", g.Limit())
		}
		for _, f := range release {
			f()
		}
		for range 100 {
			g.Succeeded()
		}
		if g.Limit() != 4 {
			t.Errorf("the limit was forgotten: %d", g.Limit())
		}
		time.Sleep(ceilingFor)
		if g.Limit() <= 4 {
			t.Errorf("the limit stays for ever: %d", g.Limit())
		}
	})
}

func TestGateBelievesTheLimitThatIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := New(8, nil)
		g.Throttled(Throttle{Connections: true, Limit: 3, Started: time.Now()}) // the others have ended meanwhile
		if g.Limit() != 3 {
			t.Errorf("three were told, so %d", g.Limit())
		}
		for range 100 {
			g.Succeeded()
		}
		if g.Limit() != 3 {
			t.Errorf("the limit was forgotten: %d", g.Limit())
		}
		time.Sleep(time.Second)
		for range 3 {
			acquire(t, g)
		}
		g.Throttled(Throttle{Connections: true, Limit: 3, Started: time.Now()}) // somebody else has one of them
		if g.Limit() != 2 {
			t.Errorf("three were refused, so %d", g.Limit())
		}
	})
}

func TestGateTellsWhyItWaited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := New(4, nil)
		busy := func(reason string, d time.Duration) {
			g.Throttled(Throttle{Reason: reason, BackOff: d, Started: time.Now()})
		}
		busy("nobody waits", time.Second)
		time.Sleep(time.Second)
		before := g.Waits()
		busy("a", 5*time.Second)
		var wg sync.WaitGroup
		for range 3 {
			wg.Go(func() { acquire(t, g)() })
		}
		synctest.Wait()
		time.Sleep(2 * time.Second)
		busy("b", 10*time.Second)
		wg.Wait()
		busy("a", time.Second)
		acquire(t, g)()
		want := []Waited{{"a", 2, 3 * time.Second}, {"b", 1, 10 * time.Second}}
		if got := Since(before, g.Waits()); !slices.Equal(got, want) {
			t.Errorf("waited %v instead of %v", got, want)
		}
		for i := range 100 {
			busy(fmt.Sprintf("reason %d", i), time.Hour)
		}
		if n := len(g.Waits()); n > maxReasons {
			t.Errorf("%d reasons", n)
		}
	})
}

func TestGateEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := New(1, nil)
		g.Throttled(Throttle{BackOff: time.Hour, Started: time.Now()})
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		start := time.Now()
		if _, err := g.Acquire(ctx); !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != time.Minute {
			t.Errorf("got %v after %v", err, time.Since(start))
		}
		if g.Waited() != time.Minute {
			t.Errorf("waited %v", g.Waited())
		}
	})
}

// TestGateUnderPolicy works against a server that takes two requests at once and
// keeps a budget: the gate must not be stuck, nor send while it may not.
func TestGateUnderPolicy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const most, work = 2, 100 * time.Millisecond
		var mu sync.Mutex
		var running, done, refused int
		g := New(6, nil)
		start := time.Now()
		var wg sync.WaitGroup
		for range 6 {
			wg.Go(func() {
				for {
					release := acquire(t, g)
					mu.Lock()
					if done >= 600 {
						mu.Unlock()
						release()
						return
					}
					if running == most {
						refused++
						sent := time.Now()
						mu.Unlock()
						time.Sleep(time.Millisecond)
						g.Throttled(Throttle{Connections: true, Started: sent})
						release()
						continue
					}
					running++
					mu.Unlock()
					time.Sleep(work)
					mu.Lock()
					running--
					done++
					mu.Unlock()
					g.Succeeded()
					release()
				}
			})
		}
		wg.Wait()
		ideal := 600 / most * work
		if took := time.Since(start); took > ideal*10/9 {
			t.Errorf("took %v where %v is best; %d were refused", took, ideal, refused)
		}
	})
}
