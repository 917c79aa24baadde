package engine

import (
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"os"
	"path/filepath"
)

// CheckIndex reads all pages of the index that hold something, byte by byte, and
// calls report for each that is not as it was written. Free pages hold nothing
// and are passed over.
func (e *Engine) CheckIndex(report func(error)) error {
	return e.View(func(t *Tx) error {
		return readIndex(filepath.Join(e.dir, IndexName), func(f *os.File, size, pages int64) error {
			c := newPageChecker(f, size, pages, report)
			c.values, c.all = e.values(), true
			if err := c.metas(); err != nil {
				return err
			}
			return c.tree("", uint64(t.b.Cursor().Bucket().Root()), nil, nil, 0)
		})
	})
}

// checkFile sees that an index file hangs together, without reading its values,
// before bbolt opens it for writing: bbolt then walks all of it, and where it is
// damaged ends the whole process.
func checkFile(name string) error {
	var first error
	err := readIndex(name, func(f *os.File, size, pages int64) error {
		c := newPageChecker(f, size, pages, func(err error) {
			if first == nil {
				first = err
			}
		})
		root, ok, err := c.root()
		if err != nil || !ok {
			return errors.Join(err, first)
		}
		return c.tree("", root, nil, nil, 0)
	})
	return errors.Join(err, first)
}

// readIndex opens the file of an index and finds out the size of its pages.
func readIndex(name string, fn func(f *os.File, size, pages int64) error) (err error) {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	for _, size := range []int64{int64(os.Getpagesize()), 4 << 10, 8 << 10, 16 << 10, 64 << 10} {
		for id := range int64(2) {
			if m, err := readMeta(f, id, size); err == nil && m.pageSize == size {
				return fn(f, size, info.Size()/size)
			}
		}
	}
	return fmt.Errorf("%w: both heads of %s are damaged", ErrDamaged, IndexName)
}

// meta is what a head of the file says.
type meta struct {
	pageSize int64
	root, tx uint64
}

var errNoMeta = errors.New("no head of an index")

func readMeta(f io.ReaderAt, id, size int64) (m meta, err error) {
	var b [metaSize]byte
	if _, err := f.ReadAt(b[:], id*size+pageHeader); err != nil {
		return m, err
	}
	sum := fnv.New64a()
	sum.Write(b[:metaSize-8])
	if native.Uint64(b[metaSize-8:]) != sum.Sum64() {
		return m, errNoMeta
	}
	return meta{int64(native.Uint32(b[8:])), native.Uint64(b[16:]), native.Uint64(b[48:])}, nil
}
