package ics

import (
	"testing"
	"time"

	"mailferry/fts"
)

// Calendars take two items with the same UID for one: an import would lose the other.
func TestTasksHaveUIDsOfTheirOwn(t *testing.T) {
	t.Parallel()
	task := func(subject string, created time.Time) string {
		m := new(fts.Message)
		m.Props.Set(0x001A001F, "IPM.Task")
		m.Props.Set(0x0037001F, subject)
		m.Props.Set(0x30070040, fts.FileTimeOf(created))
		c := calendar{m: m}
		return c.uid()
	}
	at := time.Date(2026, 3, 4, 5, 6, 7, 8000, time.UTC)
	one := task("Call", at)
	for what, other := range map[string]string{"subject": task("Write", at), "time": task("Call", at.Add(time.Microsecond))} {
		if other == one {
			t.Errorf("two tasks of another %s have the UID %s", what, one)
		}
	}
	if task("Call", at) != one || len(one) != 32 {
		t.Errorf("a second extract gives another UID than %q", one)
	}
}
