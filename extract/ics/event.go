package ics

import (
	"io"
	"strings"
	"time"

	"mailferry/fts"
	"mailferry/fts/recur"
	"mailferry/internal/contentline"
)

// Properties of appointments ([MS-OXOCAL] 2.2.1 and 2.2.4).
const (
	lidSequence    = 0x8201
	lidBusyStatus  = 0x8205
	lidLocation    = 0x8208
	lidStart       = 0x820D
	lidEnd         = 0x820E
	lidAllDay      = 0x8215
	lidRecur       = 0x8216
	lidState       = 0x8217
	lidReplaceTime = 0x8228
)

func appointment(lid uint32) fts.Name { return fts.LID(fts.PSETIDAppointment, lid) }

// maxOverrides is how many bytes changed occurrences may have in which all that
// they share with the series is said again; those after it say only what is their own.
const maxOverrides = 8 << 20

// events writes an appointment or a meeting message, and its changed occurrences.
func (c *calendar) events() error {
	series := c.series()
	start, end := c.moment(lidStart), c.moment(lidEnd)
	c.allDay, _ = fts.NamedValue[bool](c.m.Props, appointment(lidAllDay))
	if c.zone != nil {
		c.zone.write(c.Writer)
	}
	uid := c.uid()
	c.Raw("BEGIN", "VEVENT")
	c.Text("UID", uid)
	c.stamps()
	if series != nil {
		from := series.Start.Add(time.Duration(series.From) * time.Minute)
		c.wall("DTSTART", from, c.allDay)
		c.wall("DTEND", series.Start.Add(time.Duration(max(series.To, series.From))*time.Minute), c.allDay)
		c.recurrence(series)
	} else {
		c.instant("DTSTART", start)
		if !end.Before(start) {
			c.instant("DTEND", end)
		}
		if at, ok := c.occurrence(); ok {
			c.instant("RECURRENCE-ID", at)
		}
	}
	c.summary(c.m.Subject(), c.text(appointment(lidLocation)))
	c.state(c.m)
	c.people()
	if err := c.description(c.m); err != nil {
		return err
	}
	c.attachments(c.m)
	c.alarm(c.m, false)
	c.Raw("END", "VEVENT")
	if series == nil {
		return nil
	}
	began := c.Written()
	for i := range series.Exceptions {
		if err := c.override(uid, series, &series.Exceptions[i], c.Written()-began < maxOverrides); err != nil {
			return err
		}
	}
	return nil
}

// series is the recurrence of the item; nil if it has none that can be read.
func (c *calendar) series() *recur.Series {
	b, _ := fts.NamedValue[[]byte](c.m.Props, appointment(lidRecur))
	if len(b) == 0 {
		return nil
	}
	s, err := recur.Parse(b, c.m.CodePage())
	if err != nil || s.From < 0 || s.From > 2*minutesOfDay || s.To-s.From > 1000*minutesOfDay || !sane(s.Start) {
		return nil
	}
	return s
}

// recurrence writes the rule, and what is left out of it.
func (c *calendar) recurrence(s *recur.Series) {
	from := time.Duration(s.From) * time.Minute
	until := s.End.Truncate(24 * time.Hour).Add(from)
	end := until.Format(dayStamp)
	if !c.allDay {
		end = c.utc(until).Format(stamp) + "Z"
	}
	c.Raw("RRULE", rule(&s.Pattern, end))
	for _, day := range s.Cancelled() {
		c.wall("EXDATE", day.Truncate(24*time.Hour).Add(from), c.allDay)
	}
}

// override writes a changed occurrence. What the series says of all is said again,
// if there is room for that.
func (c *calendar) override(uid string, s *recur.Series, e *recur.Exception, room bool) error {
	m := c.exception(e)
	allDay := c.allDay
	if e.AllDay != nil {
		allDay = *e.AllDay
	}
	c.Raw("BEGIN", "VEVENT")
	c.Text("UID", uid)
	c.stamps()
	c.wall("RECURRENCE-ID", e.Original.Truncate(24*time.Hour).Add(time.Duration(s.From)*time.Minute), c.allDay)
	c.wall("DTSTART", e.Start, allDay)
	if !e.End.Before(e.Start) {
		c.wall("DTEND", e.End, allDay)
	}
	subject, location := "", ""
	if room {
		subject, location = c.m.Subject(), c.text(appointment(lidLocation))
	}
	if e.Subject != nil {
		subject = *e.Subject
	}
	if e.Location != nil {
		location = *e.Location
	}
	c.summary(subject, location)
	if room {
		c.people()
		if m != nil {
			if err := c.description(m); err != nil {
				return err
			}
			c.attachments(m)
		}
	}
	if e.BusyStatus != nil {
		c.busy(int32(*e.BusyStatus))
	}
	if set := e.ReminderSet; set != nil && *set || set == nil && boolean(c.m, common(lidReminderSet)) {
		delta, _ := fts.NamedValue[int32](c.m.Props, common(lidReminderDelta))
		if e.Reminder != nil {
			delta = int32(*e.Reminder)
		}
		c.display(before(delta))
	}
	c.Raw("END", "VEVENT")
	return nil
}

// exception is the message of a changed occurrence, which lies in an attachment of
// the series; nil if there is none.
func (c *calendar) exception(e *recur.Exception) *fts.Message {
	if c.exceptions == nil {
		c.exceptions = make(map[time.Time]*fts.Message)
		for i := range c.m.Attachments {
			a := &c.m.Attachments[i]
			if a.Embedded == nil || !a.Exception() {
				continue
			}
			if at, ok := fts.NamedValue[fts.FileTime](a.Embedded.Props, appointment(lidReplaceTime)); ok {
				c.exceptions[at.Time().UTC()] = a.Embedded
			}
		}
	}
	return c.exceptions[c.utc(e.Original).UTC()]
}

// wall writes a time of a clock on the wall.
func (c *calendar) wall(name string, at time.Time, allDay bool) {
	switch {
	case allDay:
		c.Raw(name, at.Format(dayStamp), contentline.P("VALUE", "DATE"))
	case c.zone == nil:
		c.Raw(name, at.Format(stamp)+"Z")
	default:
		c.Raw(name, at.Format(stamp), contentline.P("TZID", c.zone.id))
	}
}

// instant writes a moment.
func (c *calendar) instant(name string, at time.Time) {
	if !sane(at) {
		return
	}
	local, once := at, true
	if c.zone != nil {
		local, once = c.zone.Local(at)
	}
	if !once && !c.allDay {
		c.Raw(name, at.Format(stamp)+"Z")
		return
	}
	c.wall(name, local, c.allDay)
}

func (c *calendar) utc(wall time.Time) time.Time {
	if c.zone == nil {
		return wall
	}
	return c.zone.UTC(wall)
}

func (c *calendar) moment(lid uint32) time.Time {
	t, _ := fts.NamedValue[fts.FileTime](c.m.Props, appointment(lid))
	return t.Time().UTC()
}

// sane says whether a time can be written.
func sane(t time.Time) bool { return t.Year() >= 1601 && t.Year() <= 9999 }

func (c *calendar) description(m *fts.Message) error {
	kind, err := m.Body()
	if err != nil || kind == fts.NoBody {
		return err
	}
	r, err := m.Text()
	if err == nil && r != nil {
		c.TextFrom("DESCRIPTION", r)
	}
	return err
}

func (c *calendar) attachments(m *fts.Message) {
	for i := range m.Attachments {
		a := &m.Attachments[i]
		data, ok := a.Data()
		if !ok || a.Embedded != nil {
			continue
		}
		c.Base64("ATTACH", "", func(w io.Writer) error {
			r, err := data.Open()
			if err == nil && r != nil {
				_, err = io.Copy(w, r)
			}
			return err
		}, attachmentParams(a)...)
	}
}

func (c *calendar) summary(subject, location string) {
	if subject = strings.TrimSpace(subject); subject != "" {
		c.Text("SUMMARY", subject)
	}
	if location != "" {
		c.Text("LOCATION", location)
	}
}
