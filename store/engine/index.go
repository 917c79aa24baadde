package engine

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"runtime/debug"
	"strings"
	"time"

	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"
)

// The buckets that belong to this package. A name with zero bytes in it is a path
// of nested buckets, see Path.
const (
	bucketMeta     = "meta" // "seq": number of the last log record applied
	bucketCounters = "counters"
	BucketSegments = "segments" // number -> class, committed length
	BucketBlobs    = "blobs"    // SHA-256 -> location
)

var indexOptions = bbolt.Options{FreelistType: bbolt.FreelistMapType, NoFreelistSync: true, Timeout: time.Second}

func makeIndex(name string) error {
	o := indexOptions
	db, err := bbolt.Open(name, 0o600, &o)
	if err != nil {
		return fmt.Errorf("make %s: %w", IndexName, err)
	}
	return db.Close()
}

func openIndex(name string, readOnly bool) (*bbolt.DB, error) {
	if !readOnly {
		if err := checkFile(name); err != nil && !NotExist(err) {
			return nil, err
		}
	}
	o := indexOptions
	o.ReadOnly = readOnly
	db, err := bbolt.Open(name, 0o600, &o)
	switch {
	case errors.Is(err, berrors.ErrTimeout):
		return nil, ErrLocked
	case errors.Is(err, berrors.ErrInvalid), errors.Is(err, berrors.ErrChecksum), errors.Is(err, berrors.ErrVersionMismatch):
		return nil, fmt.Errorf("%w: %s: %w", ErrDamaged, IndexName, err)
	}
	return db, err
}

// Tx is a transaction of the index. What Put and Del change is also collected
// for the log, from which the index can be made anew; what Set changes is not.
//
// Each value is followed by a checksum of key and value, because the pages of
// the index have none; in an encrypted store it is sealed instead.
type Tx struct {
	b       *bbolt.Tx
	values  values
	buckets map[string]*bbolt.Bucket
	log     []byte
}

func (e *Engine) newTx(b *bbolt.Tx) *Tx {
	return &Tx{b: b, values: e.values(), buckets: map[string]*bbolt.Bucket{}}
}

// Path names a bucket in a bucket.
func Path(names ...string) string { return strings.Join(names, "\x00") }

// bucket returns a bucket, or nil if there is none and it may not be made.
func (t *Tx) bucket(p string, create bool) (*bbolt.Bucket, error) {
	if b := t.buckets[p]; b != nil {
		return b, nil
	}
	var b *bbolt.Bucket
	for i, name := range strings.Split(p, "\x00") {
		var err error
		switch {
		case i == 0 && create:
			b, err = t.b.CreateBucketIfNotExists([]byte(name))
		case i == 0:
			b = t.b.Bucket([]byte(name))
		case create:
			b, err = b.CreateBucketIfNotExists([]byte(name))
		default:
			b = b.Bucket([]byte(name))
		}
		if b == nil || err != nil {
			return nil, err
		}
	}
	t.buckets[p] = b
	return b, nil
}

// Get returns a value, or nil when there is none. It is valid within the transaction.
func (t *Tx) Get(p string, key []byte) ([]byte, error) {
	b, err := t.bucket(p, false)
	if b == nil || err != nil {
		return nil, err
	}
	stored := b.Get(key)
	if stored == nil {
		return nil, nil
	}
	return t.values.open(p, key, stored)
}

// Set changes the index without the log.
func (t *Tx) Set(p string, key, value []byte) error {
	_, err := t.change(p, key, value)
	return err
}

// change reports whether the value was another before.
func (t *Tx) change(p string, key, value []byte) (bool, error) {
	b, err := t.bucket(p, true)
	if err != nil {
		return false, err
	}
	if stored := b.Get(key); len(stored) == len(value)+t.values.overhead() {
		if old, err := t.values.open(p, key, stored); err == nil && bytes.Equal(old, value) {
			return false, nil
		}
	}
	b.FillPercent = 0.9 // most keys come in order
	return true, b.Put(key, t.values.close(p, key, value))
}

// Put changes the index and the log.
func (t *Tx) Put(p string, key, value []byte) error {
	changed, err := t.change(p, key, value)
	if changed && err == nil {
		t.log = appendOp(t.log, Op{opPut, p, key, value})
	}
	return err
}

// Del removes a key, also by the log.
func (t *Tx) Del(p string, key []byte) error {
	b, err := t.bucket(p, false)
	if b == nil || err != nil || b.Get(key) == nil {
		return err
	}
	t.log = appendOp(t.log, Op{opDel, p, key, nil})
	return b.Delete(key)
}

// Next counts up a counter that survives.
func (t *Tx) Next(counter string) (uint64, error) {
	v, err := t.Get(bucketCounters, []byte(counter))
	if err != nil {
		return 0, err
	}
	var n uint64
	if len(v) == 8 {
		n = binary.BigEndian.Uint64(v)
	}
	n++
	return n, t.Put(bucketCounters, []byte(counter), U64(n))
}

// U64 encodes a number so that it sorts.
func U64(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }

// U32 encodes a number so that it sorts.
func U32(n uint32) []byte { return binary.BigEndian.AppendUint32(nil, n) }

// Scan calls fn for the values of a bucket whose keys have the prefix and come
// after the key after, until fn returns false.
func (t *Tx) Scan(p string, prefix, after []byte, fn func(k, v []byte) (bool, error)) error {
	b, err := t.bucket(p, false)
	if b == nil || err != nil {
		return err
	}
	from := prefix
	if bytes.Compare(after, from) > 0 {
		from = after
	}
	c := b.Cursor()
	for k, stored := c.Seek(from); k != nil && bytes.HasPrefix(k, prefix); k, stored = c.Next() {
		if stored == nil || after != nil && bytes.Equal(k, after) {
			continue
		}
		v, err := t.values.open(p, k, stored)
		if err != nil {
			return err
		}
		if more, err := fn(k, v); err != nil || !more {
			return err
		}
	}
	return nil
}

// Names returns the names of the buckets in a bucket.
func (t *Tx) Names(p string) ([]string, error) {
	b, err := t.bucket(p, false)
	if b == nil || err != nil {
		return nil, err
	}
	var names []string
	return names, b.ForEachBucket(func(k []byte) error {
		names = append(names, string(k))
		return nil
	})
}

// View runs fn in a transaction that only reads. It is over soon: a long one
// would keep the index from using its free pages again.
func (e *Engine) View(fn func(*Tx) error) (err error) {
	defer guardIndex(&err)()
	err = e.db.View(func(b *bbolt.Tx) error { return fn(e.newTx(b)) })
	if errors.Is(err, berrors.ErrDatabaseNotOpen) {
		return ErrClosed
	}
	return err
}

// guardIndex makes an error of the panics and page faults with which bbolt
// answers to a damaged file.
func guardIndex(err *error) func() {
	before := debug.SetPanicOnFault(true)
	return func() {
		debug.SetPanicOnFault(before)
		if p := recover(); p != nil {
			*err = fmt.Errorf("%w: %s: %v", ErrDamaged, IndexName, p)
		}
	}
}

const (
	pageRows  = 256
	pageBytes = 1 << 20
)

// Rows iterates over a bucket page by page. decode may say that a row is to be
// left out.
func Rows[T any](e *Engine, p string, prefix []byte, decode func(t *Tx, k, v []byte) (row T, keep bool, err error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var after []byte
		for {
			page, more := make([]T, 0, 16), false
			err := e.View(func(t *Tx) error {
				size, seen := 0, 0
				return t.Scan(p, prefix, after, func(k, v []byte) (bool, error) {
					row, keep, err := decode(t, k, v)
					if keep {
						page = append(page, row)
						size += len(v)
					}
					seen++
					more = seen == 16*pageRows || len(page) == pageRows || size > pageBytes
					if more {
						after = bytes.Clone(k)
					}
					return !more, err
				})
			})
			for _, row := range page {
				if !yield(row, nil) {
					return
				}
			}
			if err != nil {
				var none T
				yield(none, err)
			}
			if err != nil || !more {
				return
			}
		}
	}
}
