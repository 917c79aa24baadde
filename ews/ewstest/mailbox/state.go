package mailbox

import (
	"errors"
	"fmt"
	"io"
	"slices"

	"mailferry/ews/ewstest/mailbox/bulk"
	"mailferry/ews/ewstest/mailbox/record"
	"mailferry/fts"
)

// stateMagic begins a saved mailbox. After it stand records, each a kind, a
// length and that many bytes; the last one is recordEnd. An item's blob is in
// the record as a stream of its own length.
const stateMagic = "mailferry simulated mailbox 1\n"

const (
	recordEnd byte = iota
	recordMailbox
	recordBulk
	recordFolder
	recordItem
	recordGoneItem
	recordGoneFolder
)

// ErrState is found in the error of a saved mailbox that cannot be read.
var ErrState = errors.New("not a saved mailbox, or damaged")

// Save writes the mailbox, what Reset goes back to not included. Nothing is
// whole in memory besides the mailbox itself.
func (m *Mailbox) Save(w io.Writer) error {
	m.mu.RLock()
	defer m.mu.RUnlock()
	out := record.NewWriter(w)
	out.Raw([]byte(stateMagic))
	out.Record(recordMailbox, func(e *record.Encoder) {
		e.Text(m.address)
		e.Bytes(m.guid[:])
		e.Text(m.opt.Language)
		e.Number(m.style, m.c.seq, m.c.next)
	})
	bulks := map[*bulk.Blob]uint64{}
	for _, id := range m.c.order {
		f := m.c.folders[id]
		out.Record(recordFolder, f.Folder.encode)
		for i := range f.gone {
			out.Record(recordGoneItem, func(e *record.Encoder) { e.Number(f.gone[i].at); f.gone[i].item.encode(e) })
		}
		for _, it := range f.items {
			n := uint64(0)
			if it.bulk != nil {
				if n = bulks[it.bulk]; n == 0 {
					n = uint64(len(bulks)) + 1
					bulks[it.bulk] = n
					out.Record(recordBulk, func(e *record.Encoder) { e.Number(uint64(it.bulk.Size())) })
				}
			}
			out.Record(recordItem, func(e *record.Encoder) { it.encode(e); e.Number(n, uint64(it.number)) })
			if it.bulk == nil {
				out.Blob(func(w io.Writer) error { return m.WriteBlob(w, it) })
			}
		}
	}
	for _, g := range m.c.gone {
		out.Record(recordGoneFolder, func(e *record.Encoder) { e.Number(g.at); e.Numbers(g.path); g.folder.encode(e) })
	}
	out.Record(recordEnd, func(*record.Encoder) {})
	if err := out.Flush(); err != nil {
		return fmt.Errorf("save mailbox %s: %w", m.address, err)
	}
	return nil
}

// Restore reads what Save wrote; nothing is read beyond it if r is an
// io.ByteReader. Options that are not saved (Lose, Quota, Now, Version) are
// taken from o.
func Restore(r io.Reader, o Options) (*Mailbox, error) {
	m, err := restore(r, o)
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return nil, fmt.Errorf("restore mailbox: %w: %w", ErrState, err)
	}
	m.Mark()
	return m, nil
}

func restore(r io.Reader, o Options) (*Mailbox, error) {
	in := record.NewReader(r)
	if magic := in.Take(len(stateMagic)); in.Err != nil || string(magic) != stateMagic {
		return nil, errors.New("it does not begin as one")
	}
	kind, d := in.Record()
	if in.Err != nil || kind != recordMailbox {
		return nil, errors.New("the first record is not that of a mailbox")
	}
	m := &Mailbox{address: d.Text(), opt: o, c: newContent()}
	copy(m.guid[:], d.Bytes())
	m.opt.Language = d.Text()
	m.style, m.c.seq, m.c.next = d.Number(), d.Number(), d.Number()
	var err error
	if m.lose, err = losses(o); err != nil {
		return nil, err
	}
	l := &loading{Mailbox: m, in: in}
	for {
		kind, d := in.Record()
		if in.Err != nil || kind == recordEnd {
			return m, in.Err
		}
		if err := l.take(kind, d); err != nil {
			return nil, err
		}
		if d.Failed {
			return nil, fmt.Errorf("a record of kind %d is short", kind)
		}
	}
}

// loading is a mailbox that is being read.
type loading struct {
	*Mailbox
	in    *record.Reader
	bulks []*bulk.Blob
	f     *folder // of the items that follow
}

func (l *loading) take(kind byte, d *record.Decoder) error {
	switch kind {
	case recordFolder:
		l.f = &folder{Folder: decodeFolder(d)}
		l.c.folders[l.f.ID] = l.f
		l.c.order = append(l.c.order, l.f.ID)
	case recordBulk:
		b, err := bulk.New(int64(d.Number()))
		if err != nil {
			return err
		}
		l.bulks = append(l.bulks, b)
	case recordGoneFolder:
		g := goneFolder{at: d.Number(), path: d.Numbers()}
		g.folder = decodeFolder(d)
		l.c.gone = append(l.c.gone, g)
	case recordGoneItem, recordItem:
		if l.f == nil {
			return errors.New("an item stands before its folder")
		}
		return l.item(kind, d)
	default:
		return fmt.Errorf("unknown record %d: it is of a newer version", kind)
	}
	return nil
}

func (l *loading) item(kind byte, d *record.Decoder) error {
	if kind == recordGoneItem {
		at := d.Number()
		l.f.gone = append(l.f.gone, goneItem{item: *decodeItem(d), at: at})
		return nil
	}
	it := decodeItem(d)
	n, number := d.Number(), d.Number()
	it.sums = new(sums)
	switch {
	case n > uint64(len(l.bulks)):
		return errors.New("a bulk item of unknown size")
	case n > 0:
		it.bulk, it.number = l.bulks[n-1], int(number)
	default:
		err := l.in.Blob(func(r io.Reader) (err error) {
			it.Message, err = fts.ReadMessage(r)
			return err
		})
		if err != nil {
			return err
		}
	}
	it.Folder = l.f.ID
	l.f.items = append(l.f.items, it)
	l.c.items[it.ID] = it
	l.c.size += it.Size
	return nil
}

func (f Folder) encode(e *record.Encoder) {
	e.Number(f.ID, f.Parent, f.Born, f.Change, f.Content)
	e.Text(f.Name)
	e.Text(f.Class)
	e.Text(f.Distinguished)
	e.Flags(f.Hidden, f.Search, f.Archive)
	e.Number(uint64(f.Total), uint64(f.Unread), uint64(f.Associated), uint64(f.Children), uint64(f.Size), uint64(f.Deleted))
	e.Times(f.Created, f.Modified, f.LastChange)
}

func decodeFolder(d *record.Decoder) Folder {
	f := Folder{ID: d.Number(), Parent: d.Number(), Born: d.Number(), Change: d.Number(), Content: d.Number()}
	f.Name, f.Class, f.Distinguished = d.Text(), d.Text(), d.Text()
	d.Flags(&f.Hidden, &f.Search, &f.Archive)
	f.Total, f.Unread, f.Associated, f.Children = int(d.Number()), int(d.Number()), int(d.Number()), int(d.Number())
	f.Size, f.Deleted = int64(d.Number()), int(d.Number())
	f.Created, f.Modified, f.LastChange = d.Time(), d.Time(), d.Time()
	return f
}

func (it *Item) encode(e *record.Encoder) {
	e.Number(it.ID, it.Folder, it.Born, it.Change, it.ReadChange, uint64(it.Size), uint64(it.UploadedSize))
	e.Flags(it.Associated, it.Read)
	e.Text(it.Origin)
	e.Times(it.Created, it.Modified)
	e.Bytes(it.SearchKey)
	e.Bytes(it.UploadedSHA256[:])
}

func decodeItem(d *record.Decoder) *Item {
	it := &Item{ID: d.Number(), Folder: d.Number(), Born: d.Number(), Change: d.Number(), ReadChange: d.Number()}
	it.Size, it.UploadedSize = int64(d.Number()), int64(d.Number())
	d.Flags(&it.Associated, &it.Read)
	it.Origin = d.Text()
	it.Created, it.Modified = d.Time(), d.Time()
	it.SearchKey = slices.Clone(d.Bytes())
	copy(it.UploadedSHA256[:], d.Bytes())
	return it
}
