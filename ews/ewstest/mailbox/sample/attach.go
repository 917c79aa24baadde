package sample

import (
	"fmt"
	"strings"

	"mailferry/ews/ewstest/mailbox/tree"
	"mailferry/fts"
)

// attachment makes an attachment by value.
func (g *generator) attachment(name, mime string, data []byte) fts.Attachment {
	a := fts.Attachment{Props: fts.Props{
		p(0x3705, 1), p(0x3701, data), p(0x0E20, len(data)+120), p(0x370B, -1), p(0x3714, 0), p(0x7FFE, false),
		p(0x3007, g.clock), p(0x3008, g.clock), p(0x7FFD, 0),
	}}
	if name != "" {
		a.Props = append(a.Props, p(0x3707, name), p(0x3001, name))
		if dot := strings.LastIndexByte(name, '.'); dot >= 0 {
			a.Props = append(a.Props, p(0x3703, name[dot:]), p(0x3704, "FILE~1"+name[dot:]))
		}
	}
	if mime != "" {
		a.Props = append(a.Props, p(0x370E, mime))
	}
	return a
}

// png is the smallest image: one dot.
const png = "\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x06\x00\x00\x00\x1f\x15\xc4\x89\x00\x00\x00\rIDATx\x9cc\xf8\xcf\xc0\xf0\x1f\x00\x05\x00\x01\xff\x89\x99=\x1d\x00\x00\x00\x00IEND\xaeB`\x82"

// attachmentMail has attachments of many types, names and sizes.
func (g *generator) attachmentMail() {
	m := g.mail(fmt.Sprintf("Files %d", g.number), "See the files.")
	m.Attachments = []fts.Attachment{
		g.attachment("empty.txt", "text/plain", []byte{}),
		g.attachment("one.bin", "application/octet-stream", []byte{7}),
		g.attachment("report.pdf", "application/pdf", append([]byte("%PDF-1.4\n"), g.bytes(2000+g.IntN(20000))...)),
		g.attachment("Übersicht – 表.xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", append([]byte("PK\x03\x04"), g.bytes(5000)...)),
	}
	more := []fts.Attachment{
		g.attachment("", "", g.bytes(10)),
		g.attachment(`..\..\autoexec.bat`, "text/plain", []byte("rem")),
		g.attachment("a/b.txt", "text/plain", []byte("path")),
		g.attachment("CON", "text/plain", []byte("device")),
		g.attachment(strings.Repeat("long", 60)+".txt", "text/plain", []byte("long name")),
		g.attachment("same.txt", "text/plain", []byte("first")),
		g.attachment("same.txt", "text/plain", []byte("second")),
		g.attachment("calendar.ics", "text/calendar", []byte("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nEND:VCALENDAR\r\n")),
	}
	m.Attachments = append(m.Attachments, more[g.IntN(len(more)):]...)
	g.put(g.mailFolder(), m)
}

// bigMail has one large attachment.
func (g *generator) bigMail() {
	m := g.mail(fmt.Sprintf("Large file %d", g.number), "A large one.")
	m.Attachments = []fts.Attachment{g.attachment("video.mp4", "video/mp4", g.bytes(150_000+g.IntN(400_000)))}
	g.put(g.mailFolder(), m)
}

// inlineMail shows images inside its text.
func (g *generator) inlineMail() {
	m := g.mail(fmt.Sprintf("With images %d", g.number), "")
	html(m, page(`<p>Logo: <img src="cid:logo@example.com"> and <img src="cid:photo@example.com"></p>`), 65001, nil)
	for _, id := range []string{"logo@example.com", "photo@example.com"} {
		a := g.attachment("image001.png", "image/png", []byte(png))
		a.Props = append(a.Props, p(0x3712, id), p(0x3713, "image001.png"))
		a.Props.Set(fts.MakeTag(0x3714, fts.Integer32), int32(4))
		a.Props.Set(fts.MakeTag(0x7FFE, fts.Boolean), true)
		m.Attachments = append(m.Attachments, a)
	}
	m.Props = append(m.Props, tree.LID(fts.PSETIDCommon, 0x8514, true))
	g.put(g.mailFolder(), m)
}

// embed makes an attachment of a message.
func (g *generator) embed(inner *fts.Message) fts.Attachment {
	name := inner.Props.String(0x0037)
	return fts.Attachment{Embedded: inner, Props: fts.Props{
		p(0x3705, 5), p(0x3001, name), p(0x3707, name+".msg"), p(0x370E, "message/rfc822"), p(0x370B, -1),
		p(0x0E20, 4711), p(0x3007, g.clock), p(0x3008, g.clock),
	}}
}

// embeddedMail holds messages inside messages, up to four deep.
func (g *generator) embeddedMail() {
	m := g.mail("Innermost", "The core.")
	m.Attachments = []fts.Attachment{g.attachment("core.txt", "text/plain", []byte("core"))}
	for i := range 4 - g.round%4 {
		outer := g.mail(fmt.Sprintf("FW: forwarded %d times", i+1), "See below.")
		outer.Attachments = []fts.Attachment{g.embed(m), g.attachment("beside.txt", "text/plain", []byte("beside"))}
		m = outer
	}
	g.put(g.mailFolder(), m)
}

// oleMail holds an OLE object, as Outlook makes them in rich text.
func (g *generator) oleMail() {
	m := g.mail(fmt.Sprintf("Embedded sheet %d", g.number), "Double-click the sheet.")
	m.Attachments = []fts.Attachment{{Props: fts.Props{
		p(0x3705, 6), p(0x3701, fts.Object(append([]byte("\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1"), g.bytes(3000)...))),
		p(0x3709, g.bytes(200)), p(0x370A, []byte{0x2A, 0x86, 0x48, 0x86, 0xF7, 0x14, 3, 0x0A, 3, 2, 1}), p(0x370B, 17),
		p(0x3001, "Worksheet"), p(0x0E20, 3300),
	}}}
	g.put(g.mailFolder(), m)
}

// legacyMail has a linked file and a link in the cloud.
func (g *generator) legacyMail() {
	m := g.mail(fmt.Sprintf("Links %d", g.number), "See the share.")
	m.Attachments = []fts.Attachment{
		{Props: fts.Props{p(0x3705, 4), p(0x370D, `\\files.example.com\share\plan.docx`), p(0x3707, "plan.docx"), p(0x3001, "plan.docx")}},
		{Props: fts.Props{p(0x3705, 7), p(0x370D, "https://cloud.example.com/plan.docx"), p(0x3707, "plan.docx"), p(0x3001, "plan.docx")}},
	}
	g.put(g.mailFolder(), m)
}

// signedMail is S/MIME: one attachment that is the whole mail.
func (g *generator) signedMail() {
	m := g.mail(fmt.Sprintf("Signed %d", g.number), "")
	m.Props.Set(fts.MakeTag(0x001A, fts.StringUpload), "IPM.Note.SMIME.MultipartSigned")
	data := "Content-Type: multipart/signed; protocol=\"application/x-pkcs7-signature\"; boundary=\"b\"\r\n\r\n--b\r\n\r\nsigned\r\n--b--\r\n"
	m.Attachments = []fts.Attachment{g.attachment("smime.p7m", "multipart/signed", []byte(data))}
	g.put(g.mailFolder(), m)
}

// report is a non-delivery report.
func (g *generator) report() {
	m := g.mail("Undeliverable: your mail", "The recipient does not exist.")
	m.Props.Set(fts.MakeTag(0x001A, fts.StringUpload), "REPORT.IPM.Note.NDR")
	m.Props = append(m.Props, p(0x0032, g.clock), p(0x1001, "Delivery has failed."))
	m.Recipients[0].Props = append(m.Recipients[0].Props, p(0x0C20, 511), p(0x0C04, 1), p(0x0C05, -1), p(0x0032, g.clock))
	m.Attachments = []fts.Attachment{g.embed(g.mail("your mail", "What was sent."))}
	g.put(g.root.WellKnown("inbox"), m)
}

func (g *generator) post() {
	m := g.mail(fmt.Sprintf("Posted %d", g.number), "On the wall.")
	m.Props.Set(fts.MakeTag(0x001A, fts.StringUpload), "IPM.Post")
	m.Recipients = nil
	g.put(g.root.Sub("Projects", "IPF.Note"), m)
}
