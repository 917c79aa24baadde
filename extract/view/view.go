// Package view shows an item as a mail program does: who, when, what is attached,
// and the text; of appointments, contacts, tasks and distribution lists what these
// have. It is for people, and safe to print on a terminal.
//
// The text is the plain one that the item has, else that of its HTML or rich text
// without formatting. It is streamed, so that memory does not grow with it.
package view

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"time"

	"mailferry/fts"
	"mailferry/internal/terminal"
)

// About is what the store knows of an item, beside its blob.
type About struct {
	Mailbox   string
	Folder    string // path
	ID        string
	Catalogue fts.Catalogue // as [fts.Inspect] fills it
	Deleted   bool          // at the source, since
	Read      *bool         // the read flag, where it changed since
	Problem   string        // why the blob is suspect
}

// Write shows an item. Names, subjects and such are one line each; line ends of
// the text are LF.
func Write(w io.Writer, it *fts.Item, about About) error {
	p := &page{w: bufio.NewWriterSize(w, 16<<10), m: &it.Message, about: about}
	p.people()
	p.dates()
	p.field("Subject", it.Subject())
	p.marks()
	p.calendar()
	p.contact()
	p.task()
	p.place()
	p.attachments()
	if about.Catalogue.Cut {
		p.field("Note", "the item has more than is shown above; --properties has all")
	}
	if err := p.body(); err != nil {
		return err
	}
	return p.w.Flush()
}

// page writes lines; errors of writing are kept and told by Flush.
type page struct {
	w     *bufio.Writer
	m     *fts.Message
	about About
}

// labels is how wide the column of names is.
const labels = 14

// field writes a named line, unless there is nothing in it.
func (p *page) field(name, value string) {
	if value = strings.TrimSpace(terminal.Text(value, terminal.Line)); value != "" {
		fmt.Fprintf(p.w, "%-*s%s\n", labels, name+":", value)
	}
}

// more writes a line that belongs to the field above it.
func (p *page) more(value string) {
	fmt.Fprintf(p.w, "%*s%s\n", labels, "", terminal.Text(value, terminal.Line))
}

// list writes a field of several lines.
func (p *page) list(name string, values []string) {
	for i, v := range values {
		if i == 0 {
			p.field(name, v)
			continue
		}
		p.more(v)
	}
}

func (p *page) people() {
	from, sender := p.m.From(), p.m.Sender()
	if from == (fts.Person{}) {
		from = sender
	}
	if c := p.about.Catalogue.Calendar; !p.m.IsAppointment() || c == nil || c.Organizer == nil {
		p.field("From", person(from))
	}
	if sender.Address != "" && !strings.EqualFold(sender.Address, from.Address) {
		p.field("Sent by", person(sender))
	}
	if reply := p.about.Catalogue.ReplyTo; len(reply) > 0 && (len(reply) > 1 || !strings.EqualFold(reply[0].Address, from.Address)) {
		p.field("Reply to", persons(reply))
	}
	if p.meeting() {
		return
	}
	for _, kind := range []struct {
		name string
		of   fts.RecipientKind
	}{{"To", fts.To}, {"Cc", fts.Cc}, {"Bcc", fts.Bcc}} {
		p.field(kind.name, persons(p.recipients(kind.of)))
	}
}

func (p *page) recipients(kind fts.RecipientKind) []fts.Person {
	var all []fts.Person
	for i := range p.m.Recipients {
		if r := &p.m.Recipients[i]; r.Kind() == kind {
			all = append(all, r.Person())
		}
	}
	return all
}

// person is a name with its address.
func person(p fts.Person) string {
	switch {
	case p.Address == "":
		return p.Name
	case p.Name == "" || strings.EqualFold(p.Name, p.Address):
		return p.Address
	}
	return p.Name + " <" + p.Address + ">"
}

func persons(all []fts.Person) string {
	texts := make([]string, 0, len(all))
	for _, p := range all {
		if text := person(p); text != "" {
			texts = append(texts, text)
		}
	}
	return strings.Join(texts, "; ")
}

func (p *page) dates() {
	c := &p.about.Catalogue
	class := strings.ToUpper(p.m.Class())
	switch {
	case p.m.IsAppointment(), strings.HasPrefix(class, "IPM.CONTACT"), strings.HasPrefix(class, "IPM.DISTLIST"), strings.HasPrefix(class, "IPM.TASK"):
		return // they have dates of their own
	case !c.Sent.IsZero():
		p.field("Date", moment(c.Sent))
		if apart := c.Received.Sub(c.Sent); !c.Received.IsZero() && (apart > time.Minute || apart < -time.Minute) {
			p.field("Received", moment(c.Received))
		}
	case !c.Received.IsZero():
		p.field("Date", moment(c.Received))
	default:
		p.field("Created", moment(c.Created))
	}
}

// moment writes a time for people; nothing for none.
func moment(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02 15:04:05") + " UTC"
}

func day(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Format("2006-01-02")
}

// marks are what a mail program shows as signs beside a subject.
func (p *page) marks() {
	c := &p.about.Catalogue
	p.field("Importance", map[int32]string{0: "low", 2: "high"}[c.Importance])
	sensitivity := map[int32]string{1: "personal", 2: "private", 3: "confidential"}[c.Sensitivity]
	if sensitivity == "" && c.Private {
		sensitivity = "private"
	}
	p.field("Sensitivity", sensitivity)
	var flags []string
	class := strings.ToUpper(p.m.Class())
	if mail := strings.HasPrefix(class, "IPM.NOTE") || strings.HasPrefix(class, "IPM.SCHEDULE") || strings.HasPrefix(class, "REPORT."); mail {
		read := c.Flags&fts.FlagRead != 0
		if p.about.Read != nil {
			read = *p.about.Read
		}
		if !read {
			flags = append(flags, "unread")
		}
	}
	if c.Flags&fts.FlagUnsent != 0 && strings.HasPrefix(class, "IPM.NOTE") {
		flags = append(flags, "draft")
	}
	if c.Flags&fts.FlagAssociated != 0 {
		flags = append(flags, "associated")
	}
	switch {
	case c.FlagStatus == 1:
		flags = append(flags, "flag completed")
	case c.FlagStatus == 2 && c.FlagRequest != "":
		flags = append(flags, "flagged: "+c.FlagRequest)
	case c.FlagStatus == 2:
		flags = append(flags, "flagged")
	}
	p.field("Flags", strings.Join(flags, ", "))
	p.field("Reminder", moment(c.Reminder))
	p.field("Categories", strings.Join(p.m.Categories(), ", "))
}

// place tells where the item is.
func (p *page) place() {
	p.field("Mailbox", p.about.Mailbox)
	p.field("Folder", p.about.Folder)
	p.field("Class", p.m.Class())
	p.field("Id", p.about.ID)
	if p.about.Deleted {
		p.field("State", "deleted at the source since it was exported")
	}
	p.field("Problem", p.about.Problem)
}

// body writes the text, after an empty line.
func (p *page) body() error {
	r, err := p.m.Text()
	if err != nil {
		return fmt.Errorf("read the text of the item: %w", err)
	}
	if r == nil {
		return nil
	}
	if err := p.w.WriteByte('\n'); err != nil {
		return err
	}
	end := &lastByte{w: p.w, last: '\n'}
	text := terminal.NewWriter(end, terminal.Lines)
	if _, err := io.Copy(text, r); err != nil {
		return fmt.Errorf("read the text of the item: %w", err)
	}
	if err := text.Close(); err != nil {
		return err
	}
	if end.last != '\n' {
		return p.w.WriteByte('\n')
	}
	return nil
}

// lastByte remembers how what was written ends.
type lastByte struct {
	w    io.Writer
	last byte
}

func (l *lastByte) Write(b []byte) (int, error) {
	if len(b) > 0 {
		l.last = b[len(b)-1]
	}
	return l.w.Write(b)
}
