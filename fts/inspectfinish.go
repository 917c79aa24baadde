package fts

import (
	"reflect"
	"slices"
	"strings"
	"time"

	"mailferry/fts/recur"
)

// party is a person, in the ways in which items name one.
type party struct {
	name, kind, email, smtp string
	original                string // display name that contacts keep, of type EX often the SMTP address
	entry                   Person // from an entry id
	row, flags, status      int32  // of a recipient
}

// person chooses among the ways.
func (p *party) person() Person {
	isAddress := func(s string) bool { return strings.Contains(s, "@") && !strings.Contains(s, " ") }
	r := Person{Name: p.name}
	if r.Name == "" {
		r.Name = p.entry.Name
	}
	switch {
	case p.smtp != "":
		r.Address = p.smtp
	case p.email != "" && (strings.EqualFold(p.kind, "SMTP") || p.kind == "" && isAddress(p.email)):
		r.Address = p.email
	case p.entry.Type == "" && p.entry.Address != "":
		r.Address = p.entry.Address
	case isAddress(p.original):
		r.Address = p.original
	case p.email != "":
		r.Address, r.Type = p.email, strings.ToUpper(p.kind)
	default:
		r.Address, r.Type = p.entry.Address, p.entry.Type
	}
	return r
}

// label is the SMTP address, or the name where there is none.
func (p *party) label() string {
	r := p.person()
	if r.Name != "" && (r.Address == "" || r.Type != "" || !strings.Contains(r.Address, "@")) {
		return r.Name
	}
	return r.Address
}

// entryField takes the person that an entry id names.
func entryField(at func(*inspector) *party) field {
	return func(in *inspector) error {
		var b []byte
		if err := in.binary(&b, 4*maxString); err != nil {
			return err
		}
		if p, ok := ParseEntryID(b); ok && in.left > len(p.Name)+len(p.Address) {
			at(in).entry = p // not counted: at most 4 KiB each, and only one of each is kept
		}
		return nil
	}
}

func (in *inspector) replyTo() error {
	var b []byte
	err := in.binary(&b, maxBinary)
	for _, p := range ParseEntryIDs(b) {
		n := len(p.Name) + len(p.Address)
		if len(in.c.ReplyTo) >= maxCategories || n > in.left {
			in.c.Cut = true
			break
		}
		in.left -= n
		in.c.ReplyTo = append(in.c.ReplyTo, p)
	}
	return err
}

func (in *inspector) flags() error {
	var v int32
	err := in.int32(&v)
	in.c.Flags = uint32(v)
	return err
}

func (in *inspector) rowName() error {
	if in.row.name != "" {
		return nil
	}
	return in.text(&in.row.name, maxString)
}

// organizerFlag is the bit of PidTagRecipientFlags that marks the organizer.
const organizerFlag = 0x02

// recipient ends a row of the recipient table.
func (in *inspector) recipient() {
	c := &in.c
	p := in.row.person()
	p.Status = in.row.status
	if in.row.flags&organizerFlag != 0 && in.calendar.Organizer == nil {
		in.calendar.Organizer = &Person{Name: p.Name, Address: p.Address, Type: p.Type}
	}
	list := &c.To
	switch in.row.row & 0x0F {
	case 1:
	case 2:
		list = &c.Cc
	case 3:
		list = &c.Bcc
	default: // the originator, or unknown
		return
	}
	if len(c.To)+len(c.Cc)+len(c.Bcc) >= maxRecipients || in.left <= 0 {
		c.Cut = true
	} else if p.Name != "" || p.Address != "" {
		if in.row.entry != (Person{}) && (p.Address == in.row.entry.Address || p.Name == in.row.entry.Name) {
			in.left -= len(p.Address) + len(p.Name)
		}
		*list = append(*list, p)
	}
}

func (in *inspector) attachment() {
	in.c.HasAttachments = true
	a := &in.att
	in.contact.Photo = in.contact.Photo || a.photo
	if len(in.c.Attachments) >= maxAttachments || in.left <= 0 {
		in.c.Cut = true
		return
	}
	for _, n := range []string{a.long, a.short, a.display} {
		if a.Name = n; n != "" {
			break
		}
	}
	const rendered = 4 // of PidTagAttachFlags
	a.Inline = a.flags&rendered != 0 || a.Hidden && a.ContentID != ""
	in.c.Attachments = append(in.c.Attachments, a.AttachmentInfo)
}

// finish chooses where the Catalogue has one field and items have several.
func (in *inspector) finish() {
	c := &in.c
	if c.Subject == "" {
		c.Subject = in.prefix + in.normalized
	}
	c.From, c.Sender = in.from.label(), in.sender.label()
	c.FromName, c.SenderName = in.from.person().Name, in.sender.person().Name
	if c.MessageID == "" {
		c.MessageID = in.headerID
	}
	if c.Start.IsZero() {
		c.Start = in.start
	}
	if c.End.IsZero() {
		c.End = in.end
	}
	const private = 2
	c.Private = c.Private || c.Sensitivity == private
	if !in.reminderSet {
		c.Reminder = time.Time{}
	}
	in.finishCalendar()
	in.finishContact()
	if len(in.taskRecurrence) > 0 {
		if p, err := recur.ParsePattern(in.taskRecurrence); err == nil {
			in.cutPattern(p)
			in.task.Recurrence = p
		}
	}
	c.Calendar, c.Contact, c.Task = unlessZero(&in.calendar), unlessZero(&in.contact), unlessZero(&in.task)
}

// unlessZero returns nil for what no property filled.
func unlessZero[T any](v *T) *T {
	if reflect.ValueOf(*v).IsZero() {
		return nil
	}
	return v
}

func (in *inspector) finishCalendar() {
	cal := &in.calendar
	if strings.HasPrefix(in.c.Class, "IPM.Appointment") && cal.Organizer == nil {
		if p := in.from.person(); p != (Person{}) {
			cal.Organizer = &p
		}
	}
	for _, b := range in.zones {
		if z, err := recur.ParseDefinition(b); cal.TimeZone == "" && err == nil && len(z.Name) <= maxString {
			cal.TimeZone = strings.ToValidUTF8(z.Name, "\uFFFD")
		}
	}
	if cal.TimeZone == "" {
		cal.TimeZone = in.zone
	}
	if len(in.recurrence) == 0 {
		return
	}
	s, err := recur.Parse(in.recurrence, int(in.codePage))
	if err != nil {
		return
	}
	in.cutPattern(&s.Pattern)
	s.Exceptions = cutList(in, s.Exceptions)
	for i := range s.Exceptions {
		in.cutPointer(&s.Exceptions[i].Subject)
		in.cutPointer(&s.Exceptions[i].Location)
	}
	cal.Recurrence = s
}

func (in *inspector) cutPattern(p *recur.Pattern) {
	p.Deleted, p.Modified = cutList(in, p.Deleted), cutList(in, p.Modified)
}

func cutList[T any](in *inspector, list []T) []T {
	if len(list) <= maxOccurrences {
		return list
	}
	in.c.Cut = true
	return slices.Clone(list[:maxOccurrences])
}

// cutPointer counts and cuts a text of an exception.
func (in *inspector) cutPointer(s **string) {
	if *s == nil {
		return
	}
	n := min(maxString, max(in.left, 0))
	v := **s
	if len(v) > n {
		in.c.Cut = true
		v = v[:n]
	}
	v = strings.ToValidUTF8(strings.Clone(v), "\uFFFD")
	in.left -= len(v)
	*s = &v
}

func (in *inspector) finishContact() {
	c := &in.c
	for i := range in.emails {
		if p := in.emails[i].person(); p.Address != "" {
			in.contact.Emails = append(in.contact.Emails, p)
			c.Emails = append(c.Emails, p.Address)
		}
	}
	if in.contact.Members = in.oneOffs; len(in.oneOffs) < len(in.members) {
		in.contact.Members = in.members
	}
}
