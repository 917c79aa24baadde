package fts

import (
	"io"
	"strings"
	"time"
	"unicode/utf8"
)

// Catalogue is what a list or a search needs to know of an item, taken from its
// blob. Strings and lists are capped; Cut tells that something was.
//
// Addresses are SMTP addresses; where there is none, names.
type Catalogue struct {
	Class          string           `json:"class,omitempty"`
	Subject        string           `json:"subject,omitempty"`
	From           string           `json:"from,omitempty"`
	FromName       string           `json:"from_name,omitempty"`
	Sender         string           `json:"sender,omitempty"` // the account that sent
	To             []string         `json:"to,omitempty"`
	Cc             []string         `json:"cc,omitempty"`
	Bcc            []string         `json:"bcc,omitempty"`
	Received       time.Time        `json:"received,omitzero"`
	Sent           time.Time        `json:"sent,omitzero"`
	Created        time.Time        `json:"created,omitzero"`
	Modified       time.Time        `json:"modified,omitzero"`
	MessageID      string           `json:"message_id,omitempty"`
	InReplyTo      string           `json:"in_reply_to,omitempty"`
	SearchKey      []byte           `json:"search_key,omitempty"`
	ConversationID []byte           `json:"conversation_id,omitempty"`
	Flags          uint32           `json:"flags,omitempty"` // PidTagMessageFlags
	Importance     int32            `json:"importance"`      // 0 low, 1 normal (also where the blob says nothing), 2 high
	Sensitivity    int32            `json:"sensitivity,omitempty"`
	FlagStatus     int32            `json:"flag_status,omitempty"` // 1 complete, 2 flagged
	Categories     []string         `json:"categories,omitempty"`
	HasAttachments bool             `json:"has_attachments,omitempty"` // there is one, inline and hidden ones too
	Attachments    []AttachmentInfo `json:"attachments,omitempty"`
	Start          time.Time        `json:"start,omitzero"` // of an appointment or a task
	End            time.Time        `json:"end,omitzero"`   // of an appointment; of a task when it is due
	Location       string           `json:"location,omitempty"`
	Recurring      bool             `json:"recurring,omitempty"`
	DisplayName    string           `json:"display_name,omitempty"` // of a contact
	Company        string           `json:"company,omitempty"`
	Emails         []string         `json:"emails,omitempty"` // of a contact
	Cut            bool             `json:"cut,omitempty"`
}

// AttachmentInfo is an attachment in a Catalogue.
type AttachmentInfo struct {
	Name   string `json:"name,omitempty"`
	Mime   string `json:"mime,omitempty"`
	Method int32  `json:"method,omitempty"` // PidTagAttachMethod
	Hidden bool   `json:"hidden,omitempty"`
	Size   int64  `json:"size,omitempty"` // bytes of the data, or of the stream of an embedded message
}

// Bits of Catalogue.Flags.
const (
	FlagRead       = 0x01
	FlagUnsent     = 0x08 // a draft
	FlagAssociated = 0x40
)

// Caps of a Catalogue, in bytes of UTF-8 and in numbers.
const (
	maxString      = 1 << 10
	maxHeaders     = 32 << 10 // looked into for the message id
	maxRecipients  = 2000
	maxAttachments = 1000
	maxCategories  = 200
	maxAll         = 256 << 10 // all strings together
)

// Inspect checks a blob and fills a Catalogue from it. It always reads r to its
// end. On a blob that is not whole it returns what it found and a [*Problem]; an
// error of r itself is returned wrapped and is never a Problem.
func Inspect(r io.Reader) (Catalogue, error) {
	buf := buffers.Get().(*[readSize]byte)
	defer buffers.Put(buf)
	in := inspector{r: newReader(r, buf[:]), left: maxAll}
	in.c.Importance = 1
	err := in.run()
	in.finish()
	if _, ok := err.(*Problem); ok {
		if e := in.r.s.drain(); e != nil {
			return in.c, e
		}
	}
	return in.c, err
}

// drain reads what is left. Only an error of the reader itself is one.
func (s *source) drain() error {
	for {
		if err := s.fill(); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
	}
}

type inspector struct {
	r    *Reader
	c    Catalogue
	left int // bytes of strings that may still be kept

	scratch []byte

	// What a field of the Catalogue is chosen from when all is read.
	from, sender       party
	prefix, normalized string
	start, end         time.Time // PidTagStartDate and EndDate
	headerID           string
	row                party // the recipient that is read
	rowType            int32
	att                attachment
	embedded           int64 // offset where an embedded message began
}

// party is a person, in the ways in which items name one.
type party struct{ name, kind, email, smtp string }

func (p *party) address() string {
	switch {
	case p.smtp != "":
		return p.smtp
	case p.email != "" && strings.EqualFold(p.kind, "SMTP"):
		return p.email
	case p.name != "":
		return p.name
	}
	return p.email
}

type attachment struct {
	AttachmentInfo
	long, short, display string
}

func (in *inspector) run() error {
	for {
		t, err := in.r.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if t.Depth > 0 {
			if t.Kind == StartEmbedded && t.Depth == 1 {
				in.embedded = in.r.Offset()
			}
			continue
		}
		switch t.Kind {
		case Property:
			err = in.property(t)
		case StartRecipient:
			in.row, in.rowType = party{}, 0
		case EndRecipient:
			in.recipient()
		case StartAttachment:
			in.att = attachment{}
		case EndEmbedded:
			in.att.Size = t.Offset - in.embedded
		case EndAttachment:
			in.attachment()
		}
		if err != nil {
			return err
		}
	}
}

func (in *inspector) property(t Token) error {
	switch {
	case t.Part == PartRecipient && t.Name == nil:
		return in.recipientProp(t.Tag.ID())
	case t.Part == PartAttachment && t.Name == nil:
		return in.attachmentProp(t.Tag.ID())
	case t.Part != PartMessage:
		return nil
	case t.Name != nil:
		return in.namedProp(t.Name)
	}
	return in.messageProp(t.Tag.ID())
}

// text reads a string, cut to n bytes. A value of another type is no string.
func (in *inspector) text(to *string, n int) error {
	if in.r.layout.base != String || in.r.layout.multi {
		return nil
	}
	if _, err := in.r.NextValue(); err != nil {
		return err
	}
	s, err := in.cutText(n)
	*to = s
	return err
}

// cutText reads the current value, a string, as far as n bytes of it go.
func (in *inspector) cutText(n int) (string, error) {
	n = min(n, in.left)
	r := in.r
	c := collector{b: in.scratch[:0]}
	r.text.Reset(r.layout.cp, &c)
	for r.vleft > 0 && len(c.b) <= n {
		b, err := r.valueChunk()
		if err != nil {
			return "", err
		}
		b = b[:min(len(b), 1<<10)]
		r.text.Write(b)
		r.took(len(b))
	}
	r.text.Close()
	b := c.b
	in.scratch = b
	if len(b) > n {
		in.c.Cut = true
		for n > 0 && !utf8.RuneStart(b[n]) {
			n--
		}
		b = b[:n]
	}
	in.left -= len(b)
	return strings.ToValidUTF8(string(b), "\uFFFD"), nil
}

// texts reads a multi-value string, or a single one as a list.
func (in *inspector) texts(to *[]string, most int) error {
	if in.r.layout.base != String {
		return nil
	}
	for {
		if _, err := in.r.NextValue(); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		if len(*to) >= most || in.left == 0 {
			in.c.Cut = true
			continue
		}
		s, err := in.cutText(maxString)
		if err != nil {
			return err
		}
		*to = append(*to, s)
	}
}

// value reads a fixed-size value; nil if the type is not the wanted one.
func (in *inspector) value(base Type) ([]byte, error) {
	if in.r.layout.base != base || in.r.layout.multi {
		return nil, nil
	}
	if _, err := in.r.NextValue(); err != nil {
		return nil, err
	}
	return in.r.take()
}
