package sample

import (
	"fmt"
	"time"

	"mailferry/ews/ewstest/mailbox/tree"
	"mailferry/fts"
)

func (g *generator) contact() {
	w := g.someone()
	name := fmt.Sprintf("%s %d", w.name, g.number)
	adr := func(lid uint32, v any) fts.Prop { return tree.LID(fts.PSETIDAddress, lid, v) }
	m := &fts.Message{Props: fts.Props{
		p(0x001A, "IPM.Contact"), p(0x0037, name), p(0x0E1D, name), p(0x3001, name), p(0x0E07, 1),
		p(0x3A06, w.name), p(0x3A11, fmt.Sprintf("Number %d", g.number)), p(0x3A44, "M."), p(0x3A45, "Dr."), p(0x3A05, "Jr."), p(0x3A4F, "Nick"),
		p(0x3A16, pick(g, []string{"Example GmbH", "サンプル株式会社", "Exemple SARL"})), p(0x3A17, "Manager"), p(0x3A18, "Sales"), p(0x3A19, "B 2.11"),
		p(0x3A08, "+49 30 5550100"), p(0x3A09, "+49 30 5550101"), p(0x3A1C, "+49 170 5550102"), p(0x3A24, "+49 30 5550199"),
		p(0x3A42, time.Date(1970, 2, 28, 23, 0, 0, 0, time.UTC)), p(0x3A51, "https://www.example.com/"),
		adr(0x8005, name), adr(0x8080, w.name), adr(0x8082, "SMTP"), adr(0x8083, w.address), adr(0x8084, w.address), adr(0x8085, entryID(w)),
		adr(0x8062, "im:"+w.address), adr(0x801B, "Example Street 1\r\n10115 Berlin\r\nGermany"), adr(0x8045, "Example Street 1"),
		adr(0x8046, "Berlin"), adr(0x8048, "10115"), adr(0x8049, "Germany"), adr(0x8015, g.round%2 == 0),
		p(0x1000, "Notes about this contact."), p(0x3FDE, 65001),
	}}
	if g.round%2 == 0 {
		photo := g.attachment("ContactPicture.jpg", "image/jpeg", append([]byte("\xFF\xD8\xFF\xE0"), g.bytes(1500)...))
		photo.Props = append(photo.Props, p(0x7FFF, true))
		m.Attachments = []fts.Attachment{photo}
	}
	g.put(g.root.WellKnown("contacts"), m)
}

func (g *generator) distributionList() {
	name := fmt.Sprintf("Team %d", g.number)
	var members [][]byte
	for range 3 + g.IntN(6) {
		members = append(members, entryID(g.someone()))
	}
	m := &fts.Message{Props: fts.Props{
		p(0x001A, "IPM.DistList"), p(0x0037, name), p(0x3001, name), p(0x0E07, 1),
		tree.LID(fts.PSETIDAddress, 0x8053, name), tree.LID(fts.PSETIDAddress, 0x8055, members),
		tree.LID(fts.PSETIDAddress, 0x8054, members), tree.LID(fts.PSETIDAddress, 0x8005, name),
	}}
	g.put(g.root.WellKnown("contacts"), m)
}

func (g *generator) task() {
	subject := fmt.Sprintf("Task %d: Steuererklärung", g.number)
	task := func(lid uint32, v any) fts.Prop { return tree.LID(fts.PSETIDTask, lid, v) }
	done := g.IntN(2) == 0
	m := &fts.Message{Props: fts.Props{
		p(0x001A, "IPM.Task"), p(0x0037, subject), p(0x0E1D, subject), p(0x0E07, 1), p(0x0017, 2), p(0x1000, "Do it."), p(0x3FDE, 65001),
		task(0x8101, map[bool]int{true: 2, false: 1}[done]), task(0x8102, map[bool]float64{true: 1, false: 0.25}[done]), task(0x811C, done),
		task(0x8104, g.day()), task(0x8105, g.day().AddDate(0, 0, 14)), task(0x811F, g.owner.name), task(0x8110, 30), task(0x8111, 120),
		task(0x8126, false), tree.LID(fts.PSETIDCommon, 0x8503, true), tree.LID(fts.PSETIDCommon, 0x8502, g.day()),
		tree.LID(fts.PSETIDCommon, 0x8539, []string{"Example GmbH"}), categories("Green category"),
	}}
	if done {
		m.Props = append(m.Props, task(0x810F, g.clock))
	}
	g.put(g.root.WellKnown("tasks"), m)
}

func (g *generator) note() {
	text := fmt.Sprintf("Sticky note %d\r\nbuy milk 🥛", g.number)
	note := func(lid uint32, v int) fts.Prop { return tree.LID(fts.PSETIDNote, lid, v) }
	g.put(g.root.WellKnown("notes"), &fts.Message{Props: fts.Props{
		p(0x001A, "IPM.StickyNote"), p(0x0037, fmt.Sprintf("Sticky note %d", g.number)), p(0x0E07, 1), p(0x1080, 0x303), p(0x1000, text), p(0x3FDE, 65001),
		note(0x8B00, g.IntN(5)), note(0x8B02, 200), note(0x8B03, 166), note(0x8B04, 80), note(0x8B05, 60),
	}})
}

func (g *generator) journal() {
	log := func(lid uint32, v any) fts.Prop { return tree.LID(fts.PSETIDLog, lid, v) }
	g.put(g.root.WellKnown("journal"), &fts.Message{Props: fts.Props{
		p(0x001A, "IPM.Activity"), p(0x0037, fmt.Sprintf("Call %d", g.number)), p(0x0E07, 1), p(0x1000, "Talked about prices."), p(0x3FDE, 65001),
		log(0x8700, "Phone call"), log(0x8712, "Phone call"), log(0x8706, g.clock), log(0x8707, 25), log(0x8708, g.clock.Add(25*time.Minute)),
	}})
}
