package engine

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// The pages of index.db are read here as they lie in the file, not through
// bbolt: bbolt believes what they say of themselves, and may answer from memory
// that a damaged offset leads to. Layout: bbolt v1.5, internal/common/page.go
// and meta.go; numbers are in the byte order of the machine that wrote them.
const (
	pageHeader  = 16 // id 8, flags 2, count 2, overflow 4
	pageElement = 16
	pageBranch  = 0x01
	pageLeaf    = 0x02
	pageMeta    = 0x04
	metaSize    = 64
	bucketHead  = 16 // root 8, sequence 8
	leafBucket  = 0x01

	maxPageBytes = maxOp + 1<<20
	maxDepth     = 64
)

var native = binary.NativeEndian

// pageChecker walks the pages of an index.
type pageChecker struct {
	f      io.ReaderAt
	size   int64 // of a page
	end    uint64
	seen   []uint64 // a bit for each page that was met
	all    bool     // also values, and bytes that nothing uses
	values values
	report func(error)
}

func newPageChecker(f io.ReaderAt, size, pages int64, report func(error)) *pageChecker {
	return &pageChecker{f: f, size: size, end: uint64(pages), seen: make([]uint64, pages/64+1), report: report}
}

// root returns the first page of the tree that was last written.
func (c *pageChecker) root() (page uint64, ok bool, err error) {
	var last uint64
	for id := range int64(2) {
		m, err := readMeta(c.f, id, c.size)
		switch {
		case errors.Is(err, errNoMeta), errors.Is(err, io.EOF):
		case err != nil:
			return 0, false, err
		case !ok || m.tx > last:
			page, last, ok = m.root, m.tx, true
		}
	}
	return page, ok, nil
}

func (c *pageChecker) damage(page uint64, reason string) {
	c.report(fmt.Errorf("%w: page %d of %s: %s", ErrDamaged, page, IndexName, reason))
}

// metas checks the two heads of the file, of which bbolt needs only one.
func (c *pageChecker) metas() error {
	b := make([]byte, c.size)
	for id := range uint64(2) {
		if _, err := c.f.ReadAt(b, int64(id)*c.size); err != nil {
			return err
		}
		_, err := readMeta(c.f, int64(id), c.size)
		switch {
		case native.Uint64(b) != id || native.Uint16(b[8:]) != pageMeta || native.Uint16(b[10:]) != 0 || native.Uint32(b[12:]) != 0:
			c.damage(id, "it is no head of the file")
		case errors.Is(err, errNoMeta):
			c.damage(id, "the checksum of this head of the file is wrong")
		case err != nil:
			return err
		case !zero(b[pageHeader+metaSize:]):
			c.damage(id, "bytes where there should be none")
		}
	}
	return nil
}

// page reads a page with those that it overflows into, or reports why it can't.
func (c *pageChecker) page(id uint64) ([]byte, error) {
	if id < 2 || id >= c.end {
		c.damage(id, "there is no such page")
		return nil, nil
	}
	var head [pageHeader]byte
	if _, err := c.f.ReadAt(head[:], int64(id)*c.size); err != nil {
		return nil, c.cut(id, err)
	}
	pages := uint64(native.Uint32(head[12:])) + 1
	switch {
	case native.Uint64(head[:]) != id:
		c.damage(id, "it says that it is another")
		return nil, nil
	case pages > c.end-id || int64(pages)*c.size > maxPageBytes:
		c.damage(id, "it says that it is longer than any")
		return nil, nil
	}
	for i := id; i < id+pages; i++ {
		if c.seen[i/64]&(1<<(i%64)) != 0 {
			c.damage(i, "it is used twice")
			return nil, nil
		}
		c.seen[i/64] |= 1 << (i % 64)
	}
	b := make([]byte, int64(pages)*c.size)
	if _, err := c.f.ReadAt(b, int64(id)*c.size); err != nil {
		return nil, c.cut(id, err)
	}
	return b, nil
}

func (c *pageChecker) cut(id uint64, err error) error {
	if errors.Is(err, io.EOF) {
		c.damage(id, "the file ends before it")
		return nil
	}
	return err
}

// tree checks the page id and what is below it, as a part of the bucket p. Its
// first key must be first, where that is known, and its keys below limit.
func (c *pageChecker) tree(p string, id uint64, first, limit []byte, depth int) error {
	b, err := c.page(id)
	if b == nil || err != nil {
		return err
	}
	if depth > maxDepth {
		c.damage(id, "it lies deeper than any")
		return nil
	}
	return c.content(p, id, b, first, limit, depth)
}

// content checks a page that was read. A page in a bucket's value has no number
// of its own; id is that of the page around it.
func (c *pageChecker) content(p string, id uint64, b, first, limit []byte, depth int) error {
	kind, count := native.Uint16(b[8:]), int(native.Uint16(b[10:]))
	if kind != pageLeaf && kind != pageBranch || kind == pageBranch && count == 0 {
		c.damage(id, "it is of an unknown kind")
		return nil
	}
	at := pageHeader + count*pageElement // where the next key must begin
	if at > len(b) {
		c.damage(id, "it says that it has more rows than fit")
		return nil
	}
	type child struct {
		id    uint64
		first []byte
	}
	var children []child
	last := first
	for i := range count {
		e := b[pageHeader+i*pageElement:][:pageElement]
		var flags, pos, vsize uint32
		ksize := native.Uint32(e[4:])
		if kind == pageLeaf {
			flags, pos, ksize, vsize = native.Uint32(e), native.Uint32(e[4:]), native.Uint32(e[8:]), native.Uint32(e[12:])
		} else {
			pos = native.Uint32(e)
		}
		if int64(pos) != int64(at-pageHeader-i*pageElement) || int64(ksize)+int64(vsize) > int64(len(b)-at) || flags&^leafBucket != 0 {
			c.damage(id, "a row does not lie where it should")
			return nil
		}
		key, value := b[at:at+int(ksize)], b[at+int(ksize):at+int(ksize+vsize)]
		at += int(ksize + vsize)
		switch order := bytes.Compare(key, last); {
		case i == 0 && first != nil && order != 0, i > 0 && order <= 0, limit != nil && bytes.Compare(key, limit) >= 0:
			c.damage(id, "its keys are out of order")
			return nil
		}
		last = key
		switch {
		case kind == pageBranch:
			children = append(children, child{native.Uint64(e[8:]), key})
		case flags == leafBucket:
			if err := c.bucket(bucketPath(p, key), id, value, depth+1); err != nil {
				return err
			}
		case c.all:
			if _, err := c.values.open(p, key, value); err != nil {
				c.damage(id, "a value is not what was written")
			}
		}
	}
	if c.all && !zero(b[at:]) {
		c.damage(id, "bytes where there should be none")
	}
	for i, ch := range children {
		below := limit
		if i+1 < len(children) {
			below = children[i+1].first
		}
		if err := c.tree(p, ch.id, ch.first, below, depth+1); err != nil {
			return err
		}
	}
	return nil
}

func bucketPath(p string, name []byte) string {
	if p == "" {
		return string(name)
	}
	return Path(p, string(name))
}

// bucket checks a bucket by the value that stands for it in the page id: the
// number of its first page, or, when that is 0, a page of its own.
func (c *pageChecker) bucket(p string, id uint64, value []byte, depth int) error {
	switch {
	case len(value) < bucketHead || native.Uint64(value[8:]) != 0:
		c.damage(id, "a bucket can't be read")
	case native.Uint64(value) != 0:
		if len(value) != bucketHead {
			c.damage(id, "a bucket can't be read")
			return nil
		}
		return c.tree(p, native.Uint64(value), nil, nil, depth)
	default:
		inline := value[bucketHead:]
		if len(inline) < pageHeader || native.Uint64(inline) != 0 || native.Uint32(inline[12:]) != 0 || native.Uint16(inline[8:]) != pageLeaf {
			c.damage(id, "a bucket can't be read")
			return nil
		}
		return c.content(p, id, inline, nil, nil, depth)
	}
	return nil
}

// zero says that there is nothing but zero bytes in b.
func zero(b []byte) bool { return len(bytes.TrimLeft(b, "\x00")) == 0 }
