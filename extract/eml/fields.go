package eml

import (
	"encoding/base64"
	"strings"

	"mailferry/fts"
)

// Properties of a message that have a place in its header.
const (
	idImportance   = 0x0017
	idSensitivity  = 0x0036
	idSubmitTime   = 0x0039
	idReplyTo      = 0x004F
	idTopic        = 0x0070
	idThread       = 0x0071
	idHeaders      = 0x007D
	idDeliveryTime = 0x0E06
	idMessageFlags = 0x0E07
	idMessageID    = 0x1035
	idReferences   = 0x1039
	idInReplyTo    = 0x1042
	idCreationTime = 0x3007
	idModifiedTime = 0x3008
	idSearchKey    = 0x300B
)

const (
	maxThread       = 600 // bytes of a conversation index
	maxTraceHeaders = 1 << 20
	maxNamedHeaders = 200
	firstYear       = 1900
	lastYear        = 9999
)

// ownFields are what the item itself tells.
func ownFields(m *fts.Message) []field {
	var all []field
	text := func(name, value string) {
		if value != "" {
			all = append(all, textField(name, value))
		}
	}
	people := func(name string, persons ...fts.Person) {
		if f, ok := addressField(name, persons); ok {
			all = append(all, f)
		}
	}
	from, sender := m.From(), m.Sender()
	if from.Name == "" && from.Address == "" {
		from = sender
	}
	people("From", from)
	if !strings.EqualFold(sender.Address, from.Address) || sender.Type != from.Type {
		people("Sender", sender)
	}
	people("Reply-To", fts.ParseEntryIDs(m.Props.Bytes(idReplyTo))...)
	byKind := make(map[fts.RecipientKind][]fts.Person)
	for i := range m.Recipients {
		r := &m.Recipients[i]
		byKind[r.Kind()] = append(byKind[r.Kind()], r.Person())
	}
	people("To", byKind[fts.To]...)
	people("Cc", byKind[fts.Cc]...)
	people("Bcc", byKind[fts.Bcc]...)
	text("Subject", m.Subject())
	all = append(all, dateField(m, idSubmitTime, idDeliveryTime)...)
	all = append(all, idField("Message-ID", m.Props.String(idMessageID))...)
	all = append(all, idField("In-Reply-To", m.Props.String(idInReplyTo))...)
	all = append(all, idField("References", m.Props.String(idReferences))...)
	text("Thread-Topic", m.Props.String(idTopic))
	if thread := m.Props.Bytes(idThread); len(thread) > 0 && len(thread) <= maxThread {
		all = append(all, field{name: "Thread-Index", tokens: []string{base64.StdEncoding.EncodeToString(thread)}})
	}
	importance, known := m.Props.Int(idImportance)
	if known && importance != 1 {
		text("Importance", map[int64]string{0: "low", 2: "high"}[importance])
	}
	sensitivity, _ := m.Props.Int(idSensitivity)
	text("Sensitivity", map[int64]string{1: "Personal", 2: "Private", 3: "Company-Confidential"}[sensitivity])
	text("Keywords", strings.Join(m.Categories(), ", "))
	if flags, _ := m.Props.Int(idMessageFlags); flags&fts.FlagUnsent != 0 {
		text("X-Unsent", "1") // mail programs open it as a draft
	}
	return all
}

// dateField is the first of the times that can be a date of a mail.
func dateField(m *fts.Message, ids ...uint16) []field {
	for _, id := range ids {
		if at := m.Props.Time(id); at.Year() >= firstYear && at.Year() <= lastYear {
			return []field{{name: "Date", tokens: strings.Split(at.Format("Mon, 02 Jan 2006 15:04:05 -0700"), " ")}}
		}
	}
	return nil
}

// idField is a field of message ids: none if there is nothing that can be one.
func idField(name, text string) []field {
	f := field{name: name}
	for _, id := range strings.Fields(clean(text)) {
		if printable(id) && len(id) <= maxToken {
			f.tokens = append(f.tokens, id)
		}
	}
	if len(f.tokens) == 0 {
		return nil
	}
	return []field{f}
}

// header is all fields of a message but those of its content.
func header(m *fts.Message) ([]field, error) {
	own := ownFields(m)
	skip := make(map[string]bool)
	for _, f := range own {
		skip[strings.ToLower(f.name)] = true
	}
	if len(m.Recipients) > 0 {
		skip["to"], skip["cc"], skip["bcc"] = true, true, true
	}
	trace, err := traceFields(m, skip)
	if err != nil {
		return nil, err
	}
	for _, f := range trace {
		skip[strings.ToLower(f.name)] = true
	}
	all := append(trace, own...)
	if !skip["from"] {
		all = append(all, field{name: "From", tokens: []string{"nobody:;"}}) // as RFC 6854 has it: there must be one
	}
	all = append(all, namedFields(m, skip)...)
	if !skip["date"] {
		all = append(all, dateField(m, idModifiedTime, idCreationTime)...)
	}
	return append(all, field{name: "MIME-Version", tokens: []string{"1.0"}}), nil
}
