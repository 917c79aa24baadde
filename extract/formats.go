package extract

import (
	"io"
	"strings"

	"mailferry/extract/eml"
	"mailferry/extract/ics"
	"mailferry/extract/jsonitem"
	"mailferry/extract/vcf"
	"mailferry/fts"
	"mailferry/internal/selection"
	"mailferry/store"
)

// Writer writes an item in a format. After an error, what it wrote is of no use.
type Writer func(w io.Writer, it *fts.Item) error

// Format is a way to write items.
type Format struct {
	Name  string
	Ext   string   // of its files
	About string   // for people
	Write Writer   // nil: of the two that are no rendering of an item in one file
	Only  []string // globs of the message classes that it holds; none: all
	Not   []string // globs of those that it does not hold
}

// The formats that are not one rendering an item.
const (
	blobFormat        = "fts"
	attachmentsFormat = "attachments"
)

// Formats are all formats there are.
var Formats = []Format{
	{Name: "eml", Ext: ".eml", Write: eml.Write, About: "mail, as any mail program opens it", Not: []string{
		"IPM.Appointment", "IPM.Appointment.*", "IPM.Contact", "IPM.Contact.*", "IPM.DistList", "IPM.DistList.*",
		"IPM.Task", "IPM.Task.*", "IPM.Activity", "IPM.Activity.*",
	}},
	{Name: "vcf", Ext: ".vcf", Write: vcf.Write, About: "contacts and distribution lists as vCards, for address books", Only: []string{
		"IPM.Contact", "IPM.Contact.*", "IPM.DistList", "IPM.DistList.*",
	}},
	{Name: "ics", Ext: ".ics", Write: ics.Write, About: "appointments, meetings and tasks as iCalendar, for calendars", Only: []string{
		"IPM.Appointment", "IPM.Appointment.*", "IPM.Schedule.Meeting.*", "IPM.Task", "IPM.Task.*",
	}},
	{Name: "json", Ext: ".json", Write: jsonitem.Write, About: "every property of every item"},
	{Name: blobFormat, Ext: ".fts", About: "the blob itself, as the server gave it"},
	{Name: attachmentsFormat, About: "the attachments alone, in a folder for each item"},
}

// FormatOf returns the format of a name.
func FormatOf(name string) (Format, bool) {
	for _, f := range Formats {
		if f.Name == name {
			return f, true
		}
	}
	return Format{}, false
}

// Names lists the names of the formats.
func Names() []string {
	names := make([]string, 0, len(Formats))
	for _, f := range Formats {
		names = append(names, f.Name)
	}
	return names
}

// holds says whether the format has a place for items of a message class.
func (f Format) holds(class string) bool {
	matches := func(globs []string) bool {
		for _, glob := range globs {
			if selection.MatchText(glob, class) {
				return true
			}
		}
		return false
	}
	return (len(f.Only) == 0 || matches(f.Only)) && !matches(f.Not)
}

// unfit says why an item can't be written in the format; empty: it can.
func (f Format) unfit(it *store.Item) string {
	if f.Name == attachmentsFormat && !it.Catalogue.HasAttachments {
		return "it has no attachment"
	}
	class := it.Catalogue.Class
	if f.holds(class) {
		return ""
	}
	reason := f.Name + " has no place for items of class " + class
	var better []string
	for _, other := range Formats {
		if len(other.Only) > 0 && other.holds(class) {
			better = append(better, "--format "+other.Name)
		}
	}
	if len(better) > 0 {
		reason += ": use " + strings.Join(better, " or ")
	}
	return reason
}
