package fts

import (
	"io"

	"mailferry/fts/internal/text"
)

// ReadMessage reads a blob whole into memory. A blob that is not whole is a
// [*Problem]; what was read until then is returned with it. The stream's own
// properties (MetaTagFXDelProp, MetaTagDnPrefix, MetaTagEcWarning) are left out.
func ReadMessage(r io.Reader) (*Message, error) {
	rd := NewReader(r)
	m := &Message{}
	return m, rd.message(m)
}

// message reads into m until its end.
func (r *Reader) message(m *Message) error {
	for {
		t, err := r.Next()
		if err == io.EOF {
			r.narrow(m)
			return nil
		}
		if err != nil {
			return err
		}
		switch t.Kind {
		case Property:
			err = r.readProp(t, &m.Props)
		case StartRecipient:
			if err := r.spend(costOfPart); err != nil {
				return err
			}
			m.Recipients = append(m.Recipients, Recipient{})
			err = r.list(&m.Recipients[len(m.Recipients)-1].Props, nil)
		case StartAttachment:
			if err := r.spend(costOfPart); err != nil {
				return err
			}
			m.Attachments = append(m.Attachments, Attachment{})
			a := &m.Attachments[len(m.Attachments)-1]
			err = r.list(&a.Props, a)
		case EndEmbedded:
			r.narrow(m)
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// list reads the properties of a recipient or of an attachment, and the
// message in it, until its end.
func (r *Reader) list(p *Props, a *Attachment) error {
	for {
		t, err := r.Next()
		if err != nil {
			return err
		}
		switch t.Kind {
		case Property:
			err = r.readProp(t, p)
		case StartEmbedded:
			if err := r.spend(costOfPart); err != nil {
				return err
			}
			a.Embedded = &Message{}
			err = r.message(a.Embedded)
		default:
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func (r *Reader) readProp(t Token, p *Props) error {
	if metaProperty(t.Tag.ID()) {
		return nil
	}
	prop := Prop{Tag: t.Tag, Name: r.nameOf(t)}
	if err := r.spend(costOfProp); err != nil {
		return err
	}
	read := r.Value
	if r.keep != nil {
		read = func() (any, error) { return r.kept(t) }
	}
	var err error
	if prop.Value, err = read(); err != nil {
		return err
	}
	*p = append(*p, prop)
	return nil
}

// nameOf returns a property's name for good. An Item holds each name once.
func (r *Reader) nameOf(t Token) *Name {
	if t.Name == nil {
		return nil
	}
	n := *t.Name
	if r.keep == nil {
		return &n
	}
	known := r.keep.names[n]
	if known == nil {
		known = &n
		r.keep.names[n] = known
		r.keep.spend(int64(len(n.Text)) + costOfPart)
	}
	return known
}

// narrow decodes the strings of an Item that do not tell their code page as its
// PidTagMessageCodepage says. In a Message they are taken for Windows-1252, so
// that they are written again as they were.
func (r *Reader) narrow(m *Message) {
	cp, _ := m.Props.Int(idMessageCodepage)
	if r.keep == nil || cp <= 0 || cp > 0xFFFF || cp == text.ANSI || !text.Known(uint16(cp)) {
		return
	}
	redecode := func(props Props) {
		for i := range props {
			if props[i].Tag.Type()&^MultiValue != String8 {
				continue
			}
			switch v := props[i].Value.(type) {
			case string:
				props[i].Value = redecoded(v, uint16(cp))
			case []string:
				for i := range v {
					v[i] = redecoded(v[i], uint16(cp))
				}
			case *Stream:
				v.cp = uint16(cp)
			}
		}
	}
	redecode(m.Props)
	for i := range m.Recipients {
		redecode(m.Recipients[i].Props)
	}
	for i := range m.Attachments {
		redecode(m.Attachments[i].Props)
	}
}

func redecoded(s string, cp uint16) string {
	b, ok := text.Encode(text.ANSI, s)
	if !ok {
		return s
	}
	return text.Decode(cp, b)
}
