package engine

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"mailferry/store/segment"
)

// salvage copies the whole records out of the segments that were set aside, as
// far as the index still points to them.
func (e *Engine) salvage(rep *Repairs) error {
	entries, err := e.fsys.ReadDir(e.segments.dir)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		base, ok := strings.CutSuffix(entry.Name(), ".seg"+damagedSuffix)
		number, err := strconv.ParseUint(base, 10, 32)
		if !ok || err != nil {
			continue
		}
		f, err := e.fsys.OpenFile(filepath.Join(e.segments.dir, entry.Name()), os.O_RDONLY, 0)
		if err != nil {
			return err
		}
		m := &mover{e: e, ctx: context.Background(), from: uint32(number), src: f, salvage: true, orphans: rep.Lossy}
		err = m.all(func(*segment.Reader, error) {})
		f.Close()
		if err != nil {
			return err
		}
	}
	return nil
}

// dropLost removes the rows of blobs whose segment is gone.
func (e *Engine) dropLost() error {
	lengths, err := e.DataSegments()
	if err != nil {
		return err
	}
	return e.DropBlobs(context.Background(), func(_ [32]byte, b Blob) bool {
		_, there := lengths[b.Loc.Segment]
		return !there
	})
}

// DropBlobs removes the rows of blobs that gone chooses; their bytes stay where
// they are.
func (e *Engine) DropBlobs(ctx context.Context, gone func(sum [32]byte, b Blob) bool) error {
	const most = 1000
	var keys [][32]byte
	flush := func() error {
		err := e.Update(ctx, nil, func(t *Tx) error {
			for _, sum := range keys {
				if err := t.Del(BucketBlobs, sum[:]); err != nil {
					return err
				}
			}
			return nil
		})
		keys = keys[:0]
		return err
	}
	type row struct {
		sum [32]byte
		b   Blob
	}
	for r, err := range Rows(e, BucketBlobs, nil, func(_ *Tx, k, v []byte) (row, bool, error) {
		b, err := DecodeBlob(v)
		r := row{[32]byte(append(k[:len(k):len(k)], make([]byte, 32)...)), b}
		return r, err == nil && gone(r.sum, b), err
	}) {
		if err != nil {
			return err
		}
		keys = append(keys, r.sum)
		if len(keys) == most {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	if len(keys) == 0 {
		return nil
	}
	return flush()
}
