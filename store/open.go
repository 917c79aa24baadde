package store

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
)

// OpenOptions say how to open a store.
type OpenOptions struct {
	ReadOnly    bool          // several processes may read at once, while none writes
	Create      bool          // make the store if the folder is missing or empty
	Rebuild     bool          // make index.db anew from the segments
	LockTimeout time.Duration // how long to wait for another process to end; 0: not at all
	Files       fault.FS      // nil: the disk. Tests put a faulty layer here
}

// Store is an open store.
type Store struct {
	dir      string
	fsys     fault.FS
	id       [16]byte
	readOnly bool
	lock     *os.File
	db       *bbolt.DB
	segments pool

	// the committer's own
	seq uint64       // number of the last log record
	log *openSegment // the segment that log records go to

	requests  chan *request
	closing   chan struct{} // closed: no request is taken any more
	committed chan struct{} // closed: the committer has ended
	closeOnce sync.Once
	closeErr  error

	mu       sync.Mutex
	fatalErr error
	inflight map[[32]byte]*stagedBlob
}

// Open opens the store in dir. What a crash left behind the last commit is read
// again: whole records count, a torn one is cut off.
func Open(dir string, o OpenOptions) (*Store, error) {
	if o.Files == nil {
		o.Files = fault.OS
	}
	s, err := open(dir, o)
	if err != nil {
		return nil, fmt.Errorf("open the store %s: %w", dir, noSpace(err))
	}
	return s, nil
}

func open(dir string, o OpenOptions) (_ *Store, err error) {
	c, err := readConfig(o.Files, dir)
	if errors.Is(err, ErrNotAStore) && o.Create && !o.ReadOnly {
		if err := initStore(o.Files, dir, Options{}); err != nil {
			return nil, err
		}
		c, err = readConfig(o.Files, dir)
	}
	if err != nil {
		return nil, err
	}
	s := &Store{
		dir: dir, fsys: o.Files, readOnly: o.ReadOnly,
		requests: make(chan *request), closing: make(chan struct{}), committed: make(chan struct{}),
		inflight: map[[32]byte]*stagedBlob{},
	}
	if s.id, err = c.storeID(); err != nil {
		return nil, err
	}
	s.segments = pool{fsys: o.Files, dir: filepath.Join(dir, segmentsDir), id: s.id, max: c.SegmentSize, next: 1}
	if s.lock, err = lockStore(dir, o.ReadOnly, o.LockTimeout); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			s.closeFiles()
		}
	}()
	if err := s.openIndex(o.Rebuild); err != nil {
		return nil, err
	}
	if s.readOnly {
		close(s.committed)
		return s, nil
	}
	if err := s.recover(); err != nil {
		return nil, err
	}
	go s.committer()
	return s, nil
}

// openIndex opens index.db, or makes it anew.
func (s *Store) openIndex(rebuild bool) error {
	name := filepath.Join(s.dir, indexName)
	if rebuild && !s.readOnly {
		if err := s.rebuild(name); err != nil {
			return err
		}
	}
	if _, err := os.Stat(name); notExist(err) {
		return fmt.Errorf("%w: %s is missing; 'mailferry store rebuild' makes it anew", ErrDamaged, indexName)
	}
	var err error
	if s.db, err = openIndex(name, s.readOnly); err != nil {
		return err
	}
	return s.view(func(t *tx) error {
		v, err := t.get(bucketMeta, []byte("seq"))
		if len(v) == 8 {
			s.seq = binary.BigEndian.Uint64(v)
		}
		return err
	})
}

// rebuild makes an index from the segments beside the old one, and puts it in
// its place once it is complete.
func (s *Store) rebuild(name string) error {
	fresh := name + ".new"
	if err := os.Remove(fresh); err != nil && !notExist(err) {
		return err
	}
	var err error
	if s.db, err = openIndex(fresh, false); err != nil {
		return err
	}
	defer func() { s.db = nil }()
	if err := s.recover(); err != nil {
		return errors.Join(err, s.db.Close(), os.Remove(fresh))
	}
	s.segments.free, s.seq = nil, 0
	if err := s.db.Close(); err != nil {
		return err
	}
	if err := os.Rename(fresh, name); err != nil {
		return err
	}
	return s.fsys.SyncDir(s.dir)
}

// Dir returns the folder of the store.
func (s *Store) Dir() string { return s.dir }

// Close ends what is under way and closes the store. Writers should be closed before.
func (s *Store) Close() error {
	s.closeOnce.Do(func() {
		close(s.closing)
		<-s.committed
		s.closeErr = s.closeFiles()
	})
	return s.closeErr
}

func (s *Store) closeFiles() error {
	var err error
	if s.log != nil {
		s.segments.release(s.log)
		s.log = nil
	}
	s.segments.close()
	if s.db != nil {
		err = s.db.Close()
	}
	if s.lock != nil {
		err = errors.Join(err, s.lock.Close()) // and with it the lock
	}
	return err
}
