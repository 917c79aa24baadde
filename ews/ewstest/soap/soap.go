// Package soap writes the answers of a simulated EWS server: envelopes, response
// messages and faults, in varying prefixes. Errors of the writer underneath are
// kept and told by Finish.
package soap

import (
	"bufio"
	"encoding/xml"
	"io"
	"strconv"
	"strings"

	"mailferry/ews/ewstest/schema"
)

// Style is one way to write namespaces. Servers differ, and a client that
// looks at prefixes is wrong, so answers vary.
type Style struct {
	Soap, Messages, Types, Header string // prefixes with their colon; "" is the default namespace
	Lines                         bool   // Data is broken into lines
}

// Styles are those that servers have been seen to use, and one more.
var Styles = []Style{
	{"s:", "m:", "t:", "h:", false},
	{"soap:", "", "t:", "t:", false},
	{"SOAP-ENV:", "ns2:", "ns3:", "ns3:", true},
}

// Writer writes a SOAP envelope. Elements are named with the prefixes s:, m:
// and t: and written with those of the style.
type Writer struct {
	W       *bufio.Writer
	style   Style
	version Version
	names   map[string]string
	open    []string
}

// Version is what the header of an answer tells of the server.
type Version struct {
	Major, Minor, Build, Revision int
	Schema                        string
}

// NewWriter returns a writer of one envelope.
func NewWriter(w io.Writer, st Style, v Version) *Writer {
	return &Writer{W: bufio.NewWriterSize(w, 64<<10), style: st, version: v, names: map[string]string{}}
}

func (a *Writer) name(n string) string {
	if s, ok := a.names[n]; ok {
		return s
	}
	s := n
	switch {
	case strings.HasPrefix(n, "m:"):
		s = a.style.Messages + n[2:]
	case strings.HasPrefix(n, "t:"):
		s = a.style.Types + n[2:]
	case strings.HasPrefix(n, "s:"):
		s = a.style.Soap + n[2:]
	}
	a.names[n] = s
	return s
}

func (a *Writer) Raw(s string) { a.W.WriteString(s) }

func (a *Writer) Escape(s string) {
	if strings.IndexFunc(s, special) < 0 {
		a.W.WriteString(s)
		return
	}
	xml.EscapeText(a.W, []byte(s)) //nolint:errcheck // the writer keeps its error
}

func special(r rune) bool {
	return r < 0x20 || r == '<' || r == '>' || r == '&' || r == '"' || r == '\'' || r >= 0xD800
}

func (a *Writer) tag(name string, attrs []string, end string) {
	a.W.WriteByte('<')
	a.W.WriteString(a.name(name))
	for i := 0; i+1 < len(attrs); i += 2 {
		a.W.WriteByte(' ')
		a.W.WriteString(attrs[i])
		a.W.WriteString(`="`)
		a.Escape(attrs[i+1])
		a.W.WriteByte('"')
	}
	a.W.WriteString(end)
}

// Style returns how the writer names namespaces.
func (a *Writer) Style() Style { return a.style }

// Start opens an element; attrs are names and values by turns.
func (a *Writer) Start(name string, attrs ...string) {
	a.tag(name, attrs, ">")
	a.open = append(a.open, name)
}

// End closes the innermost open element.
func (a *Writer) End() {
	last := len(a.open) - 1
	a.W.WriteString("</")
	a.W.WriteString(a.name(a.open[last]))
	a.W.WriteByte('>')
	a.open = a.open[:last]
}

func (a *Writer) Empty(name string, attrs ...string) { a.tag(name, attrs, "/>") }

func (a *Writer) Text(name, value string, attrs ...string) {
	a.Start(name, attrs...)
	a.Escape(value)
	a.End()
}

func (a *Writer) Bool(name string, v bool) {
	if v {
		a.Text(name, "true")
	} else {
		a.Text(name, "false")
	}
}

// Begin writes the envelope up to the operation's response element.
func (a *Writer) Begin(response string, attrs ...string) {
	a.Raw(`<?xml version="1.0" encoding="utf-8"?>`)
	a.Start("s:Envelope", a.xmlns("xmlns", a.style.Soap), schema.SOAP)
	a.Start("s:Header")
	v := a.version
	a.Raw(`<` + a.style.Header + `ServerVersionInfo MajorVersion="` + strconv.Itoa(v.Major) + `" MinorVersion="` + strconv.Itoa(v.Minor) +
		`" MajorBuildNumber="` + strconv.Itoa(v.Build) + `" MinorBuildNumber="` + strconv.Itoa(v.Revision) + `" Version="` + v.Schema + `" ` +
		a.xmlns("xmlns", a.style.Header) + `="` + schema.Types + `"/>`)
	a.End()
	a.Start("s:Body")
	ns := []string{a.xmlns("xmlns", a.style.Messages), schema.Messages, a.xmlns("xmlns", a.style.Types), schema.Types}
	a.Start("m:"+response, append(ns, attrs...)...)
}

func (a *Writer) xmlns(attr, prefix string) string {
	if prefix == "" {
		return attr
	}
	return attr + ":" + strings.TrimSuffix(prefix, ":")
}

// Finish closes what is open and flushes.
func (a *Writer) Finish() error {
	for len(a.open) > 0 {
		a.End()
	}
	return a.W.Flush()
}

// Error is an EWS response code: of one item, or of a whole request.
type Error struct {
	Code, Text string
	Values     [][2]string // t:Value children of MessageXml
	Elements   [][2]string // other children of MessageXml
}

func (e *Error) Error() string { return e.Code + ": " + e.Text }

// Fail returns an error without details.
func Fail(code, text string) *Error { return &Error{Code: code, Text: text} }

// Message opens a response message. The caller closes it by end.
func (a *Writer) Message(name string, err *Error) {
	if err == nil {
		a.Start("m:"+name, "ResponseClass", "Success")
		a.Text("m:ResponseCode", "NoError")
		return
	}
	class := "Error"
	if err.Code == "ErrorBatchProcessingStopped" {
		class = "Warning"
	}
	a.Start("m:"+name, "ResponseClass", class)
	a.Text("m:MessageText", err.Text)
	a.Text("m:ResponseCode", err.Code)
	a.Text("m:DescriptiveLinkKey", "0")
	if len(err.Values) > 0 {
		a.Start("m:MessageXml")
		for _, v := range err.Values {
			a.Text("t:Value", v[1], "Name", v[0])
		}
		a.End()
	}
}

// Fault writes a SOAP fault: the whole envelope.
func (a *Writer) Fault(err *Error) error {
	const types, errs = schema.Types, "http://schemas.microsoft.com/exchange/services/2006/errors"
	a.Raw(`<?xml version="1.0" encoding="utf-8"?>`)
	a.Start("s:Envelope", a.xmlns("xmlns", a.style.Soap), schema.SOAP)
	a.Start("s:Body")
	a.Start("s:Fault")
	a.Raw(`<faultcode xmlns:a="` + types + `">a:` + err.Code + `</faultcode><faultstring xml:lang="en-US">`)
	a.Escape(err.Text)
	a.Raw(`</faultstring><detail><e:ResponseCode xmlns:e="` + errs + `">` + err.Code + `</e:ResponseCode><e:Message xmlns:e="` + errs + `">`)
	a.Escape(err.Text)
	a.Raw(`</e:Message>`)
	if len(err.Values)+len(err.Elements) > 0 {
		a.Raw(`<t:MessageXml xmlns:t="` + types + `">`)
		for _, e := range err.Elements {
			a.Raw(`<t:` + e[0] + `>`)
			a.Escape(e[1])
			a.Raw(`</t:` + e[0] + `>`)
		}
		for _, v := range err.Values {
			a.Raw(`<t:Value Name="` + v[0] + `">`)
			a.Escape(v[1])
			a.Raw(`</t:Value>`)
		}
		a.Raw(`</t:MessageXml>`)
	}
	a.Raw(`</detail>`)
	return a.Finish()
}
