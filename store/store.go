package store

import (
	"context"
	"errors"
	"iter"
	"sync"

	"mailferry/store/engine"
)

// Options are the choices that are made once, when a store is made.
type Options = engine.Options

// OpenOptions say how to open a store.
type OpenOptions = engine.OpenOptions

// States of a store that a caller may want to tell apart, by errors.Is.
var (
	ErrLocked      = engine.ErrLocked      // another process has the store open
	ErrNotAStore   = engine.ErrNotAStore   // the folder holds no store
	ErrExists      = engine.ErrExists      // there is a store already
	ErrNewerFormat = engine.ErrNewerFormat // the store was written by a newer version
	ErrDamaged     = engine.ErrDamaged     // bytes on the disk are not what was written
	ErrNoSpace     = engine.ErrNoSpace     // the disk is full
	ErrReadOnly    = engine.ErrReadOnly    // a write to a store that was opened for reading
	ErrClosed      = engine.ErrClosed      // the store or the writer was closed

	// ErrNoRun: there is no run of that number.
	ErrNoRun = errors.New("there is no such run; see 'mailferry store runs'")

	// ErrUnsettled: an item was sent and its outcome is not known, so it must
	// not be sent again.
	ErrUnsettled = errors.New("the outcome of an earlier upload of the item is not known; settle it first")
)

// Store is an open store.
type Store struct {
	e        *engine.Engine
	mu       sync.Mutex
	inflight map[[32]byte]*stagedBlob
}

// Init makes a store in dir, which must be missing or empty. What an earlier
// Init left that did not come to its end is no obstacle.
func Init(dir string, o Options) error { return engine.Init(dir, o) }

// Open opens the store in dir. What a crash left behind the last commit is read
// again: whole records count, a torn one is cut off.
func Open(dir string, o OpenOptions) (*Store, error) {
	e, err := engine.Open(dir, o)
	if err != nil {
		return nil, err
	}
	return newStore(e), nil
}

func newStore(e *engine.Engine) *Store {
	return &Store{e: e, inflight: map[[32]byte]*stagedBlob{}}
}

// Close ends what is under way and closes the store. Writers should be closed before.
func (s *Store) Close() error { return s.e.Close() }

// Dir returns the folder of the store.
func (s *Store) Dir() string { return s.e.Dir() }

// tx is a transaction of the index, with what this package can do in it.
type tx struct {
	*engine.Tx
	s *Store
}

// name is what stands for an address or a target in keys of the index.
func (t *tx) name(address string) string { return t.s.e.Name(address) }

func (s *Store) view(fn func(*tx) error) error {
	return s.e.View(func(t *engine.Tx) error { return fn(&tx{t, s}) })
}

func (s *Store) update(ctx context.Context, files []*engine.Segment, fn func(*tx) error) error {
	return s.e.Update(ctx, files, func(t *engine.Tx) error { return fn(&tx{t, s}) })
}

// rows iterates over a bucket page by page. decode may say that a row is to be
// left out.
func rows[T any](s *Store, p string, prefix []byte, decode func(t *tx, k, v []byte) (row T, keep bool, err error)) iter.Seq2[T, error] {
	return engine.Rows(s.e, p, prefix, func(t *engine.Tx, k, v []byte) (T, bool, error) { return decode(&tx{t, s}, k, v) })
}

// Encrypted says whether the store is.
func (s *Store) Encrypted() bool { return s.e.Encrypted() }

// Blind says that mail content which was written before can't be read: the store
// is encrypted for recipients only, and no identity was given.
func (s *Store) Blind() bool { return s.e.Blind() }

// Written counts what was ever written to the store, but for pending rows and
// sync states: it is the same as before when nothing was.
func (s *Store) Written() (uint64, error) { return s.e.Seq() }

// Alias is what stands for an address in status.json: itself, or in an encrypted
// store a pseudonym.
func (s *Store) Alias(address string) string { return s.e.Name(address) }
