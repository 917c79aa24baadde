package shape

import (
	"encoding/hex"
	"slices"
	"strconv"
	"strings"
	"time"

	"mailferry/ews/ewstest/mailbox"
	"mailferry/ews/ewstest/mime"
	"mailferry/ews/ewstest/schema"
	"mailferry/ews/ewstest/soap"
	"mailferry/fts"
)

// Element is the element of an item of a class in answers. What has no
// type of its own is a Message.
func Element(class string) string {
	class = strings.ToUpper(class)
	for _, known := range []struct{ class, element string }{
		{"IPM.APPOINTMENT", "t:CalendarItem"},
		{"IPM.CONTACT", "t:Contact"},
		{"IPM.DISTLIST", "t:DistributionList"},
		{"IPM.TASK", "t:Task"},
		{"IPM.POST", "t:PostItem"},
		{"IPM.SCHEDULE.MEETING.REQUEST", "t:MeetingRequest"},
		{"IPM.SCHEDULE.MEETING.RESP", "t:MeetingResponse"},
		{"IPM.SCHEDULE.MEETING.CANCELED", "t:MeetingCancellation"},
	} {
		if class == known.class || strings.HasPrefix(class, known.class+".") {
			return known.element
		}
	}
	return "t:Message"
}

// isMessage says whether an element has the properties of a message.
func isMessage(element string) bool {
	return element == "t:Message" || strings.HasPrefix(element, "t:Meeting")
}

// field is one property of an item, in schema order.
type field struct {
	uri   string
	in    string // smallest base shape that has it
	of    string // element that has it; "" all, "message" messages
	value func(b Box, it *mailbox.Item) string
	write func(a *soap.Writer, b Box, it *mailbox.Item, find bool)
}

func text(uri, in, of string, value func(Box, *mailbox.Item) string) field {
	return field{uri: uri, in: in, of: of, value: value}
}

// when is a time; a zero one is left out.
func when(uri, in, of string, value func(Box, *mailbox.Item) time.Time) field {
	return text(uri, in, of, func(b Box, it *mailbox.Item) string {
		if t := value(b, it); !t.IsZero() {
			return Time(t)
		}
		return ""
	})
}

// is is a boolean. It is never left out.
func is(uri, in, of string, value func(Box, *mailbox.Item) bool) field {
	return text(uri, in, of, func(b Box, it *mailbox.Item) string { return strconv.FormatBool(value(b, it)) })
}

// prop is a string property of MAPI.
func prop(uri, in, of string, tag uint16) field {
	return text(uri, in, of, func(b Box, it *mailbox.Item) string {
		v, _ := b.Prop(it, tag)
		s, _ := v.(string)
		return s
	})
}

func choice(uri, in string, tag uint16, names ...string) field {
	return text(uri, in, "", func(b Box, it *mailbox.Item) string {
		v, _ := b.Prop(it, tag)
		n, ok := v.(int32)
		if !ok || n < 0 || int(n) >= len(names) {
			n = int32(slices.Index(names, "Normal"))
		}
		return names[n]
	})
}

func flag(uri string, bit int32) field {
	return is(uri, "AllProperties", "", func(_ Box, it *mailbox.Item) bool { return it.Flags()&bit != 0 })
}

func named(b Box, it *mailbox.Item, set fts.GUID, lid uint32) any {
	v, _ := b.Named(it, fts.Name{Set: set, LID: lid})
	return v
}

func namedTime(set fts.GUID, lid uint32) func(Box, *mailbox.Item) time.Time {
	return func(b Box, it *mailbox.Item) time.Time {
		if v, ok := named(b, it, set, lid).(fts.FileTime); ok {
			return v.Time()
		}
		return time.Time{}
	}
}

func namedBool(set fts.GUID, lid uint32) func(Box, *mailbox.Item) bool {
	return func(b Box, it *mailbox.Item) bool {
		v, _ := named(b, it, set, lid).(bool)
		return v
	}
}

func namedText(set fts.GUID, lid uint32) func(Box, *mailbox.Item) string {
	return func(b Box, it *mailbox.Item) string {
		switch v := named(b, it, set, lid).(type) {
		case string:
			return v
		case []byte:
			return strings.ToUpper(hex.EncodeToString(v))
		}
		return ""
	}
}

// one is a person in an element like From. FindItem gives only the name.
func one(uri, of string, who func(*mailbox.Item) (string, string)) field {
	return field{uri: uri, in: "Default", of: of, write: func(a *soap.Writer, _ Box, it *mailbox.Item, find bool) {
		name, address := who(it)
		if name == "" && address == "" {
			return
		}
		a.Start("t:" + uri[strings.Index(uri, ":")+1:])
		WriteMailbox(a, name, address, find)
		a.End()
	}}
}

func WriteMailbox(a *soap.Writer, name, address string, nameOnly bool) {
	a.Start("t:Mailbox")
	if name == "" {
		name = address
	}
	a.Text("t:Name", name)
	if !nameOnly && address != "" {
		a.Text("t:EmailAddress", address)
		a.Text("t:RoutingType", "SMTP")
		a.Text("t:MailboxType", "Mailbox")
	}
	a.End()
}

// people are the recipients of one kind. FindItem does not give them.
func people(uri string, kind int64) field {
	return field{uri: uri, in: "Default", of: "message", write: func(a *soap.Writer, b Box, it *mailbox.Item, find bool) {
		msg, err := b.Message(it)
		if find || err != nil {
			return
		}
		opened := false
		for _, r := range msg.Recipients {
			if k, _ := r.Props.Int(0x0C15); k&0xF != kind {
				continue
			}
			if !opened {
				a.Start("t:" + uri[strings.Index(uri, ":")+1:])
				opened = true
			}
			address := r.Props.String(0x39FE)
			if address == "" && strings.EqualFold(r.Props.String(0x3002), "SMTP") {
				address = r.Props.String(0x3003)
			}
			WriteMailbox(a, r.Props.String(0x3001), address, false)
		}
		if opened {
			a.End()
		}
	}}
}

var itemFields = []field{
	text("item:ItemClass", "AllProperties", "", func(_ Box, it *mailbox.Item) string { return it.Class() }),
	text("item:Subject", "Default", "", func(_ Box, it *mailbox.Item) string { return it.Subject() }),
	choice("item:Sensitivity", "Default", 0x0036, "Normal", "Personal", "Private", "Confidential"),
	{uri: "item:Body", in: "Default", write: writeBody},
	when("item:DateTimeReceived", "Default", "", func(_ Box, it *mailbox.Item) time.Time { return it.Received() }),
	text("item:Size", "Default", "", func(_ Box, it *mailbox.Item) string { return strconv.FormatInt(min(it.Size, 1<<31-1), 10) }),
	{uri: "item:Categories", in: "AllProperties", write: writeCategories},
	choice("item:Importance", "Default", 0x0017, "Low", "Normal", "High"),
	prop("item:InReplyTo", "AllProperties", "", 0x1042),
	flag("item:IsSubmitted", 4),
	is("item:IsDraft", "AllProperties", "", func(_ Box, it *mailbox.Item) bool { return it.Draft() }),
	flag("item:IsFromMe", 0x20),
	flag("item:IsResend", 0x80),
	flag("item:IsUnmodified", 2),
	when("item:DateTimeSent", "Default", "", func(_ Box, it *mailbox.Item) time.Time { return it.Sent() }),
	when("item:DateTimeCreated", "Default", "", func(_ Box, it *mailbox.Item) time.Time { return it.Created }),
	prop("item:DisplayCc", "AllProperties", "", 0x0E03),
	prop("item:DisplayTo", "AllProperties", "", 0x0E04),
	is("item:HasAttachments", "Default", "", func(_ Box, it *mailbox.Item) bool { return it.HasAttachments() }),
	{uri: "extended"},
	text("item:Culture", "AllProperties", "", func(b Box, _ *mailbox.Item) string {
		return map[string]string{"en": "en-US", "de": "de-DE"}[b.Language()]
	}),
	prop("item:LastModifiedName", "AllProperties", "", 0x3FFA),
	when("item:LastModifiedTime", "AllProperties", "", func(_ Box, it *mailbox.Item) time.Time { return it.Modified }),
	is("item:IsAssociated", "AllProperties", "", func(_ Box, it *mailbox.Item) bool { return it.Associated }),

	one("message:Sender", "message", func(it *mailbox.Item) (string, string) { return it.Sender() }),
	people("message:ToRecipients", 1),
	people("message:CcRecipients", 2),
	people("message:BccRecipients", 3),
	prop("message:ConversationTopic", "AllProperties", "message", 0x0070),
	one("message:From", "message", func(it *mailbox.Item) (string, string) { return it.From() }),
	text("message:InternetMessageId", "AllProperties", "message", func(_ Box, it *mailbox.Item) string { return it.MessageID() }),
	is("message:IsRead", "Default", "message", func(_ Box, it *mailbox.Item) bool { return it.Read }),
	prop("message:References", "AllProperties", "message", 0x1039),

	text("calendar:UID", "AllProperties", "t:CalendarItem", namedText(fts.PSETIDMeeting, 3)),
	when("calendar:Start", "Default", "t:CalendarItem", namedTime(fts.PSETIDAppointment, 0x820D)),
	when("calendar:End", "Default", "t:CalendarItem", namedTime(fts.PSETIDAppointment, 0x820E)),
	is("calendar:IsAllDayEvent", "AllProperties", "t:CalendarItem", namedBool(fts.PSETIDAppointment, 0x8215)),
	text("calendar:Location", "Default", "t:CalendarItem", namedText(fts.PSETIDAppointment, 0x8208)),
	is("calendar:IsRecurring", "AllProperties", "t:CalendarItem", func(Box, *mailbox.Item) bool { return false }),
	text("calendar:CalendarItemType", "Default", "t:CalendarItem", func(b Box, it *mailbox.Item) string {
		if namedBool(fts.PSETIDAppointment, 0x8223)(b, it) {
			return "RecurringMaster"
		}
		return "Single"
	}),
	one("calendar:Organizer", "t:CalendarItem", func(it *mailbox.Item) (string, string) { return it.From() }),

	prop("contacts:DisplayName", "Default", "t:Contact", 0x3001),
	prop("contacts:GivenName", "AllProperties", "t:Contact", 0x3A06),
	prop("contacts:CompanyName", "Default", "t:Contact", 0x3A16),
	prop("contacts:Surname", "AllProperties", "t:Contact", 0x3A11),
}

func (f *field) fits(element string) bool {
	return f.of == "" || f.of == element || f.of == "message" && isMessage(element)
}

// WriteItem writes an item in schema order.
func (w *Writer) WriteItem(b Box, it *mailbox.Item, s *Shape, find bool) {
	a, element, most := w.Out, Element(it.Class()), 0
	if find {
		most = 255
	}
	a.Start(element)
	if s.mime && !find {
		a.Start("t:MimeContent", "CharacterSet", "UTF-8")
		if msg, err := b.Message(it); err == nil {
			mime.WriteBase64(a.W, msg)
		}
		a.End()
	}
	w.WriteItemID(b, it, "t:ItemId")
	if s.wants("item:ParentFolderId", "AllProperties") {
		a.Empty("t:ParentFolderId", "Id", w.FolderID(b, it.Folder), "ChangeKey", "AQAAAA==")
	}
	for i := range itemFields {
		f := &itemFields[i]
		if f.uri == "extended" {
			for _, e := range s.extended {
				v, ok := extendedValue(b, it, e)
				writeExtended(a, e, v, ok, most)
			}
			continue
		}
		if !f.fits(element) || !s.wants(f.uri, f.in) {
			continue
		}
		if f.write != nil {
			f.write(a, b, it, find)
		} else if v := f.value(b, it); v != "" {
			if most > 0 && len(v) > most {
				v = clip(v, most, "String")
			}
			a.Text("t:"+f.uri[strings.Index(f.uri, ":")+1:], v)
		}
	}
	a.End()
}

func extendedValue(b Box, it *mailbox.Item, e *extended) (any, bool) {
	if e.name != nil {
		return b.Named(it, *e.name)
	}
	if e.tag == 0x0E07 { // the read flag is kept apart from the others
		flags := it.Flags() &^ 1
		if it.Read {
			flags |= 1
		}
		return flags, true
	}
	if e.tag == 0x10F3 { // name in a URL
		return strconv.FormatUint(it.ID, 10) + ".EML", true
	}
	return b.Prop(it, e.tag)
}

// ItemValue is what a restriction or a sort order compares.
func (w *Writer) ItemValue(b Box, it *mailbox.Item, path *schema.Node) (string, bool) {
	if path.Name == "t:ExtendedFieldURI" {
		e, err := newExtended(path)
		if err != nil {
			return "", false
		}
		v, ok := extendedValue(b, it, e)
		return first(e.typ, v, ok)
	}
	uri := path.Value("FieldURI")
	if uri == "item:ItemId" {
		return w.ItemID(b, it), true
	}
	for i := range itemFields {
		f := &itemFields[i]
		if f.uri == uri && f.value != nil && f.fits(Element(it.Class())) {
			v := f.value(b, it)
			return v, v != ""
		}
	}
	switch uri {
	case "message:From":
		name, _ := it.From()
		return name, name != ""
	case "message:Sender":
		name, _ := it.Sender()
		return name, name != ""
	}
	return "", false
}

// SortItems orders items by the fields of a SortOrder; without one newest
// first. What is equal stays in the order of ids.
func (w *Writer) SortItems(b Box, items []*mailbox.Item, order *schema.Node) *soap.Error {
	if order == nil {
		slices.SortStableFunc(items, func(x, y *mailbox.Item) int { return y.Received().Compare(x.Received()) })
		return nil
	}
	type keyed struct {
		it   *mailbox.Item
		keys []string
	}
	rows := make([]keyed, len(items))
	for i, it := range items {
		rows[i].it = it
		for _, f := range order.Children {
			v, _ := w.ItemValue(b, it, f.Children[0])
			rows[i].keys = append(rows[i].keys, v)
		}
	}
	slices.SortStableFunc(rows, func(x, y keyed) int {
		for i, f := range order.Children {
			d := compare(x.keys[i], y.keys[i])
			if f.Value("Order") == "Descending" {
				d = -d
			}
			if d != 0 {
				return d
			}
		}
		return 0
	})
	for i := range rows {
		items[i] = rows[i].it
	}
	return nil
}

func writeBody(a *soap.Writer, b Box, it *mailbox.Item, find bool) {
	if find {
		return // FindItem gives no bodies
	}
	msg, err := b.Message(it)
	if err != nil {
		return
	}
	plain, html := mime.Bodies(msg)
	if html != "" {
		a.Text("t:Body", html, "BodyType", "HTML")
		return
	}
	a.Text("t:Body", plain, "BodyType", "Text")
}

func writeCategories(a *soap.Writer, b Box, it *mailbox.Item, _ bool) {
	v, _ := b.Named(it, fts.Name{Set: fts.PSPublicStrings, Text: "Keywords"})
	list, _ := v.([]string)
	if len(list) == 0 {
		return
	}
	a.Start("t:Categories")
	for _, s := range list {
		a.Text("t:String", s)
	}
	a.End()
}
