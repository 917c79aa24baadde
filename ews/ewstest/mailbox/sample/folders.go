package sample

import (
	"fmt"
	"strings"

	"mailferry/ews/ewstest/mailbox/tree"
)

// oddNames are names that are hard on paths, lists and file systems.
var oddNames = []string{
	`Clients/Suppliers`, `back\slash`, "ends with a space ", "Ünïcödé – Ordner", "أرشيف", "アーカイブ 2024", "📦 Boxes",
	"CON", "..", "a*b?c<d>|e\"f:g", "#inbox", "Inbox", "comma, semicolon; 'quote'", "tab\there", "100% done & <more>", ".hidden",
	strings.Repeat("very long name ", 16) + "end",
}

// folders makes the folders that do not depend on items.
func (g *generator) folders(many int) {
	for _, name := range oddNames {
		// Below a folder of its own, so that one may be named as a well-known one.
		g.odd = append(g.odd, g.root.Sub("Odd names", "IPF.Note").Sub(name, "IPF.Note"))
	}
	deep := g.root.Sub("Deep", "IPF.Note")
	for i := range 30 {
		deep = deep.Sub(fmt.Sprintf("Level %d", i+1), "IPF.Note")
	}
	g.odd = append(g.odd, deep)
	g.root.Sub("Empty", "IPF.Note").Sub("Empty too", "IPF.Note")
	classes := g.root.Sub("Classes", "IPF.Note")
	for _, class := range []string{
		"IPF.Appointment", "IPF.Appointment.Birthday", "IPF.Contact", "IPF.Task", "IPF.StickyNote", "IPF.Journal",
		"IPF.Note.OutlookHomepage", "IPF.Files", "IPF.Custom.Example", "",
	} {
		name := "Class " + class
		if class == "" {
			name = "No class"
		}
		classes.Sub(name, class)
	}
	projects := g.root.Sub("Projects", "IPF.Note")
	projects.Sub("Alpha", "IPF.Note")
	projects.Sub("Beta", "IPF.Note").Sub("Inbox", "IPF.Note")
	g.root.WellKnown("inbox").Sub("Lists", "IPF.Note")
	g.root.WellKnown("calendar").Sub("Team calendar", "IPF.Appointment")
	for i := range many {
		if i%50 == 0 {
			g.many = append(g.many, g.root.Sub("Many", "IPF.Note").Sub(fmt.Sprintf("Shelf %02d", i/50), "IPF.Note"))
			continue
		}
		shelf := g.root.Sub("Many", "IPF.Note").Sub(fmt.Sprintf("Shelf %02d", i/50), "IPF.Note")
		f := &tree.Folder{Name: fmt.Sprintf("Folder %04d", i), Class: "IPF.Note"}
		shelf.Folders = append(shelf.Folders, f)
		if i%4 == 1 {
			g.many = append(g.many, f)
		}
	}
}

// mailFolder returns a folder that takes mail.
func (g *generator) mailFolder() *tree.Folder {
	if n := len(g.many); n > 0 && g.number%2 == 1 {
		return g.many[g.number/2%n]
	}
	switch g.IntN(6) {
	case 0:
		return g.root.Sub("Projects", "IPF.Note").Sub("Alpha", "IPF.Note")
	case 1:
		return g.root.Sub("Projects", "IPF.Note").Sub("Beta", "IPF.Note").Sub("Inbox", "IPF.Note")
	case 2:
		return pick(g, g.odd)
	case 3:
		return g.root.WellKnown("inbox").Sub("Lists", "IPF.Note")
	}
	return g.root.WellKnown("inbox")
}
