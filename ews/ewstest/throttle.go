package ewstest

import (
	"fmt"
	"strings"
	"sync"
	"time"
)

// throttle keeps the budgets: one for each impersonated mailbox, one for each
// user that does not impersonate.
type throttle struct {
	policy  Policy
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

func newThrottle(p Policy, old bool) *throttle {
	return &throttle{policy: p, old: old, budgets: map[string]*budget{}}
}

// admission is a request that was let in.
type admission struct {
	t     *throttle
	b     *budget
	op    string
	start time.Time
}

// enter lets a request in or says why not, and whether it came inside a
// back-off window that was told before.
func (t *throttle) enter(key, op string) (a *admission, early bool, busy *codeError) {
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
	return &admission{t: t, b: b, op: op, start: now}, early, nil
}

func isSync(op string) bool { return strings.HasPrefix(op, "SyncFolder") }

func (t *throttle) refuse(b *budget, op string, now time.Time) *codeError {
	limit := t.policy.MaxConcurrency
	if limit == 0 {
		limit = 27
	}
	if limit > 0 && b.active >= limit {
		if t.old {
			return fail("ErrorExceededConnectionCount", "You have exceeded the available concurrent connections for your account. Try again once your other requests have completed.")
		}
		return t.busy(b, "MaxConcurrency", limit, t.policy.backOff(), now)
	}
	if limit := t.policy.MaxSyncCalls; limit > 0 && isSync(op) && b.syncs >= limit {
		return t.busy(b, "ConcurrentSyncCalls", limit, t.policy.backOff(), now)
	}
	if t.policy.Budget > 0 {
		rate := float64(t.policy.Recharge) / float64(time.Hour)
		b.used = max(0, b.used-time.Duration(float64(now.Sub(b.at))*rate))
		b.at = now
		if over := b.used - t.policy.Budget; over > 0 {
			wait := time.Hour
			if rate > 0 {
				wait = time.Duration(float64(over) / rate)
			}
			return t.busy(b, "EwsMaxBurst", int(t.policy.Budget.Milliseconds()), wait+time.Millisecond, now)
		}
	}
	return nil
}

func (t *throttle) busy(b *budget, part string, value int, wait time.Duration, now time.Time) *codeError {
	if until := now.Add(wait); until.After(b.until) {
		b.until = until
	}
	ms := wait.Milliseconds()
	return busyError(ms, fmt.Sprintf("The server cannot service this request right now. Try again later. This operation exceeds the throttling budget for policy part '%s', policy value '%d',  Budget type: 'Ews'.  Suggested backoff time %d ms.", part, value, ms))
}

func busyError(ms int64, text string) *codeError {
	if text == "" {
		text = "The server cannot service this request right now. Try again later."
	}
	return &codeError{code: "ErrorServerBusy", text: text, values: [][2]string{{"BackOffMilliseconds", fmt.Sprint(ms)}}}
}

// askToWait notes a back-off that was told for another reason than the policy.
func (t *throttle) askToWait(key string, wait time.Duration) {
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

// leave ends a request and charges its time.
func (a *admission) leave() {
	a.t.mu.Lock()
	defer a.t.mu.Unlock()
	a.b.active--
	if isSync(a.op) {
		a.b.syncs--
	}
	a.b.used += time.Since(a.start)
}

func (p Policy) backOff() time.Duration {
	if p.BackOff > 0 {
		return p.BackOff
	}
	return 5 * time.Second
}
