package mailbox

import (
	"crypto/sha256"
	"strings"

	"mailferry/fts"
)

// Property ids that the store reads or sets.
const (
	tagClass         = 0x001A
	tagSubject       = 0x0037
	tagTopic         = 0x0070
	tagConvIndex     = 0x0071
	tagReceived      = 0x0E06
	tagFlags         = 0x0E07
	tagSize          = 0x0E08
	tagRead          = 0x0E69
	tagMessageID     = 0x1035
	tagCreated       = 0x3007
	tagModified      = 0x3008
	tagSearchKey     = 0x300B
	tagConvID        = 0x3013
	tagCreator       = 0x3FF8
	tagModifier      = 0x3FFA
	tagAttachSize    = 0x0E20
	tagHidden        = 0x7FFE // of an attachment
	flagRead         = 0x01
	flagUnsent       = 0x08
	flagAttachments  = 0x10
	flagAssociated   = 0x40
	internalFirst    = 0x6600
	internalLast     = 0x67FF
	embeddedOverhead = 64
)

// computed are properties of a message that the store answers from what it
// knows, and so does not keep as they came in.
var computed = map[uint16]bool{
	0x0E08: true, // MessageSize
	0x0E09: true, // ParentEntryId
	0x0E1B: true, // HasAttachments
	0x0FF4: true, // Access
	0x0FF7: true, // AccessLevel
	0x0FF9: true, // RecordKey
	0x0FFA: true, // StoreRecordKey
	0x0FFB: true, // StoreEntryId
	0x0FFF: true, // EntryId
	0x300B: true, // SearchKey
	0x65E0: true, // SourceKey
	0x65E1: true, // ParentSourceKey
	0x65E2: true, // ChangeKey
	0x65E3: true, // PredecessorChangeList
}

// assign makes msg the content of it, with the properties that the store sets.
// The content of a seed keeps its times.
func (m *Mailbox) assign(it *Item, msg *fts.Message, seed bool) {
	if key := msg.Props.Bytes(tagSearchKey); len(key) > 0 && it.SearchKey == nil {
		it.SearchKey = key
	}
	flags, had := msg.Props.Int(tagFlags)
	if !had && msg.Props.Bool(tagRead) {
		flags = flagRead
	}
	kept := make(fts.Props, 0, len(msg.Props)+4)
	for _, p := range msg.Props {
		id := p.Tag.ID()
		if p.Name == nil && (computed[id] || id >= internalFirst && id <= internalLast) {
			continue
		}
		kept = append(kept, p)
	}
	flags &^= flagAssociated | flagAttachments
	if it.Associated {
		flags |= flagAssociated
	}
	if len(msg.Attachments) > 0 {
		flags |= flagAttachments
	}
	now := m.opt.now()
	if it.Origin == Uploaded {
		m.stamp(kept, msg.Attachments, fts.FileTimeOf(now))
	}
	it.Created, it.Modified = now, now
	if seed {
		if t := kept.Time(tagCreated); !t.IsZero() {
			it.Created = t
		}
		if t := kept.Time(tagModified); !t.IsZero() {
			it.Modified = t
		}
	}
	kept.Set(fts.MakeTag(tagFlags, fts.Integer32), int32(flags))
	kept.Set(fts.MakeTag(tagCreated, fts.Time), fts.FileTimeOf(it.Created))
	kept.Set(fts.MakeTag(tagModified, fts.Time), fts.FileTimeOf(it.Modified))
	if id := m.conversation(kept); id != nil {
		kept.Set(fts.MakeTag(tagConvID, fts.Binary), id)
	}
	msg.Props = kept
	it.Read = flags&flagRead != 0
	it.Message = msg
	it.sums = new(sums)
	it.Size = messageSize(msg) + int64(m.style&0x3F)
}

// stamp sets the further properties that a store sets on what is uploaded,
// where there are any: who made and changed it, and the times and sizes of
// attachments.
func (m *Mailbox) stamp(props fts.Props, attachments []fts.Attachment, now fts.FileTime) {
	for i, p := range props {
		if id := p.Tag.ID(); p.Name == nil && (id == tagCreator || id == tagModifier) {
			props[i] = fts.Prop{Tag: fts.MakeTag(id, fts.StringUpload), Value: m.address}
		}
	}
	for _, a := range attachments {
		for i, p := range a.Props {
			switch id := p.Tag.ID(); {
			case p.Name != nil:
			case id == tagCreated || id == tagModified:
				a.Props[i] = fts.Prop{Tag: fts.MakeTag(id, fts.Time), Value: now}
			case id == tagAttachSize:
				a.Props[i] = fts.Prop{Tag: fts.MakeTag(id, fts.Integer32), Value: int32(propsSize(a.Props)) + 99}
			}
		}
	}
}

// conversation returns the id of the thread that a message belongs to. Each
// store makes its own.
func (m *Mailbox) conversation(p fts.Props) []byte {
	index, topic := p.Bytes(tagConvIndex), p.String(tagTopic)
	if len(index) < 22 && topic == "" {
		return nil
	}
	h := sha256.New()
	h.Write(m.guid[:])
	if len(index) >= 22 {
		h.Write(index[6:22])
	} else {
		h.Write([]byte(strings.ToLower(topic)))
	}
	return h.Sum(nil)[:16]
}

// setRead sets the flag in a message.
func setRead(msg *fts.Message, read bool) {
	flags, _ := msg.Props.Int(tagFlags)
	flags &^= flagRead
	if read {
		flags |= flagRead
	}
	msg.Props.Set(fts.MakeTag(tagFlags, fts.Integer32), int32(flags))
	if _, ok := msg.Prop(tagRead); ok {
		msg.Props.Set(fts.MakeTag(tagRead, fts.Boolean), read)
	}
}

// messageSize estimates the bytes that a message takes.
func messageSize(msg *fts.Message) int64 {
	n := propsSize(msg.Props) + embeddedOverhead
	for _, r := range msg.Recipients {
		n += propsSize(r.Props) + 8
	}
	for _, a := range msg.Attachments {
		n += propsSize(a.Props) + 8
		if a.Embedded != nil {
			n += messageSize(a.Embedded)
		}
	}
	return n
}

func propsSize(props fts.Props) int64 {
	var n int64
	for _, p := range props {
		n += 4 + valueSize(p.Value)
		if p.Name != nil {
			n += 21 + 2*int64(len(p.Name.Text))
		}
	}
	return n
}

func valueSize(v any) int64 {
	switch v := v.(type) {
	case string:
		return 6 + 2*int64(len(v))
	case []byte:
		return 4 + int64(len(v))
	case fts.Object:
		return 4 + int64(len(v))
	case []string:
		var n int64
		for _, s := range v {
			n += 6 + 2*int64(len(s))
		}
		return n
	case [][]byte:
		var n int64
		for _, b := range v {
			n += 4 + int64(len(b))
		}
		return n
	}
	return 8
}
