package mailbox

import (
	"crypto/sha256"
	"encoding/binary"
	"strings"
	"time"

	"mailferry/fts"
)

// props returns the top-level properties of an item.
func (it *Item) props() fts.Props {
	if it.bulk != nil {
		return it.bulk.Props(it.number)
	}
	return it.Message.Props
}

// Class returns the message class.
func (it *Item) Class() string {
	if c := it.props().String(tagClass); c != "" {
		return c
	}
	return "IPM.Note"
}

// Subject returns the subject.
func (it *Item) Subject() string { return it.props().String(tagSubject) }

// Received returns when the item was delivered; where nothing says so, when it
// was created.
func (it *Item) Received() time.Time {
	if t := it.props().Time(tagReceived); !t.IsZero() {
		return t
	}
	return it.Created
}

// Sent returns when the item was sent; where nothing says so, when it was created.
func (it *Item) Sent() time.Time {
	if t := it.props().Time(0x0039); !t.IsZero() {
		return t
	}
	return it.Created
}

// MessageID returns the Internet message id, "" where there is none.
func (it *Item) MessageID() string { return it.props().String(tagMessageID) }

// Flags returns PidTagMessageFlags.
func (it *Item) Flags() int32 {
	n, _ := it.props().Int(tagFlags)
	return int32(n)
}

// Draft says that the item was never sent.
func (it *Item) Draft() bool { return it.Flags()&flagUnsent != 0 }

// HasAttachments says that there is an attachment that a client would list.
func (it *Item) HasAttachments() bool {
	if it.bulk != nil {
		return true
	}
	for _, a := range it.Message.Attachments {
		flags, _ := a.Props.Int(0x3714)
		if !a.Props.Bool(tagHidden) && flags&4 == 0 {
			return true
		}
	}
	return false
}

// From returns name and SMTP address of whom the item is from, if known.
func (it *Item) From() (name, address string) { return who(it.props(), 0x0042, 0x5D02, 0x0064, 0x0065) }

// Sender returns name and SMTP address of who sent the item, if known.
func (it *Item) Sender() (name, address string) {
	return who(it.props(), 0x0C1A, 0x5D01, 0x0C1E, 0x0C1F)
}

func who(p fts.Props, name, smtp, kind, address uint16) (string, string) {
	a := p.String(smtp)
	if a == "" && strings.EqualFold(p.String(kind), "SMTP") {
		a = p.String(address)
	}
	return p.String(name), a
}

// Message returns the message of an item, also of a bulk item, of which it is
// made anew. It must not be changed.
func (m *Mailbox) Message(it *Item) (*fts.Message, error) { return m.message(it) }

// Prop returns a property of an item by its id below 0x8000, computed ones
// included. The value has the Go types of [fts.Prop].
func (m *Mailbox) Prop(it *Item, id uint16) (any, bool) {
	switch id {
	case tagSize:
		return it.Size, true
	case 0x0E05:
		f, ok := m.Folder(it.Folder)
		return f.Name, ok
	case 0x0E09:
		return m.FolderEntryID(it.Folder), true
	case 0x0E1B:
		return it.HasAttachments(), true
	case 0x0E23:
		return int32(it.ID), true
	case tagRead:
		return it.Read, true
	case 0x0FF4:
		return int32(0x17), true
	case 0x0FF7:
		return int32(1), true
	case 0x0FFE:
		return int32(5), true
	case 0x0FFF, 0x0FF9:
		return m.EntryID(it), true
	case tagCreated:
		return fts.FileTimeOf(it.Created), true
	case tagModified:
		return fts.FileTimeOf(it.Modified), true
	case tagReceived:
		return fts.FileTimeOf(it.Received()), true
	case tagSearchKey:
		return it.SearchKey, true
	case 0x65E0:
		return m.key(it.ID), true
	case 0x65E1:
		return m.key(it.Folder), true
	case 0x65E2:
		return m.ChangeKey(it), true
	case 0x65E3:
		return append([]byte{22}, m.ChangeKey(it)...), true
	case 0x6748:
		return m.longID(it.Folder), true
	case 0x674A:
		return m.longID(it.ID), true
	case 0x67AA:
		return it.Associated, true
	case 0x5D01:
		_, a := it.Sender()
		return a, a != ""
	case 0x5D02:
		_, a := it.From()
		return a, a != ""
	case 0x0E02, 0x0E03, 0x0E04:
		return it.display(int64(0x0E05 - id))
	}
	p, ok := it.props().Prop(id)
	return p.Value, ok
}

// Named returns a named property of an item.
func (m *Mailbox) Named(it *Item, n fts.Name) (any, bool) {
	p, ok := it.props().Named(n)
	return p.Value, ok
}

// display returns the list of recipients of one kind (1 to, 2 cc, 3 bcc).
func (it *Item) display(kind int64) (any, bool) {
	if it.Message == nil {
		return "", true
	}
	var names []string
	for _, r := range it.Message.Recipients {
		if k, _ := r.Props.Int(0x0C15); k&0xF == kind {
			names = append(names, r.Props.String(0x3001))
		}
	}
	return strings.Join(names, "; "), true
}

// FolderProp returns a property of a folder, computed ones included.
func (m *Mailbox) FolderProp(f Folder, id uint16) (any, bool) {
	switch id {
	case 0x3001:
		return f.Name, true
	case 0x3613:
		return f.Class, f.Class != ""
	case 0x3602:
		return int32(f.Total), true
	case 0x3603:
		return int32(f.Unread), true
	case 0x3617:
		return int32(f.Associated), true
	case 0x360A:
		return f.Children > 0, true
	case 0x3601:
		switch {
		case f.Parent == 0:
			return int32(0), true
		case f.Search:
			return int32(2), true
		}
		return int32(1), true
	case tagSize:
		return f.Size, true
	case 0x66B5:
		return "\uFFFE" + strings.Join(m.Path(f.ID), "\uFFFE"), true
	case 0x10F4:
		return f.Hidden, true
	case 0x3007:
		return fts.FileTimeOf(f.Created), true
	case 0x3008:
		return fts.FileTimeOf(f.Modified), true
	case 0x670A:
		return fts.FileTimeOf(f.LastChange), true
	case 0x670B:
		return int32(f.Deleted), true
	case 0x0FFF:
		return m.FolderEntryID(f.ID), true
	case 0x0E09:
		return m.FolderEntryID(f.Parent), f.Parent != 0
	case 0x65E0:
		return m.key(f.ID), true
	case 0x65E1:
		return m.key(f.Parent), f.Parent != 0
	case 0x65E2:
		return m.key(f.Change), true
	case 0x6748:
		return m.longID(f.ID), true
	}
	return nil, false
}

// key is a 22-byte identifier of the store: its GUID and a counter ([MS-OXCFXICS] 2.2.2.2).
func (m *Mailbox) key(n uint64) []byte {
	return append(m.guid[:16:16], counter(n)...)
}

func counter(n uint64) []byte {
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], n)
	return b[2:]
}

// longID is a folder or message id: replica 1 and a counter.
func (m *Mailbox) longID(n uint64) int64 {
	return int64(binary.LittleEndian.Uint64(append([]byte{1, 0}, counter(n)...)))
}

// ChangeKey returns the 22 bytes that are another with each change of an item.
func (m *Mailbox) ChangeKey(it *Item) []byte { return m.key(max(it.Change, it.ReadChange)) }

// FolderChangeKey returns the 22 bytes that are another with each change of a folder.
func (m *Mailbox) FolderChangeKey(f Folder) []byte { return m.key(f.Change) }

// FolderEntryID returns the 46 bytes that name a folder ([MS-OXCDATA] 2.2.4.1).
func (m *Mailbox) FolderEntryID(id uint64) []byte {
	b := make([]byte, 0, 46)
	b = append(b, 0, 0, 0, 0)
	b = append(b, m.guid[:]...)
	b = append(b, 1, 0)
	b = append(b, m.guid[:]...)
	b = append(b, counter(id)...)
	return append(b, 0, 0)
}

// EntryID returns the 70 bytes that name an item ([MS-OXCDATA] 2.2.4.2).
func (m *Mailbox) EntryID(it *Item) []byte {
	b := make([]byte, 0, 70)
	b = append(b, 0, 0, 0, 0)
	b = append(b, m.guid[:]...)
	b = append(b, 7, 0)
	b = append(b, m.guid[:]...)
	b = append(b, counter(it.Folder)...)
	b = append(b, 0, 0)
	b = append(b, m.guid[:]...)
	b = append(b, counter(it.ID)...)
	return append(b, 0, 0)
}

// searchKey makes a search key: 16 bytes that stay with an item and its copies.
func (m *Mailbox) searchKey(id uint64) []byte {
	sum := sha256.Sum256(append(m.key(id), "search key"...))
	return sum[:16]
}
