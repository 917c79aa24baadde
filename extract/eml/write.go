package eml

import (
	"fmt"
	"io"

	"mailferry/fts"
)

// maxDepth is how deep messages may lie in each other. Mail programs go less deep.
const maxDepth = 100

// Write writes an item as a mail. After an error what was written is of no use.
func Write(w io.Writer, it *fts.Item) error { return WriteMessage(w, &it.Message) }

// WriteMessage writes a message, as one that is attached to an item, as a mail.
func WriteMessage(w io.Writer, m *fts.Message) error {
	if deeper(m, maxDepth) {
		return fmt.Errorf("more than %d messages lie in each other", maxDepth)
	}
	out := newWriter(w, m)
	if err := out.message(m, true); err != nil {
		return err
	}
	return out.w.Flush()
}

// deeper says whether more than so many messages lie in each other.
func deeper(m *fts.Message, most int) bool {
	for i := range m.Attachments {
		if e := m.Attachments[i].Embedded; e != nil && (most == 0 || deeper(e, most-1)) {
			return true
		}
	}
	return false
}

// message writes a message. last: nothing follows it in the file.
func (w *writer) message(m *fts.Message, last bool) error {
	fields, err := header(m)
	if err != nil {
		return err
	}
	for _, f := range fields {
		w.field(f)
	}
	if done, err := w.signed(m, last); done || err != nil {
		return err
	}
	if a := asSent(m, smimeClass, "application/pkcs7-mime"); a != nil {
		return w.part(attachmentPart(a, false), last)
	}
	text, rich, inline, err := body(m)
	if err != nil {
		return err
	}
	var parts []*part
	if text != nil {
		parts = append(parts, text)
	}
	if rich != nil {
		parts = append(parts, rich)
	}
	for i := range m.Attachments {
		if !inline[i] {
			parts = append(parts, attachmentPart(&m.Attachments[i], false))
		}
	}
	switch {
	case len(parts) == 0:
		parts = append(parts, textPart("text/plain", func() (io.Reader, error) { return nil, nil }))
	case text == nil && len(parts) == 1:
		// One that is attached stays one: a multipart of one part.
		return w.part(&part{kind: "mixed", parts: parts}, last)
	}
	return w.part(joined("mixed", parts...), last)
}
