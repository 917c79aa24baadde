package engine

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/sync/errgroup"

	"mailferry/store/segment"
)

// maxGroup is how many concurrent calls share one commit.
const maxGroup = 64

// request asks the committer for a change of the index.
type request struct {
	fn    func(*Tx) error // may be called more than once
	alone func() error    // instead of fn: runs while nothing else is committed
	files []*Segment      // to be synced before
	err   error
	done  chan error
}

// Update makes a change durable. fn runs in a transaction together with those
// of other callers; it changes nothing when it returns an error. When ctx ends
// before the change was begun nothing happens; once begun it is finished.
func (e *Engine) Update(ctx context.Context, files []*Segment, fn func(*Tx) error) error {
	if e.readOnly {
		return ErrReadOnly
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	r := &request{fn: fn, files: files, done: make(chan error, 1)}
	select {
	case e.requests <- r:
		return <-r.done
	case <-ctx.Done():
		return ctx.Err()
	case <-e.closing:
		return ErrClosed
	}
}

// committer is the one goroutine that writes the index.
func (e *Engine) committer() {
	defer close(e.committed)
	for {
		var group []*request
		select {
		case <-e.closing:
			return
		case r := <-e.requests:
			if r.alone != nil {
				r.done <- e.runAlone(r.alone)
				continue
			}
			group = append(group, r)
		}
		var after *request
	more:
		for len(group) < maxGroup {
			select {
			case r := <-e.requests:
				if r.alone != nil {
					after = r
					break more
				}
				group = append(group, r)
			default:
				break more
			}
		}
		err := e.Fatal()
		if err == nil {
			err = NoSpace(e.commitGroup(group))
		}
		for _, r := range group {
			if r.err == nil {
				r.err = err
			}
			r.done <- r.err
		}
		if after != nil {
			after.done <- e.runAlone(after.alone)
		}
	}
}

func (e *Engine) runAlone(fn func() error) error {
	if err := e.Fatal(); err != nil {
		return err
	}
	return NoSpace(fn())
}

// exclusive runs fn while nothing is committed.
func (e *Engine) exclusive(fn func() error) error {
	if e.readOnly {
		return ErrReadOnly
	}
	r := &request{alone: fn, done: make(chan error, 1)}
	select {
	case e.requests <- r:
		return <-r.done
	case <-e.closing:
		return ErrClosed
	}
}

// Fatal returns the error after which nothing is written any more.
func (e *Engine) Fatal() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.fatalErr
}

// fail makes an error fatal: the disk or the index is in a state that only
// opening the store again can find out.
func (e *Engine) fail(what string, err error) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.fatalErr == nil {
		e.fatalErr = fmt.Errorf("%s: %w; nothing more is written until the store is opened again", what, NoSpace(err))
	}
	return e.fatalErr
}

// commitGroup writes a group in the order that makes it durable as a whole: the
// data, then the log that tells of it, then the index. An error is that of all
// requests that have none of their own.
func (e *Engine) commitGroup(group []*request) (err error) {
	if err := e.syncData(group); err != nil {
		return err
	}
	t, err := e.runGroup(group)
	if t == nil || err != nil {
		return err
	}
	defer func() {
		if err != nil {
			t.b.Rollback()
		}
	}()
	seq := e.seq
	if len(t.log) > 0 {
		seq++
		if err := e.appendLog(t, seq); err != nil {
			return err
		}
	}
	if err := e.commitIndex(t); err != nil {
		// The log tells already what the index does not.
		return e.fail("write "+IndexName, err)
	}
	e.seq = seq
	return nil
}

func (e *Engine) commitIndex(t *Tx) (err error) {
	defer guardIndex(&err)()
	return t.b.Commit()
}

// syncData makes the records durable that a group is about.
func (e *Engine) syncData(group []*request) error {
	var files []*Segment
	for _, r := range group {
		for _, f := range r.files {
			if !slices.Contains(files, f) {
				files = append(files, f)
			}
		}
	}
	var g errgroup.Group
	for _, f := range files {
		g.Go(f.Sync)
	}
	if err := g.Wait(); err != nil {
		return e.fail("sync a segment", err)
	}
	return nil
}

// runGroup runs the requests in one transaction. One that fails is left out, and
// the others run again: the index can't take back a part of a transaction. No
// transaction is returned when none is left.
func (e *Engine) runGroup(group []*request) (*Tx, error) {
	for {
		b, err := e.db.Begin(true)
		if err != nil {
			return nil, err
		}
		t := e.newTx(b)
		failed, left := false, 0
		for _, r := range group {
			if r.err != nil {
				continue
			}
			if r.err = t.run(r.fn); r.err != nil {
				failed = true
				break
			}
			left++
		}
		if !failed && left > 0 {
			return t, nil
		}
		if err := b.Rollback(); err != nil || !failed {
			return nil, err
		}
	}
}

func (t *Tx) run(fn func(*Tx) error) (err error) {
	defer guardIndex(&err)()
	return fn(t)
}

// appendLog writes what t changes as one record and makes it durable.
func (e *Engine) appendLog(t *Tx, seq uint64) error {
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
	loc, err := e.writeLog(t.log, seq, 0)
	if err != nil {
		return err
	}
	err = t.Set(bucketMeta, []byte("seq"), U64(seq))
	if err == nil {
		err = t.Set(BucketSegments, U32(e.log.Number), segmentValue(segment.Log, loc.Offset+loc.Length))
	}
	if err != nil {
		return e.fail("write "+IndexName, err)
	}
	return nil
}

// writeLog writes one record of the log and makes it durable.
func (e *Engine) writeLog(ops []byte, seq uint64, mark byte) (loc segment.Location, err error) {
	meta := binary.LittleEndian.AppendUint64(nil, seq)
	if mark != 0 {
		meta = append(meta, mark)
	}
	r, err := e.log.Begin(segment.LogRecord, meta)
	if err != nil {
		return loc, err
	}
	if _, err = r.Write(ops); err == nil {
		loc, err = r.End(nil)
	}
	if err != nil {
		r.Cancel()
		if !e.log.Usable() {
			return loc, e.fail("write the log", err)
		}
		return loc, err
	}
	if err := e.log.Sync(); err != nil {
		return loc, e.fail("sync the log", err)
	}
	return loc, nil
}

// segmentValue makes a row of BucketSegments.
func segmentValue(class segment.Class, length int64) []byte {
	return binary.BigEndian.AppendUint64([]byte{byte(class)}, uint64(length))
}

// DecodeSegment reads a row of BucketSegments.
func DecodeSegment(v []byte) (segment.Class, int64, error) {
	if len(v) < 9 {
		return 0, 0, errors.Join(ErrDamaged, errors.New("a segment's row is short"))
	}
	return segment.Class(v[0]), int64(binary.BigEndian.Uint64(v[1:])), nil
}

// GrowSegment notes that a data segment is committed as far as a record.
func (t *Tx) GrowSegment(loc segment.Location) error {
	end := loc.Offset + loc.Length
	v, err := t.Get(BucketSegments, U32(loc.Segment))
	if err != nil {
		return err
	}
	if v != nil {
		if _, n, err := DecodeSegment(v); err != nil || n >= end {
			return err
		}
	}
	return t.Put(BucketSegments, U32(loc.Segment), segmentValue(segment.Data, end))
}
