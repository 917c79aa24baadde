package engine

import (
	"cmp"
	"crypto/cipher"
	"slices"
	"sync"

	"mailferry/internal/fault"
	"mailferry/store/segment"
)

// pool hands out segments for appending, each to one owner at a time, and takes
// part-filled ones back.
type pool struct {
	fsys fault.FS
	dir  string
	id   [16]byte
	max  int64 // a segment with this many bytes is full
	keys *keyring

	mu   sync.Mutex
	next uint32 // number of the next new segment
	free []*Segment
}

// Segment is a segment in use. It stays open while it is owned, or free, or
// something staged in it is not yet committed.
type Segment struct {
	*segment.File // nil: free and not open yet
	number        uint32
	class         segment.Class
	size          int64
	pins          int // under pool.mu
	retired       bool
}

// add makes a part-filled segment available.
func (p *pool) add(number uint32, class segment.Class, size int64) {
	p.next = max(p.next, number+1)
	if size < p.max {
		p.free = append(p.free, &Segment{number: number, class: class, size: size})
	}
}

// take returns the fullest free segment of a class, or a new one.
func (p *pool) take(class segment.Class) (*Segment, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	slices.SortStableFunc(p.free, func(a, b *Segment) int { return cmp.Compare(b.size, a.size) })
	var number uint32
	var key cipher.AEAD
	if p.keys != nil {
		key = p.keys.index
		if class == segment.Data {
			var err error
			if number, key, err = p.keys.writeKey(); err != nil {
				return nil, err
			}
		}
	}
	o, err := p.takeFile(class)
	if err == nil {
		o.Seal(number, key)
	}
	return o, err
}

func (p *pool) takeFile(class segment.Class) (*Segment, error) {
	i := slices.IndexFunc(p.free, func(o *Segment) bool { return o.class == class })
	if i >= 0 {
		o := p.free[i]
		if o.File == nil {
			f, err := segment.Append(p.fsys, p.dir, o.number, p.id, o.size)
			if err != nil {
				return nil, err
			}
			o.File = f
		}
		p.free = slices.Delete(p.free, i, i+1)
		return o, nil
	}
	f, err := segment.Create(p.fsys, p.dir, class, p.next, p.id)
	if err != nil {
		return nil, err
	}
	p.next++
	return &Segment{File: f, number: f.Number, class: class}, nil
}

// drop forgets part-filled segments: nothing is added to them any more.
func (p *pool) drop(drop func(number uint32, class segment.Class) bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.free = slices.DeleteFunc(p.free, func(o *Segment) bool {
		gone := drop(o.number, o.class)
		if gone && o.File != nil {
			o.Close()
		}
		return gone
	})
}

// full says that the owner should give the segment back before the next record.
func (p *pool) full(o *Segment) bool { return o.Offset() >= p.max || !o.Usable() }

// release takes a segment back from its owner.
func (p *pool) release(o *Segment) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.full(o) {
		o.retired = true
		p.closeIdle(o)
		return
	}
	o.size = o.Offset()
	p.free = append(p.free, o)
}

func (p *pool) pin(o *Segment) {
	p.mu.Lock()
	o.pins++
	p.mu.Unlock()
}

func (p *pool) unpin(o *Segment) {
	p.mu.Lock()
	o.pins--
	p.closeIdle(o)
	p.mu.Unlock()
}

func (p *pool) closeIdle(o *Segment) {
	if o.retired && o.pins == 0 && o.File != nil {
		o.Close()
		o.File = nil
	}
}

// close closes what is free.
func (p *pool) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, o := range p.free {
		if o.File != nil {
			o.Close()
		}
	}
	p.free = nil
}

// Take returns a segment for appending data. The caller owns it until Release.
func (e *Engine) Take() (*Segment, error) { return e.segments.take(segment.Data) }

// Full says that a segment should be released before the next record.
func (e *Engine) Full(o *Segment) bool { return e.segments.full(o) }

// Release gives a segment back.
func (e *Engine) Release(o *Segment) { e.segments.release(o) }

// Pin keeps a segment open, also when it is full and released, until Unpin:
// something in it waits for its commit.
func (e *Engine) Pin(o *Segment) { e.segments.pin(o) }

// Unpin ends what Pin began.
func (e *Engine) Unpin(o *Segment) { e.segments.unpin(o) }
