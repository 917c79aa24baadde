package schema

import (
	"fmt"
	"strings"
)

// The namespaces of requests, and the prefixes by which nodes name them.
const (
	SOAP     = "http://schemas.xmlsoap.org/soap/envelope/"
	Types    = "http://schemas.microsoft.com/exchange/services/2006/types"
	Messages = "http://schemas.microsoft.com/exchange/services/2006/messages"
)

// Node is an element of a checked request. Its name has the prefix m: or t:,
// whatever the client wrote.
type Node struct {
	Name     string
	Attrs    []Attr
	Text     string // of simple elements
	Children []*Node
	Data     any // what the data function made of a Data element
}

// Attr is an attribute without namespace.
type Attr struct{ Name, Value string }

// Attr returns an attribute's value, and whether it is there.
func (n *Node) Attr(name string) (string, bool) {
	for _, a := range n.Attrs {
		if a.Name == name {
			return a.Value, true
		}
	}
	return "", false
}

// Value returns an attribute's value, "" where there is none.
func (n *Node) Value(name string) string {
	v, _ := n.Attr(name)
	return v
}

// Child returns the descendant on the path, nil if there is none. It may be
// called on nil.
func (n *Node) Child(path ...string) *Node {
	for _, name := range path {
		if n == nil {
			return nil
		}
		var next *Node
		for _, c := range n.Children {
			if c.Name == name {
				next = c
				break
			}
		}
		n = next
	}
	return n
}

// ChildText returns the text of a descendant, "" where there is none.
func (n *Node) ChildText(path ...string) string {
	if c := n.Child(path...); c != nil {
		return strings.TrimSpace(c.Text)
	}
	return ""
}

// ChildString returns the text of a child as it was written, spaces included.
func (n *Node) ChildString(path ...string) string {
	if c := n.Child(path...); c != nil {
		return c.Text
	}
	return ""
}

// Request is one checked envelope.
type Request struct {
	Headers   []*Node
	Operation *Node
}

// Header returns a header by name, nil if the request has none.
func (r *Request) Header(name string) *Node {
	for _, h := range r.Headers {
		if h.Name == name {
			return h
		}
	}
	return nil
}

// Violation says where and why a request is refused.
type Violation struct {
	Line, Position int
	Text           string
	// Code is the response code to answer with: ErrorSchemaValidation in most
	// cases, ErrorInvalidRequest for an empty body, ErrorDuplicateSOAPHeader.
	Code string
}

func (v *Violation) Error() string {
	return fmt.Sprintf("line %d, position %d: %s", v.Line, v.Position, v.Text)
}
