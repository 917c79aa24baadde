package engine

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"mailferry/internal/fault"
	"mailferry/store/segment"
)

// replayBytes is about how much of the log goes into one transaction of a replay.
const replayBytes = 8 << 20

// tail is what a segment holds behind the length that the index knows.
type tail struct {
	number uint32
	class  segment.Class
	size   int64 // of the file
	known  int64 // length that the index knows; 0: it does not know the segment
}

// logRecord is where a log record lies.
type logRecord struct {
	seq  uint64
	mark byte // of a snapshot, see snapshot.go
	loc  segment.Location
}

func decodeLogMeta(r *segment.Reader) (rec logRecord, ok bool) {
	if r.Kind != segment.LogRecord || len(r.Meta) < 8 || len(r.Meta) > 9 {
		return rec, false
	}
	rec.seq = binary.LittleEndian.Uint64(r.Meta)
	if len(r.Meta) == 9 {
		rec.mark = r.Meta[8]
	}
	return rec, true
}

// recover brings the index up to the segments: it replays the log records that
// the index has not seen, takes note of whole blobs that came after the last
// commit (their items are fetched again, but not stored again), and cuts off
// what is torn.
func (e *Engine) recover() error {
	tails, err := e.tails()
	if err != nil {
		return err
	}
	var records []logRecord
	for i := range tails {
		if tails[i].class == segment.Log && tails[i].size > max(tails[i].known, segment.HeaderSize) {
			found, err := e.logTail(&tails[i])
			if err != nil {
				return err
			}
			records = append(records, found...)
		}
	}
	if err := e.replay(records); err != nil {
		return err
	}
	if tails, err = e.tails(); err != nil { // the log told how long the data is
		return err
	}
	blobs := map[[32]byte]Blob{}
	for i := range tails {
		if tails[i].class == segment.Data && tails[i].size > max(tails[i].known, segment.HeaderSize) {
			if err := e.dataTail(&tails[i], blobs); err != nil {
				return err
			}
		}
	}
	if err := e.noteTails(tails, blobs); err != nil {
		return err
	}
	for _, t := range tails {
		e.segments.add(t.number, t.class, t.size)
	}
	return nil
}

// segmentFiles lists the segments in the folder, by number.
func (e *Engine) segmentFiles() ([]uint32, error) {
	entries, err := e.fsys.ReadDir(e.segments.dir)
	if err != nil {
		return nil, err
	}
	var numbers []uint32
	for _, e := range entries {
		base, ok := strings.CutSuffix(e.Name(), ".seg")
		n, err := strconv.ParseUint(base, 10, 32)
		if ok && err == nil && segment.Name(uint32(n)) == e.Name() {
			numbers = append(numbers, uint32(n))
		}
	}
	slices.Sort(numbers)
	return numbers, nil
}

// tails compares the segment files with what the index knows of them.
func (e *Engine) tails() ([]tail, error) {
	type known struct {
		class  segment.Class
		length int64
	}
	index := map[uint32]known{}
	err := e.View(func(t *Tx) error {
		return t.Scan(BucketSegments, nil, nil, func(k, v []byte) (bool, error) {
			class, n, err := DecodeSegment(v)
			index[binary.BigEndian.Uint32(k)] = known{class, n}
			return true, err
		})
	})
	if err != nil {
		return nil, err
	}
	numbers, err := e.segmentFiles()
	if err != nil {
		return nil, err
	}
	var tails []tail
	for _, n := range numbers {
		t, err := e.tailOf(n, index[n].length)
		if err != nil {
			return nil, err
		}
		delete(index, n)
		if t.size > 0 {
			tails = append(tails, t)
		}
	}
	for n := range index {
		return nil, fmt.Errorf("%w: %s is missing", ErrDamaged, segment.Name(n))
	}
	return tails, nil
}

func (e *Engine) tailOf(number uint32, known int64) (tail, error) {
	name := filepath.Join(e.segments.dir, segment.Name(number))
	if known == 0 {
		// A file without a whole header was just being made.
		f, err := e.fsys.OpenFile(name, os.O_RDWR, 0)
		if err != nil {
			return tail{}, err
		}
		size, err := f.Size()
		f.Close()
		if err != nil || size < segment.HeaderSize {
			if err == nil {
				err = e.fsys.Remove(name)
			}
			return tail{}, err
		}
	}
	f, h, err := segment.OpenFile(e.fsys, e.segments.dir, number, e.segments.id, os.O_RDONLY)
	if errors.Is(err, segment.ErrNewer) {
		err = ErrNewerFormat
	}
	if err != nil {
		return tail{}, err
	}
	defer f.Close()
	size, err := f.Size()
	if err == nil && size < known {
		err = fmt.Errorf("%w: %s has %d bytes, the index knows of %d", ErrDamaged, segment.Name(number), size, known)
	}
	return tail{number: number, class: h.Class, size: size, known: known}, err
}

// walkTail calls fn for each whole record behind the known length, then settles
// what is there: the whole records are written once more and synced, because
// bytes that were read back need not be on the disk (an fsync may have failed
// before), and what is torn is cut off.
func (e *Engine) walkTail(t *tail, fn func(r *segment.Reader, loc segment.Location) error) error {
	from := max(t.known, segment.HeaderSize)
	f, _, err := segment.OpenFile(e.fsys, e.segments.dir, t.number, e.segments.id, os.O_RDWR)
	if err != nil {
		return err
	}
	defer f.Close()
	r := segment.NewReader(f, from, t.size, e.Keys())
	end := from
	for {
		err := r.Next()
		if err == nil {
			_, err = io.Copy(io.Discard, r)
		}
		if errors.Is(err, io.EOF) || err == nil && r.Blind {
			break // without the key nobody knows what it is: it is fetched again
		}
		if errors.Is(err, ErrDamaged) {
			if err := e.mayCut(t, f, end, err); err != nil {
				return err
			}
			break
		}
		if err != nil {
			return err
		}
		loc := r.Location(t.number)
		if err := fn(r, loc); err != nil {
			return err
		}
		end = loc.Offset + loc.Length
	}
	if err := rewrite(f, from, end); err != nil {
		return err
	}
	if end < t.size {
		if err := f.Truncate(end); err != nil {
			return err
		}
		t.size = end
	}
	return f.Sync()
}

// mayCut refuses to cut a log in its middle: each of its records was durable
// before the next began, so only the last can be torn.
func (e *Engine) mayCut(t *tail, f fault.File, end int64, why error) error {
	if t.class != segment.Log {
		return nil
	}
	next, err := segment.FindRecord(f, end+1, t.size)
	if err == nil && next >= 0 {
		err = fmt.Errorf("%s: %w", segment.Name(t.number), why)
	}
	return err
}

func rewrite(f fault.File, from, to int64) error {
	buf := make([]byte, min(1<<20, to-from))
	for at := from; at < to; {
		n := min(int64(len(buf)), to-at)
		if _, err := f.ReadAt(buf[:n], at); err != nil {
			return err
		}
		if _, err := f.WriteAt(buf[:n], at); err != nil {
			return err
		}
		at += n
	}
	return nil
}

// logTail finds the log records that the index may not have seen.
func (e *Engine) logTail(t *tail) (records []logRecord, err error) {
	err = e.walkTail(t, func(r *segment.Reader, loc segment.Location) error {
		rec, ok := decodeLogMeta(r)
		if !ok {
			return fmt.Errorf("%w: %s holds what is no log", ErrDamaged, segment.Name(t.number))
		}
		if rec.seq > e.seq {
			rec.loc = loc
			records = append(records, rec)
		}
		return nil
	})
	return records, err
}

// replay applies log records in the order in which they were written.
func (e *Engine) replay(records []logRecord) error {
	return e.replayRun(e.sinceSnapshot(records))
}

// replayRun applies records that follow each other without a gap.
func (e *Engine) replayRun(records []logRecord) error {
	for len(records) > 0 {
		n, size := 0, int64(0)
		for n < len(records) && (n == 0 || size < replayBytes) {
			if records[n].seq != e.seq+1+uint64(n) {
				return fmt.Errorf("%w: record %d of the log is missing", ErrDamaged, e.seq+1+uint64(n))
			}
			size += 8 * records[n].loc.Length // it was compressed
			n++
		}
		err := e.tailUpdate(func(t *Tx) error {
			for _, rec := range records[:n] {
				if err := e.replayOne(t, rec); err != nil {
					return err
				}
			}
			return t.Set(bucketMeta, []byte("seq"), U64(records[n-1].seq))
		})
		if err != nil {
			return err
		}
		e.seq = records[n-1].seq
		records = records[n:]
	}
	return nil
}

func (e *Engine) replayOne(t *Tx, rec logRecord) error {
	f, _, err := segment.OpenFile(e.fsys, e.segments.dir, rec.loc.Segment, e.segments.id, os.O_RDONLY)
	if err != nil {
		return err
	}
	defer f.Close()
	r := segment.NewReader(f, rec.loc.Offset, rec.loc.Offset+rec.loc.Length, e.Keys())
	if err := r.Next(); err != nil {
		return err
	}
	err = ReadOps(r, func(o Op) error {
		if o.kind == opPut {
			return t.Set(o.bucket, o.key, o.value)
		}
		b, err := t.bucket(o.bucket, false)
		if b == nil || err != nil {
			return err
		}
		return b.Delete(o.key)
	})
	if err != nil {
		return err
	}
	return t.Set(BucketSegments, U32(rec.loc.Segment), segmentValue(segment.Log, rec.loc.Offset+rec.loc.Length))
}

// dataTail takes note of blobs that no item names yet.
func (e *Engine) dataTail(t *tail, blobs map[[32]byte]Blob) error {
	return e.walkTail(t, func(r *segment.Reader, loc segment.Location) error {
		if r.Kind == segment.BlobRecord {
			blobs[r.SHA256] = Blob{loc, r.Size}
		}
		return nil
	})
}

// noteTails writes down how long the segments are, and the blobs that were found.
func (e *Engine) noteTails(tails []tail, blobs map[[32]byte]Blob) error {
	changed := slices.ContainsFunc(tails, func(t tail) bool { return t.size != t.known })
	if !changed {
		return nil
	}
	return e.tailUpdate(func(t *Tx) error {
		for sum, b := range blobs {
			v, err := t.Get(BucketBlobs, sum[:])
			if v == nil && err == nil {
				err = t.Set(BucketBlobs, sum[:], b.encode())
			}
			if err != nil {
				return err
			}
		}
		for _, tail := range tails {
			if err := t.Set(BucketSegments, U32(tail.number), segmentValue(tail.class, tail.size)); err != nil {
				return err
			}
		}
		return nil
	})
}

// tailUpdate changes the index before the committer runs.
func (e *Engine) tailUpdate(fn func(*Tx) error) error {
	b, err := e.db.Begin(true)
	if err != nil {
		return err
	}
	t := e.newTx(b)
	if err := t.run(fn); err != nil {
		b.Rollback()
		return err
	}
	return e.commitIndex(t)
}
