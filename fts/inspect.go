package fts

import (
	"crypto/sha256"
	"hash"
	"io"
	"time"
)

// Inspect checks a blob and fills a Catalogue from it. It always reads r to its
// end. On a blob that is not whole it returns what it found and a [*Problem]; an
// error of r itself is returned wrapped and is never a Problem.
//
// It keeps at most 256 KiB of strings and a few values of up to 256 KiB,
// whatever the blob's size: about 3 MiB at the worst.
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
	hash    hash.Hash

	// What is put into the Catalogue when all is read, because properties come in any order.
	calendar           Calendar
	contact            Contact
	task               Task
	from, sender       party
	emails             [3]party
	prefix, normalized string
	start, end         time.Time // PidTagStartDate and EndDate
	headerID           string
	codePage           int32
	reminderSet        bool
	recurrence         []byte
	taskRecurrence     []byte
	zone               string // description
	zones              [2][]byte
	members, oneOffs   []Person

	row      party // the recipient that is read
	att      attachment
	embedded int64 // offset where an embedded message began
}

// attachment is an attachment that is read.
type attachment struct {
	AttachmentInfo
	long, short, display string
	flags                int32
	photo                bool
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
			in.row = party{}
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
	var f field
	switch {
	case t.Name != nil && t.Part == PartMessage:
		f = namedFields[*t.Name]
	case t.Name != nil:
	case t.Part == PartRecipient:
		f = recipientFields[t.Tag.ID()]
	case t.Part == PartAttachment:
		f = attachmentFields[t.Tag.ID()]
	default:
		f = messageFields[t.Tag.ID()]
	}
	if f == nil {
		return nil
	}
	return f(in)
}

// data hashes the data of an attachment.
func (in *inspector) data() error {
	if in.r.layout.multi || in.r.layout.size > 0 {
		return nil
	}
	n, err := in.r.NextValue()
	if err != nil {
		return err
	}
	if in.hash == nil {
		in.hash = sha256.New()
	}
	in.hash.Reset()
	if _, err = in.r.WriteTo(in.hash); err != nil {
		return err
	}
	in.att.Size = n
	in.att.SHA256 = hexOf(in.hash)
	return nil
}
