package xmlstream

import "fmt"

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

// The limits of a document. They are far beyond what the protocol needs.
const (
	maxDepth = 256     // elements inside each other
	maxName  = 256     // bytes of a name with its prefix
	maxAttrs = 64      // attributes and namespaces of one tag
	maxValue = 1 << 16 // bytes of an attribute's value
	maxStray = 256     // bytes kept of text where none belongs

	// Bytes between two tags that are skipped: of blank space and comments, and of
	// text, which may be that of the largest item in base64.
	maxBlank   = 16 << 20
	maxSkipped = 8 << 30
)

// SyntaxError tells where bytes are not the XML that this package reads.
type SyntaxError struct {
	Offset int64
	Reason string
}

// Error implements error.
func (e *SyntaxError) Error() string { return fmt.Sprintf("xml, offset %d: %s", e.Offset, e.Reason) }
