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
		return t.b.ForEach(func(name []byte, b *bbolt.Bucket) error { return checkBucket(string(name), b, report) })
	})
}

// checkBucket walks a bucket the two ways in which it is read, from its first
// key and by searching: damage to a page's own head can mislead only one.
func checkBucket(p string, b *bbolt.Bucket, report func(error)) error {
	c := b.Cursor()
	for _, begin := range []func() (k, v []byte){c.First, func() (k, v []byte) { return c.Seek(nil) }} {
		var last []byte
		for k, v := begin(); k != nil; k, v = c.Next() {
			if last != nil && bytes.Compare(last, k) >= 0 {
				return fmt.Errorf("%w: the keys of %s are out of order", ErrDamaged, IndexName)
			}
			last = k
			if v != nil {
				if _, err := OpenValue(p, k, v); err != nil {
					report(err)
				}
				continue
			}
			nested := b.Bucket(k)
			if nested == nil {
				return fmt.Errorf("%w: a bucket of %s can't be found", ErrDamaged, IndexName)
			}
			if err := checkBucket(Path(p, string(k)), nested, report); err != nil {
				return err
			}
		}
	}
	return nil
}
