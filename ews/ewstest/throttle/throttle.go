// Package throttle is the throttling policy of a simulated EWS server: budgets
// of time and of requests at once, for each mailbox or user.
package throttle

import (
	"fmt"
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
	until         time.Time     // end of the back-off that was last asked for
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

// Enter lets a request in or says why not, and whether it came inside a
// back-off window that was told before.
func (t *Throttle) Enter(key, op string) (a *Admission, early bool, busy *soap.Error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := time.Now()
	b := t.budgets[key]
	if b == nil {
		b = &budget{at: now}
		t.budgets[key] = b
	}
	early = now.Before(b.until)
	if busy = t.refuse(b, op, now); busy != nil {
		return nil, early, busy
	}
	b.active++
	if isSync(op) {
		b.syncs++
	}
	return &Admission{t: t, b: b, op: op, start: now}, early, nil
}

func isSync(op string) bool { return strings.HasPrefix(op, "SyncFolder") }

func (t *Throttle) refuse(b *budget, op string, now time.Time) *soap.Error {
	limit := t.Policy.MaxConcurrency
	if limit == 0 {
		limit = 27
	}
	if limit > 0 && b.active >= limit {
		if t.old {
			return soap.Fail("ErrorExceededConnectionCount", "You have exceeded the available concurrent connections for your account. Try again once your other requests have completed.")
		}
		return t.busy(b, "MaxConcurrency", limit, t.Policy.backOff(), now)
	}
	if limit := t.Policy.MaxSyncCalls; limit > 0 && isSync(op) && b.syncs >= limit {
		return t.busy(b, "ConcurrentSyncCalls", limit, t.Policy.backOff(), now)
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
			return t.busy(b, "EwsMaxBurst", int(t.Policy.Budget.Milliseconds()), wait+time.Millisecond, now)
		}
	}
	return nil
}

func (t *Throttle) busy(b *budget, part string, value int, wait time.Duration, now time.Time) *soap.Error {
	if until := now.Add(wait); until.After(b.until) {
		b.until = until
	}
	ms := wait.Milliseconds()
	return inject.Busy(ms, fmt.Sprintf("The server cannot service this request right now. Try again later. This operation exceeds the throttling budget for policy part '%s', policy value '%d',  Budget type: 'Ews'.  Suggested backoff time %d ms.", part, value, ms))
}

// AskToWait notes a back-off that was told for another reason than the policy.
func (t *Throttle) AskToWait(key string, wait time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	b := t.budgets[key]
	if b == nil {
		b = &budget{at: time.Now()}
		t.budgets[key] = b
	}
	if until := time.Now().Add(wait); until.After(b.until) {
		b.until = until
	}
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
