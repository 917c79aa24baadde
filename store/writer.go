package store

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"mailferry/fts"
	"mailferry/store/engine"
	"mailferry/store/segment"
)

// Writer writes blobs to a segment of its own, so that several writers don't
// wait for each other. It is used by one goroutine.
type Writer struct {
	s      *Store
	seg    *engine.Segment // nil until it is needed
	blob   *Blob           // under way
	closed bool
}

// NewWriter returns a writer for one goroutine.
func (s *Store) NewWriter() (*Writer, error) {
	if s.e.ReadOnly() {
		return nil, ErrReadOnly
	}
	if err := s.e.Fatal(); err != nil {
		return nil, err
	}
	return &Writer{s: s}, nil
}

// Blob is a record being written.
type Blob struct {
	w   *Writer // nil once it is over
	key ItemKey
	rec *segment.Record
}

// stagedBlob is a whole blob in a segment that the index does not know yet.
type stagedBlob struct {
	sum  [32]byte
	row  engine.Blob
	seg  *engine.Segment
	refs int // under Store.mu: staged items that name it
}

// Staged is an item whose record is complete and not yet committed.
type Staged struct {
	s    *Store
	key  ItemKey
	item itemRow
	seg  *engine.Segment
	loc  segment.Location // of the item's record
	blob *stagedBlob      // nil: the index knows the blob
	over bool             // committed or discarded
}

// Key returns the key of the item.
func (st *Staged) Key() ItemKey { return st.key }

// Size returns the bytes of the blob.
func (st *Staged) Size() int64 { return st.item.size }

// SHA256 returns the hash of the blob.
func (st *Staged) SHA256() [32]byte { return st.item.sum }

// trailer is what a record keeps of an item beside its key, size and hash.
type trailer struct {
	SearchKey     []byte        `json:"search_key,omitempty"`
	Catalogue     fts.Catalogue `json:"catalogue"`
	Problem       string        `json:"problem,omitempty"`
	ExportedAt    time.Time     `json:"exported"`
	ServerVersion string        `json:"server_version,omitempty"`
}

// Begin begins the record of one item. The blob before must be finished or aborted.
func (w *Writer) Begin(key ItemKey) (*Blob, error) {
	if w.closed {
		return nil, ErrClosed
	}
	if w.blob != nil {
		return nil, errors.New("begin a blob: the one before is neither finished nor aborted")
	}
	if err := w.s.e.Fatal(); err != nil {
		return nil, err
	}
	if err := key.normalise(); err != nil {
		return nil, err
	}
	meta, err := json.Marshal(key)
	if err != nil {
		return nil, err
	}
	if w.seg != nil && w.s.e.Full(w.seg) {
		w.s.e.Release(w.seg)
		w.seg = nil
	}
	if w.seg == nil {
		if w.seg, err = w.s.e.Take(); err != nil {
			return nil, fmt.Errorf("open a segment: %w", engine.NoSpace(err))
		}
	}
	rec, err := w.seg.Begin(segment.BlobRecord, meta)
	if err != nil {
		return nil, err
	}
	w.blob = &Blob{w: w, key: key, rec: rec}
	return w.blob, nil
}

// Write adds bytes of the blob.
func (b *Blob) Write(p []byte) (int, error) {
	if b.w == nil {
		return 0, errors.New("write to a blob that was finished or aborted")
	}
	n, err := b.rec.Write(p)
	if err != nil {
		err = fmt.Errorf("write to a segment: %w", engine.NoSpace(err))
	}
	return n, err
}

// Size returns how many bytes were written.
func (b *Blob) Size() int64 { return b.rec.Size() }

// Abort cuts the record off again. After Finish or Abort it does nothing.
func (b *Blob) Abort() {
	if b.w != nil {
		b.rec.Cancel()
		b.w.blob, b.w = nil, nil
	}
}

// Finish ends the record. What it returns is complete in the segment, and not
// believed until it is committed. When it returns an error the record is
// aborted.
func (b *Blob) Finish(e Entry) (*Staged, error) {
	w := b.w
	if w == nil {
		return nil, errors.New("finish a blob that was finished or aborted")
	}
	defer b.Abort() // does nothing after success
	if e.ExportedAt.IsZero() {
		e.ExportedAt = time.Now()
	}
	tr := trailer{e.SearchKey, e.Catalogue, e.Problem, e.ExportedAt.UTC(), e.ServerVersion}
	js, err := tr.encode()
	if err != nil {
		return nil, err
	}
	st := &Staged{s: w.s, key: b.key, seg: w.seg}
	st.item = itemRow{id: b.key.ID, changeKey: b.key.ChangeKey, size: b.rec.Size(), sum: b.rec.Sum(), trailer: tr, associated: b.key.Associated}
	known, err := w.s.findBlob(st)
	if err != nil {
		return nil, err
	}
	if known {
		err = b.refer(st, js)
	} else {
		st.loc, err = b.rec.End(js)
	}
	if err != nil {
		if st.blob != nil {
			w.s.dropBlob(st.blob)
		}
		return nil, fmt.Errorf("write to a segment: %w", engine.NoSpace(err))
	}
	w.blob, b.w = nil, nil
	if !known {
		st.blob = w.s.addBlob(st)
	}
	w.s.e.Pin(st.seg)
	return st, nil
}

// refer puts in the place of the record one that names an equal blob.
func (b *Blob) refer(st *Staged, js []byte) error {
	b.rec.Cancel()
	meta, err := json.Marshal(b.key)
	if err != nil {
		return err
	}
	rec, err := b.w.seg.Begin(segment.ReferenceRecord, meta)
	if err != nil {
		return err
	}
	b.rec = rec
	st.loc, err = rec.EndAs(st.item.size, st.item.sum, js)
	return err
}

// encode gives up lists rather than the item when the catalogue is too long.
func (tr *trailer) encode() ([]byte, error) {
	js, err := json.Marshal(tr)
	if err == nil && len(js) > segment.MaxTrailer/2 {
		c := tr.Catalogue
		tr.Catalogue = fts.Catalogue{Class: c.Class, Subject: c.Subject, From: c.From, Received: c.Received, Sent: c.Sent, MessageID: c.MessageID}
		js, err = json.Marshal(tr)
	}
	return js, err
}

// findBlob looks for a blob equal to that of st, in the index and among those
// that wait for their commit; the latter is held from now on.
func (s *Store) findBlob(st *Staged) (bool, error) {
	s.mu.Lock()
	if b := s.inflight[st.item.sum]; b != nil {
		b.refs++
		st.blob = b
		s.mu.Unlock()
		s.e.Pin(b.seg)
		return true, nil
	}
	s.mu.Unlock()
	found := false
	err := s.view(func(t *tx) error {
		var err error
		_, found, err = t.Blob(st.item.sum)
		return err
	})
	return found, err
}

func (s *Store) addBlob(st *Staged) *stagedBlob {
	b := &stagedBlob{sum: st.item.sum, row: engine.Blob{Loc: st.loc, Size: st.item.size}, seg: st.seg, refs: 1}
	s.e.Pin(b.seg)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.inflight[b.sum] == nil {
		s.inflight[b.sum] = b
	}
	return b
}

// dropBlob ends the hold of one staged item; it reports whether it was the last.
func (s *Store) dropBlob(b *stagedBlob) bool {
	s.mu.Lock()
	b.refs--
	last := b.refs == 0
	if last && s.inflight[b.sum] == b {
		delete(s.inflight, b.sum)
	}
	s.mu.Unlock()
	s.e.Unpin(b.seg)
	return last
}

// Discard gives up what was staged and is not to be committed. Records at the
// end of the segment are cut off, others stay until compaction.
func (w *Writer) Discard(staged ...*Staged) {
	staged = slices.Clone(staged)
	slices.SortFunc(staged, func(a, b *Staged) int { return cmp.Compare(b.loc.Offset, a.loc.Offset) })
	for _, st := range staged {
		if st == nil || st.over {
			continue
		}
		st.over = true
		last := st.blob == nil || w.s.dropBlob(st.blob)
		// After a fatal error nobody knows whether the record is committed.
		if last && st.seg == w.seg && w.blob == nil && w.s.e.Fatal() == nil && st.loc.Offset+st.loc.Length == w.seg.Offset() {
			w.seg.Cut(st.loc.Offset)
		}
		w.s.e.Unpin(st.seg)
	}
}

// Close gives the segment back. A blob under way is aborted; what is staged can
// still be committed.
func (w *Writer) Close() error {
	if w.closed {
		return nil
	}
	w.closed = true
	if w.blob != nil {
		w.blob.Abort()
	}
	if w.seg != nil {
		w.s.e.Release(w.seg)
		w.seg = nil
	}
	return nil
}

// Commit makes staged items part of the store and returns when that is durable.
// Concurrent calls share one group. The pending row of an item is removed if it
// has the same change key (so pass to Begin the key that was asked for, not the
// one that was answered). When ctx ends before the commit was begun, nothing
// happens; once begun it is finished. After an error the items are still staged.
func (s *Store) Commit(ctx context.Context, staged []*Staged) error {
	if len(staged) == 0 {
		return nil
	}
	var files []*engine.Segment
	for _, st := range staged {
		if st.over || st.s != s {
			return errors.New("commit an item that was committed or discarded before")
		}
		files = append(files, st.seg)
		if st.blob != nil {
			files = append(files, st.blob.seg)
		}
	}
	err := s.update(ctx, files, func(t *tx) error {
		for _, st := range staged {
			if err := t.commitItem(st); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("commit %d items: %w", len(staged), err)
	}
	for _, st := range staged {
		st.over = true
		if st.blob != nil {
			s.dropBlob(st.blob)
		}
		s.e.Unpin(st.seg)
	}
	return nil
}
