package recur

import (
	"time"

	"mailferry/fts/internal/text"
)

// Series is an AppointmentRecurrencePattern ([MS-OXOCAL] 2.2.1.44.5).
type Series struct {
	Pattern
	From       int         `json:"from"` // minutes from midnight to the start of an occurrence
	To         int         `json:"to"`   // minutes from that midnight to its end
	Exceptions []Exception `json:"exceptions,omitempty"`
	// Partial is set where the exceptions' texts in Unicode could not be read, and
	// those in the item's code page were taken.
	Partial bool `json:"partial,omitempty"`
}

// Exception is an occurrence that was changed. What was not is nil.
type Exception struct {
	Original    time.Time `json:"original"` // where the pattern has it
	Start       time.Time `json:"start"`
	End         time.Time `json:"end"`
	Subject     *string   `json:"subject,omitempty"`
	Location    *string   `json:"location,omitempty"`
	MeetingType *uint32   `json:"meeting_type,omitempty"`
	Reminder    *uint32   `json:"reminder,omitempty"` // minutes before the start
	ReminderSet *bool     `json:"reminder_set,omitempty"`
	BusyStatus  *uint32   `json:"busy_status,omitempty"`
	Attachments *bool     `json:"attachments,omitempty"`
	AllDay      *bool     `json:"all_day,omitempty"`
	Colour      *uint32   `json:"colour,omitempty"`
	Body        bool      `json:"body,omitempty"` // its text is in the attachment that stands for it
}

// Bits of OverrideFlags.
const (
	hasSubject     = 0x0001
	hasMeetingType = 0x0002
	hasReminder    = 0x0004
	hasReminderSet = 0x0008
	hasLocation    = 0x0010
	hasBusyStatus  = 0x0020
	hasAttachment  = 0x0040
	hasSubType     = 0x0080
	hasColour      = 0x0100
	hasBody        = 0x0200
)

// Parse reads a PidLidAppointmentRecur. The codePage is that of the item
// (PidTagMessageCodepage) and used only where the texts in Unicode can't be
// read. The error is an [*Error].
func Parse(b []byte, codePage int) (*Series, error) {
	c := &cursor{b: b}
	s := &Series{Pattern: c.pattern()}
	c.u32() // reader version
	version := c.u32()
	s.From = int(c.u32())
	s.To = int(c.u32())
	n := c.count(uint32(c.u16()), 14)
	flags := make([]uint16, n)
	for i := range flags {
		var e Exception
		e, flags[i] = c.exception(codePage)
		if c.err != nil {
			break
		}
		s.Exceptions = append(s.Exceptions, e)
	}
	c.block()
	if c.err != nil {
		return s, c.err
	}
	for i := range s.Exceptions {
		if !c.extended(&s.Exceptions[i], flags[i], version) {
			s.Partial = true // some writers leave this part out
			break
		}
	}
	return s, nil
}

func (c *cursor) exception(codePage int) (Exception, uint16) {
	e := Exception{Start: c.moment(), End: c.moment(), Original: c.moment()}
	flags := c.u16()
	if flags&hasSubject != 0 {
		e.Subject = c.narrow(codePage)
	}
	number := func(flag uint16) *uint32 {
		if flags&flag == 0 {
			return nil
		}
		v := c.u32()
		return &v
	}
	truth := func(flag uint16) *bool {
		v := number(flag)
		if v == nil {
			return nil
		}
		t := *v != 0
		return &t
	}
	e.MeetingType = number(hasMeetingType)
	e.Reminder = number(hasReminder)
	e.ReminderSet = truth(hasReminderSet)
	if flags&hasLocation != 0 {
		e.Location = c.narrow(codePage)
	}
	e.BusyStatus = number(hasBusyStatus)
	e.Attachments = truth(hasAttachment)
	e.AllDay = truth(hasSubType)
	e.Colour = number(hasColour)
	e.Body = flags&hasBody != 0
	return e, flags
}

// narrow reads a text in the item's code page, which has two lengths before it.
func (c *cursor) narrow(codePage int) *string {
	c.u16()
	b := c.take(int(c.u16()))
	if codePage <= 0 || codePage > 0xFFFF {
		codePage = text.ANSI
	}
	s := text.Decode(uint16(codePage), b)
	return &s
}

// extended reads the ExtendedException that repeats an exception's texts in
// Unicode; false if it is not whole.
func (c *cursor) extended(e *Exception, flags uint16, version uint32) bool {
	if version >= 0x3009 {
		c.block() // change highlight
	}
	c.block()
	if flags&(hasSubject|hasLocation) == 0 {
		return c.err == nil
	}
	c.take(12) // the times again
	var subject, location string
	if flags&hasSubject != 0 {
		subject = c.wide(int(c.u16()))
	}
	if flags&hasLocation != 0 {
		location = c.wide(int(c.u16()))
	}
	if c.err != nil {
		return false
	}
	if e.Subject != nil {
		e.Subject = &subject
	}
	if e.Location != nil {
		e.Location = &location
	}
	c.block()
	return c.err == nil
}
