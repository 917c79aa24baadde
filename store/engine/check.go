package engine

import (
	"errors"
	"os"
	"path/filepath"
)

// CheckIndex reads all pages of the index that hold something, byte by byte, and
// calls report for each that is not as it was written. Free pages hold nothing
// and are passed over.
func (e *Engine) CheckIndex(report func(error)) error {
	return e.View(func(t *Tx) (err error) {
		f, err := os.Open(filepath.Join(e.dir, IndexName))
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, f.Close()) }()
		size := int64(t.b.DB().Info().PageSize)
		info, err := f.Stat()
		if err != nil {
			return err
		}
		pages := uint64(info.Size() / size)
		c := &pageChecker{f: f, size: size, end: pages, seen: make([]uint64, pages/64+1), values: e.values(), report: report}
		if err := c.metas(); err != nil {
			return err
		}
		return c.tree("", uint64(t.b.Cursor().Bucket().Root()), nil, nil, 0)
	})
}
