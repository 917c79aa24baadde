package fts

import (
	"encoding/binary"
	"io"
	"strings"
	"time"
)

// messageProp takes what the Catalogue needs of the message's own properties.
func (in *inspector) messageProp(id uint16) error {
	c := &in.c
	switch id {
	case idMessageClass:
		return in.text(&c.Class, maxString)
	case 0x0037:
		return in.text(&c.Subject, maxString)
	case 0x003D:
		return in.text(&in.prefix, maxString)
	case 0x0E1D:
		return in.text(&in.normalized, maxString)
	case 0x0042:
		return in.text(&in.from.name, maxString)
	case 0x0064:
		return in.text(&in.from.kind, maxString)
	case 0x0065:
		return in.text(&in.from.email, maxString)
	case 0x5D02:
		return in.text(&in.from.smtp, maxString)
	case 0x0C1A:
		return in.text(&in.sender.name, maxString)
	case 0x0C1E:
		return in.text(&in.sender.kind, maxString)
	case 0x0C1F:
		return in.text(&in.sender.email, maxString)
	case 0x5D01:
		return in.text(&in.sender.smtp, maxString)
	case 0x0E06:
		return in.time(&c.Received)
	case 0x0039:
		return in.time(&c.Sent)
	case 0x3007:
		return in.time(&c.Created)
	case 0x3008:
		return in.time(&c.Modified)
	case 0x0060:
		return in.time(&in.start)
	case 0x0061:
		return in.time(&in.end)
	case 0x1035:
		return in.text(&c.MessageID, maxString)
	case 0x1042:
		return in.text(&c.InReplyTo, maxString)
	case 0x007D:
		return in.headers()
	case 0x300B:
		return in.binary(&c.SearchKey)
	case 0x3013:
		return in.binary(&c.ConversationID)
	case idMessageFlags:
		var v int32
		err := in.int32(&v)
		c.Flags = uint32(v)
		return err
	case 0x0017:
		return in.int32(&c.Importance)
	case 0x0036:
		return in.int32(&c.Sensitivity)
	case 0x1090:
		return in.int32(&c.FlagStatus)
	case 0x3001:
		return in.text(&c.DisplayName, maxString)
	case 0x3A16:
		return in.text(&c.Company, maxString)
	}
	return nil
}

func (in *inspector) namedProp(n *Name) error {
	c := &in.c
	switch n.Set {
	case PSPublicStrings:
		if n.Text == "Keywords" {
			return in.texts(&c.Categories, maxCategories)
		}
	case PSETIDAppointment:
		switch n.LID {
		case 0x820D:
			return in.time(&c.Start)
		case 0x820E:
			return in.time(&c.End)
		case 0x8208:
			return in.text(&c.Location, maxString)
		case 0x8223:
			return in.bool(&c.Recurring)
		}
	case PSETIDTask:
		switch n.LID {
		case 0x8104:
			return in.time(&c.Start)
		case 0x8105:
			return in.time(&c.End)
		case 0x8126:
			return in.bool(&c.Recurring)
		}
	case PSETIDAddress:
		switch n.LID {
		case 0x8083, 0x8093, 0x80A3:
			return in.texts(&c.Emails, maxCategories)
		}
	}
	return nil
}

func (in *inspector) recipientProp(id uint16) error {
	switch id {
	case 0x0C15:
		return in.int32(&in.rowType)
	case 0x39FE:
		return in.text(&in.row.smtp, maxString)
	case 0x3002:
		return in.text(&in.row.kind, maxString)
	case 0x3003:
		return in.text(&in.row.email, maxString)
	case 0x5FF6, 0x3001:
		if in.row.name == "" {
			return in.text(&in.row.name, maxString)
		}
	}
	return nil
}

// recipient ends a row of the recipient table.
func (in *inspector) recipient() {
	c := &in.c
	list := &c.To
	switch in.rowType & 0x0F {
	case 1:
	case 2:
		list = &c.Cc
	case 3:
		list = &c.Bcc
	default: // the originator, or unknown
		return
	}
	if a := in.row.address(); len(c.To)+len(c.Cc)+len(c.Bcc) >= maxRecipients || in.left == 0 {
		c.Cut = true
	} else if a != "" {
		*list = append(*list, a)
	}
}

func (in *inspector) attachmentProp(id uint16) error {
	a := &in.att
	switch id {
	case 0x3707:
		return in.text(&a.long, maxString)
	case 0x3704:
		return in.text(&a.short, maxString)
	case 0x3001:
		return in.text(&a.display, maxString)
	case 0x370E:
		return in.text(&a.Mime, maxString)
	case 0x3705:
		return in.int32(&a.Method)
	case 0x7FFE:
		return in.bool(&a.Hidden)
	case idAttachData:
		if in.r.layout.multi || in.r.layout.size > 0 {
			return nil
		}
		n, err := in.r.NextValue()
		a.Size = n
		return err
	}
	return nil
}

func (in *inspector) attachment() {
	in.c.HasAttachments = true
	if len(in.c.Attachments) >= maxAttachments || in.left == 0 {
		in.c.Cut = true
		return
	}
	a := &in.att
	for _, n := range []string{a.long, a.short, a.display} {
		if a.Name = n; n != "" {
			break
		}
	}
	in.c.Attachments = append(in.c.Attachments, a.AttachmentInfo)
}

// finish chooses where the Catalogue has one field and items have several.
func (in *inspector) finish() {
	c := &in.c
	if c.Subject == "" {
		c.Subject = in.prefix + in.normalized
	}
	c.From, c.FromName, c.Sender = in.from.address(), in.from.name, in.sender.address()
	if c.MessageID == "" {
		c.MessageID = in.headerID
	}
	if c.Start.IsZero() {
		c.Start = in.start
	}
	if c.End.IsZero() {
		c.End = in.end
	}
}

// headers looks for the message id in a block of Internet headers.
func (in *inspector) headers() error {
	left, cut := in.left, in.c.Cut
	var block string
	in.left = maxHeaders
	err := in.text(&block, maxHeaders)
	in.left, in.c.Cut = left, cut
	const field = "message-id:"
	for line := range strings.Lines(block) {
		if len(line) > len(field) && strings.EqualFold(line[:len(field)], field) {
			id := strings.TrimSpace(line[len(field):])
			if len(id) > maxString {
				id = ""
			}
			in.headerID = strings.Clone(id)
			break
		}
	}
	return err
}

func (in *inspector) int32(to *int32) error {
	b, err := in.value(Integer32)
	if b != nil {
		*to = int32(binary.LittleEndian.Uint32(b))
	}
	return err
}

func (in *inspector) bool(to *bool) error {
	b, err := in.value(Boolean)
	if b != nil {
		*to = b[0]|b[1] != 0
	}
	return err
}

// time reads a time. What no calendar shows (years from 10000 up) is left out:
// it can't be written as JSON either.
func (in *inspector) time(to *time.Time) error {
	b, err := in.value(Time)
	if b != nil {
		if t := FileTime(binary.LittleEndian.Uint64(b)).Time(); t.Year() < 10000 {
			*to = t
		}
	}
	return err
}

// binary reads a short binary value; a long one is no key.
func (in *inspector) binary(to *[]byte) error {
	if in.r.layout.base != Binary || in.r.layout.multi {
		return nil
	}
	n, err := in.r.NextValue()
	if err != nil || n > maxString {
		return err
	}
	*to = make([]byte, n)
	_, err = io.ReadFull(in.r, *to)
	return err
}
