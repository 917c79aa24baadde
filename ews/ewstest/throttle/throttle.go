// Package throttle is the throttling policy of a simulated EWS server: budgets
// of time and of requests at once, for each mailbox or user.
package throttle

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"mailferry/ews/ewstest/inject"
	"mailferry/ews/ewstest/soap"
)

// Throttle keeps the budgets: one for each impersonated mailbox, one for each
// user that does not impersonate.
type Throttle struct {
	Policy  Policy
	old     bool // Exchange 2010 has its own code for too many connections
	mu      sync.Mutex
	budgets map[string]*budget
}

type budget struct {
	active, syncs int
	used          time.Duration // of the burst; falls by recharging
	at            time.Time     // when used was right
	windows       []*window     // back-offs that were asked for and last
}

// window is a back-off that was asked for.
type window struct {
	told  time.Time // when the client had been answered; zero: not yet
	until time.Time
}

// crossing is how long an answer may take to be read: a request that was sent
// within it after a refusal was on its way before the client knew.
const crossing = 100 * time.Millisecond

// Refusal is a request that was not let in.
type Refusal struct {
	*soap.Error
	t *Throttle
	w *window // nil: it did not say how long to wait
}

// Told ends the refusal: the client has its answer.
func (r *Refusal) Told() {
	r.t.mu.Lock()
	defer r.t.mu.Unlock()
	if r.w != nil {
		r.w.told = time.Now()
	}
}

func New(p Policy, old bool) *Throttle {
	return &Throttle{Policy: p, old: old, budgets: map[string]*budget{}}
}

// Admission is a request that was let in.
type Admission struct {
	t     *Throttle
	b     *budget
	op    string
	start time.Time
}

// Enter lets a request in that began to arrive at a time, or says why not, and
// whether it was sent inside a back-off window that the client knew of.
func (t *Throttle) Enter(key, op string, began time.Time) (a *Admission, early bool, busy *Refusal) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := time.Now()
	b := t.budget(key)
	early = b.closed(began, now)
	if err, wait := t.refuse(b, op, now); err != nil {
		return nil, early, &Refusal{err, t, b.close(now, wait)}
	}
	b.active++
	if isSync(op) {
		b.syncs++
	}
	return &Admission{t: t, b: b, op: op, start: now}, early, nil
}

func (t *Throttle) budget(key string) *budget {
	b := t.budgets[key]
	if b == nil {
		b = &budget{at: time.Now()}
		t.budgets[key] = b
	}
	return b
}

// close begins a back-off window.
func (b *budget) close(now time.Time, wait time.Duration) *window {
	if wait <= 0 {
		return nil
	}
	w := &window{until: now.Add(wait)}
	b.windows = append(b.windows, w)
	return w
}

// closed says whether a request was sent inside a window that had been told.
func (b *budget) closed(sent, now time.Time) bool {
	b.windows = slices.DeleteFunc(b.windows, func(w *window) bool { return w.until.Before(sent) && w.until.Before(now) })
	return slices.ContainsFunc(b.windows, func(w *window) bool {
		return !w.told.IsZero() && sent.After(w.told.Add(crossing)) && sent.Before(w.until)
	})
}

func isSync(op string) bool { return strings.HasPrefix(op, "SyncFolder") }

// refuse says why a request is not let in, and how long to wait.
func (t *Throttle) refuse(b *budget, op string, now time.Time) (*soap.Error, time.Duration) {
	limit := t.Policy.MaxConcurrency
	if limit == 0 {
		limit = 27
	}
	if limit > 0 && b.active >= limit {
		if t.old {
			return soap.Fail("ErrorExceededConnectionCount", "You have exceeded the available concurrent connections for your account. Try again once your other requests have completed."), 0
		}
		return busy("MaxConcurrency", limit, t.Policy.backOff())
	}
	if limit := t.Policy.MaxSyncCalls; limit > 0 && isSync(op) && b.syncs >= limit {
		return busy("ConcurrentSyncCalls", limit, t.Policy.backOff())
	}
	if t.Policy.Budget > 0 {
		rate := float64(t.Policy.Recharge) / float64(time.Hour)
		b.used = max(0, b.used-time.Duration(float64(now.Sub(b.at))*rate))
		b.at = now
		if over := b.used - t.Policy.Budget; over > 0 {
			wait := time.Hour
			if rate > 0 {
				wait = time.Duration(float64(over) / rate)
			}
			return busy("EwsMaxBurst", int(t.Policy.Budget.Milliseconds()), wait+time.Millisecond)
		}
	}
	return nil, 0
}

// busy asks to wait for whole milliseconds, as the answer tells them.
func busy(part string, value int, wait time.Duration) (*soap.Error, time.Duration) {
	ms := wait.Milliseconds()
	return inject.Busy(ms, fmt.Sprintf("The server cannot service this request right now. Try again later. This operation exceeds the throttling budget for policy part '%s', policy value '%d',  Budget type: 'Ews'.  Suggested backoff time %d ms.", part, value, ms)), time.Duration(ms) * time.Millisecond
}

// AskToWait refuses a request for another reason than the policy.
func (t *Throttle) AskToWait(key string, wait time.Duration) *Refusal {
	t.mu.Lock()
	defer t.mu.Unlock()
	return &Refusal{inject.Busy(wait.Milliseconds(), ""), t, t.budget(key).close(time.Now(), wait)}
}

// Leave ends a request and charges its time.
func (a *Admission) Leave() {
	a.t.mu.Lock()
	defer a.t.mu.Unlock()
	a.b.active--
	if isSync(a.op) {
		a.b.syncs--
	}
	a.b.used += time.Since(a.start)
}
