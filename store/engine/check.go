package engine

import (
	"bytes"
	"fmt"

	"go.etcd.io/bbolt"
)

// CheckIndex reads all of the index, whose pages have no checksums but whose
// values do, and calls report for each value that is not what was written. An
// error that is ErrDamaged says that the index can't be read to its end.
func (e *Engine) CheckIndex(report func(error)) error {
	return e.View(func(t *Tx) error {
		return t.b.ForEach(func(_ []byte, b *bbolt.Bucket) error { return checkBucket(b, report) })
	})
}

func checkBucket(b *bbolt.Bucket, report func(error)) error {
	var last []byte
	c := b.Cursor()
	for k, v := c.First(); k != nil; k, v = c.Next() {
		if last != nil && bytes.Compare(last, k) >= 0 {
			return fmt.Errorf("%w: the keys of %s are out of order", ErrDamaged, IndexName)
		}
		last = k
		if v == nil {
			if nested := b.Bucket(k); nested != nil {
				if err := checkBucket(nested, report); err != nil {
					return err
				}
			}
			continue
		}
		if _, err := OpenValue(k, v); err != nil {
			report(err)
		}
	}
	return nil
}
