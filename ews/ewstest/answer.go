package ewstest

import (
	"bufio"
	"encoding/xml"
	"io"
	"strings"

	"mailferry/ews/ewstest/schema"
)

// style is one way to write namespaces. Servers differ, and a client that
// looks at prefixes is wrong, so answers vary.
type style struct{ soap, messages, types, header string }

var styles = []style{
	{"s:", "m:", "t:", "h:"},
	{"soap:", "", "t:", "t:"},
	{"SOAP-ENV:", "ns2:", "ns3:", "ns3:"},
}

// answer writes a SOAP envelope. Elements are named with the prefixes s:, m:
// and t: and written with those of the style.
type answer struct {
	w       *bufio.Writer
	style   style
	version serverVersion
	names   map[string]string
	open    []string
}

func newAnswer(w io.Writer, st style, v serverVersion) *answer {
	return &answer{w: bufio.NewWriterSize(w, 64<<10), style: st, version: v, names: map[string]string{}}
}

func (a *answer) name(n string) string {
	if s, ok := a.names[n]; ok {
		return s
	}
	s := n
	switch {
	case strings.HasPrefix(n, "m:"):
		s = a.style.messages + n[2:]
	case strings.HasPrefix(n, "t:"):
		s = a.style.types + n[2:]
	case strings.HasPrefix(n, "s:"):
		s = a.style.soap + n[2:]
	}
	a.names[n] = s
	return s
}

func (a *answer) raw(s string) { a.w.WriteString(s) }

func (a *answer) escape(s string) {
	if strings.IndexFunc(s, special) < 0 {
		a.w.WriteString(s)
		return
	}
	xml.EscapeText(a.w, []byte(s)) //nolint:errcheck // the writer keeps its error
}

func special(r rune) bool {
	return r < 0x20 || r == '<' || r == '>' || r == '&' || r == '"' || r == '\'' || r >= 0xD800
}

func (a *answer) tag(name string, attrs []string, end string) {
	a.w.WriteByte('<')
	a.w.WriteString(a.name(name))
	for i := 0; i+1 < len(attrs); i += 2 {
		a.w.WriteByte(' ')
		a.w.WriteString(attrs[i])
		a.w.WriteString(`="`)
		a.escape(attrs[i+1])
		a.w.WriteByte('"')
	}
	a.w.WriteString(end)
}

// start opens an element; attrs are names and values by turns.
func (a *answer) start(name string, attrs ...string) {
	a.tag(name, attrs, ">")
	a.open = append(a.open, name)
}

// end closes the innermost open element.
func (a *answer) end() {
	last := len(a.open) - 1
	a.w.WriteString("</")
	a.w.WriteString(a.name(a.open[last]))
	a.w.WriteByte('>')
	a.open = a.open[:last]
}

func (a *answer) empty(name string, attrs ...string) { a.tag(name, attrs, "/>") }

func (a *answer) text(name, value string, attrs ...string) {
	a.start(name, attrs...)
	a.escape(value)
	a.end()
}

func (a *answer) bool(name string, v bool) {
	if v {
		a.text(name, "true")
	} else {
		a.text(name, "false")
	}
}

// begin writes the envelope up to the operation's response element.
func (a *answer) begin(response string, attrs ...string) {
	a.raw(`<?xml version="1.0" encoding="utf-8"?>`)
	a.start("s:Envelope", a.xmlns("xmlns", a.style.soap), schema.SOAP)
	a.start("s:Header")
	v := a.version
	a.raw(`<` + a.style.header + `ServerVersionInfo MajorVersion="` + itoa(v.major) + `" MinorVersion="` + itoa(v.minor) +
		`" MajorBuildNumber="` + itoa(v.build) + `" MinorBuildNumber="` + itoa(v.revision) + `" Version="` + v.schema + `" ` +
		a.xmlns("xmlns", a.style.header) + `="` + schema.Types + `"/>`)
	a.end()
	a.start("s:Body")
	ns := []string{a.xmlns("xmlns", a.style.messages), schema.Messages, a.xmlns("xmlns", a.style.types), schema.Types}
	a.start("m:"+response, append(ns, attrs...)...)
}

func (a *answer) xmlns(attr, prefix string) string {
	if prefix == "" {
		return attr
	}
	return attr + ":" + strings.TrimSuffix(prefix, ":")
}

// finish closes what is open and flushes.
func (a *answer) finish() error {
	for len(a.open) > 0 {
		a.end()
	}
	return a.w.Flush()
}

// codeError is an EWS response code: of one item, or of a whole request.
type codeError struct {
	code, text string
	values     [][2]string // t:Value children of MessageXml
	elements   [][2]string // other children of MessageXml
}

func (e *codeError) Error() string { return e.code + ": " + e.text }

func fail(code, text string) *codeError { return &codeError{code: code, text: text} }

// message opens a response message. The caller closes it by end.
func (a *answer) message(name string, err *codeError) {
	if err == nil {
		a.start("m:"+name, "ResponseClass", "Success")
		a.text("m:ResponseCode", "NoError")
		return
	}
	class := "Error"
	if err.code == "ErrorBatchProcessingStopped" {
		class = "Warning"
	}
	a.start("m:"+name, "ResponseClass", class)
	a.text("m:MessageText", err.text)
	a.text("m:ResponseCode", err.code)
	a.text("m:DescriptiveLinkKey", "0")
	if len(err.values) > 0 {
		a.start("m:MessageXml")
		for _, v := range err.values {
			a.text("t:Value", v[1], "Name", v[0])
		}
		a.end()
	}
}

// fault writes a SOAP fault: the whole envelope.
func (a *answer) fault(err *codeError) error {
	const types, errs = schema.Types, "http://schemas.microsoft.com/exchange/services/2006/errors"
	a.raw(`<?xml version="1.0" encoding="utf-8"?>`)
	a.start("s:Envelope", a.xmlns("xmlns", a.style.soap), schema.SOAP)
	a.start("s:Body")
	a.start("s:Fault")
	a.raw(`<faultcode xmlns:a="` + types + `">a:` + err.code + `</faultcode><faultstring xml:lang="en-US">`)
	a.escape(err.text)
	a.raw(`</faultstring><detail><e:ResponseCode xmlns:e="` + errs + `">` + err.code + `</e:ResponseCode><e:Message xmlns:e="` + errs + `">`)
	a.escape(err.text)
	a.raw(`</e:Message>`)
	if len(err.values)+len(err.elements) > 0 {
		a.raw(`<t:MessageXml xmlns:t="` + types + `">`)
		for _, e := range err.elements {
			a.raw(`<t:` + e[0] + `>`)
			a.escape(e[1])
			a.raw(`</t:` + e[0] + `>`)
		}
		for _, v := range err.values {
			a.raw(`<t:Value Name="` + v[0] + `">`)
			a.escape(v[1])
			a.raw(`</t:Value>`)
		}
		a.raw(`</t:MessageXml>`)
	}
	a.raw(`</detail>`)
	return a.finish()
}
