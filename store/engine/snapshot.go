package engine

import (
	"cmp"
	"encoding/binary"
	"slices"

	"go.etcd.io/bbolt"

	"mailferry/store/segment"
)

// A snapshot is the whole index as records of the log: puts, the first of them
// marked as the begin and the last as the end. What came before it in the log is
// of no use any more and can go. A snapshot that was cut off does no harm: its
// puts are what is there anyway.
const (
	snapshotBegin byte = 1
	snapshotEnd   byte = 2
)

// snapshotBytes is about how much goes into one record.
const snapshotBytes = 4 << 20

// sinceSnapshot sorts log records, and leaves out those before the last whole
// snapshot if the index is new and the log does not begin at its beginning.
func (e *Engine) sinceSnapshot(records []logRecord) []logRecord {
	slices.SortFunc(records, func(a, b logRecord) int { return cmp.Compare(a.seq, b.seq) })
	if e.seq != 0 || len(records) == 0 || contiguous(records, 1) {
		return records
	}
	begin, found := -1, -1
	for i, r := range records {
		if i > 0 && r.seq != records[i-1].seq+1 {
			begin = -1
		}
		if r.mark&snapshotBegin != 0 {
			begin = i
		}
		if r.mark&snapshotEnd != 0 && begin >= 0 {
			found, begin = begin, -1
		}
	}
	if found < 0 {
		return records
	}
	e.seq = records[found].seq - 1
	return records[found:]
}

func contiguous(records []logRecord, from uint64) bool {
	for i, r := range records {
		if r.seq != from+uint64(i) {
			return false
		}
	}
	return true
}

// Snapshot writes the index to the log anew and removes the log before it. It
// may be killed at any point.
func (e *Engine) Snapshot() error { return e.exclusive(e.snapshot) }

func (e *Engine) snapshot() error {
	old, err := e.logSegments()
	if err != nil {
		return err
	}
	if e.log != nil {
		e.segments.release(e.log)
		e.log = nil
	}
	e.segments.drop(func(_ uint32, class segment.Class) bool { return class == segment.Log })
	w := &snapshotWriter{e: e, seq: e.seq, mark: snapshotBegin, lengths: map[uint32]int64{}}
	err = e.View(func(t *Tx) error {
		return t.b.ForEach(func(name []byte, b *bbolt.Bucket) error { return w.bucket(t, string(name), b) })
	})
	if err == nil {
		w.mark |= snapshotEnd
		err = w.flush()
	}
	switch {
	case err != nil && w.seq != e.seq:
		// Numbers of the log are used up that the index does not know of.
		return e.fail("write the log anew", err)
	case err != nil:
		return err
	}
	err = e.tailUpdate(func(t *Tx) error {
		if err := t.Set(bucketMeta, []byte("seq"), U64(w.seq)); err != nil {
			return err
		}
		for number, length := range w.lengths {
			if err := t.Set(BucketSegments, U32(number), segmentValue(segment.Log, length)); err != nil {
				return err
			}
		}
		for _, number := range old {
			if err := t.forget(BucketSegments, U32(number)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return e.fail("write "+IndexName, err)
	}
	e.seq = w.seq
	return e.removeSegments(old)
}

// logSegments lists the segments of the log.
func (e *Engine) logSegments() (numbers []uint32, err error) {
	err = e.View(func(t *Tx) error {
		numbers = nil
		return t.Scan(BucketSegments, nil, nil, func(k, v []byte) (bool, error) {
			class, _, err := DecodeSegment(v)
			if class == segment.Log && len(k) == 4 {
				numbers = append(numbers, binary.BigEndian.Uint32(k))
			}
			return true, err
		})
	})
	return numbers, err
}

// snapshotWriter collects puts and writes them as log records.
type snapshotWriter struct {
	e       *Engine
	seq     uint64
	mark    byte
	ops     []byte
	lengths map[uint32]int64 // of the segments written to
}

func (w *snapshotWriter) bucket(t *Tx, p string, b *bbolt.Bucket) error {
	if p == bucketMeta {
		return nil
	}
	return b.ForEach(func(k, stored []byte) error {
		if stored == nil {
			return w.bucket(t, Path(p, string(k)), b.Bucket(k))
		}
		v, err := t.values.open(p, k, stored)
		if err != nil {
			return err
		}
		if p == BucketSegments {
			if class, _, err := DecodeSegment(v); err != nil || class == segment.Log {
				return err
			}
		}
		w.ops = appendOp(w.ops, Op{opPut, p, k, v})
		if len(w.ops) < snapshotBytes {
			return nil
		}
		return w.flush()
	})
}

func (w *snapshotWriter) flush() error {
	e := w.e
	if e.log != nil && e.segments.full(e.log) {
		e.segments.release(e.log)
		e.log = nil
	}
	if e.log == nil {
		o, err := e.segments.take(segment.Log)
		if err != nil {
			return err
		}
		e.log = o
	}
	loc, err := e.writeLog(w.ops, w.seq+1, w.mark)
	if err != nil {
		return err
	}
	w.seq, w.mark, w.ops = w.seq+1, 0, w.ops[:0]
	w.lengths[loc.Segment] = loc.Offset + loc.Length
	return nil
}

// forget removes a row without the log.
func (t *Tx) forget(p string, key []byte) error {
	b, err := t.bucket(p, false)
	if b == nil || err != nil {
		return err
	}
	return b.Delete(key)
}
