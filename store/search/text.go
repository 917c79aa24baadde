package search

import (
	"bytes"
	"errors"
	"io"
	"path"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"

	"mailferry/fts"
	"mailferry/store"
	"mailferry/store/query"
)

// Bounds of the text that is looked at in an item.
const (
	maxBody  = 4 << 20  // bytes of a body, or of an attachment
	maxText  = 16 << 20 // bytes of all
	maxNests = 10       // embedded messages within each other
)

// Text returns the words of an item's texts, as query.Words does: of its body, of
// attachments that are text, and of messages in it with their subjects. Of long
// texts it is the beginning, 4 MiB of each and 16 MiB of all; a blob that is not
// whole has the text that could be read. Errors are those of reading the store.
func Text(st *store.Store, it store.Item) (string, error) {
	item, err := fts.OpenItem(func() (io.ReadCloser, error) { return st.OpenBlob(it) })
	if item != nil {
		defer item.Close()
	}
	if err != nil && !isProblem(err) {
		return "", err
	}
	c := collector{left: maxText}
	if err := c.message(&item.Message, 0); err != nil && !isProblem(err) {
		return "", err
	}
	return string(c.words), nil
}

// isProblem says that an error is about what is in the blob.
func isProblem(err error) bool {
	_, ok := errors.AsType[*fts.Problem](err)
	return ok
}

// collector gathers words.
type collector struct {
	words []byte
	left  int64 // bytes of text that are still looked at
}

func (c *collector) message(m *fts.Message, depth int) error {
	body, err := m.Text()
	if err != nil {
		return err
	}
	if body != nil {
		if err := c.text(body); err != nil {
			return err
		}
	}
	for i := range m.Attachments {
		if err := c.attachment(&m.Attachments[i], depth); err != nil {
			return err
		}
	}
	return nil
}

func (c *collector) attachment(a *fts.Attachment, depth int) error {
	if m := a.Embedded; m != nil {
		if depth >= maxNests {
			return nil
		}
		from := m.From()
		for _, text := range []string{m.Subject(), from.Name, from.Address} {
			if err := c.text(strings.NewReader(text)); err != nil {
				return err
			}
		}
		return c.message(m, depth+1)
	}
	data, ok := a.Data()
	if !ok {
		return nil
	}
	kind := kindOf(a)
	if kind == "" {
		return nil
	}
	r, err := data.Open()
	if err != nil {
		return err
	}
	r = transform.NewReader(r, unicode.BOMOverride(transform.Nop))
	if kind == "html" {
		r = fts.HTMLText(r)
	}
	return c.text(r)
}

// kindOf says how an attachment is text: "text", "html", or not at all.
func kindOf(a *fts.Attachment) string {
	mime, _, _ := strings.Cut(strings.ToLower(a.Mime()), ";")
	switch ext := strings.ToLower(path.Ext(a.Name())); {
	case mime == "text/html", ext == ".html", ext == ".htm", ext == ".xhtml":
		return "html"
	case strings.HasPrefix(mime, "text/"), mime == "application/json", mime == "application/xml", strings.HasSuffix(mime, "+xml"), strings.HasSuffix(mime, "+json"):
		return "text"
	case textExtensions[ext]:
		return "text"
	}
	return ""
}

var textExtensions = map[string]bool{
	".txt": true, ".csv": true, ".tsv": true, ".log": true, ".md": true, ".json": true, ".xml": true, ".yaml": true, ".yml": true, ".ini": true, ".conf": true,
	".ics": true, ".vcf": true, ".eml": true, ".sql": true, ".sh": true, ".ps1": true, ".bat": true, ".py": true, ".js": true, ".css": true, ".tex": true, ".rst": true,
}

// text adds the words of what r gives, piece by piece. What is not UTF-8 is taken
// for Latin-1.
func (c *collector) text(r io.Reader) error {
	c.words = append(c.words, " "+query.Bound...)
	buf := make([]byte, 64<<10)
	keep := 0 // bytes of a word that goes on
	for read := int64(0); read < maxBody && c.left > 0; {
		n, err := io.ReadFull(r, buf[keep:])
		read, c.left = read+int64(n), c.left-int64(n)
		piece := buf[:keep+n]
		if err != nil {
			c.add(piece)
			if err == io.EOF || err == io.ErrUnexpectedEOF {
				return nil
			}
			return err
		}
		cut := bytes.LastIndexAny(piece, " \t\r\n.,;:")
		if cut < len(piece)/2 { // a word of 32 KiB, or a script without spaces
			cut = len(piece)
			for cut > len(piece)-utf8.UTFMax && !utf8.RuneStart(piece[cut-1]) {
				cut--
			}
			cut-- // the rune that may be whole goes with the rest
		}
		c.add(piece[:cut])
		keep = copy(buf, piece[cut:])
	}
	return nil
}

func (c *collector) add(piece []byte) {
	if !utf8.Valid(piece) {
		runes := make([]rune, len(piece))
		for i, b := range piece {
			runes[i] = rune(b)
		}
		piece = []byte(string(runes))
	}
	c.words = query.AppendWords(c.words, string(piece))
}
