package engine

import (
	"context"
	"io"

	"mailferry/internal/fault"
	"mailferry/store/segment"
)

// mover copies the records of one segment that are of use to other segments.
type mover struct {
	e       *Engine
	ctx     context.Context
	from    uint32
	src     fault.File
	salvage bool // also references
	orphans bool // also blobs that the index does not know

	to    *Segment
	moved []move
	bytes int64 // of moved
}

type move struct {
	sum  [32]byte
	blob Blob
	kind segment.Kind
	seg  *Segment
}

// One commit for so many records or bytes.
const (
	moveRecords = 500
	moveBytes   = 64 << 20
)

// all copies what is of use. bad is told of damaged records, which are left out.
func (m *mover) all(bad func(*segment.Reader, error)) error {
	size, err := m.src.Size()
	if err != nil {
		return err
	}
	err = segment.Walk(m.src, segment.HeaderSize, size, m.e.Keys(), m.record, bad)
	if err == nil {
		err = m.commit()
	}
	m.drop()
	return err
}

func (m *mover) record(r *segment.Reader) error {
	if err := m.ctx.Err(); err != nil {
		return err
	}
	if _, err := io.Copy(io.Discard, r); err != nil {
		return err
	}
	if r.Blind {
		return ErrKeyNeeded
	}
	loc := r.Location(m.from)
	wanted, err := m.wanted(r, loc)
	if err != nil || !wanted {
		return err
	}
	if m.to == nil || m.e.Full(m.to) {
		m.release()
		if m.to, err = m.e.Take(); err != nil {
			return err
		}
	}
	to, err := m.to.Copy(m.src, loc)
	if err != nil {
		return err
	}
	m.e.Pin(m.to)
	m.moved = append(m.moved, move{r.SHA256, Blob{to, r.Size}, r.Kind, m.to})
	m.bytes += to.Length
	if len(m.moved) < moveRecords && m.bytes < moveBytes {
		return nil
	}
	return m.commit()
}

// wanted says whether a record is of use: a blob that the index says lies here.
// A reference says again what the log says; it is kept where the log may be
// damaged too.
func (m *mover) wanted(r *segment.Reader, loc segment.Location) (wanted bool, err error) {
	if r.Kind == segment.LogRecord {
		return false, nil
	}
	err = m.e.View(func(t *Tx) error {
		b, found, err := t.Blob(r.SHA256)
		switch {
		case err != nil:
		case r.Kind == segment.ReferenceRecord:
			wanted = found && m.salvage
		case found:
			wanted = b.Loc.Segment == loc.Segment && b.Loc.Offset == loc.Offset
		default:
			wanted = m.orphans
		}
		return err
	})
	return wanted, err
}

// commit makes durable that what was copied lies elsewhere now.
func (m *mover) commit() error {
	if len(m.moved) == 0 {
		return nil
	}
	var files []*Segment
	for _, v := range m.moved {
		files = append(files, v.seg)
	}
	err := m.e.Update(m.ctx, files, func(t *Tx) error {
		for _, v := range m.moved {
			var err error
			if v.kind == segment.BlobRecord {
				err = t.MoveBlob(v.sum, v.blob)
			} else {
				err = t.GrowSegment(v.blob.Loc)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	m.unpin()
	return err
}

func (m *mover) unpin() {
	for _, v := range m.moved {
		m.e.Unpin(v.seg)
	}
	m.moved, m.bytes = m.moved[:0], 0
}

func (m *mover) release() {
	if m.to != nil {
		m.e.Release(m.to)
		m.to = nil
	}
}

func (m *mover) drop() {
	m.unpin()
	m.release()
}

// Move copies what is of use of a data segment to other segments, and removes it.
// A damaged record ends it; the segment stays then.
func (e *Engine) Move(ctx context.Context, number uint32) error {
	e.Retire(number)
	f, _, err := e.OpenSegment(number)
	if err != nil {
		return err
	}
	var damage error
	m := &mover{e: e, ctx: ctx, from: number, src: f}
	err = m.all(func(_ *segment.Reader, err error) {
		if damage == nil {
			damage = err
		}
	})
	f.Close()
	if err == nil {
		err = damage
	}
	if err != nil {
		return NoSpace(err)
	}
	return e.DropSegment(ctx, number)
}
