package store

import (
	"context"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"mailferry/store/engine"
	"mailferry/store/segment"
)

// CompactOptions say what a compaction keeps.
type CompactOptions struct {
	KeepRuns []uint64 // superseded versions that were current when one of these runs ended
	MaxWaste float64  // share of a segment that may be of no use (0 to 1); 0: a tenth
	DryRun   bool     // only count
}

// CompactReport is what a compaction did.
type CompactReport struct {
	Dropped     int   `json:"dropped"` // superseded versions
	Kept        int   `json:"kept"`    // superseded versions
	Blobs       int   `json:"blobs"`   // that nothing names any more
	Segments    int   `json:"segments"`
	BytesBefore int64 `json:"bytes_before"` // of segments and index
	BytesAfter  int64 `json:"bytes_after"`
}

const defaultMaxWaste = 0.1

// Compact drops superseded versions of items, but for those that the options
// keep, writes segments anew that hold too much of no use, and the log and the
// index without what came and went. Items deleted at the source stay. No Writer
// may be open. It may be killed at any point: nothing that is kept is lost, and
// running it again finishes the work. It needs room for one segment, the log and
// the index.
func (s *Store) Compact(ctx context.Context, o CompactOptions) (r CompactReport, err error) {
	if s.Blind() {
		return r, ErrKeyNeeded
	}
	if o.MaxWaste <= 0 {
		o.MaxWaste = defaultMaxWaste
	}
	if r.BytesBefore, err = s.diskBytes(); err != nil {
		return r, err
	}
	r.BytesAfter = r.BytesBefore
	keep, err := s.runEnds(o.KeepRuns)
	if err != nil {
		return r, err
	}
	boxes, err := s.boxes()
	if err != nil {
		return r, err
	}
	used := newFilter()
	for _, b := range boxes {
		if err := s.dropVersions(ctx, b, keep, used, o.DryRun, &r); err != nil {
			return r, fmt.Errorf("drop superseded versions: %w", err)
		}
	}
	gone := func(sum [32]byte, _ engine.Blob) bool {
		if used.has(sum) {
			return false
		}
		r.Blobs++
		return !o.DryRun
	}
	if err := s.e.DropBlobs(ctx, gone); err != nil || o.DryRun {
		return r, err
	}
	if err := s.moveSegments(ctx, o.MaxWaste, &r); err != nil {
		return r, fmt.Errorf("write segments anew: %w", err)
	}
	if err := s.e.Snapshot(); err != nil {
		return r, fmt.Errorf("write the log anew: %w", err)
	}
	if err := s.e.ShrinkIndex(); err != nil {
		return r, fmt.Errorf("write %s anew: %w", engine.IndexName, err)
	}
	r.BytesAfter, err = s.diskBytes()
	return r, err
}

// diskBytes is what segments and index take on the disk.
func (s *Store) diskBytes() (n int64, err error) {
	files, err := filepath.Glob(filepath.Join(s.Dir(), engine.SegmentsDir, "*.seg"))
	if err != nil {
		return 0, err
	}
	for _, name := range append(files, filepath.Join(s.Dir(), engine.IndexName)) {
		info, err := os.Stat(name)
		if err != nil {
			return 0, err
		}
		n += info.Size()
	}
	return n, nil
}

// runEnds returns when runs ended, or began where they did not end.
func (s *Store) runEnds(ids []uint64) (ends []time.Time, err error) {
	left := map[uint64]bool{}
	for _, id := range ids {
		left[id] = true
	}
	for r, err := range s.Runs() {
		if err != nil {
			return nil, err
		}
		if !left[r.ID] {
			continue
		}
		delete(left, r.ID)
		end := r.Ended
		if end.IsZero() {
			end = r.Begun
		}
		ends = append(ends, end)
	}
	for id := range left {
		return nil, fmt.Errorf("keep run %d: %w", id, ErrNoRun)
	}
	return ends, nil
}

// dropVersions removes the superseded versions that no run keeps, and notes in
// used what blobs the others and the current items name.
func (s *Store) dropVersions(ctx context.Context, b boxName, keep []time.Time, used *filter, dry bool, r *CompactReport) error {
	const most = 1000
	var page [][]byte
	flush := func() error {
		if dry || len(page) == 0 {
			page = page[:0]
			return nil
		}
		err := s.update(ctx, nil, func(t *tx) error {
			for _, key := range page {
				if err := t.Del(box(b.name, boxOld), key); err != nil {
					return err
				}
			}
			return nil
		})
		page = page[:0]
		return err
	}
	for key, err := range rows(s, box(b.name, boxOld), nil, func(_ *tx, k, v []byte) ([]byte, bool, error) {
		row, err := s.decodeItem(v)
		if err != nil {
			return nil, false, err
		}
		for _, end := range keep {
			if !row.trailer.ExportedAt.After(end) && (row.superseded.IsZero() || row.superseded.After(end)) {
				used.add(row.sum)
				r.Kept++
				return nil, false, nil
			}
		}
		r.Dropped++
		return append([]byte(nil), k...), true, nil
	}) {
		if err != nil {
			return err
		}
		if page = append(page, key); len(page) == most {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	if err := flush(); err != nil {
		return err
	}
	for _, err := range rows(s, box(b.name, boxItems), nil, func(_ *tx, _, v []byte) (struct{}, bool, error) {
		_, _, sum, err := itemHead(v)
		used.add(sum)
		return struct{}{}, false, err
	}) {
		if err != nil {
			return err
		}
	}
	return ctx.Err()
}

// moveSegments writes data segments anew of which too much is of no use.
func (s *Store) moveSegments(ctx context.Context, maxWaste float64, r *CompactReport) error {
	lengths, err := s.e.DataSegments()
	if err != nil {
		return err
	}
	live := map[uint32]int64{}
	err = s.view(func(t *tx) error {
		clear(live)
		return t.Scan(engine.BucketBlobs, nil, nil, func(_, v []byte) (bool, error) {
			b, err := engine.DecodeBlob(v)
			live[b.Loc.Segment] += b.Loc.Length
			return true, err
		})
	})
	if err != nil {
		return err
	}
	for number, length := range lengths {
		if err := ctx.Err(); err != nil {
			return err
		}
		waste := length - segment.HeaderSize - live[number]
		if live[number] > 0 && float64(waste) <= maxWaste*float64(length) {
			continue
		}
		if err := s.e.Move(ctx, number); err != nil {
			return err
		}
		r.Segments++
	}
	return nil
}

// filter is a Bloom filter of hashes: a set of a fixed size in memory, for
// mailboxes of any size. It may have what was not added, and never lacks what was:
// a blob too many is kept, none too few.
type filter struct{ bits []uint64 }

// filterBits is 8 MiB: of a million hashes one in ten thousand is taken for one
// that was added, of ten million one in ten.
const filterBits = 64 << 20

func newFilter() *filter { return &filter{make([]uint64, filterBits/64)} }

// places of a hash, whose bytes are random already.
func (f *filter) places(sum [32]byte) (at [4]uint32) {
	for i := range at {
		at[i] = binary.BigEndian.Uint32(sum[8*i:]) % filterBits
	}
	return at
}

func (f *filter) add(sum [32]byte) {
	for _, at := range f.places(sum) {
		f.bits[at/64] |= 1 << (at % 64)
	}
}

func (f *filter) has(sum [32]byte) bool {
	for _, at := range f.places(sum) {
		if f.bits[at/64]&(1<<(at%64)) == 0 {
			return false
		}
	}
	return true
}
