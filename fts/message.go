package fts

import "io"

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
			return nil
		}
		if err != nil {
			return err
		}
		switch t.Kind {
		case Property:
			err = r.readProp(t, &m.Props)
		case StartRecipient:
			m.Recipients = append(m.Recipients, Recipient{})
			err = r.list(&m.Recipients[len(m.Recipients)-1].Props, nil)
		case StartAttachment:
			m.Attachments = append(m.Attachments, Attachment{})
			a := &m.Attachments[len(m.Attachments)-1]
			err = r.list(&a.Props, a)
		case EndEmbedded:
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
	prop := Prop{Tag: t.Tag}
	if t.Name != nil {
		n := *t.Name
		prop.Name = &n
	}
	var err error
	if prop.Value, err = r.Value(); err != nil {
		return err
	}
	*p = append(*p, prop)
	return nil
}
