package fts

import (
	"bytes"
	"errors"
	"io"
	"strings"

	"golang.org/x/text/transform"

	"mailferry/fts/internal/htmltext"
	"mailferry/fts/internal/text"
	"mailferry/fts/rtf"
)

// BodyKind is a form in which a message's text can be.
type BodyKind int

// The kinds of bodies.
const (
	NoBody BodyKind = iota
	TextBody
	HTMLBody
	RTFBody
)

func (k BodyKind) String() string { return [...]string{"none", "text", "html", "rtf"}[k] }

// Body returns the form that the message was written in: what PidTagNativeBody
// says if that one is there, else the richest.
func (m *Message) Body() (BodyKind, error) {
	native, _ := m.Props.Int(0x1016)
	has := func(id uint16) bool { p, ok := m.Props.Prop(id); return ok && p.Size() > 0 }
	switch {
	case native == 1 && has(idBody):
		return TextBody, nil
	case has(idHTML):
		return HTMLBody, nil
	case has(idRTF):
		d, err := m.decodeRTF()
		switch {
		case err != nil && !notRTF(err):
			return NoBody, err
		case err != nil && has(idBody):
			return TextBody, nil
		case err == nil && d.Kind() == rtf.HTML:
			return HTMLBody, nil
		case err == nil && d.Kind() == rtf.Text:
			return TextBody, nil
		}
		return RTFBody, nil
	case has(idBody):
		return TextBody, nil
	}
	return NoBody, nil
}

// notRTF says whether RTF can't be read because of what it is, and not because
// reading failed.
func notRTF(err error) bool {
	var damaged *rtf.Error
	return errors.As(err, &damaged) || errors.Is(err, rtf.ErrNoRTF)
}

// HTML returns the HTML body in UTF-8, whatever it says of its own charset: the one
// that the message has, else that which is encapsulated in its RTF; nil if it
// has neither.
func (m *Message) HTML() (io.Reader, error) {
	p, ok := m.Props.Prop(idHTML)
	if ok && p.Size() > 0 {
		r, err := p.Open()
		if err != nil || r == nil || isText(p) {
			return r, err
		}
		return transform.NewReader(r, text.NewTransformer(m.htmlCodePage())), nil
	}
	d, err := m.decodeRTF()
	if err != nil || d == nil || d.Kind() != rtf.HTML {
		if notRTF(err) {
			err = nil
		}
		return nil, err
	}
	return d, nil
}

// htmlCodePage is that of the bytes of PidTagHtml: PidTagInternetCodepage, else
// PidTagMessageCodepage, else Windows-1252.
func (m *Message) htmlCodePage() int {
	for _, id := range []uint16{idInternetCodepage, idMessageCodepage} {
		if cp, _ := m.Props.Int(id); cp > 0 && cp <= 0xFFFF && (text.Known(uint16(cp)) || cp == text.UTF16LE || cp == text.UTF16BE) {
			return int(cp)
		}
	}
	return text.ANSI
}

// RTF returns the RTF body, decompressed; nil if there is none.
func (m *Message) RTF() (io.Reader, error) {
	p, ok := m.Props.Prop(idRTF)
	if !ok || p.Size() == 0 {
		return nil, nil
	}
	r, err := p.Open()
	if err != nil || r == nil {
		return nil, err
	}
	return rtf.NewReader(r), nil
}

func (m *Message) decodeRTF() (*rtf.Decoder, error) {
	r, err := m.RTF()
	if err != nil || r == nil {
		return nil, err
	}
	return rtf.NewDecoder(r)
}

// Text returns the body as plain text in UTF-8: the one that the message has,
// else that of its HTML or RTF without formatting; nil if it has none. Line ends
// are mostly CR LF.
func (m *Message) Text() (io.Reader, error) {
	if p, ok := m.Props.Prop(idBody); ok && p.Size() > 0 {
		return p.Open()
	}
	r, err := m.HTML()
	if err != nil {
		return nil, err
	}
	if r != nil {
		return htmltext.NewReader(r), nil
	}
	d, err := m.decodeRTF()
	if d == nil || err != nil {
		if notRTF(err) {
			err = nil
		}
		return nil, err
	}
	return d, nil
}

// HTMLText returns the text of HTML that is in UTF-8, as a person would read it.
func HTMLText(r io.Reader) io.Reader { return htmltext.NewReader(r) }

func isText(p Prop) bool {
	switch v := p.Value.(type) {
	case string:
		return true
	case *Stream:
		return v.text
	}
	return false
}

// Size returns how many bytes Open's reader gives, for a [*Stream] that of its
// [Stream.Size]; 0 for values that are neither strings nor binary.
func (p Prop) Size() int64 {
	switch v := p.Value.(type) {
	case string:
		return int64(len(v))
	case []byte:
		return int64(len(v))
	case Object:
		return int64(len(v))
	case ServerID:
		return int64(len(v))
	case *Stream:
		return v.Size()
	}
	return 0
}

// Open returns a reader of a string, as UTF-8, or of a binary value, whether it is
// in memory or a [*Stream]; nil for other values.
func (p Prop) Open() (io.Reader, error) {
	switch v := p.Value.(type) {
	case string:
		return strings.NewReader(v), nil
	case []byte:
		return bytes.NewReader(v), nil
	case Object:
		return bytes.NewReader(v), nil
	case ServerID:
		return bytes.NewReader(v), nil
	case *Stream:
		return v.Open()
	}
	return nil, nil
}
