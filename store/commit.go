package store

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
	fn    func(*tx) error // may be called more than once
	files []*openSegment  // to be synced before
	err   error
	done  chan error
}

// update makes a change durable. fn runs in a transaction together with those
// of other callers; it changes nothing when it returns an error. When ctx ends
// before the change was begun nothing happens; once begun it is finished.
func (s *Store) update(ctx context.Context, files []*openSegment, fn func(*tx) error) error {
	if s.readOnly {
		return ErrReadOnly
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	r := &request{fn: fn, files: files, done: make(chan error, 1)}
	select {
	case s.requests <- r:
		return <-r.done
	case <-ctx.Done():
		return ctx.Err()
	case <-s.closing:
		return ErrClosed
	}
}

// committer is the one goroutine that writes the index.
func (s *Store) committer() {
	defer close(s.committed)
	for {
		var group []*request
		select {
		case <-s.closing:
			return
		case r := <-s.requests:
			group = append(group, r)
		}
	more:
		for len(group) < maxGroup {
			select {
			case r := <-s.requests:
				group = append(group, r)
			default:
				break more
			}
		}
		err := s.fatal()
		if err == nil {
			err = noSpace(s.commitGroup(group))
		}
		for _, r := range group {
			if r.err == nil {
				r.err = err
			}
			r.done <- r.err
		}
	}
}

// fatal returns the error after which nothing is written any more.
func (s *Store) fatal() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.fatalErr
}

// fail makes an error fatal: the disk or the index is in a state that only
// opening the store again can find out.
func (s *Store) fail(what string, err error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fatalErr == nil {
		s.fatalErr = fmt.Errorf("%s: %w; nothing more is written until the store is opened again", what, noSpace(err))
	}
	return s.fatalErr
}

// commitGroup writes a group in the order that makes it durable as a whole: the
// data, then the log that tells of it, then the index. An error is that of all
// requests that have none of their own.
func (s *Store) commitGroup(group []*request) (err error) {
	if err := s.syncData(group); err != nil {
		return err
	}
	t, err := s.runGroup(group)
	if t == nil || err != nil {
		return err
	}
	defer func() {
		if err != nil {
			t.b.Rollback()
		}
	}()
	seq := s.seq
	if len(t.log) > 0 {
		seq++
		if err := s.appendLog(t, seq); err != nil {
			return err
		}
	}
	if err := s.commitIndex(t); err != nil {
		// The log tells already what the index does not.
		return s.fail("write "+indexName, err)
	}
	s.seq = seq
	return nil
}

func (s *Store) commitIndex(t *tx) (err error) {
	defer guardIndex(&err)()
	return t.b.Commit()
}

// syncData makes the records durable that a group is about.
func (s *Store) syncData(group []*request) error {
	var files []*openSegment
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
		return s.fail("sync a segment", err)
	}
	return nil
}

// runGroup runs the requests in one transaction. One that fails is left out, and
// the others run again: the index can't take back a part of a transaction. No
// transaction is returned when none is left.
func (s *Store) runGroup(group []*request) (*tx, error) {
	for {
		b, err := s.db.Begin(true)
		if err != nil {
			return nil, err
		}
		t := newTx(b)
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

func (t *tx) run(fn func(*tx) error) (err error) {
	defer guardIndex(&err)()
	return fn(t)
}

// appendLog writes what t changes as one record and makes it durable.
func (s *Store) appendLog(t *tx, seq uint64) error {
	if s.log != nil && s.segments.full(s.log) {
		s.segments.release(s.log)
		s.log = nil
	}
	if s.log == nil {
		o, err := s.segments.take(segment.Log)
		if err != nil {
			return err
		}
		s.log = o
	}
	before := s.log.Offset()
	loc, err := writeLog(s.log.File, t.log, seq)
	if err != nil {
		if !s.log.Usable() {
			return s.fail("write the log", err)
		}
		return err
	}
	if err := s.log.Sync(); err != nil {
		return s.fail("sync the log", err)
	}
	err = t.set(bucketMeta, []byte("seq"), u64(seq))
	if err == nil {
		err = t.set(bucketSegments, u32(s.log.Number), segmentValue(segment.Log, before+loc.Length))
	}
	if err != nil {
		return s.fail("write "+indexName, err)
	}
	return nil
}

func writeLog(f *segment.File, ops []byte, seq uint64) (segment.Location, error) {
	r, err := f.Begin(segment.LogRecord, binary.LittleEndian.AppendUint64(nil, seq))
	if err != nil {
		return segment.Location{}, err
	}
	_, err = r.Write(ops)
	var loc segment.Location
	if err == nil {
		loc, err = r.End(nil)
	}
	if err != nil {
		r.Cancel()
	}
	return loc, err
}

// segmentValue is a row of bucketSegments.
func segmentValue(class segment.Class, length int64) []byte {
	return binary.BigEndian.AppendUint64([]byte{byte(class)}, uint64(length))
}

func decodeSegment(v []byte) (segment.Class, int64, error) {
	if len(v) < 9 {
		return 0, 0, errors.Join(ErrDamaged, errors.New("a segment's row is short"))
	}
	return segment.Class(v[0]), int64(binary.BigEndian.Uint64(v[1:])), nil
}

// growSegment notes that a data segment is committed up to end.
func (t *tx) growSegment(number uint32, end int64) error {
	v, err := t.get(bucketSegments, u32(number))
	if err != nil {
		return err
	}
	if v != nil {
		if _, n, err := decodeSegment(v); err != nil || n >= end {
			return err
		}
	}
	return t.put(bucketSegments, u32(number), segmentValue(segment.Data, end))
}
