package engine

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"mailferry/internal/fault"
	"mailferry/store/segment"
)

// Suffixes of segment files that a repair takes out of use. Nothing is deleted:
// a person may, once nothing is missing.
const (
	damagedSuffix = ".damaged" // good records are copied out of it
	foreignSuffix = ".foreign" // a segment of another store
	foundSuffix   = ".found"   // on the way to its own name
)

// maxTexts is how much of the damage in a segment is told.
const maxTexts = 20

// Repairs is what a repair found and did.
type Repairs struct {
	Notes []Note
	Lossy bool     // a part of the log is lost that the index did not hold either
	Aside []string // files taken out of use, relative to the store
}

// Note is one thing that was put right, or lost.
type Note struct{ File, Text string }

func (r *Repairs) note(file, text string) {
	r.Notes = append(r.Notes, Note{filepath.ToSlash(file), text})
}

// cause is what is behind ErrDamaged: a repair need not say that.
func cause(err error) string { return strings.ReplaceAll(err.Error(), ErrDamaged.Error()+": ", "") }

// Repair opens a damaged store for writing. What is whole is kept: the index is
// made anew where it is damaged, records are copied out of damaged segments, and
// the log is written anew. Rows of blobs that are gone are removed; what becomes
// of their items is for the caller to say. It may be killed at any point and run
// again.
func Repair(dir string, o OpenOptions) (*Engine, *Repairs, error) {
	if o.Files == nil {
		o.Files = fault.OS
	}
	rep := &Repairs{}
	e, err := repair(dir, o, rep)
	if err != nil {
		return nil, nil, fmt.Errorf("repair the store %s: %w", dir, NoSpace(err))
	}
	return e, rep, nil
}

func repair(dir string, o OpenOptions, rep *Repairs) (_ *Engine, err error) {
	o.ReadOnly = false
	if err := repairConfig(dir, o.Files, rep); err != nil {
		return nil, err
	}
	e, err := lockedEngine(dir, o)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			e.closeFiles()
		}
	}()
	if e.Blind() {
		return nil, ErrKeyNeeded
	}
	if err := e.migrate(); err != nil {
		return nil, err
	}
	if err := e.sortSegments(rep); err != nil {
		return nil, err
	}
	scans, records, err := e.scanAll()
	if err != nil {
		return nil, err
	}
	if err := e.repairIndex(records, rep); err != nil {
		return nil, err
	}
	if err := e.setAside(scans, rep); err != nil {
		return nil, err
	}
	if err := e.recover(); err != nil {
		return nil, err
	}
	go e.committer()
	if err := e.finishRepair(rep); err != nil {
		return nil, errors.Join(err, e.Close())
	}
	return e, nil
}

func (e *Engine) finishRepair(rep *Repairs) error {
	if err := e.Snapshot(); err != nil {
		return err
	}
	if err := e.salvage(rep); err != nil {
		return err
	}
	return e.dropLost()
}

// sortSegments gives each segment the name that its head says, and takes those of
// other stores out of use.
func (e *Engine) sortSegments(rep *Repairs) error {
	entries, err := e.fsys.ReadDir(e.segments.dir)
	if err != nil {
		return err
	}
	path := func(name string) string { return filepath.Join(e.segments.dir, name) }
	found := map[uint32]string{}
	for _, entry := range entries {
		base, isFound := strings.CutSuffix(entry.Name(), foundSuffix)
		if !strings.HasSuffix(base, ".seg") {
			continue
		}
		h, err := e.headerOf(path(entry.Name()))
		switch {
		case errors.Is(err, ErrDamaged):
			continue
		case err != nil:
			return err
		case h.Store != e.segments.id:
			rep.note(filepath.Join(SegmentsDir, base), "it is a segment of another store, and is kept as "+base+foreignSuffix)
			rep.Aside = append(rep.Aside, filepath.ToSlash(filepath.Join(SegmentsDir, base+foreignSuffix)))
			err = e.fsys.Rename(path(entry.Name()), path(base+foreignSuffix))
		case isFound:
			found[h.Number] = entry.Name()
		case base != segment.Name(h.Number):
			rep.note(filepath.Join(SegmentsDir, base), "it is "+segment.Name(h.Number)+", and gets its name back")
			found[h.Number] = base + foundSuffix
			err = e.fsys.Rename(path(base), path(base+foundSuffix))
		}
		if err != nil {
			return err
		}
	}
	for number, name := range found {
		if _, err := os.Lstat(path(segment.Name(number))); !NotExist(err) {
			continue // there is one of that name: this one stays aside
		}
		if err := e.fsys.Rename(path(name), path(segment.Name(number))); err != nil {
			return err
		}
	}
	return e.fsys.SyncDir(e.segments.dir)
}

func (e *Engine) headerOf(name string) (segment.Header, error) {
	f, err := e.fsys.OpenFile(name, os.O_RDONLY, 0)
	if err != nil {
		return segment.Header{}, err
	}
	defer f.Close()
	return segment.ReadHeader(f)
}

// repairIndex opens the index if each of its pages is whole, and makes it anew
// from the log if not.
func (e *Engine) repairIndex(records []logRecord, rep *Repairs) error {
	name := filepath.Join(e.dir, IndexName)
	why := e.tryIndex(name)
	if why == nil {
		e.keepNewer(&records)
		return e.replayGood(records, rep)
	}
	if !errors.Is(why, ErrDamaged) && !NotExist(why) {
		return why
	}
	if NotExist(why) {
		rep.note(IndexName, "it was missing, and is made anew from the segments")
	} else {
		rep.note(IndexName, "it was damaged, and is made anew from the segments: "+cause(why))
	}
	fresh := name + ".new"
	if err := os.Remove(fresh); err != nil && !NotExist(err) {
		return err
	}
	var err error
	if e.db, err = openIndex(fresh, false); err != nil {
		return err
	}
	e.seq = 0
	if err := e.replayGood(records, rep); err != nil {
		return err
	}
	if err := e.db.Close(); err != nil {
		return err
	}
	e.db = nil
	if err := e.fsys.Rename(fresh, name); err != nil {
		return err
	}
	if err := e.fsys.SyncDir(e.dir); err != nil {
		return err
	}
	e.db, err = openIndex(name, false)
	return err
}

// tryIndex leaves the index open if nothing is wrong with it.
func (e *Engine) tryIndex(name string) error {
	if _, err := os.Stat(name); err != nil {
		return err
	}
	var err error
	if e.db, err = openIndex(name, false); err != nil {
		return err
	}
	err = e.readSeq()
	if err == nil {
		var first error
		err = e.CheckIndex(func(found error) {
			if first == nil {
				first = found
			}
		})
		if err == nil {
			err = first
		}
	}
	if err != nil {
		e.db.Close()
		e.db = nil
	}
	return err
}

func (e *Engine) keepNewer(records *[]logRecord) {
	*records = slices.DeleteFunc(*records, func(r logRecord) bool { return r.seq <= e.seq })
}

// replayGood applies what is left of the log, and notes what is missing from it.
func (e *Engine) replayGood(records []logRecord, rep *Repairs) error {
	records = e.sinceSnapshot(records)
	for len(records) > 0 {
		if want := e.seq + 1; records[0].seq != want {
			rep.Lossy = true
			rep.note(SegmentsDir, fmt.Sprintf("records %d to %d of the log are lost", want, records[0].seq-1))
			e.seq = records[0].seq - 1
		}
		n := 1
		for n < len(records) && records[n].seq == records[n-1].seq+1 {
			n++
		}
		if err := e.replayRun(records[:n]); err != nil {
			return err
		}
		records = records[n:]
	}
	return nil
}

// setAside takes damaged segments out of use and forgets those that are missing.
func (e *Engine) setAside(scans []scan, rep *Repairs) error {
	known := map[uint32]int64{}
	err := e.View(func(t *Tx) error {
		return t.Scan(BucketSegments, nil, nil, func(k, v []byte) (bool, error) {
			_, n, err := DecodeSegment(v)
			if len(k) == 4 {
				known[binary.BigEndian.Uint32(k)] = n
			}
			return true, err
		})
	})
	if err != nil {
		return err
	}
	var forget []uint32
	for _, s := range scans {
		length := known[s.number]
		delete(known, s.number)
		name := segment.Name(s.number)
		if !s.damaged(length) {
			continue
		}
		if s.size < length {
			s.texts = append(s.texts, fmt.Sprintf("it has %d bytes, the index knew of %d", s.size, length))
		}
		for _, text := range s.texts {
			rep.note(filepath.Join(SegmentsDir, name), text)
		}
		from := filepath.Join(e.segments.dir, name)
		if err := e.fsys.Rename(from, from+damagedSuffix); err != nil {
			return err
		}
		rep.Aside = append(rep.Aside, filepath.ToSlash(filepath.Join(SegmentsDir, name+damagedSuffix)))
		forget = append(forget, s.number)
	}
	for n := range known {
		rep.note(filepath.Join(SegmentsDir, segment.Name(n)), "it is missing")
		forget = append(forget, n)
	}
	if err := e.fsys.SyncDir(e.segments.dir); err != nil {
		return err
	}
	// A new segment must not get the number of one that rows still point to.
	for _, n := range forget {
		e.segments.next = max(e.segments.next, n+1)
	}
	return e.tailUpdate(func(t *Tx) error {
		for _, n := range forget {
			if err := t.forget(BucketSegments, U32(n)); err != nil {
				return err
			}
		}
		return nil
	})
}
