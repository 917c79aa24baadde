package plan

import (
	"sync"
	"time"

	"mailferry/internal/event"
	"mailferry/store"
)

// Teller gives events to who asked for them, one at a time.
type Teller struct {
	Events          func(event.Event) // nil: nobody asked
	Mailbox, Target string

	mu sync.Mutex
}

// Emit stamps an event and gives it out.
func (t *Teller) Emit(e event.Event) {
	if t.Events == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	e.Time = time.Now().UTC()
	e.Mailbox, e.Target = t.Mailbox, t.Target
	t.Events(e)
}

// Phase tells that a new phase begins.
func (t *Teller) Phase(text string) { t.Emit(event.Event{Kind: event.Phase, Text: text}) }

// Warn tells what a person should know.
func (t *Teller) Warn(text string) { t.Emit(event.Event{Kind: event.Warning, Text: text}) }

// Planned tells how much there is to do.
func (t *Teller) Planned(items int, bytes int64) {
	t.Emit(event.Event{Kind: event.Planned, Items: items, Bytes: bytes})
}

// Item tells that an item is done, or what would be done with it.
func (t *Teller) Item(action string, it store.Item, f *store.Folder, targetID string) {
	t.Emit(event.Event{
		Kind: event.Item, Action: action, Folder: f.Path, Item: it.ID, NewItem: targetID,
		Class: it.Catalogue.Class, Subject: it.Catalogue.Subject, Bytes: it.Size,
	})
}
