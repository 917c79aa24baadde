package main

import (
	"strings"
	"sync"
	"time"

	"mailferry/internal/event"
	"mailferry/internal/selection"
)

// stopAfter is when a run is to end even if it is not done. The zero value is
// never.
type stopAfter struct {
	time      time.Duration // 0: no bound
	bytes     int64         // of blobs that were moved; 0: no bound
	timeText  string        // as they were written
	bytesText string
}

// parseStopAfter reads times ("6h", "1h30m") and amounts ("50G"), one of each at
// most. Small m is minutes, capital M is megabytes.
func parseStopAfter(values []string) (stopAfter, error) {
	var s stopAfter
	for _, value := range values {
		text := strings.TrimSpace(value)
		bad := func() (stopAfter, error) {
			return stopAfter{}, usagef("--stop-after %q: write a time such as 6h or 90m, or an amount such as 50G or 500M", value)
		}
		d, err := time.ParseDuration(text)
		switch {
		case strings.Trim(text, "0123456789.") == "": // 6 what?
			return bad()
		case err == nil && d > 0 && s.time > 0:
			return stopAfter{}, usagef("--stop-after: there are two times, %s and %s", s.timeText, text)
		case err == nil && d > 0:
			s.time, s.timeText = d, text
			continue
		}
		n, err := selection.ParseSize(text)
		switch {
		case err != nil || n == 0:
			return bad()
		case s.bytes > 0:
			return stopAfter{}, usagef("--stop-after: there are two amounts, %s and %s", s.bytesText, text)
		}
		s.bytes, s.bytesText = n, text
	}
	return s, nil
}

// stopper lets a run end as at the first interrupt, once as much was done as was
// asked for.
type stopper struct {
	after stopAfter
	show  *progress
	drain chan struct{} // closed: begin nothing new
	over  chan struct{}
	ended chan struct{}

	mu     sync.Mutex
	moved  int64
	closed bool
	why    string // set when the run is ended by what was asked for
}

// newStopper begins to count; end must be called when the run is over.
func (a *app) newStopper(after stopAfter, show *progress) *stopper {
	s := &stopper{after: after, show: show, drain: make(chan struct{}), over: make(chan struct{}), ended: make(chan struct{})}
	interrupt := a.watchDrain()
	var timer <-chan time.Time
	if after.time > 0 {
		timer = time.After(after.time)
	}
	go func() {
		defer close(s.ended)
		select {
		case <-interrupt:
			s.stop("")
		case <-timer:
			s.stop(after.timeText)
		case <-s.over:
		}
	}()
	return s
}

// end is called when the run is over; the stopper shows nothing after it.
func (s *stopper) end() {
	close(s.over)
	<-s.ended
}

// stop ends the run; the first reason counts. No limit is an interrupt, which is
// told elsewhere.
func (s *stopper) stop(limit string) {
	s.mu.Lock()
	first := !s.closed
	if first {
		s.closed = true
		if limit != "" {
			s.why = "after " + limit + " as asked"
		}
	}
	why := s.why
	s.mu.Unlock()
	if !first {
		return
	}
	if why != "" {
		s.show.handle(event.Event{Kind: event.Stop, Text: "stopping " + why + ": what is under way is finished and kept"})
	}
	close(s.drain)
}

// reason is why the run was ended, "after 6h as asked"; empty: it was not, or by
// an interrupt.
func (s *stopper) reason() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.why
}

// handle counts what was moved, and shows the event.
func (s *stopper) handle(e event.Event) {
	s.show.handle(e)
	if s.after.bytes == 0 || e.Kind != event.Item {
		return
	}
	switch e.Action {
	case "exported", "uploaded", "updated", "restored", "put-back":
	default:
		return
	}
	s.mu.Lock()
	s.moved += e.Bytes
	enough := s.moved >= s.after.bytes
	s.mu.Unlock()
	if enough {
		s.stop(s.after.bytesText)
	}
}
