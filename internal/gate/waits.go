package gate

import (
	"slices"
	"time"
)

// Waited is for how long requests were held back for one reason, once for all
// that waited at the same time.
type Waited struct {
	Reason string        `json:"reason"`
	Times  int           `json:"times"` // back-offs, and how often one became longer
	For    time.Duration `json:"waited_ns"`
}

// maxReasons bounds the reasons that are told apart: they come from a server.
const maxReasons = 16

// waits keeps for how long requests were held back, and why.
type waits struct {
	held   int       // requests held back by a back-off now
	since  time.Time // what is not added up yet begins here
	reason string    // of the back-off that lasts
	all    []Waited
}

func (w *waits) hold(now time.Time) {
	if w.held++; w.held == 1 {
		w.since = now
	}
}

func (w *waits) unhold(now time.Time) {
	w.settle(now)
	w.held--
}

// settle adds up the time until now.
func (w *waits) settle(now time.Time) {
	if w.held > 0 {
		w.entry(w.reason).For += now.Sub(w.since)
		w.since = now
	}
}

// begin notes a back-off, or that one became longer.
func (w *waits) begin(now time.Time, reason string) {
	w.settle(now)
	w.reason = reason
	w.entry(reason).Times++
}

func (w *waits) entry(reason string) *Waited {
	at := slices.IndexFunc(w.all, func(e Waited) bool { return e.Reason == reason })
	switch {
	case at >= 0:
	case len(w.all) < maxReasons:
		at = len(w.all)
		w.all = append(w.all, Waited{Reason: reason})
	default:
		at = len(w.all) - 1
	}
	return &w.all[at]
}

// Waits returns for how long requests were held back, by reason.
func (g *Gate) Waits() []Waited {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.waits.settle(time.Now())
	return slices.Clone(g.waits.all)
}

// Waited returns for how long requests were held back because a server asked
// for it, once for all that waited at the same time.
func (g *Gate) Waited() (sum time.Duration) {
	for _, w := range g.Waits() {
		sum += w.For
	}
	return sum
}

// Since returns what came to the waits since they were as before.
func Since(before, now []Waited) []Waited {
	var gained []Waited
	for _, w := range now {
		for _, b := range before {
			if b.Reason == w.Reason {
				w.Times, w.For = w.Times-b.Times, w.For-b.For
			}
		}
		if w.Times > 0 || w.For > 0 {
			gained = append(gained, w)
		}
	}
	return gained
}
