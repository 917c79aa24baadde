package fts

import "time"

// field takes the current property into the Catalogue.
type field func(*inspector) error

func textField(at func(*inspector) *string) field {
	return func(in *inspector) error { return in.text(at(in), maxString) }
}

func longField(at func(*inspector) *string) field {
	return func(in *inspector) error { return in.text(at(in), maxLong) }
}

func timeField(at func(*inspector) *time.Time) field {
	return func(in *inspector) error { return in.time(at(in)) }
}

func intField(at func(*inspector) *int32) field {
	return func(in *inspector) error { return in.int32(at(in)) }
}

func boolField(at func(*inspector) *bool) field {
	return func(in *inspector) error { return in.bool(at(in)) }
}

// keyField is of a short binary value; a long one is no key.
func keyField(at func(*inspector) *[]byte) field {
	return func(in *inspector) error { return in.binary(at(in), maxString) }
}

func blobField(at func(*inspector) *[]byte) field {
	return func(in *inspector) error { return in.binary(at(in), maxBinary) }
}

// labelField adds to a list of numbers or addresses.
func labelField(label string, at func(*inspector) *[]Labelled, most int) field {
	return func(in *inspector) error {
		var s string
		err := in.text(&s, most)
		if s != "" {
			list := at(in)
			*list = append(*list, Labelled{label, s})
		}
		return err
	}
}

func phone(label string) field {
	return labelField(label, func(in *inspector) *[]Labelled { return &in.contact.Phones }, maxString)
}

func address(label string) field {
	return labelField(label, func(in *inspector) *[]Labelled { return &in.contact.Addresses }, maxLong)
}

// messageFields are of the message's own properties.
var messageFields = map[uint16]field{
	idMessageClass: textField(func(in *inspector) *string { return &in.c.Class }),
	0x0037:         textField(func(in *inspector) *string { return &in.c.Subject }),
	0x003D:         textField(func(in *inspector) *string { return &in.prefix }),
	0x0E1D:         textField(func(in *inspector) *string { return &in.normalized }),
	0x0042:         textField(func(in *inspector) *string { return &in.from.name }),
	0x0064:         textField(func(in *inspector) *string { return &in.from.kind }),
	0x0065:         textField(func(in *inspector) *string { return &in.from.email }),
	0x5D02:         textField(func(in *inspector) *string { return &in.from.smtp }),
	0x0041:         entryField(func(in *inspector) *party { return &in.from }),
	0x0C1A:         textField(func(in *inspector) *string { return &in.sender.name }),
	0x0C1E:         textField(func(in *inspector) *string { return &in.sender.kind }),
	0x0C1F:         textField(func(in *inspector) *string { return &in.sender.email }),
	0x5D01:         textField(func(in *inspector) *string { return &in.sender.smtp }),
	0x0C19:         entryField(func(in *inspector) *party { return &in.sender }),
	0x004F:         (*inspector).replyTo,
	0x0E06:         timeField(func(in *inspector) *time.Time { return &in.c.Received }),
	0x0039:         timeField(func(in *inspector) *time.Time { return &in.c.Sent }),
	0x3007:         timeField(func(in *inspector) *time.Time { return &in.c.Created }),
	0x3008:         timeField(func(in *inspector) *time.Time { return &in.c.Modified }),
	0x0060:         timeField(func(in *inspector) *time.Time { return &in.start }),
	0x0061:         timeField(func(in *inspector) *time.Time { return &in.end }),
	0x1035:         textField(func(in *inspector) *string { return &in.c.MessageID }),
	0x1042:         textField(func(in *inspector) *string { return &in.c.InReplyTo }),
	0x1039:         longField(func(in *inspector) *string { return &in.c.References }),
	0x007D:         (*inspector).headers,
	0x300B:         keyField(func(in *inspector) *[]byte { return &in.c.SearchKey }),
	0x3013:         keyField(func(in *inspector) *[]byte { return &in.c.ConversationID }),
	0x0071:         keyField(func(in *inspector) *[]byte { return &in.c.ConversationIndex }),
	0x0070:         textField(func(in *inspector) *string { return &in.c.ConversationTopic }),
	idMessageFlags: (*inspector).flags,
	0x0017:         intField(func(in *inspector) *int32 { return &in.c.Importance }),
	0x0036:         intField(func(in *inspector) *int32 { return &in.c.Sensitivity }),
	0x1090:         intField(func(in *inspector) *int32 { return &in.c.FlagStatus }),
	0x3FFD:         intField(func(in *inspector) *int32 { return &in.codePage }),
	0x3001:         textField(func(in *inspector) *string { return &in.c.DisplayName }),
	0x3A16:         textField(func(in *inspector) *string { return &in.c.Company }),
	0x3A06:         textField(func(in *inspector) *string { return &in.contact.GivenName }),
	0x3A44:         textField(func(in *inspector) *string { return &in.contact.MiddleName }),
	0x3A11:         textField(func(in *inspector) *string { return &in.contact.Surname }),
	0x3A45:         textField(func(in *inspector) *string { return &in.contact.Prefix }),
	0x3A05:         textField(func(in *inspector) *string { return &in.contact.Suffix }),
	0x3A4F:         textField(func(in *inspector) *string { return &in.contact.Nickname }),
	0x3A17:         textField(func(in *inspector) *string { return &in.contact.JobTitle }),
	0x3A18:         textField(func(in *inspector) *string { return &in.contact.Department }),
	0x3A51:         textField(func(in *inspector) *string { return &in.contact.WebPage }),
	0x3A42:         timeField(func(in *inspector) *time.Time { return &in.contact.Birthday }),
	0x3A41:         timeField(func(in *inspector) *time.Time { return &in.contact.Wedding }),
	0x3A08:         phone("business"),
	0x3A1B:         phone("business 2"),
	0x3A09:         phone("home"),
	0x3A2F:         phone("home 2"),
	0x3A1C:         phone("mobile"),
	0x3A1A:         phone("primary"),
	0x3A1D:         phone("radio"),
	0x3A1E:         phone("car"),
	0x3A1F:         phone("other"),
	0x3A21:         phone("pager"),
	0x3A02:         phone("callback"),
	0x3A57:         phone("company"),
	0x3A2E:         phone("assistant"),
	0x3A24:         phone("business fax"),
	0x3A25:         phone("home fax"),
	0x3A23:         phone("primary fax"),
}

// namedFields are of the message's named properties.
var namedFields = map[Name]field{
	{Set: PSPublicStrings, Text: "Keywords"}: func(in *inspector) error { return in.texts(&in.c.Categories, maxCategories) },

	{Set: PSETIDCommon, LID: 0x8506}: boolField(func(in *inspector) *bool { return &in.c.Private }),
	{Set: PSETIDCommon, LID: 0x8530}: textField(func(in *inspector) *string { return &in.c.FlagRequest }),
	{Set: PSETIDCommon, LID: 0x8502}: timeField(func(in *inspector) *time.Time { return &in.c.Reminder }),
	{Set: PSETIDCommon, LID: 0x8503}: boolField(func(in *inspector) *bool { return &in.reminderSet }),

	{Set: PSETIDAppointment, LID: 0x820D}: timeField(func(in *inspector) *time.Time { return &in.c.Start }),
	{Set: PSETIDAppointment, LID: 0x820E}: timeField(func(in *inspector) *time.Time { return &in.c.End }),
	{Set: PSETIDAppointment, LID: 0x8208}: textField(func(in *inspector) *string { return &in.c.Location }),
	{Set: PSETIDAppointment, LID: 0x8223}: boolField(func(in *inspector) *bool { return &in.c.Recurring }),
	{Set: PSETIDAppointment, LID: 0x8215}: boolField(func(in *inspector) *bool { return &in.calendar.AllDay }),
	{Set: PSETIDAppointment, LID: 0x8205}: intField(func(in *inspector) *int32 { return &in.calendar.BusyStatus }),
	{Set: PSETIDAppointment, LID: 0x8217}: intField(func(in *inspector) *int32 { return &in.calendar.State }),
	{Set: PSETIDAppointment, LID: 0x8218}: intField(func(in *inspector) *int32 { return &in.calendar.Response }),
	{Set: PSETIDAppointment, LID: 0x8228}: timeField(func(in *inspector) *time.Time { return &in.calendar.Replaces }),
	{Set: PSETIDAppointment, LID: 0x8232}: textField(func(in *inspector) *string { return &in.calendar.RecurrenceText }),
	{Set: PSETIDAppointment, LID: 0x8216}: blobField(func(in *inspector) *[]byte { return &in.recurrence }),
	{Set: PSETIDAppointment, LID: 0x8234}: textField(func(in *inspector) *string { return &in.zone }),
	{Set: PSETIDAppointment, LID: 0x825E}: blobField(func(in *inspector) *[]byte { return &in.zones[1] }),
	{Set: PSETIDAppointment, LID: 0x8260}: blobField(func(in *inspector) *[]byte { return &in.zones[0] }),
	{Set: PSETIDMeeting, LID: 0x0023}:     keyField(func(in *inspector) *[]byte { return &in.calendar.UID }),

	{Set: PSETIDTask, LID: 0x8104}: timeField(func(in *inspector) *time.Time { return &in.c.Start }),
	{Set: PSETIDTask, LID: 0x8105}: timeField(func(in *inspector) *time.Time { return &in.c.End }),
	{Set: PSETIDTask, LID: 0x8126}: boolField(func(in *inspector) *bool { return &in.c.Recurring }),
	{Set: PSETIDTask, LID: 0x8101}: intField(func(in *inspector) *int32 { return &in.task.Status }),
	{Set: PSETIDTask, LID: 0x8102}: func(in *inspector) error { return in.float(&in.task.Percent) },
	{Set: PSETIDTask, LID: 0x810F}: timeField(func(in *inspector) *time.Time { return &in.task.Completed }),
	{Set: PSETIDTask, LID: 0x811C}: boolField(func(in *inspector) *bool { return &in.task.Complete }),
	{Set: PSETIDTask, LID: 0x811F}: textField(func(in *inspector) *string { return &in.task.Owner }),
	{Set: PSETIDTask, LID: 0x8121}: textField(func(in *inspector) *string { return &in.task.Assigner }),
	{Set: PSETIDTask, LID: 0x8116}: blobField(func(in *inspector) *[]byte { return &in.taskRecurrence }),

	{Set: PSETIDAddress, LID: 0x8005}: textField(func(in *inspector) *string { return &in.contact.FileUnder }),
	{Set: PSETIDAddress, LID: 0x8062}: textField(func(in *inspector) *string { return &in.contact.IM }),
	{Set: PSETIDAddress, LID: 0x801A}: address("home"),
	{Set: PSETIDAddress, LID: 0x801B}: address("business"),
	{Set: PSETIDAddress, LID: 0x801C}: address("other"),
	{Set: PSETIDAddress, LID: 0x8054}: func(in *inspector) error { return in.persons(&in.oneOffs) },
	{Set: PSETIDAddress, LID: 0x8055}: func(in *inspector) error { return in.persons(&in.members) },

	{Set: PSETIDAddress, LID: 0x8080}: textField(func(in *inspector) *string { return &in.emails[0].name }),
	{Set: PSETIDAddress, LID: 0x8082}: textField(func(in *inspector) *string { return &in.emails[0].kind }),
	{Set: PSETIDAddress, LID: 0x8083}: textField(func(in *inspector) *string { return &in.emails[0].email }),
	{Set: PSETIDAddress, LID: 0x8084}: textField(func(in *inspector) *string { return &in.emails[0].original }),
	{Set: PSETIDAddress, LID: 0x8090}: textField(func(in *inspector) *string { return &in.emails[1].name }),
	{Set: PSETIDAddress, LID: 0x8092}: textField(func(in *inspector) *string { return &in.emails[1].kind }),
	{Set: PSETIDAddress, LID: 0x8093}: textField(func(in *inspector) *string { return &in.emails[1].email }),
	{Set: PSETIDAddress, LID: 0x8094}: textField(func(in *inspector) *string { return &in.emails[1].original }),
	{Set: PSETIDAddress, LID: 0x80A0}: textField(func(in *inspector) *string { return &in.emails[2].name }),
	{Set: PSETIDAddress, LID: 0x80A2}: textField(func(in *inspector) *string { return &in.emails[2].kind }),
	{Set: PSETIDAddress, LID: 0x80A3}: textField(func(in *inspector) *string { return &in.emails[2].email }),
	{Set: PSETIDAddress, LID: 0x80A4}: textField(func(in *inspector) *string { return &in.emails[2].original }),
}

// recipientFields are of the properties of a recipient.
var recipientFields = map[uint16]field{
	0x0C15: intField(func(in *inspector) *int32 { return &in.row.row }),
	0x39FE: textField(func(in *inspector) *string { return &in.row.smtp }),
	0x3002: textField(func(in *inspector) *string { return &in.row.kind }),
	0x3003: textField(func(in *inspector) *string { return &in.row.email }),
	0x5FF6: (*inspector).rowName,
	0x3001: (*inspector).rowName,
	0x0FFF: entryField(func(in *inspector) *party { return &in.row }),
	0x5FFD: intField(func(in *inspector) *int32 { return &in.row.flags }),
	0x5FFF: intField(func(in *inspector) *int32 { return &in.row.status }),
}

// attachmentFields are of the properties of an attachment.
var attachmentFields = map[uint16]field{
	0x3707:       textField(func(in *inspector) *string { return &in.att.long }),
	0x3704:       textField(func(in *inspector) *string { return &in.att.short }),
	0x3001:       textField(func(in *inspector) *string { return &in.att.display }),
	0x370E:       textField(func(in *inspector) *string { return &in.att.Mime }),
	0x3712:       textField(func(in *inspector) *string { return &in.att.ContentID }),
	0x3705:       intField(func(in *inspector) *int32 { return &in.att.Method }),
	0x3714:       intField(func(in *inspector) *int32 { return &in.att.flags }),
	0x7FFE:       boolField(func(in *inspector) *bool { return &in.att.Hidden }),
	0x7FFF:       boolField(func(in *inspector) *bool { return &in.att.photo }),
	idAttachData: (*inspector).data,
}
