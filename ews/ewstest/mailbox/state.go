package mailbox

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

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
	out := &saver{w: bufio.NewWriterSize(w, 1<<16)}
	out.raw([]byte(stateMagic))
	out.record(recordMailbox, func(e *encoder) {
		e.text(m.address)
		e.bytes(m.guid[:])
		e.text(m.opt.Language)
		e.number(m.style, m.c.seq, m.c.next)
	})
	bulks := map[*bulk]uint64{}
	for _, id := range m.c.order {
		f := m.c.folders[id]
		out.record(recordFolder, f.Folder.encode)
		for i := range f.gone {
			out.record(recordGoneItem, func(e *encoder) { e.number(f.gone[i].at); f.gone[i].item.encode(e) })
		}
		for _, it := range f.items {
			n := uint64(0)
			if it.bulk != nil {
				if n = bulks[it.bulk]; n == 0 {
					n = uint64(len(bulks)) + 1
					bulks[it.bulk] = n
					out.record(recordBulk, func(e *encoder) { e.number(uint64(it.bulk.size)) })
				}
			}
			out.record(recordItem, func(e *encoder) { it.encode(e); e.number(n, uint64(it.number)) })
			if it.bulk == nil {
				out.blob(func(w io.Writer) error { return m.WriteBlob(w, it) })
			}
		}
	}
	for _, g := range m.c.gone {
		out.record(recordGoneFolder, func(e *encoder) { e.number(g.at); e.numbers(g.path); g.folder.encode(e) })
	}
	out.record(recordEnd, func(*encoder) {})
	if out.err == nil {
		out.err = out.w.Flush()
	}
	if out.err != nil {
		return fmt.Errorf("save mailbox %s: %w", m.address, out.err)
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
	in := newLoader(r)
	if magic := in.take(len(stateMagic)); in.err != nil || string(magic) != stateMagic {
		return nil, errors.New("it does not begin as one")
	}
	kind, d := in.record()
	if in.err != nil || kind != recordMailbox {
		return nil, errors.New("the first record is not that of a mailbox")
	}
	m := &Mailbox{address: d.text(), opt: o, c: newContent()}
	copy(m.guid[:], d.bytes())
	m.opt.Language = d.text()
	m.style, m.c.seq, m.c.next = d.number(), d.number(), d.number()
	var err error
	if m.lose, err = losses(o); err != nil {
		return nil, err
	}
	l := &loading{Mailbox: m, in: in}
	for {
		kind, d := in.record()
		if in.err != nil || kind == recordEnd {
			return m, in.err
		}
		if err := l.take(kind, d); err != nil {
			return nil, err
		}
		if d.failed {
			return nil, fmt.Errorf("a record of kind %d is short", kind)
		}
	}
}

// loading is a mailbox that is being read.
type loading struct {
	*Mailbox
	in    *loader
	bulks []*bulk
	f     *folder // of the items that follow
}

func (l *loading) take(kind byte, d *decoder) error {
	switch kind {
	case recordFolder:
		l.f = &folder{Folder: decodeFolder(d)}
		l.c.folders[l.f.ID] = l.f
		l.c.order = append(l.c.order, l.f.ID)
	case recordBulk:
		b, err := newBulk(int64(d.number()))
		if err != nil {
			return err
		}
		l.bulks = append(l.bulks, b)
	case recordGoneFolder:
		g := goneFolder{at: d.number(), path: d.numbers()}
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

func (l *loading) item(kind byte, d *decoder) error {
	if kind == recordGoneItem {
		at := d.number()
		l.f.gone = append(l.f.gone, goneItem{item: *decodeItem(d), at: at})
		return nil
	}
	it := decodeItem(d)
	n, number := d.number(), d.number()
	it.sums = new(sums)
	switch {
	case n > uint64(len(l.bulks)):
		return errors.New("a bulk item of unknown size")
	case n > 0:
		it.bulk, it.number = l.bulks[n-1], int(number)
	default:
		err := l.in.blob(func(r io.Reader) (err error) {
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

func (f Folder) encode(e *encoder) {
	e.number(f.ID, f.Parent, f.Born, f.Change, f.Content)
	e.text(f.Name)
	e.text(f.Class)
	e.text(f.Distinguished)
	e.flags(f.Hidden, f.Search, f.Archive)
	e.number(uint64(f.Total), uint64(f.Unread), uint64(f.Associated), uint64(f.Children), uint64(f.Size), uint64(f.Deleted))
	e.times(f.Created, f.Modified, f.LastChange)
}

func decodeFolder(d *decoder) Folder {
	f := Folder{ID: d.number(), Parent: d.number(), Born: d.number(), Change: d.number(), Content: d.number()}
	f.Name, f.Class, f.Distinguished = d.text(), d.text(), d.text()
	d.flags(&f.Hidden, &f.Search, &f.Archive)
	f.Total, f.Unread, f.Associated, f.Children = int(d.number()), int(d.number()), int(d.number()), int(d.number())
	f.Size, f.Deleted = int64(d.number()), int(d.number())
	f.Created, f.Modified, f.LastChange = d.time(), d.time(), d.time()
	return f
}

func (it *Item) encode(e *encoder) {
	e.number(it.ID, it.Folder, it.Born, it.Change, it.ReadChange, uint64(it.Size), uint64(it.UploadedSize))
	e.flags(it.Associated, it.Read)
	e.text(it.Origin)
	e.times(it.Created, it.Modified)
	e.bytes(it.SearchKey)
	e.bytes(it.UploadedSHA256[:])
}

func decodeItem(d *decoder) *Item {
	it := &Item{ID: d.number(), Folder: d.number(), Born: d.number(), Change: d.number(), ReadChange: d.number()}
	it.Size, it.UploadedSize = int64(d.number()), int64(d.number())
	d.flags(&it.Associated, &it.Read)
	it.Origin = d.text()
	it.Created, it.Modified = d.time(), d.time()
	it.SearchKey = slices.Clone(d.bytes())
	copy(it.UploadedSHA256[:], d.bytes())
	return it
}

// encoder writes the fields of a record; decoder reads them.
type encoder struct{ b []byte }

func (e *encoder) number(ns ...uint64) {
	for _, n := range ns {
		e.b = binary.AppendUvarint(e.b, n)
	}
}

func (e *encoder) numbers(ns []uint64) {
	e.number(uint64(len(ns)))
	e.number(ns...)
}

func (e *encoder) bytes(b []byte) {
	e.number(uint64(len(b)))
	e.b = append(e.b, b...)
}

func (e *encoder) text(s string) { e.bytes([]byte(s)) }

func (e *encoder) flags(flags ...bool) {
	var n uint64
	for i, f := range flags {
		if f {
			n |= 1 << i
		}
	}
	e.number(n)
}

func (e *encoder) times(ts ...time.Time) {
	for _, t := range ts {
		e.number(uint64(fts.FileTimeOf(t)))
	}
}

type decoder struct {
	b      []byte
	failed bool
}

func (d *decoder) number() uint64 {
	n, w := binary.Uvarint(d.b)
	if w <= 0 {
		d.failed = true
		return 0
	}
	d.b = d.b[w:]
	return n
}

func (d *decoder) numbers() []uint64 {
	n := d.number()
	if n > uint64(len(d.b)) {
		d.failed = true
		return nil
	}
	ns := make([]uint64, n)
	for i := range ns {
		ns[i] = d.number()
	}
	return ns
}

func (d *decoder) bytes() []byte {
	n := d.number()
	if n > uint64(len(d.b)) {
		d.failed = true
		return nil
	}
	b := d.b[:n]
	d.b = d.b[n:]
	return b
}

func (d *decoder) text() string { return string(d.bytes()) }

func (d *decoder) flags(flags ...*bool) {
	n := d.number()
	for i, f := range flags {
		*f = n&(1<<i) != 0
	}
}

func (d *decoder) time() time.Time { return fts.FileTime(d.number()).Time() }
