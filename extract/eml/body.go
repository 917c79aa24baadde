package eml

import (
	"bufio"
	"fmt"
	"html"
	"io"
	"net/url"
	"strings"

	"mailferry/fts"
)

const idBody = 0x1000

// body is what a message says, with the attachments that it shows inside of the
// HTML; nil if it says nothing. rich is its rich text, to be attached. inline
// tells which attachments are in the body.
func body(m *fts.Message) (p, rich *part, inline map[int]bool, err error) {
	kind, err := m.Body()
	if err != nil {
		return nil, nil, nil, fmt.Errorf("read the body: %w", err)
	}
	plain := textPart("text/plain", m.Text)
	switch kind {
	case fts.TextBody:
		return plain, nil, nil, nil
	case fts.RTFBody:
		rich := &part{data: wanted(m.RTF), fields: []field{
			valued("Content-Type", "text/rtf", parameters("name", "body.rtf")),
			valued("Content-Disposition", "attachment", parameters("filename", "body.rtf")),
		}}
		return plain, rich, nil, nil
	case fts.HTMLBody:
		markup := textPart("text/html", m.HTML)
		shown, inline, err := inlineParts(m)
		if err != nil {
			return nil, nil, nil, err
		}
		markup = joined("related", append([]*part{markup}, shown...)...)
		if p, ok := m.Prop(idBody); ok && p.Size() > 0 {
			return joined("alternative", plain, markup), nil, inline, nil
		}
		return markup, nil, inline, nil
	}
	return nil, nil, nil, nil
}

func textPart(mediaType string, open func() (io.Reader, error)) *part {
	return &part{text: wanted(open), fields: []field{valued("Content-Type", mediaType, parameters("charset", "utf-8"))}}
}

// wanted opens what is there.
func wanted(open func() (io.Reader, error)) func() (io.Reader, error) {
	return func() (io.Reader, error) {
		r, err := open()
		if err != nil {
			return nil, fmt.Errorf("read the body: %w", err)
		}
		if r == nil {
			return strings.NewReader(""), nil
		}
		return r, nil
	}
}

// inlineParts are the attachments that the HTML refers to.
func inlineParts(m *fts.Message) (parts []*part, inline map[int]bool, err error) {
	named := make(map[string]int)
	for i := range m.Attachments {
		a := &m.Attachments[i]
		if id := contentID(a); id != "" && a.Embedded == nil {
			if _, double := named[strings.ToLower(id)]; !double {
				named[strings.ToLower(id)] = i
			}
		}
	}
	if len(named) == 0 {
		return nil, nil, nil
	}
	r, err := m.HTML()
	if err != nil || r == nil {
		return nil, nil, err
	}
	inline = make(map[int]bool)
	err = references(r, func(id string) {
		if i, ok := named[strings.ToLower(id)]; ok {
			inline[i] = true
		}
	})
	if err != nil {
		return nil, nil, fmt.Errorf("read the body: %w", err)
	}
	for i := range m.Attachments {
		if inline[i] {
			parts = append(parts, attachmentPart(&m.Attachments[i], true))
		}
	}
	return parts, inline, nil
}

const maxReference = 300 // bytes of a reference to an attachment

// references calls found with each content id that HTML refers to.
func references(r io.Reader, found func(id string)) error {
	const scheme = "cid:"
	b := bufio.NewReaderSize(r, 8<<10)
	for matched := 0; ; {
		c, err := b.ReadByte()
		switch {
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		case c|0x20 == scheme[matched] || c == ':' && scheme[matched] == ':':
			matched++
		case c|0x20 == scheme[0]:
			matched = 1
		default:
			matched = 0
		}
		if matched < len(scheme) {
			continue
		}
		matched = 0
		head, _ := b.Peek(maxReference)
		id := string(head)
		if end := strings.IndexAny(id, "\"'<> )\t\r\n"); end >= 0 {
			id = id[:end]
		}
		id = html.UnescapeString(id)
		found(id)
		if plain, err := url.PathUnescape(id); err == nil && plain != id {
			found(plain)
		}
	}
}
