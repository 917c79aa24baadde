// Package mime makes an Internet message of a set of MAPI properties, good
// enough for mail clients that read a simulated mailbox: headers, plain and
// HTML bodies, attachments, embedded messages.
package mime

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	stdmime "mime"
	"mime/multipart"
	"net/mail"
	"net/textproto"
	"strings"
	"time"

	"mailferry/fts"
)

// WriteBase64 writes the message in base64.
func WriteBase64(w io.Writer, msg *fts.Message) {
	enc := base64.NewEncoder(base64.StdEncoding, w)
	_, _ = enc.Write(Message(msg))
	_ = enc.Close()
}

// Bodies returns the plain and the HTML body, "" where there is none.
func Bodies(msg *fts.Message) (plain, html string) {
	plain = msg.Props.String(0x1000)
	if html = msg.Props.String(0x1013); html == "" {
		html = strings.ToValidUTF8(string(msg.Props.Bytes(0x1013)), "\uFFFD")
	}
	return plain, html
}

// Message returns the message as RFC 5322 text with CRLF line ends.
func Message(msg *fts.Message) []byte {
	var out bytes.Buffer
	p := msg.Props
	header := func(name, value string) {
		if value != "" {
			fmt.Fprintf(&out, "%s: %s\r\n", name, strings.NewReplacer("\r", " ", "\n", " ").Replace(value))
		}
	}
	date := p.Time(0x0039)
	if date.IsZero() {
		date = p.Time(0x0E06)
	}
	if !date.IsZero() {
		header("Date", date.Format(time.RFC1123Z))
	}
	header("From", address(p.String(0x0042), p.String(0x5D02), p.String(0x0065)))
	for _, name := range []string{"To", "Cc"} {
		kind := map[string]int64{"To": 1, "Cc": 2}[name]
		var list []string
		for _, r := range msg.Recipients {
			if k, _ := r.Props.Int(0x0C15); k&0xF == kind {
				list = append(list, address(r.Props.String(0x3001), r.Props.String(0x39FE), r.Props.String(0x3003)))
			}
		}
		header(name, strings.Join(list, ", "))
	}
	header("Subject", stdmime.QEncoding.Encode("utf-8", p.String(0x0037)))
	header("Message-ID", p.String(0x1035))
	header("In-Reply-To", p.String(0x1042))
	header("References", p.String(0x1039))
	header("MIME-Version", "1.0")
	if len(msg.Attachments) == 0 {
		bodies(func(h textproto.MIMEHeader) io.Writer {
			for _, name := range []string{"Content-Type", "Content-Transfer-Encoding"} {
				header(name, h.Get(name))
			}
			out.WriteString("\r\n")
			return &out
		}, msg)
		return out.Bytes()
	}
	m := multipart.NewWriter(&out)
	header("Content-Type", "multipart/mixed; boundary="+m.Boundary())
	out.WriteString("\r\n")
	bodies(func(h textproto.MIMEHeader) io.Writer {
		w, _ := m.CreatePart(h) // of a buffer
		return w
	}, msg)
	for _, a := range msg.Attachments {
		attachment(m, a)
	}
	_ = m.Close()
	return out.Bytes()
}

// bodies writes the body: one part, or both kinds as alternatives.
func bodies(part func(textproto.MIMEHeader) io.Writer, msg *fts.Message) {
	plain, html := Bodies(msg)
	if html == "" || plain == "" {
		kind, body := "text/plain", plain
		if html != "" {
			kind, body = "text/html", html
		}
		encoded(part(textHeader(kind)), []byte(body))
		return
	}
	var inner bytes.Buffer
	m := multipart.NewWriter(&inner)
	for _, b := range [][2]string{{"text/plain", plain}, {"text/html", html}} {
		w, _ := m.CreatePart(textHeader(b[0])) // of a buffer
		encoded(w, []byte(b[1]))
	}
	_ = m.Close()
	w := part(textproto.MIMEHeader{"Content-Type": {"multipart/alternative; boundary=" + m.Boundary()}})
	_, _ = w.Write(inner.Bytes())
}

func textHeader(kind string) textproto.MIMEHeader {
	return textproto.MIMEHeader{"Content-Type": {kind + "; charset=utf-8"}, "Content-Transfer-Encoding": {"base64"}}
}

func attachment(m *multipart.Writer, a fts.Attachment) {
	name := a.Props.String(0x3707)
	if name == "" {
		name = a.Props.String(0x3704)
	}
	disposition := stdmime.FormatMediaType("attachment", map[string]string{"filename": name})
	if disposition == "" {
		disposition = "attachment"
	}
	h := textproto.MIMEHeader{"Content-Disposition": {disposition}}
	if a.Embedded != nil {
		h.Set("Content-Type", "message/rfc822")
		w, _ := m.CreatePart(h) // of a buffer
		_, _ = w.Write(Message(a.Embedded))
		return
	}
	kind := a.Props.String(0x370E)
	if _, _, err := stdmime.ParseMediaType(kind); err != nil {
		kind = "application/octet-stream"
	}
	h.Set("Content-Type", kind)
	h.Set("Content-Transfer-Encoding", "base64")
	if id := a.Props.String(0x3712); id != "" && !strings.ContainsAny(id, "\r\n") {
		h.Set("Content-ID", "<"+id+">")
	}
	w, _ := m.CreatePart(h) // of a buffer
	encoded(w, a.Props.Bytes(0x3701))
}

// encoded writes base64 in lines.
func encoded(w io.Writer, b []byte) {
	s := base64.StdEncoding.EncodeToString(b)
	for len(s) > 0 {
		n := min(76, len(s))
		_, _ = io.WriteString(w, s[:n]+"\r\n")
		s = s[n:]
	}
}

func address(name string, addresses ...string) string {
	for _, a := range addresses {
		if strings.Contains(a, "@") {
			return (&mail.Address{Name: name, Address: a}).String()
		}
	}
	if name == "" {
		return ""
	}
	return (&mail.Address{Name: name, Address: "unknown@invalid"}).String()
}
