// Package gate decides when requests to a server may be sent, from what the
// server says when it refuses to work.
package gate

import (
	"context"
	"sync"
	"time"

	"mailferry/internal/retry"
)

const (
	busyFloor  = time.Second            // first wait where the server says "busy" and not for how long
	countFloor = 250 * time.Millisecond // the same for too many connections, after there are fewer
	floorMax   = 5 * time.Minute        // such waits double up to this
	backOffMax = time.Hour              // nobody is believed to mean more than this
	ceilingFor = 10 * time.Minute       // how long a number of connections that was too many is remembered
)

// Throttle is what a server said when it refused to work.
type Throttle struct {
	Reason      string        // one line
	BackOff     time.Duration // 0: it did not say for how long
	Connections bool          // it refused because of too many requests at once
	Limit       int           // of these it takes so many; 0: it did not say
	Started     time.Time     // when the refused request was sent
}

// Wait is a time in which no request is sent.
type Wait struct {
	Reason string        // one line: why
	For    time.Duration // how long from now
	Until  time.Time
}

// Gate decides how many requests for a mailbox may run at once, and when none
// may. It starts wide open, halves the number when the server is busy (once for
// what was sent together), and adds one after as many successes as may run. When
// there were too many connections it goes down to the number that the server
// tells, or by one, and stays there for a while. While a back-off lasts
// nothing is let through. It may be shared by clients that are charged to the
// same budget.
type Gate struct {
	max    int
	onWait func(Wait)

	mu           sync.Mutex
	limit        float64
	ceiling      int // not more than this until ceilingUntil
	ceilingUntil time.Time
	inFlight     int
	until        time.Time // nothing is let through before
	throttled    time.Time // when the last throttle was taken into account
	repeats      int       // throttles without a success between them
	changed      chan struct{}
	waits        waits
}

// New returns a gate that lets at most max requests run at once. onWait is
// told when a back-off begins or becomes longer; it may be nil.
func New(max int, onWait func(Wait)) *Gate {
	if max < 1 {
		max = 1
	}
	return &Gate{max: max, onWait: onWait, limit: float64(max), changed: make(chan struct{})}
}

// Acquire waits until a request may be sent. The returned function must be
// called once when the request has ended.
func (g *Gate) Acquire(ctx context.Context) (release func(), err error) {
	for {
		if err := context.Cause(ctx); err != nil {
			return nil, err
		}
		g.mu.Lock()
		now := time.Now()
		wait := g.until.Sub(now)
		if wait <= 0 && g.inFlight < g.allowed(now) {
			g.inFlight++
			g.mu.Unlock()
			return sync.OnceFunc(g.release), nil
		}
		changed := g.changed
		if wait > 0 {
			g.waits.hold(now)
		}
		g.mu.Unlock()

		var timer *time.Timer
		var over <-chan time.Time
		if wait > 0 {
			timer = time.NewTimer(wait)
			over = timer.C
		}
		select {
		case <-ctx.Done():
		case <-changed:
		case <-over:
		}
		if timer != nil {
			timer.Stop()
			g.mu.Lock()
			g.waits.unhold(time.Now())
			g.mu.Unlock()
		}
	}
}

func (g *Gate) release() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.inFlight--
	g.wake()
}

// wake lets all who wait look again.
func (g *Gate) wake() {
	close(g.changed)
	g.changed = make(chan struct{})
}

func (g *Gate) allowed(now time.Time) int {
	n := min(int(g.limit), g.max)
	if g.ceiling > 0 && now.Before(g.ceilingUntil) {
		n = min(n, g.ceiling)
	}
	return max(n, 1)
}

// Limit returns how many requests may run at once now.
func (g *Gate) Limit() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.allowed(time.Now())
}

// Succeeded tells the gate that a request was answered.
func (g *Gate) Succeeded() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.repeats = 0
	before := g.allowed(time.Now())
	g.limit = min(g.limit+1/g.limit, float64(g.max))
	if g.allowed(time.Now()) > before {
		g.wake()
	}
}

// Throttled tells the gate that a server refused to work. A back-off of 0 is
// never believed: Exchange Online was seen to send it in a loop.
func (g *Gate) Throttled(t Throttle) {
	g.mu.Lock()
	now := time.Now()
	if t.Started.IsZero() || t.Started.After(g.throttled) { // else it was sent together with one that already counted
		g.repeats++
		if t.Connections {
			g.limit = float64(g.fewer(now, t.Limit))
			g.ceiling, g.ceilingUntil = int(g.limit), now.Add(ceilingFor)
		} else {
			g.limit = max(1, g.limit/2)
		}
		g.throttled = now
	}
	reason := t.Reason
	if reason == "" {
		reason = "the server is busy"
	}
	d := min(t.BackOff, backOffMax)
	if d <= 0 {
		d = busyFloor
		if t.Connections {
			d = countFloor
		}
		for i := 1; i < g.repeats && d < floorMax; i++ {
			d *= 2
		}
		d = retry.Jitter(min(d, floorMax))
	}
	until := now.Add(d)
	longer := until.Sub(g.until)
	if longer > 0 {
		g.until = until
		g.waits.begin(now, reason)
	}
	g.wake()
	g.mu.Unlock()
	if longer > 0 && g.onWait != nil {
		g.onWait(Wait{Reason: reason, For: d, Until: until})
	}
}

// fewer is how many requests to allow after there were too many. What the server
// tells is believed where it is less than what was tried; when it refuses that,
// too, others share the account.
func (g *Gate) fewer(now time.Time, told int) int {
	if told > 0 && told < g.allowed(now) {
		return told
	}
	return max(1, min(int(g.limit), g.inFlight)-1)
}
