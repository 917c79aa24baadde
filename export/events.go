package export

import (
	"sync"
	"time"

	"mailferry/internal/event"
)

// emitter passes events on, one at a time, and adds up progress so that it is
// not told for each few bytes.
type emitter struct {
	mailbox string
	to      func(event.Event)

	mu      sync.Mutex
	pending int64
	told    time.Time
}

// progressBytes and progressEvery are how much is added up before it is told.
const (
	progressBytes = 1 << 20
	progressEvery = 200 * time.Millisecond
)

func (e *emitter) emit(ev event.Event) {
	if e.to == nil {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.send(ev)
}

func (e *emitter) send(ev event.Event) {
	ev.Time = time.Now().UTC()
	ev.Mailbox = e.mailbox
	e.to(ev)
}

// progress tells that bytes of blobs went by.
func (e *emitter) progress(n int64) {
	if e.to == nil {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.pending += n
	if now := time.Now(); e.pending >= progressBytes || now.Sub(e.told) >= progressEvery {
		e.flushLocked()
		e.told = now
	}
}

// flush tells what was added up.
func (e *emitter) flush() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.flushLocked()
}

func (e *emitter) flushLocked() {
	if e.pending > 0 && e.to != nil {
		e.send(event.Event{Kind: event.Progress, Bytes: e.pending})
	}
	e.pending = 0
}

func (e *emitter) phase(text string)   { e.emit(event.Event{Kind: event.Phase, Text: text}) }
func (e *emitter) warning(text string) { e.emit(event.Event{Kind: event.Warning, Text: text}) }
