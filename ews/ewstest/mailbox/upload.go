package mailbox

import (
	"crypto/sha256"
	"fmt"
	"io"
	"strconv"
	"strings"

	"mailferry/fts"
)

// Action is what an upload does. The spelling is that of the wire.
type Action string

// The actions of UploadItems.
const (
	CreateNew      Action = "CreateNew"
	UpdateExisting Action = "Update"
	UpdateOrCreate Action = "UpdateOrCreate"
)

// Upload is an item to be uploaded.
type Upload struct {
	Action     Action // "" is CreateNew
	Folder     uint64
	Item       uint64 // to be updated; of no meaning for CreateNew
	Associated bool
	Blob       io.Reader
}

// Upload makes or replaces an item from a blob, which is read to its end and of
// which nothing is kept but what it holds. A blob that is not whole is refused
// with an error for which errors.As finds a *[fts.Problem]; an error of the
// reader is returned wrapped. Either way nothing has changed.
//
// It sets what a store sets: new times of creation and modification, size,
// conversation id, keys. All else is kept, but what Options.Lose names.
func (m *Mailbox) Upload(u Upload) (*Item, error) {
	if err := m.ready(u); err != nil {
		return nil, err
	}
	h := sha256.New()
	var size counting
	msg, err := fts.ReadMessage(io.TeeReader(u.Blob, io.MultiWriter(h, &size)))
	if err != nil {
		return nil, fmt.Errorf("upload: %w", err)
	}
	if len(m.lose) > 0 {
		m.drop(msg)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.takes(u.Folder); err != nil {
		return nil, err
	}
	it := &Item{Folder: u.Folder, Associated: u.Associated, Origin: Uploaded, UploadedSize: int64(size)}
	h.Sum(it.UploadedSHA256[:0])
	old := m.c.items[u.Item]
	if u.Action == CreateNew || u.Action == "" || old != nil && old.Folder != u.Folder {
		old = nil
	}
	if old == nil {
		if u.Action == UpdateExisting {
			return nil, ErrItemNotFound
		}
		m.assign(it, msg, false)
		return m.put(it), nil
	}
	it.ID, it.Born, it.ReadChange, it.SearchKey = old.ID, old.Born, old.ReadChange, old.SearchKey
	it.Associated = old.Associated
	m.assign(it, msg, false)
	it.Created = old.Created
	it.Message.Props.Set(fts.MakeTag(tagCreated, fts.Time), fts.FileTimeOf(old.Created))
	it.Change = m.c.step()
	return m.replace(old, it), nil
}

// ready finds what would fail before the blob is read.
func (m *Mailbox) ready(u Upload) error {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if err := m.takes(u.Folder); err != nil {
		return err
	}
	if old := m.c.items[u.Item]; u.Action == UpdateExisting && (old == nil || old.Folder != u.Folder) {
		return ErrItemNotFound
	}
	return nil
}

// Loss is a property that uploads lose: by its id, or by its name (in any set
// where Set is zero).
type Loss struct {
	ID   uint16
	Name fts.Name
}

// ParseLoss reads 0x0037 or 0x0037001F (an id or a tag below 0x8000), 0x8208
// (the number of a named property), or the text of a named one, as Keywords.
func ParseLoss(s string) (Loss, error) {
	if s == "" {
		return Loss{}, fmt.Errorf("lose: want a property tag as 0x0037, or the name of a named property")
	}
	if hex, ok := strings.CutPrefix(strings.ToLower(s), "0x"); ok {
		n, err := strconv.ParseUint(hex, 16, 32)
		if err != nil {
			return Loss{}, fmt.Errorf("lose %q: want a property tag as 0x0037 or 0x0037001F", s)
		}
		return lossOf(uint32(n)), nil
	}
	return Loss{Name: fts.Name{Text: s}}, nil
}

func lossOf(n uint32) Loss {
	switch {
	case n > 0xFFFF && n>>16 < 0x8000:
		return Loss{ID: uint16(n >> 16)}
	case n > 0xFFFF:
		return Loss{Name: fts.Name{LID: n >> 16}}
	case n >= 0x8000:
		return Loss{Name: fts.Name{LID: n}}
	}
	return Loss{ID: uint16(n)}
}

func losses(o Options) ([]Loss, error) {
	var all []Loss
	for _, n := range o.Lose {
		all = append(all, lossOf(n))
	}
	for _, s := range o.LoseNames {
		l, err := ParseLoss(s)
		if err != nil {
			return nil, err
		}
		all = append(all, l)
	}
	return all, nil
}

func (l Loss) matches(p fts.Prop) bool {
	switch {
	case p.Name == nil:
		return l.ID != 0 && p.Tag.ID() == l.ID
	case l.Name.Text != "":
		return strings.EqualFold(l.Name.Text, p.Name.Text)
	}
	return l.Name.LID != 0 && p.Name.Text == "" && l.Name.LID == p.Name.LID
}

// drop takes the lost properties out of a message and all that is in it.
func (m *Mailbox) drop(msg *fts.Message) {
	msg.Props = m.kept(msg.Props)
	for i := range msg.Recipients {
		msg.Recipients[i].Props = m.kept(msg.Recipients[i].Props)
	}
	for i := range msg.Attachments {
		msg.Attachments[i].Props = m.kept(msg.Attachments[i].Props)
		if e := msg.Attachments[i].Embedded; e != nil {
			m.drop(e)
		}
	}
}

func (m *Mailbox) kept(props fts.Props) fts.Props {
	var kept fts.Props
next:
	for _, p := range props {
		for _, l := range m.lose {
			if l.matches(p) {
				continue next
			}
		}
		kept = append(kept, p)
	}
	return kept
}
