package fts

import (
	"strings"

	"mailferry/fts/internal/text"
)

// RecipientKind says in which field a recipient stands.
type RecipientKind int32

// The kinds. Of a meeting they are those who must come, who may, and resources.
const (
	Originator RecipientKind = iota
	To
	Cc
	Bcc
)

// partyIDs are the ids of the properties that name a person.
type partyIDs struct{ name, kind, email, smtp, entry uint16 }

var (
	fromIDs   = partyIDs{0x0042, 0x0064, 0x0065, 0x5D02, 0x0041}
	senderIDs = partyIDs{0x0C1A, 0x0C1E, 0x0C1F, 0x5D01, 0x0C19}
	rowIDs    = partyIDs{0x3001, 0x3002, 0x3003, 0x39FE, 0x0FFF}
)

func partyOf(p Props, ids partyIDs) party {
	r := party{name: p.String(ids.name), kind: p.String(ids.kind), email: p.String(ids.email), smtp: p.String(ids.smtp)}
	r.entry, _ = ParseEntryID(p.Bytes(ids.entry))
	return r
}

// From returns whom the message is from, as users see it.
func (m *Message) From() Person {
	p := partyOf(m.Props, fromIDs)
	return p.person()
}

// Sender returns the account that sent the message.
func (m *Message) Sender() Person {
	p := partyOf(m.Props, senderIDs)
	return p.person()
}

// Kind returns the field that a recipient stands in.
func (r *Recipient) Kind() RecipientKind {
	n, _ := r.Props.Int(0x0C15)
	return RecipientKind(n & 0x0F)
}

// Person returns who the recipient is, and how he answered a meeting request.
func (r *Recipient) Person() Person {
	row := partyOf(r.Props, rowIDs)
	if name := r.Props.String(0x5FF6); name != "" {
		row.name = name
	}
	p := row.person()
	n, _ := r.Props.Int(0x5FFF)
	p.Status = int32(n)
	return p
}

// Class returns the message class, "IPM.Note" for mail.
func (m *Message) Class() string { return m.Props.String(idMessageClass) }

// Subject returns the subject with its prefix ("RE: ").
func (m *Message) Subject() string {
	if s := m.Props.String(0x0037); s != "" {
		return s
	}
	return m.Props.String(0x003D) + m.Props.String(0x0E1D)
}

// AttachMethod is PidTagAttachMethod: where an attachment's content is.
type AttachMethod int32

// The methods of [MS-OXCMSG] 2.2.2.9.
const (
	AttachNothing       AttachMethod = 0
	AttachByValue       AttachMethod = 1
	AttachByReference   AttachMethod = 2 // PidTagAttachLongPathname names a file
	AttachReferenceOnly AttachMethod = 4
	AttachEmbedded      AttachMethod = 5 // a message, in Embedded
	AttachStorage       AttachMethod = 6 // an OLE object
	AttachByWeb         AttachMethod = 7 // PidTagAttachLongPathname is a URL
)

// Method returns where the content is.
func (a *Attachment) Method() AttachMethod {
	n, _ := a.Props.Int(0x3705)
	return AttachMethod(n)
}

// Name returns the long file name, else the short one, else the display name. It
// is what the item says: anything may stand in it.
func (a *Attachment) Name() string {
	for _, id := range []uint16{0x3707, 0x3704, 0x3001} {
		if s := a.Props.String(id); s != "" {
			return s
		}
	}
	return ""
}

// Mime returns the MIME type, "" where the item does not say.
func (a *Attachment) Mime() string { return a.Props.String(0x370E) }

// ContentID returns the name under which the body refers to the attachment.
func (a *Attachment) ContentID() string { return a.Props.String(0x3712) }

// Path returns the file or URL of an attachment by reference.
func (a *Attachment) Path() string {
	if s := a.Props.String(0x370D); s != "" {
		return s
	}
	return a.Props.String(0x3708)
}

// Hidden says that lists of attachments leave it out.
func (a *Attachment) Hidden() bool { return a.Props.Bool(0x7FFE) }

// Data returns the content of an attachment by value, or its OLE object: false
// if it has none. Its Open streams.
func (a *Attachment) Data() (Prop, bool) { return a.Props.Prop(idAttachData) }

// Exception says whether the attachment is an exception of a recurring
// appointment: its Embedded message is the changed occurrence.
func (a *Attachment) Exception() bool {
	const flag = 2
	n, _ := a.Props.Int(0x7FFD)
	return n&flag != 0
}

// Categories returns the names of the message's categories.
func (m *Message) Categories() []string {
	p, _ := m.Named(Name{Set: PSPublicStrings, Text: "Keywords"})
	switch v := p.Value.(type) {
	case []string:
		return v
	case string:
		return []string{v}
	}
	return nil
}

// CodePage returns PidTagMessageCodepage, or Windows-1252 where there is none:
// what strings inside binary values are in.
func (m *Message) CodePage() int {
	if cp, ok := m.Props.Int(idMessageCodepage); ok && cp > 0 {
		return int(cp)
	}
	return text.ANSI
}

// IsAppointment says whether the message is a calendar item or an exception of one.
func (m *Message) IsAppointment() bool {
	c := strings.ToUpper(m.Class())
	return c == "IPM.APPOINTMENT" || strings.HasPrefix(c, "IPM.APPOINTMENT.") || c == exceptionClass
}

// exceptionClass is that of the messages inside a recurring appointment ([MS-OXOCAL] 2.2.10.1.2).
const exceptionClass = "IPM.OLE.CLASS.{00061055-0000-0000-C000-000000000046}"
