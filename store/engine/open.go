package engine

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"go.etcd.io/bbolt"

	"mailferry/internal/fault"
	"mailferry/store/segment"
)

// OpenOptions say how to open a store.
type OpenOptions struct {
	ReadOnly    bool          // several processes may read at once, while none writes
	Create      bool          // make the store if the folder is missing or empty
	Rebuild     bool          // make index.db anew from the segments
	LockTimeout time.Duration // how long to wait for another process to end; 0: not at all
	Unlock      Unlock        // for an encrypted store
	Files       fault.FS      // nil: the disk. Tests put a faulty layer here
}

// Engine is an open store.
type Engine struct {
	dir      string
	fsys     fault.FS
	config   config
	keys     *keyring // nil: not encrypted
	readOnly bool
	lock     *os.File
	db       *bbolt.DB
	segments pool

	// the committer's own
	seq uint64   // number of the last log record
	log *Segment // the segment that log records go to

	requests  chan *request
	closing   chan struct{} // closed: no request is taken any more
	committed chan struct{} // closed: the committer has ended
	closeOnce sync.Once
	closeErr  error

	mu       sync.Mutex
	fatalErr error
}

// Open opens the store in dir. What a crash left behind the last commit is read
// again: whole records count, a torn one is cut off.
func Open(dir string, o OpenOptions) (*Engine, error) {
	if o.Files == nil {
		o.Files = fault.OS
	}
	e, err := open(dir, o)
	if err != nil {
		return nil, fmt.Errorf("open the store %s: %w", dir, NoSpace(err))
	}
	return e, nil
}

func open(dir string, o OpenOptions) (_ *Engine, err error) {
	if _, err := readConfig(o.Files, dir); err != nil {
		if !errors.Is(err, ErrNotAStore) || !o.Create || o.ReadOnly {
			return nil, err
		}
		if err := initStore(o.Files, dir, Options{}); err != nil {
			return nil, err
		}
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
	if err := e.migrate(); err != nil {
		return nil, err
	}
	if err := e.openIndex(o.Rebuild); err != nil {
		return nil, err
	}
	if e.readOnly {
		close(e.committed)
		return e, nil
	}
	if err := e.recover(); err != nil {
		return nil, err
	}
	go e.committer()
	return e, nil
}

// lockedEngine takes the lock of the store and opens its keys; nothing else is
// opened yet.
func lockedEngine(dir string, o OpenOptions) (_ *Engine, err error) {
	e := &Engine{
		dir: dir, fsys: o.Files, readOnly: o.ReadOnly,
		requests: make(chan *request), closing: make(chan struct{}), committed: make(chan struct{}),
	}
	if e.lock, err = lockStore(dir, o.ReadOnly, o.LockTimeout); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			e.closeFiles()
		}
	}()
	// It is read under the lock: who had the store before may have added a key.
	c, err := readConfig(o.Files, dir)
	if err != nil {
		return nil, err
	}
	e.config = c
	id, err := c.storeID()
	if err != nil {
		return nil, err
	}
	e.segments = pool{fsys: o.Files, dir: filepath.Join(dir, SegmentsDir), id: id, max: c.SegmentSize, next: 1}
	if c.Encryption == nil {
		return e, nil
	}
	if e.keys, err = openKeys(c.Encryption, o.Unlock); err != nil {
		return nil, err
	}
	e.segments.keys = e.keys
	e.keys.save = func() error {
		if e.readOnly {
			return ErrReadOnly
		}
		return e.config.write(e.fsys, e.dir)
	}
	return e, nil
}

// openIndex opens index.db, or makes it anew.
func (e *Engine) openIndex(rebuild bool) error {
	name := filepath.Join(e.dir, IndexName)
	if rebuild && !e.readOnly {
		if err := e.rebuild(name); err != nil {
			return err
		}
	}
	if _, err := os.Stat(name); NotExist(err) {
		return fmt.Errorf("%w: %s is missing; 'mailferry store rebuild' makes it anew", ErrDamaged, IndexName)
	}
	var err error
	if e.db, err = openIndex(name, e.readOnly); err != nil {
		return err
	}
	return e.readSeq()
}

// readSeq reads how far of the log the index knows.
func (e *Engine) readSeq() error {
	seq, err := e.Seq()
	if err == nil && seq > 0 {
		e.seq = seq
	}
	return err
}

// Seq returns the number of the last log record that the index knows.
func (e *Engine) Seq() (seq uint64, err error) {
	err = e.View(func(t *Tx) error {
		v, err := t.Get(bucketMeta, []byte("seq"))
		if len(v) == 8 {
			seq = binary.BigEndian.Uint64(v)
		}
		return err
	})
	return seq, err
}

// rebuild makes an index from the segments beside the old one, and puts it in
// its place once it is complete.
func (e *Engine) rebuild(name string) error {
	fresh := name + ".new"
	if err := os.Remove(fresh); err != nil && !NotExist(err) {
		return err
	}
	var err error
	if e.db, err = openIndex(fresh, false); err != nil {
		return err
	}
	defer func() { e.db = nil }()
	if err := e.recover(); err != nil {
		return errors.Join(err, e.db.Close(), os.Remove(fresh))
	}
	e.segments.free, e.seq = nil, 0
	if err := e.db.Close(); err != nil {
		return err
	}
	if err := e.fsys.Rename(fresh, name); err != nil {
		return err
	}
	return e.fsys.SyncDir(e.dir)
}

// ShrinkIndex writes the index anew without free pages: the file never gets
// smaller by itself.
func (e *Engine) ShrinkIndex() error { return e.exclusive(e.shrinkIndex) }

func (e *Engine) shrinkIndex() error {
	name := filepath.Join(e.dir, IndexName)
	fresh := name + ".new"
	if err := os.Remove(fresh); err != nil && !NotExist(err) {
		return err
	}
	db, err := openIndex(fresh, false)
	if err != nil {
		return err
	}
	if err := compactIndex(db, e.db); err != nil {
		return errors.Join(err, db.Close(), os.Remove(fresh))
	}
	if err := errors.Join(db.Close(), e.db.Close()); err != nil {
		return e.fail("write "+IndexName, err)
	}
	if err := e.fsys.Rename(fresh, name); err != nil {
		return e.fail("write "+IndexName, err)
	}
	if err := e.fsys.SyncDir(e.dir); err != nil {
		return e.fail("write "+IndexName, err)
	}
	if e.db, err = openIndex(name, false); err != nil {
		return e.fail("write "+IndexName, err)
	}
	return nil
}

func compactIndex(to, from *bbolt.DB) (err error) {
	defer guardIndex(&err)()
	return bbolt.Compact(to, from, replayBytes)
}

// Dir returns the folder of the store.
func (e *Engine) Dir() string { return e.dir }

// ReadOnly says whether the store was opened for reading only.
func (e *Engine) ReadOnly() bool { return e.readOnly }

// WriteFile replaces a file in the folder of the store.
func (e *Engine) WriteFile(name string, data []byte) error {
	if e.readOnly {
		return ErrReadOnly
	}
	return NoSpace(e.fsys.WriteFile(filepath.Join(e.dir, name), data, 0o600))
}

// OpenSegment opens a segment for reading and returns its header.
func (e *Engine) OpenSegment(number uint32) (fault.File, segment.Header, error) {
	f, h, err := segment.OpenFile(e.fsys, e.segments.dir, number, e.segments.id, os.O_RDONLY)
	if NotExist(err) {
		err = fmt.Errorf("%w: %s is missing", ErrDamaged, segment.Name(number))
	}
	return f, h, err
}

// Keys opens the sealed records of the store.
func (e *Engine) Keys() segment.Keys {
	if e.keys == nil {
		return nil
	}
	return e.keys.find
}

// Close ends what is under way and closes the store. Writers should be closed before.
func (e *Engine) Close() error {
	e.closeOnce.Do(func() {
		close(e.closing)
		<-e.committed
		e.closeErr = e.closeFiles()
	})
	return e.closeErr
}

func (e *Engine) closeFiles() error {
	var err error
	if e.log != nil {
		e.segments.release(e.log)
		e.log = nil
	}
	e.segments.close()
	if e.db != nil {
		err = e.db.Close()
	}
	if e.lock != nil {
		err = errors.Join(err, e.lock.Close()) // and with it the lock
	}
	return err
}
