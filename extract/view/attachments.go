package view

import (
	"cmp"
	"fmt"
	"strings"

	"mailferry/fts"
)

// idSubmitTime is PidTagClientSubmitTime.
const idSubmitTime = 0x0039

// attachments lists what is attached, the changed occurrences of a series and
// what mail programs hide as well: nothing of an item should go unnoticed.
func (p *page) attachments() {
	var lines []string
	for i := range p.m.Attachments {
		lines = append(lines, attachment(&p.m.Attachments[i], i+1))
	}
	p.list("Attachments", lines)
}

// attachment is a line about one: its name, type and size.
func attachment(a *fts.Attachment, n int) string {
	parts := []string{fmt.Sprintf("%d.", n), cmp.Or(a.Name(), "(no name)")}
	if m := a.Embedded; m != nil {
		what := "message"
		if a.Exception() {
			what = "changed occurrence"
		}
		about := []string{cmp.Or(m.Subject(), "(no subject)")}
		if from := person(m.From()); from != "" {
			about = append(about, "from "+from)
		}
		if at := moment(m.Props.Time(idSubmitTime)); at != "" {
			about = append(about, at)
		}
		return strings.Join(append(parts, what+":", strings.Join(about, ", ")), "  ")
	}
	if a.Mime() != "" {
		parts = append(parts, a.Mime())
	}
	switch data, has := a.Data(); {
	case has:
		parts = append(parts, bytesText(data.Size()))
	case a.Path() != "":
		parts = append(parts, "a link to "+a.Path())
	default:
		parts = append(parts, "empty")
	}
	if a.Hidden() {
		parts = append(parts, "(hidden)")
	}
	return strings.Join(parts, "  ")
}

// bytesText writes an amount of bytes in units of 1000.
func bytesText(n int64) string {
	if n < 1000 {
		return fmt.Sprintf("%d B", n)
	}
	value, unit := float64(n)/1000, 0
	const units = "kMGT"
	for value >= 999.95 && unit < len(units)-1 {
		value, unit = value/1000, unit+1
	}
	return fmt.Sprintf("%.1f %cB", value, units[unit])
}
