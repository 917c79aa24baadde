package ewstest

import (
	"maps"
	"sync"
)

// Stats is what was asked of a server since it started or was reset.
type Stats struct {
	Requests map[string]int64 `json:"requests"` // by operation
	Items    struct {
		Exported int64 `json:"exported"`
		Uploaded int64 `json:"uploaded"`
	} `json:"items"`
	BytesIn                  int64            `json:"bytesIn"`  // request bodies, as they came over the wire
	BytesOut                 int64            `json:"bytesOut"` // response bodies, as they went over the wire
	MaxConcurrent            int64            `json:"maxConcurrent"`
	Busy                     int64            `json:"busy"`                     // answers that asked to wait
	BusyEarly                int64            `json:"busyEarly"`                // requests sent inside a back-off window
	Connections              int64            `json:"connections"`              // accepted
	Handshakes               int64            `json:"handshakes"`               // NTLM handshakes completed
	UnauthenticatedBodyBytes int64            `json:"unauthenticatedBodyBytes"` // body bytes of requests that were answered by 401
	Faults                   int64            `json:"faults"`                   // injected faults
	FaultKinds               map[string]int64 `json:"faultKinds"`               // the same by kind
	Refused                  int64            `json:"refused"`                  // requests that violated the schema
}

// counters is Stats while it changes.
type counters struct {
	mu         sync.Mutex
	s          Stats
	concurrent int64
}

func (c *counters) do(f func(*Stats)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f(&c.s)
}

func (c *counters) handshake() { c.do(func(s *Stats) { s.Handshakes++ }) }

// request counts a request and those that are under way; the function it
// returns ends it.
func (c *counters) request(op string) func() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.s.Requests == nil {
		c.s.Requests = map[string]int64{}
	}
	c.s.Requests[op]++
	c.concurrent++
	c.s.MaxConcurrent = max(c.s.MaxConcurrent, c.concurrent)
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.concurrent--
	}
}

func (c *counters) snapshot() Stats {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.s
	s.Requests = maps.Clone(s.Requests)
	if s.Requests == nil {
		s.Requests = map[string]int64{}
	}
	return s
}

func (c *counters) reset() { c.do(func(s *Stats) { *s = Stats{} }) }
