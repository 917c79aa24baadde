package segment

import (
	"errors"
	"io"
)

// Walk reads all records of src between from and to. visit is called at the
// beginning of each and may read it; what it leaves is read and checked. Where a
// record is damaged, or visit says ErrDamaged, bad is told, and the walk goes on
// with the next record that can be found.
func Walk(src io.ReaderAt, from, to int64, keys Keys, visit func(*Reader) error, bad func(*Reader, error)) error {
	for from < to {
		r := NewReader(src, from, to, keys)
		err := r.each(visit)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if !errors.Is(err, ErrDamaged) {
			return err
		}
		bad(r, err)
		if from, err = FindRecord(src, r.Offset()+1, to); from < 0 || err != nil {
			return err
		}
	}
	return nil
}

// each reads up to the first error, which is io.EOF at the end.
func (r *Reader) each(visit func(*Reader) error) error {
	for {
		if err := r.Next(); err != nil {
			return err
		}
		if err := visit(r); err != nil {
			return err
		}
	}
}
