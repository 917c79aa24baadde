package schema

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"mailferry/internal/xmlstream"
)

// maxText is the longest text or attribute of a request, Data aside. Sync
// states are the longest that clients send back.
const maxText = 1 << 20

// Read reads a request to its end and checks it. Each Data element is given to
// data, decoded; what that returns is kept in the node. A request that is
// refused is a *Violation; other errors are those of r and of data.
func Read(r io.Reader, data func(io.Reader) (any, error)) (*Request, error) {
	lines := &lineReader{r: r}
	d := &reader{table: load(), s: xmlstream.NewScanner(lines), lines: lines, data: data}
	req, err := d.envelope()
	if lines.err != nil && !errors.Is(lines.err, io.EOF) {
		return nil, lines.err // of the connection, whatever the scanner made of it
	}
	return req, err
}

type reader struct {
	table *table
	s     *xmlstream.Scanner
	lines *lineReader
	data  func(io.Reader) (any, error)
}

func (d *reader) violation(format string, args ...any) *Violation {
	line, pos := d.lines.position(d.s.Offset())
	return &Violation{Line: line, Position: pos, Text: fmt.Sprintf(format, args...), Code: "ErrorSchemaValidation"}
}

func (d *reader) next() (xmlstream.Token, error) {
	tok, err := d.s.Next()
	if err != nil {
		if d.lines.n == 0 {
			return tok, &Violation{Line: 1, Position: 1, Text: "the request has no body", Code: "ErrorInvalidRequest"}
		}
		return tok, d.violation("%v", err)
	}
	return tok, nil
}

func (d *reader) envelope() (*Request, error) {
	tok, err := d.next()
	if err != nil {
		return nil, err
	}
	if tok.Name.Space != SOAP || tok.Name.Local != "Envelope" {
		return nil, d.violation("the root element is '%s' in namespace '%s', not a SOAP 1.1 envelope", tok.Name.Local, tok.Name.Space)
	}
	req := &Request{}
	state := 0 // 1 after the header, 2 after the body
	for {
		if tok, err = d.next(); err != nil {
			return nil, err
		}
		if tok.Kind == xmlstream.End {
			break
		}
		switch {
		case tok.Name.Space == SOAP && tok.Name.Local == "Header" && state == 0:
			state, err = 1, d.headers(req)
		case tok.Name.Space == SOAP && tok.Name.Local == "Body" && state < 2:
			state, err = 2, d.body(req)
		default:
			err = d.unexpected("Envelope", tok.Name, "")
		}
		if err != nil {
			return nil, err
		}
	}
	if req.Operation == nil {
		return nil, d.violation("the envelope has no body, or nothing in it")
	}
	if _, err := d.s.Next(); !errors.Is(err, io.EOF) {
		return nil, d.violation("something follows the envelope")
	}
	return req, nil
}

func (d *reader) headers(req *Request) error {
	known := d.table.types["Headers"]
	for {
		tok, err := d.next()
		if err != nil || tok.Kind == xmlstream.End {
			return err
		}
		name := prefixed(tok.Name)
		typ := ""
		for i := range known.children {
			if t, ok := known.children[i].find(name); ok {
				typ = t
			}
		}
		if typ == "" {
			// A header that nobody must understand is passed over, as SOAP says.
			for _, a := range tok.Attrs {
				if a.Name.Space == SOAP && a.Name.Local == "mustUnderstand" && a.Value != "0" {
					return d.unexpected("Header", tok.Name, "")
				}
			}
			if err := d.s.Skip(); err != nil {
				return d.violation("%v", err)
			}
			continue
		}
		if req.Header(name) != nil {
			v := d.violation("the header '%s' stands twice", tok.Name.Local)
			v.Code = "ErrorDuplicateSOAPHeader"
			return v
		}
		h, err := d.element(name, typ, tok.Attrs)
		if err != nil {
			return err
		}
		req.Headers = append(req.Headers, h)
	}
}

func (d *reader) body(req *Request) error {
	known := d.table.types["Operations"]
	for {
		tok, err := d.next()
		if err != nil || tok.Kind == xmlstream.End {
			return err
		}
		name := prefixed(tok.Name)
		typ := ""
		for i := range known.children {
			if t, ok := known.children[i].find(name); ok && req.Operation == nil {
				typ = t
			}
		}
		if typ == "" {
			return d.unexpected("Body", tok.Name, "")
		}
		if req.Operation, err = d.element(name, typ, tok.Attrs); err != nil {
			return err
		}
	}
}

// element reads an element whose start tag was read, to its end.
func (d *reader) element(name, typ string, attrs []xmlstream.Attr) (*Node, error) {
	n := &Node{Name: name}
	for _, a := range attrs {
		if a.Name.Space == "" && a.Name.Local != "xmlns" {
			n.Attrs = append(n.Attrs, Attr{a.Name.Local, a.Value})
		}
	}
	if typ == "any" {
		if err := d.s.Skip(); err != nil {
			return nil, d.violation("%v", err)
		}
		return n, nil
	}
	if typ == "data" {
		return n, d.readData(n)
	}
	c := d.table.types[typ]
	if c == nil {
		return n, d.simple(n, typ)
	}
	if err := d.checkAttrs(n, c); err != nil {
		return nil, err
	}
	at, count := 0, 0
	for {
		tok, err := d.next()
		if err != nil {
			return nil, err
		}
		if d.s.Stray() != "" {
			return nil, d.violation("the element '%s' cannot contain text", local(name))
		}
		if tok.Kind == xmlstream.End {
			break
		}
		childName := prefixed(tok.Name)
		childType, found := "", false
		for at < len(c.children) {
			p := &c.children[at]
			if childType, found = p.find(childName); found && (p.max < 0 || count < p.max) {
				count++
				break
			}
			if count < p.min {
				return nil, d.unexpected(local(name), tok.Name, p.names())
			}
			at, count, found = at+1, 0, false
		}
		if !found {
			return nil, d.unexpected(local(name), tok.Name, "")
		}
		child, err := d.element(childName, childType, tok.Attrs)
		if err != nil {
			return nil, err
		}
		n.Children = append(n.Children, child)
	}
	for ; at < len(c.children); at, count = at+1, 0 {
		if count < c.children[at].min {
			return nil, d.violation("the element '%s' has incomplete content; expected: %s", local(name), c.children[at].names())
		}
	}
	return n, nil
}

func (d *reader) checkAttrs(n *Node, c *complexType) error {
	for _, a := range n.Attrs {
		known := false
		for _, want := range c.attrs {
			if want.name != a.Name {
				continue
			}
			known = true
			if err := d.table.check(want.typ, a.Value); err != nil {
				return d.violation("the '%s' attribute is invalid: %v", a.Name, err)
			}
		}
		if !known {
			return d.violation("the '%s' attribute is not declared", a.Name)
		}
	}
	for _, want := range c.attrs {
		if _, ok := n.Attr(want.name); want.required && !ok {
			return d.violation("the required attribute '%s' is missing", want.name)
		}
	}
	return nil
}

func (d *reader) simple(n *Node, typ string) error {
	text, err := d.s.TextString(maxText)
	if err != nil {
		return d.violation("%v", err)
	}
	n.Text = text
	if err := d.table.check(typ, text); err != nil {
		return d.violation("the '%s' element is invalid: %v", local(n.Name), err)
	}
	return nil
}

func (d *reader) readData(n *Node) error {
	b := &remembering{r: xmlstream.NewBase64Reader(d.s.Text())}
	var err error
	n.Data, err = d.data(b)
	if err == nil {
		_, err = io.Copy(io.Discard, b)
	}
	switch {
	case b.err != nil:
		return d.violation("the 'Data' element is invalid: the value is not base64Binary: %v", b.err)
	case err != nil:
		return err
	}
	return d.end(n)
}

// remembering keeps the error of a reader, so that it can be told from one of
// whoever reads.
type remembering struct {
	r   io.Reader
	err error
}

func (r *remembering) Read(p []byte) (int, error) {
	n, err := r.r.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		r.err = err
	}
	return n, err
}

func (d *reader) end(n *Node) error {
	tok, err := d.next()
	if err != nil {
		return err
	}
	if tok.Kind != xmlstream.End {
		return d.unexpected(local(n.Name), tok.Name, "")
	}
	return nil
}

func (d *reader) unexpected(parent string, name xmlstream.Name, expected string) *Violation {
	text := fmt.Sprintf("the element '%s' has invalid child element '%s' in namespace '%s'", parent, name.Local, name.Space)
	if expected != "" {
		text += "; expected: " + expected
	}
	return d.violation("%s", text)
}

// prefixed names an element as the table does. Names of other namespaces can't
// be confused with those of the table.
func prefixed(n xmlstream.Name) string {
	switch n.Space {
	case Types:
		return "t:" + n.Local
	case Messages:
		return "m:" + n.Local
	}
	return n.Space + " " + n.Local
}

func local(name string) string {
	_, l, _ := strings.Cut(name, ":")
	return l
}
