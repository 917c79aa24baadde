// Package batch holds how large a request may be: a bound on the number of items
// and one on their bytes, both lowered when a server could not cope and raised
// again step by step.
package batch

import "sync"

// unknownSize is what an item counts whose size nobody told, in bytes.
const unknownSize = 64 << 10

// Limits are bounds of one request. An item that is larger than Bytes goes alone.
type Limits struct {
	Items int
	Bytes int64
}

// Room is what is left of Limits while a batch is filled.
type Room struct {
	limits Limits
	items  int
	bytes  int64
}

// Room returns an empty batch's room.
func (l Limits) Room() *Room { return &Room{limits: l} }

// Take says whether one more item of this size fits, and counts it if it does.
// The first always fits.
func (r *Room) Take(size int64) bool {
	if size <= 0 {
		size = unknownSize
	}
	if r.items > 0 && (r.items >= r.limits.Items || size > r.limits.Bytes-r.bytes) {
		return false
	}
	r.items++
	r.bytes += size
	return true
}

// Full says that no further item fits, whatever its size.
func (r *Room) Full() bool {
	return r.items >= r.limits.Items || r.items > 0 && r.bytes >= r.limits.Bytes
}

// Sizer keeps the limits of a run. It may be used by several goroutines.
type Sizer struct {
	mu       sync.Mutex
	max, now Limits
	good     int // requests since the limits changed
}

// NewSizer begins at the upper bounds, which are 1 item and 1 byte at least.
func NewSizer(most Limits) *Sizer {
	most = Limits{Items: max(most.Items, 1), Bytes: max(most.Bytes, 1)}
	return &Sizer{max: most, now: most}
}

// Limits returns the current limits.
func (s *Sizer) Limits() Limits {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now
}

// Shrink halves the limits below the size of a request that was too much.
func (s *Sizer) Shrink(items int, bytes int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now.Items = min(s.now.Items, max(items/2, 1))
	if bytes > 1 {
		s.now.Bytes = min(s.now.Bytes, max(bytes/2, 1))
	}
	s.good = 0
}

// growAfter is how many requests must go well before the limits rise.
const growAfter = 20

// Good counts a request that went well; after some of them the limits rise by an
// eighth of the upper bounds.
func (s *Sizer) Good() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.now == s.max {
		return
	}
	if s.good++; s.good < growAfter {
		return
	}
	s.good = 0
	s.now.Items = min(s.max.Items, s.now.Items+max(s.max.Items/8, 1))
	s.now.Bytes = min(s.max.Bytes, s.now.Bytes+max(s.max.Bytes/8, 1))
}
