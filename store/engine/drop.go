package engine

import (
	"context"
	"encoding/binary"
	"errors"
	"path/filepath"

	"mailferry/store/segment"
)

// MoveBlob notes that a blob lies elsewhere now.
func (t *Tx) MoveBlob(sum [32]byte, b Blob) error {
	if err := t.Put(BucketBlobs, sum[:], b.encode()); err != nil {
		return err
	}
	return t.GrowSegment(b.Loc)
}

// DataSegments lists the segments of data and their committed lengths.
func (e *Engine) DataSegments() (lengths map[uint32]int64, err error) {
	err = e.View(func(t *Tx) error {
		lengths = map[uint32]int64{}
		return t.Scan(BucketSegments, nil, nil, func(k, v []byte) (bool, error) {
			class, n, err := DecodeSegment(v)
			if class == segment.Data && len(k) == 4 {
				lengths[binary.BigEndian.Uint32(k)] = n
			}
			return true, err
		})
	})
	return lengths, err
}

// Retire closes a segment for appending: nothing is added to it any more.
func (e *Engine) Retire(number uint32) {
	e.segments.drop(func(n uint32, _ segment.Class) bool { return n == number })
}

// DropSegment removes a data segment that nothing points to any more.
func (e *Engine) DropSegment(ctx context.Context, number uint32) error {
	e.Retire(number)
	err := e.Update(ctx, nil, func(t *Tx) error { return t.Del(BucketSegments, U32(number)) })
	if err != nil {
		return err
	}
	return e.removeSegments([]uint32{number})
}

// removeSegments removes files that the index does not name any more. One that is
// left by a crash is taken note of again when the store is opened, and harmless.
func (e *Engine) removeSegments(numbers []uint32) error {
	var err error
	for _, n := range numbers {
		err = errors.Join(err, e.fsys.Remove(filepath.Join(e.segments.dir, segment.Name(n))))
	}
	return errors.Join(err, e.fsys.SyncDir(e.segments.dir))
}
