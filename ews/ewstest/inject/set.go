package inject

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"mailferry/ews/ewstest/soap"
)

// scope says what a fault kind counts: requests or items.
type scope int

const (
	ofRequest scope = iota + 1
	ofItem
)

var faultKinds = map[string]scope{
	"busy": ofRequest, "busy-zero": ofRequest, "short-response": ofRequest, "drop-before": ofRequest, "drop-after-commit": ofRequest,
	"drop-mid-response": ofRequest, "stall": ofRequest, "slow": ofRequest, "http-401": ofRequest, "http-503": ofRequest,
	"http-302-error-page": ofRequest, "http-413": ofRequest, "timeout": ofRequest, "reencode-ids": ofRequest, "duplicate-ids": ofRequest,
	"stuck-offset": ofRequest, "invalid-sync-state": ofRequest, "gzip-garbage": ofRequest, "wrong-content-type": ofRequest,
	"huge-response": ofRequest,
	"busy-item":     ofItem, "inner-busy": ofItem, "batch-stopped": ofItem, "poison": ofItem, "corrupt-item": ofItem, "not-found": ofItem,
	"truncated": ofItem, "quota": ofItem, "move-in-progress": ofItem, "access-denied": ofItem, "server-duplicates": ofItem,
}

// Kinds lists the kinds of faults, sorted.
func Kinds() []string { return slices.Sorted(maps.Keys(faultKinds)) }

// sticky kinds stay with the item they once hit.
var sticky = map[string]bool{"poison": true, "corrupt-item": true, "not-found": true}

type faultState struct {
	Fault
	seen, fired int
	hit         map[string]bool // items of sticky kinds
}

// Set decides which faults happen.
type Set struct {
	mu    sync.Mutex
	list  []*faultState
	rand  *rand.Rand
	fired map[string]int64 // by kind
}

func NewSet(faults []Fault, seed int64) (*Set, error) {
	s := &Set{rand: rand.New(rand.NewPCG(uint64(seed), 17)), fired: make(map[string]int64)}
	for _, f := range faults {
		if faultKinds[f.Kind] == 0 {
			return nil, fmt.Errorf("fault kind %q is not known", f.Kind)
		}
		if f.Probability < 0 || f.Probability > 1 || f.Nth < 0 || f.Every < 0 {
			return nil, fmt.Errorf("fault %s: nth, every and probability can't be negative, and probability not above 1", f.Kind)
		}
		s.list = append(s.list, &faultState{Fault: f, hit: map[string]bool{}})
	}
	return s, nil
}

// Request returns the faults of a request, by kind.
func (s *Set) Request(op string) map[string]*Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	var found map[string]*Fault
	for _, f := range s.list {
		if faultKinds[f.Kind] != ofRequest || !f.concerns(op) || !s.due(f) {
			continue
		}
		if found == nil {
			found = map[string]*Fault{}
		}
		found[f.Kind] = &f.Fault
	}
	return found
}

// Item returns the first fault that hits an item, known by its names: its id,
// its number, or the hash of an uploaded blob.
func (s *Set) Item(op string, names ...string) *Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range s.list {
		if faultKinds[f.Kind] != ofItem || !f.concerns(op) {
			continue
		}
		if f.hit[names[0]] {
			s.fired[f.Kind]++
			return &f.Fault
		}
		if f.Item != "" {
			named := false
			for _, n := range names {
				named = named || n == f.Item
			}
			if !named {
				continue
			}
		}
		if !s.due(f) {
			continue
		}
		if sticky[f.Kind] {
			f.hit[names[0]] = true
		}
		return &f.Fault
	}
	return nil
}

func (f *faultState) concerns(op string) bool { return f.Op == "" || f.Op == "*" || f.Op == op }

func (s *Set) due(f *faultState) bool {
	f.seen++
	if f.Times > 0 && f.fired >= f.Times {
		return false
	}
	hit := true
	switch {
	case f.Nth > 0:
		hit = f.seen == f.Nth
	case f.Every > 0:
		hit = f.seen%f.Every == 0
	case f.Probability > 0:
		hit = s.rand.Float64() < f.Probability
	}
	if hit {
		f.fired++
		s.fired[f.Kind]++
	}
	return hit
}

// Counts says how often each kind happened.
func (s *Set) Counts() map[string]int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.fired)
}

func (f *Fault) BackOff() int64 {
	if f.Kind == "busy-zero" {
		return 0
	}
	if f.BackOffMS > 0 {
		return int64(f.BackOffMS)
	}
	return 5000
}

func (f *Fault) Delay(zero time.Duration) time.Duration {
	if f.DelayMS > 0 {
		return time.Duration(f.DelayMS) * time.Millisecond
	}
	return zero
}

// Error is the response code of an item fault, nil for faults that are
// not told by a code.
func (f *Fault) Error() *soap.Error {
	switch f.Kind {
	case "busy-item":
		return Busy(f.BackOff(), "")
	case "inner-busy":
		return &soap.Error{
			Code: "ErrorInternalServerError", Text: "An internal server error occurred. The operation failed.",
			Values: [][2]string{
				{"InnerErrorMessageText", "The server cannot service this request right now. Try again later."},
				{"InnerErrorResponseCode", "ErrorServerBusy"},
				{"InnerErrorDescriptiveLinkKey", "0"},
			},
		}
	case "batch-stopped":
		return soap.Fail("ErrorInsufficientResources", "There are not enough resources to complete the operation.")
	case "corrupt-item":
		return soap.Fail("ErrorCorruptData", "Data is corrupt.")
	case "not-found":
		return soap.Fail("ErrorItemNotFound", "The specified object was not found in the store.")
	case "quota":
		return soap.Fail("ErrorQuotaExceeded", "The operation can't be completed because the mailbox is over its quota.")
	case "move-in-progress":
		return soap.Fail("ErrorMailboxMoveInProgress", "The mailbox is being moved. Try again later.")
	case "access-denied":
		return soap.Fail("ErrorAccessDenied", "Access is denied. Check credentials and try again.")
	}
	return nil
}

// Any says whether there are faults at all; Has, whether of a kind.
func (s *Set) Any() bool { return len(s.list) > 0 }

func (s *Set) Has(kind string) bool {
	for _, f := range s.list {
		if f.Kind == kind {
			return true
		}
	}
	return false
}

// Busy is the error of a server that asks to wait.
func Busy(ms int64, text string) *soap.Error {
	if text == "" {
		text = "The server cannot service this request right now. Try again later."
	}
	return &soap.Error{Code: "ErrorServerBusy", Text: text, Values: [][2]string{{"BackOffMilliseconds", fmt.Sprint(ms)}}}
}
