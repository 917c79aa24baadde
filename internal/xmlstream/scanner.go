package xmlstream

import (
	"errors"
	"io"
)

// Kind tells what a token is.
type Kind int

// The kinds of tokens. An empty element, <a/>, gives both.
const (
	Start Kind = iota
	End
)

// Name is a name with its namespace.
type Name struct{ Space, Local string }

// Attr is an attribute. One without a prefix has no namespace. Declarations of
// namespaces are not among the attributes.
type Attr struct {
	Name  Name
	Value string
}

// Token is a start tag or an end tag.
type Token struct {
	Kind  Kind
	Name  Name
	Attrs []Attr // valid until the next call of the scanner
}

// Attr returns the value of the attribute without a namespace, or "".
func (t Token) Attr(local string) string {
	for _, a := range t.Attrs {
		if a.Name.Space == "" && a.Name.Local == local {
			return a.Value
		}
	}
	return ""
}

// Scanner reads a document as a sequence of tags. The first error stays.
type Scanner struct {
	r io.Reader
}

// NewScanner returns a scanner over r.
func NewScanner(r io.Reader) *Scanner { return &Scanner{r: r} }

var errNothing = errors.New("xmlstream: nothing read")

// Next returns the next tag and skips what text, comments and processing
// instructions stand before it. It is io.EOF only after the root has ended;
// where the bytes end before that, io.ErrUnexpectedEOF.
func (s *Scanner) Next() (Token, error) { return Token{}, errNothing }

// Text returns the character data that follows, up to the next tag: entities
// decoded, CDATA sections included, comments left out. It need not be read to
// its end, and is void after the next call of Next or Text.
func (s *Scanner) Text() io.Reader { return s.r }

// TextString reads the text of the element whose start tag was just returned,
// and its end tag. Text of more than limit bytes, or an element inside, is an error.
func (s *Scanner) TextString(limit int) (string, error) { return "", errNothing }

// Skip reads to the end tag of the element whose start tag was just returned.
func (s *Scanner) Skip() error { return errNothing }

// Offset returns how many bytes of the document have been consumed.
func (s *Scanner) Offset() int64 { return 0 }

// Stray returns the beginning of the last text that stood between two tags, or
// at the end of a document cut short, where there was more than blank space.
func (s *Scanner) Stray() string { return "" }

// Trailing returns the beginning of what followed the root element, but for
// blank space. It is set when Next has returned io.EOF.
func (s *Scanner) Trailing() string { return "" }
