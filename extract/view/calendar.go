package view

import (
	"fmt"
	"strings"
	"time"

	"mailferry/fts"
	"mailferry/fts/recur"
)

// Time zones of an item, the one that it is shown in first ([MS-OXOCAL] 2.2.1.41 to 2.2.1.43).
var (
	nameZoneStart  = fts.LID(fts.PSETIDAppointment, 0x825E)
	nameZoneSeries = fts.LID(fts.PSETIDAppointment, 0x8260)
	nameZoneStruct = fts.LID(fts.PSETIDAppointment, 0x8233)
)

// meeting says whether recipients are attendees.
func (p *page) meeting() bool {
	return p.about.Catalogue.Calendar != nil && p.m.IsAppointment()
}

func (p *page) calendar() {
	c, cal := &p.about.Catalogue, p.about.Catalogue.Calendar
	if cal == nil {
		return
	}
	z := p.zone()
	p.span(c.Start, c.End, cal.AllDay, z)
	p.field("Location", c.Location)
	if p.meeting() {
		if cal.Organizer != nil {
			p.field("Organizer", person(*cal.Organizer))
		}
		p.attendees()
	}
	if p.m.IsAppointment() {
		p.field("Shown as", map[int32]string{0: "free", 1: "tentative", 2: "busy", 3: "away", 4: "working elsewhere"}[cal.BusyStatus])
	}
	const cancelled = 4
	if cal.State&cancelled != 0 {
		p.field("State", "cancelled")
	}
	p.field("My answer", answers[cal.Response])
	if !cal.Replaces.IsZero() {
		p.field("Replaces", "the occurrence of "+moment(cal.Replaces))
	}
	p.series(cal)
}

// span tells when something is, in its own time zone where that is known.
func (p *page) span(start, end time.Time, allDay bool, z *recur.Zone) {
	if start.IsZero() {
		return
	}
	from, known := wall(z, start)
	to, toKnown := wall(z, end)
	known = known && (toKnown || end.IsZero())
	switch {
	case allDay && known:
		last := to.AddDate(0, 0, -1) // the end is the midnight after it
		text := day(from)
		if !end.IsZero() && last.After(from) {
			text += " to " + day(last)
		}
		p.field("All day", text)
		return
	case allDay:
		p.field("All day", moment(start)+" to "+moment(end))
		return
	}
	p.field("Start", local(start, from, known, z))
	if !end.IsZero() {
		p.field("End", local(end, to, known, z))
	}
}

// local writes a time as the clocks of a zone show it, and in UTC.
func local(at, wall time.Time, known bool, z *recur.Zone) string {
	if !known {
		return moment(at)
	}
	text := wall.Format("2006-01-02 15:04")
	if z.Name != "" {
		text += " " + z.Name
	}
	return text + " (" + at.UTC().Format("2006-01-02 15:04") + " UTC)"
}

// zone returns the time zone that an item carries, or nil.
func (p *page) zone() *recur.Zone {
	for _, name := range []fts.Name{nameZoneStart, nameZoneSeries} {
		if b, ok := fts.NamedValue[[]byte](p.m.Props, name); ok {
			if z, err := recur.ParseDefinition(b); err == nil {
				return z
			}
		}
	}
	if b, ok := fts.NamedValue[[]byte](p.m.Props, nameZoneStruct); ok {
		if z, err := recur.ParseZone(b); err == nil {
			return z
		}
	}
	return nil
}

// wall returns what clocks in a zone show at a moment; false if that is not known.
func wall(z *recur.Zone, at time.Time) (time.Time, bool) {
	if z == nil || at.IsZero() || z.Rule(at.Year()) == nil {
		return time.Time{}, false
	}
	return z.Local(at)
}

// answers to a meeting request ([MS-OXOCAL] 2.2.4.10.2).
var answers = map[int32]string{2: "tentative", 3: "accepted", 4: "declined", 5: "no answer"}

// attendees are those who must come, those who may, and rooms.
func (p *page) attendees() {
	for _, kind := range []struct {
		name string
		of   fts.RecipientKind
	}{{"Attendees", fts.To}, {"Optional", fts.Cc}, {"Resources", fts.Bcc}} {
		var lines []string
		for _, r := range p.recipients(kind.of) {
			line := person(r)
			if answer := answers[r.Status]; answer != "" {
				line += " (" + answer + ")"
			}
			lines = append(lines, line)
		}
		p.list(kind.name, lines)
	}
}

// series tells how an appointment recurs, and which occurrences are not as the
// others are. Its times are those of clocks in its time zone.
func (p *page) series(cal *fts.Calendar) {
	s := cal.Recurrence
	if s == nil {
		p.field("Recurrence", cal.RecurrenceText)
		return
	}
	text := Words(&s.Pattern)
	if !cal.AllDay {
		text += fmt.Sprintf(", %s to %s", clock(s.From), clock(s.To))
	}
	if cal.TimeZone != "" {
		text += " (" + cal.TimeZone + ")"
	}
	p.field("Recurrence", text)
	var gone []string
	for _, at := range s.Cancelled() {
		gone = append(gone, day(at))
	}
	p.field("Cancelled", strings.Join(gone, ", "))
	var changed []string
	for i := range s.Exceptions {
		changed = append(changed, exception(&s.Exceptions[i]))
	}
	p.list("Changed", changed)
}

// clock writes minutes from midnight.
func clock(minutes int) string { return fmt.Sprintf("%02d:%02d", minutes/60%24, minutes%60) }

// exception tells what is other about an occurrence.
func exception(e *recur.Exception) string {
	const form = "2006-01-02 15:04"
	text := e.Original.Format(form) + ": "
	end := e.End.Format("15:04")
	if day(e.End) != day(e.Start) {
		end = e.End.Format(form)
	}
	text += e.Start.Format(form) + " to " + end
	if e.Subject != nil {
		text += fmt.Sprintf(", subject %q", *e.Subject)
	}
	if e.Location != nil {
		text += fmt.Sprintf(", location %q", *e.Location)
	}
	if e.AllDay != nil && *e.AllDay {
		text += ", all day"
	}
	if e.Body {
		text += ", another text"
	}
	return text
}
