package sample

import (
	"encoding/binary"
	"fmt"
	"time"

	"mailferry/ews/ewstest/mailbox/tree"
	"mailferry/fts"
)

// event makes a calendar item.
func (g *generator) event(class, subject string, start time.Time, length time.Duration) *fts.Message {
	end := start.Add(length)
	apt := func(lid uint32, v any) fts.Prop { return tree.LID(fts.PSETIDAppointment, lid, v) }
	common := func(lid uint32, v any) fts.Prop { return tree.LID(fts.PSETIDCommon, lid, v) }
	id := g.objectID()
	m := &fts.Message{Props: append(from(g.owner, true),
		p(0x001A, class), p(0x0037, subject), p(0x003D, ""), p(0x0E1D, subject), p(0x0070, subject), p(0x0071, g.conversationIndex()),
		p(0x0017, 1), p(0x0036, 0), p(0x0E07, 1), p(0x0060, start), p(0x0061, end), p(0x0062, g.IntN(1<<30)), p(0x0063, true),
		p(0x1000, "Agenda:\r\n1. Welcome\r\n2. Anything else"), p(0x3FDE, 65001), p(0x3FFD, 1252),
		apt(0x820D, start), apt(0x820E, end), apt(0x8213, int(length/time.Minute)), apt(0x8208, pick(g, []string{"Room 4", "Salle Été", "会議室", ""})),
		apt(0x8205, pick(g, []int{0, 1, 2, 3})), apt(0x8215, false), apt(0x8217, 0), apt(0x8218, 0), apt(0x8223, false),
		apt(0x8201, 0), apt(0x825E, berlinDefinition), apt(0x825F, berlinDefinition),
		common(0x8501, 15), common(0x8502, start), common(0x8503, true), common(0x8560, start.Add(-15*time.Minute)),
		common(0x8506, false), common(0x8510, 369), common(0x8514, false), common(0x8516, start), common(0x8517, end),
		tree.LID(fts.PSETIDMeeting, 0x03, id), tree.LID(fts.PSETIDMeeting, 0x23, id),
	)}
	if g.IntN(3) == 0 {
		m.Props = append(m.Props, categories("Blue category"))
	}
	return m
}

// objectID is a global object id ([MS-OXOCAL] 2.2.1.27).
func (g *generator) objectID() []byte {
	b := []byte{4, 0, 0, 0, 0x82, 0, 0xE0, 0, 0x74, 0xC5, 0xB7, 0x10, 0x1A, 0x82, 0xE0, 0x08, 0, 0, 0, 0}
	b = binary.LittleEndian.AppendUint64(b, uint64(fts.FileTimeOf(g.clock)))
	b = append(b, make([]byte, 8)...)
	b = binary.LittleEndian.AppendUint32(b, 16)
	return append(b, g.bytes(16)...)
}

func (g *generator) calendar() *tree.Folder {
	if g.IntN(4) == 0 {
		return g.root.WellKnown("calendar").Sub("Team calendar", "IPF.Appointment")
	}
	return g.root.WellKnown("calendar")
}

// day returns midnight UTC of a day near the clock.
func (g *generator) day() time.Time { return g.clock.Truncate(24*time.Hour).AddDate(0, 0, g.IntN(60)) }

func (g *generator) appointment() {
	start := g.day().Add(time.Duration(7+g.IntN(9)) * time.Hour)
	g.put(g.calendar(), g.event("IPM.Appointment", fmt.Sprintf("Appointment %d", g.number), start, 45*time.Minute))
}

func (g *generator) allDay() {
	// Midnight in Berlin in winter is 23:00 UTC of the day before.
	start := time.Date(2025, 12, 1+g.IntN(20), 23, 0, 0, 0, time.UTC)
	m := g.event("IPM.Appointment", fmt.Sprintf("Day off %d", g.number), start, 48*time.Hour)
	set(m, tree.LID(fts.PSETIDAppointment, 0x8215, true))
	g.put(g.calendar(), m)
}

// set replaces a named property.
func set(m *fts.Message, n fts.Prop) {
	for i := range m.Props {
		if m.Props[i].Name != nil && *m.Props[i].Name == *n.Name {
			m.Props[i] = n
			return
		}
	}
	m.Props = append(m.Props, n)
}

// attendees makes a meeting of an event.
func (g *generator) attendees(m *fts.Message) {
	set(m, tree.LID(fts.PSETIDAppointment, 0x8217, 1))
	set(m, tree.LID(fts.PSETIDAppointment, 0x8218, 1))
	set(m, tree.LID(fts.PSETIDAppointment, 0x8229, true))
	organizer := recipient(g.owner, 1, true)
	organizer.Props.Set(fts.MakeTag(0x5FFD, fts.Integer32), int32(3))
	organizer.Props.Set(fts.MakeTag(0x5FFF, fts.Integer32), int32(1))
	m.Recipients = []fts.Recipient{organizer}
	for i := range 1 + g.IntN(4) {
		r := recipient(g.someone(), 1+i%3, i%2 == 0) // required, optional, resource
		r.Props.Set(fts.MakeTag(0x5FFF, fts.Integer32), int32(2+i%4))
		r.Props = append(r.Props, p(0x5FFB, g.clock))
		m.Recipients = append(m.Recipients, r)
	}
}

// series is a recurring appointment without exceptions.
func (g *generator) series() {
	start := g.day().Add(9 * time.Hour)
	m := g.event("IPM.Appointment", fmt.Sprintf("Stand-up %d", g.number), start, 30*time.Minute)
	r := recurrence{frequency: daily, start: start, length: 30 * time.Minute, period: 1, count: 20}
	if g.round%2 == 0 {
		r = recurrence{frequency: monthly, start: start, length: 30 * time.Minute, period: 1}
	}
	g.recur(m, r)
	g.put(g.calendar(), m)
}

// meetingSeries is a weekly meeting with a cancelled, a moved and a renamed day.
func (g *generator) meetingSeries() {
	start := g.day().Add(13 * time.Hour)
	m := g.event("IPM.Appointment", fmt.Sprintf("Jour fixe %d", g.number), start, time.Hour)
	g.attendees(m)
	week := func(n int) time.Time { return start.AddDate(0, 0, 7*n) }
	r := recurrence{
		frequency: weekly, start: start, length: time.Hour, period: 1, count: 26,
		deleted: []time.Time{week(2)},
		changed: []exception{
			{original: week(3), start: week(3).Add(24 * time.Hour), end: week(3).Add(26 * time.Hour)},
			{original: week(5), start: week(5), end: week(5).Add(time.Hour), subject: "Jour fixe: Sondertermin Ω", location: "Kantine"},
		},
	}
	g.recur(m, r)
	for _, e := range r.changed {
		subject := e.subject
		if subject == "" {
			subject = m.Props.String(0x0037)
		}
		inner := g.event("IPM.OLE.CLASS.{00061055-0000-0000-C000-000000000046}", subject, e.start, e.end.Sub(e.start))
		inner.Props = append(inner.Props, tree.LID(fts.PSETIDAppointment, 0x8228, e.original), tree.LID(fts.PSETIDMeeting, 0x0A, true))
		inner.Recipients = m.Recipients
		a := g.embed(inner)
		a.Props = append(a.Props, p(0x7FFB, e.start), p(0x7FFC, e.end), p(0x7FFD, 2), p(0x7FFE, true), p(0x7FFA, 0), p(0x3714, 0))
		m.Attachments = append(m.Attachments, a)
	}
	g.put(g.calendar(), m)
}

func (g *generator) recur(m *fts.Message, r recurrence) {
	apt := func(lid uint32, v any) { set(m, tree.LID(fts.PSETIDAppointment, lid, v)) }
	apt(0x8223, true)
	apt(0x8231, int(r.frequency)-daily+1)
	apt(0x8232, r.text())
	apt(0x8216, r.bytes())
	apt(0x8235, r.start.Truncate(24*time.Hour))
	apt(0x8236, r.last().Truncate(24*time.Hour))
	apt(0x8233, berlinStruct)
	apt(0x8234, "(UTC+01:00) Amsterdam, Berlin, Bern, Rome, Stockholm, Vienna")
	apt(0x8260, berlinDefinition)
	set(m, tree.LID(fts.PSETIDMeeting, 0x05, true))
}

// meetingRequest is an invitation in the Inbox.
func (g *generator) meetingRequest() {
	w := g.someone()
	m := g.event("IPM.Schedule.Meeting.Request", fmt.Sprintf("Invitation %d", g.number), g.day().Add(10*time.Hour), time.Hour)
	for _, prop := range from(w, false) {
		m.Props.Set(prop.Tag, prop.Value)
	}
	m.Props = append(m.Props, p(0x0039, g.clock.Add(-time.Minute)), p(0x0E06, g.clock), p(0x1035, fmt.Sprintf("<invite.%d@%s>", g.number, domain)),
		tree.LID(fts.PSETIDMeeting, 0x26, 1), tree.LID(fts.PSETIDMeeting, 0x02, "Room 4"), tree.LID(fts.PSETIDMeeting, 0x1A, g.clock))
	m.Recipients = []fts.Recipient{recipient(g.owner, 1, true)}
	g.put(g.root.WellKnown("inbox"), m)
}
