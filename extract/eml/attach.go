package eml

import (
	"io"
	"mime"
	"strings"

	"mailferry/extract/internal/internet"
	"mailferry/fts"
)

// contentID is the name under which the HTML refers to an attachment, as it can
// stand in a header.
func contentID(a *fts.Attachment) string {
	id := strings.Trim(strings.TrimSpace(clean(a.ContentID())), "<>")
	if !printable(id) || strings.ContainsAny(id, " <>") || len(id) > maxToken-2 {
		return ""
	}
	return id
}

// attachmentPart is an attachment, as one that the HTML shows or as one for itself.
func attachmentPart(a *fts.Attachment, inline bool) *part {
	p := &part{}
	name, kind := a.Name(), internet.MediaType(a.Mime())
	data, has := a.Data()
	switch {
	case a.Embedded != nil:
		p.message, kind = a.Embedded, "message/rfc822"
		if name != "" && !strings.HasSuffix(strings.ToLower(name), ".eml") {
			name += ".eml"
		}
	case has:
		p.data = func() (io.Reader, error) {
			r, err := data.Open()
			if r == nil && err == nil {
				r = strings.NewReader("")
			}
			return r, err
		}
	case a.Path() != "":
		p.text, kind = func() (io.Reader, error) { return strings.NewReader(a.Path()), nil }, "text/plain"
		name += ".txt"
	default:
		p.data = func() (io.Reader, error) { return strings.NewReader(""), nil }
	}
	disposition := "attachment"
	if inline {
		disposition = "inline"
	}
	var title, filename, charset []string
	if name != "" {
		title, filename = parameters("name", name), parameters("filename", name)
	}
	if p.text != nil {
		charset = parameters("charset", "utf-8")
	}
	var smime []string
	if _, params, err := mime.ParseMediaType(a.Mime()); err == nil && params["smime-type"] != "" {
		smime = parameters("smime-type", params["smime-type"])
	}
	p.fields = []field{
		valued("Content-Type", kind, charset, smime, title),
		valued("Content-Disposition", disposition, filename),
	}
	if id := contentID(a); id != "" {
		p.fields = append(p.fields, field{name: "Content-ID", tokens: []string{"<" + id + ">"}})
	}
	return p
}
