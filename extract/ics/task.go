package ics

import (
	"fmt"
	"math"
	"time"

	"mailferry/fts"
	"mailferry/fts/recur"
)

// Properties of tasks ([MS-OXOTASK] 2.2.2).
const (
	lidTaskStatus  = 0x8101
	lidPercent     = 0x8102
	lidTaskStart   = 0x8104
	lidTaskDue     = 0x8105
	lidTaskDone    = 0x810F
	lidTaskRecur   = 0x8116
	lidTaskRecurs  = 0x8126
	statusStarted  = 1
	statusComplete = 2
)

// task writes a VTODO.
func (c *calendar) task() error {
	at := func(lid uint32) time.Time {
		t, ok := fts.NamedValue[fts.FileTime](c.m.Props, fts.LID(fts.PSETIDTask, lid))
		if !ok || t.Time().Year() >= 4500 {
			return time.Time{}
		}
		return t.Time().UTC()
	}
	start, due := at(lidTaskStart), at(lidTaskDue)
	c.Raw("BEGIN", "VTODO")
	c.Text("UID", c.uid())
	c.stamps()
	b, _ := fts.NamedValue[[]byte](c.m.Props, fts.LID(fts.PSETIDTask, lidTaskRecur))
	if p, err := recur.ParsePattern(b); len(b) > 0 && err == nil && boolean(c.m, fts.LID(fts.PSETIDTask, lidTaskRecurs)) && sane(p.Start) {
		start = p.Start
		name := "RRULE"
		if p.Sliding {
			name = "X-MAILFERRY-REGENERATES"
		}
		c.Raw(name, rule(p, p.End.Format(dayStamp)))
	}
	if due.IsZero() || !due.Before(start) {
		c.day("DTSTART", start)
	}
	c.day("DUE", due)
	c.summary(c.m.Subject(), "")
	c.class(c.m)
	status, _ := fts.NamedValue[int32](c.m.Props, fts.LID(fts.PSETIDTask, lidTaskStatus))
	switch status {
	case statusStarted:
		c.Raw("STATUS", "IN-PROCESS")
	case statusComplete:
		c.Raw("STATUS", "COMPLETED")
		if done := at(lidTaskDone); sane(done) {
			c.Raw("COMPLETED", done.Format(stamp)+"Z")
		}
	default:
		c.Raw("STATUS", "NEEDS-ACTION")
	}
	if part, ok := fts.NamedValue[float64](c.m.Props, fts.LID(fts.PSETIDTask, lidPercent)); ok && part >= 0 && part <= 1 {
		c.Raw("PERCENT-COMPLETE", fmt.Sprint(int(math.Round(part*100))))
	}
	if err := c.description(c.m); err != nil {
		return err
	}
	c.attachments(c.m)
	c.alarm(c.m, true)
	c.Raw("END", "VTODO")
	return nil
}
