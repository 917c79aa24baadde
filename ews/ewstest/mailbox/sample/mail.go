package sample

import (
	"encoding/binary"
	"fmt"
	"strings"
	"time"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"

	"mailferry/ews/ewstest/mailbox/tree"
	"mailferry/fts"
)

// mail makes a received mail without a body when body is "".
func (g *generator) mail(subject, body string) *fts.Message {
	w := g.someone()
	sent := g.clock.Add(-time.Duration(1+g.IntN(50)) * time.Second).Truncate(time.Second)
	exchange := g.IntN(3) == 0
	flags := g.IntN(2) | 0x2000 // read or not, from the Internet
	m := &fts.Message{Props: append(from(w, exchange),
		p(0x001A, "IPM.Note"), p(0x0037, subject), p(0x003D, prefix(subject)), p(0x0E1D, strings.TrimPrefix(subject, prefix(subject))),
		p(0x0070, strings.TrimPrefix(subject, prefix(subject))), p(0x0071, g.conversationIndex()), p(0x3016, true),
		p(0x0017, []int{1, 1, 1, 0, 2}[g.IntN(5)]), p(0x0026, 0), p(0x0036, []int{0, 0, 0, 1, 2, 3}[g.IntN(6)]),
		p(0x0023, false), p(0x0029, g.IntN(8) == 0),
		p(0x0039, sent), p(0x0E06, g.clock), p(0x0E07, flags), p(0x0E17, 0),
		p(0x1035, fmt.Sprintf("<%x.%d@%s>", g.Uint64(), g.number, domain)),
		p(0x3FF1, []int{1033, 1031, 1049, 1041}[g.IntN(4)]), p(0x3FFD, 1252), p(0x1080, -1),
		p(0x3FF8, w.name), p(0x3FFA, w.name),
	)}
	if body != "" {
		m.Props = append(m.Props, p(0x1000, body), p(0x1016, 1), p(0x3FDE, 65001))
	}
	m.Props = append(m.Props, p(0x007D, headers(m, w, g.owner)))
	m.Recipients = []fts.Recipient{recipient(g.owner, 1, exchange)}
	if g.IntN(2) == 0 {
		m.Recipients = append(m.Recipients, recipient(g.someone(), 2, false))
	}
	if g.IntN(3) == 0 {
		m.Props = append(m.Props, categories("Red category", "Projekt Ä"), tree.Text(fts.PSInternetHeaders, "x-mailer", "Sample Mailer 1.0"))
	}
	return m
}

func categories(names ...string) fts.Prop { return tree.Text(fts.PSPublicStrings, "Keywords", names) }

func prefix(subject string) string {
	for _, p := range []string{"RE: ", "FW: ", "AW: "} {
		if strings.HasPrefix(subject, p) {
			return p
		}
	}
	return ""
}

// html sets an HTML body in a code page.
func html(m *fts.Message, text string, page int, e encoding.Encoding) {
	raw := []byte(text)
	if e != nil {
		if b, err := encoding.ReplaceUnsupported(e.NewEncoder()).Bytes(raw); err == nil {
			raw = b
		}
	}
	m.Props = append(m.Props, p(0x1013, raw), p(0x1016, 3), p(0x3FDE, page))
}

func page(body string) string {
	return "<html><head><meta http-equiv=\"Content-Type\" content=\"text/html; charset=utf-8\"></head><body>" + body + "</body></html>"
}

func (g *generator) plainMail() {
	g.put(g.mailFolder(), g.mail(fmt.Sprintf("Plain text %d", g.number), "Hello,\r\n\r\nthis is plain text.\r\n\r\n-- \r\nA sender"))
}

func (g *generator) htmlMail() {
	m := g.mail(fmt.Sprintf("Newsletter %d", g.number), "")
	html(m, page(strings.Repeat("<p>Paragraph of a newsletter, &copy; Example.</p>\r\n", 1+g.IntN(200))), 65001, nil)
	g.put(g.mailFolder(), m)
}

func (g *generator) scriptMail() {
	t := texts[g.number%len(texts)]
	m := g.mail(t.subject, t.body)
	if g.IntN(2) == 0 {
		m = g.mail(t.subject, "")
		html(m, page(`<p dir="auto">`+t.body+"</p>"), 65001, nil)
	}
	g.put(g.mailFolder(), m)
}

// codePageMail has its HTML in a legacy code page.
func (g *generator) codePageMail() {
	type legacy struct {
		text int
		page int
		e    encoding.Encoding
	}
	l := pick(g, []legacy{{0, 1251, charmap.Windows1251}, {3, 932, japanese.ShiftJIS}, {3, 50220, japanese.ISO2022JP}, {9, 1252, charmap.Windows1252}})
	m := g.mail(texts[l.text].subject, "")
	html(m, "<html><body>"+texts[l.text].body+"</body></html>", l.page, l.e)
	g.put(g.mailFolder(), m)
}

// rtfMail has a body in the container of [MS-OXRTFCP], uncompressed.
func (g *generator) rtfMail() {
	m := g.mail(fmt.Sprintf("Rich text %d", g.number), "")
	rtf := "{\\rtf1\\ansi\\ansicpg1252\\deff0{\\fonttbl{\\f0 Calibri;}}\\f0\\fs22 Rich {\\b text} with \\u1046? and \\'fc.\\par\r\n" +
		strings.Repeat("Another line.\\par\r\n", g.IntN(300)) + "}"
	b := binary.LittleEndian.AppendUint32(nil, uint32(len(rtf)+12))
	b = binary.LittleEndian.AppendUint32(b, uint32(len(rtf)))
	b = append(b, "MELA\x00\x00\x00\x00"...)
	m.Props = append(m.Props, p(0x1009, append(b, rtf...)), p(0x1016, 2), p(0x0E1F, true), p(0x3FDE, 1252))
	g.put(g.mailFolder(), m)
}

// thread is a conversation that grows.
type thread struct {
	topic, references, last string
	index                   []byte
	left                    int
}

func (g *generator) conversationIndex() []byte {
	b := []byte{1}
	var t [8]byte
	binary.BigEndian.PutUint64(t[:], uint64(fts.FileTimeOf(g.clock)))
	b = append(b, t[:5]...)
	return append(b, g.bytes(16)...)
}

func (g *generator) threadMail() {
	if g.thread == nil || g.thread.left == 0 {
		g.thread = &thread{topic: fmt.Sprintf("Budget %d: what about the printers?", g.number), index: g.conversationIndex(), left: 40}
	}
	t := g.thread
	subject := t.topic
	if t.last != "" {
		subject = pick(g, []string{"RE: ", "RE: ", "AW: ", "FW: "}) + subject
		t.index = append(t.index[:len(t.index):len(t.index)], g.bytes(5)...)
	}
	m := g.mail(subject, "I agree.\r\n\r\n> what was said before\r\n")
	m.Props.Set(fts.MakeTag(0x0071, fts.Binary), t.index)
	if t.last != "" {
		t.references = strings.TrimSpace(t.references + " " + t.last)
		m.Props = append(m.Props, p(0x1042, t.last), p(0x1039, t.references), p(0x1081, 102), p(0x1082, g.clock))
	}
	t.last = m.Props.String(0x1035)
	t.left--
	f := g.root.WellKnown("inbox")
	if t.left%3 == 0 {
		f = g.root.WellKnown("sentitems")
		m.Props.Set(fts.MakeTag(0x0E07, fts.Integer32), int32(0x21))
	}
	g.put(f, m)
}

func (g *generator) sentMail() {
	m := g.mail(fmt.Sprintf("Sent %d", g.number), "On its way.")
	for _, prop := range from(g.owner, true) {
		m.Props.Set(prop.Tag, prop.Value)
	}
	m.Props.Set(fts.MakeTag(0x0E07, fts.Integer32), int32(0x25))
	m.Recipients = []fts.Recipient{recipient(g.someone(), 1, false), recipient(g.someone(), 2, true), recipient(g.someone(), 3, false)}
	g.put(g.root.WellKnown("sentitems"), m)
}

// draft has never been sent: no sender, no times of delivery.
func (g *generator) draft() {
	m := &fts.Message{Props: fts.Props{
		p(0x001A, "IPM.Note"), p(0x0037, fmt.Sprintf("Draft %d", g.number)), p(0x003D, ""), p(0x0017, 1), p(0x0E07, 0x8|0x1|0x20),
		p(0x1000, "Not yet fin"), p(0x3FDE, 65001), p(0x1035, fmt.Sprintf("<draft.%d@%s>", g.number, domain)),
	}, Recipients: []fts.Recipient{recipient(g.someone(), 1, false)}}
	g.put(g.root.WellKnown("drafts"), m)
}

// emptyMail has no subject, no body, no recipient.
func (g *generator) emptyMail() {
	m := g.mail("", "")
	m.Recipients = nil
	g.put(g.root.WellKnown("inbox"), m)
}

func (g *generator) junk() {
	// What is in Deleted Items is a normal item too.
	role := []string{"junkemail", "deleteditems"}[g.round%2]
	g.put(g.root.WellKnown(role), g.mail("You have WON!!! €1.000.000", "Dear friend, click https://example.invalid/win"))
}

func (g *generator) flaggedMail() {
	m := g.mail(fmt.Sprintf("Please follow up %d", g.number), "By Friday.")
	m.Props = append(m.Props,
		p(0x1090, 2), p(0x1095, 6), p(0x0E2B, 1),
		tree.LID(fts.PSETIDCommon, 0x8530, "Follow up"), tree.LID(fts.PSETIDCommon, 0x8503, true),
		tree.LID(fts.PSETIDCommon, 0x8502, g.clock.Add(48*time.Hour)), tree.LID(fts.PSETIDCommon, 0x8560, g.clock.Add(47*time.Hour)),
		tree.LID(fts.PSETIDCommon, 0x85A0, g.clock), tree.LID(fts.PSETIDCommon, 0x85A1, "5555555"),
		tree.LID(fts.PSETIDCommon, 0x85A4, "Please follow up"),
		tree.LID(fts.PSETIDTask, 0x8105, g.clock.Add(72*time.Hour)),
	)
	g.put(g.root.WellKnown("inbox"), m)
}

func (g *generator) manyRecipients() {
	m := g.mail(fmt.Sprintf("All hands %d", g.number), "Hello everybody.")
	for i := range 120 {
		m.Recipients = append(m.Recipients, recipient(person{fmt.Sprintf("Person %d", i), fmt.Sprintf("person%03d@example.com", i)}, 1+i%2, i%3 == 0))
	}
	g.put(g.root.WellKnown("inbox"), m)
}

// customMail has a class of its own and a property of each type.
func (g *generator) customMail() {
	m := g.mail(fmt.Sprintf("Form %d", g.number), "A form with fields of its own.")
	m.Props.Set(fts.MakeTag(0x001A, fts.StringUpload), "IPM.Note.Example.Form.1")
	custom := fts.GUID{0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99, 0xAA, 0xBB, 0xCC, 0xDD, 0xEE, 0xFF, 0x01}
	for i, v := range []any{
		int16(-2), int32(-3), int64(1) << 60, float32(1.5), 2.5, fts.Currency(123456), fts.FloatingTime(45000.25), true, "text Ω",
		g.clock, custom,
		[]byte{},
		[]int32{1, -1},
		[]int64{1 << 40},
		[]string{"", "two", "три"},
		[][]byte{{1}, {}, {2, 3}},
		[]fts.FileTime{fts.FileTimeOf(g.clock)},
	} {
		m.Props = append(m.Props, tree.Text(custom, fmt.Sprintf("Field %d – Ä", i), v), tree.LID(custom, uint32(0x9000+i), v))
	}
	g.put(g.mailFolder(), m)
}
