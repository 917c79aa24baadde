package ics

import (
	"fmt"
	"strings"
	"time"

	"mailferry/extract/internal/internet"
	"mailferry/fts"
	"mailferry/internal/contentline"
)

// people writes who organizes a meeting and who is asked to it; of an appointment
// without others nothing.
func (c *calendar) people() {
	const organizerFlag = 2
	from := c.m.From()
	if c.method == "REPLY" {
		if len(c.m.Recipients) > 0 {
			c.person("ORGANIZER", c.m.Recipients[0].Person())
		}
		status := "TENTATIVE"
		switch class := strings.ToUpper(c.m.Class()); {
		case strings.HasPrefix(class, "IPM.SCHEDULE.MEETING.RESP.POS"):
			status = "ACCEPTED"
		case strings.HasPrefix(class, "IPM.SCHEDULE.MEETING.RESP.NEG"):
			status = "DECLINED"
		}
		c.person("ATTENDEE", from, contentline.P("PARTSTAT", status))
		return
	}
	if len(c.m.Recipients) == 0 && c.method == "" {
		return
	}
	c.person("ORGANIZER", from)
	asked := c.m.Props.Bool(0x0063)
	for i := range c.m.Recipients {
		r := &c.m.Recipients[i]
		if flags, _ := r.Props.Int(0x5FFD); flags&organizerFlag != 0 {
			continue
		}
		params := []contentline.Param{contentline.P("ROLE", "REQ-PARTICIPANT")}
		switch r.Kind() {
		case fts.Cc:
			params[0] = contentline.P("ROLE", "OPT-PARTICIPANT")
		case fts.Bcc: // a room or a thing
			params = []contentline.Param{contentline.P("CUTYPE", "RESOURCE"), contentline.P("ROLE", "NON-PARTICIPANT")}
		}
		track, _ := r.Props.Int(0x5FFF)
		status := map[int64]string{2: "TENTATIVE", 3: "ACCEPTED", 4: "DECLINED"}[track]
		if status == "" {
			status = "NEEDS-ACTION"
		}
		params = append(params, contentline.P("PARTSTAT", status))
		if asked {
			params = append(params, contentline.P("RSVP", "TRUE"))
		}
		c.person("ATTENDEE", r.Person(), params...)
	}
}

func (c *calendar) person(name string, p fts.Person, params ...contentline.Param) {
	if p.Name == "" && p.Address == "" {
		return
	}
	if p.Name != "" {
		params = append(params, contentline.P("CN", p.Name))
	}
	c.Raw(name, internet.Mailto(p), params...)
}

const (
	lidReminderDelta = 0x8501
	lidReminderTime  = 0x8502
	lidReminderSet   = 0x8503
	defaultReminder  = 0x5AE980E1 // the client's own ([MS-OXORMDR] 2.2.1.3)
)

// alarm writes the reminder: before the start, or of a task at a time.
func (c *calendar) alarm(m *fts.Message, task bool) {
	if !boolean(m, common(lidReminderSet)) {
		return
	}
	if task {
		if at, ok := fts.NamedValue[fts.FileTime](m.Props, common(lidReminderTime)); ok && sane(at.Time()) {
			c.display(at.Time().UTC().Format(stamp)+"Z", contentline.P("VALUE", "DATE-TIME"))
		}
		return
	}
	delta, _ := fts.NamedValue[int32](m.Props, common(lidReminderDelta))
	c.display(before(delta))
}

func before(minutes int32) string {
	if minutes == defaultReminder || minutes < 0 {
		minutes = 15
	}
	return fmt.Sprintf("-PT%dM", minutes)
}

func (c *calendar) display(trigger string, params ...contentline.Param) {
	c.Raw("BEGIN", "VALARM")
	c.Raw("ACTION", "DISPLAY")
	c.Text("DESCRIPTION", "Reminder")
	c.Raw("TRIGGER", trigger, params...)
	c.Raw("END", "VALARM")
}

// day writes a day that an item tells as midnight in no zone.
func (c *calendar) day(name string, at time.Time) {
	if sane(at) && at.Year() < 4500 {
		c.Raw(name, at.UTC().Format(dayStamp), contentline.P("VALUE", "DATE"))
	}
}
