package engine

import (
	"errors"
	"fmt"
	"io/fs"

	"mailferry/internal/fault"
	"mailferry/store/segment"
)

// States of a store that a caller may want to tell apart, by errors.Is.
var (
	// ErrLocked: another process has the store open.
	ErrLocked = errors.New("the store is in use by another process; wait for it to end or stop it")
	// ErrNotAStore: the folder holds no store.
	ErrNotAStore = errors.New("this is not a mailferry store; name another folder, or make one with 'mailferry store init'")
	// ErrExists: there is a store already.
	ErrExists = errors.New("there is a store already; name another folder")
	// ErrNewerFormat: the store was written by a newer version.
	ErrNewerFormat = errors.New("this store was made by a newer mailferry; use that version or a later one")
	// ErrDamaged: bytes on the disk are not what was written.
	ErrDamaged = segment.ErrDamaged
	// ErrNoSpace: the disk is full.
	ErrNoSpace = errors.New("the disk is full; make space and run the same command again")
	// ErrReadOnly: a write to a store that was opened for reading.
	ErrReadOnly = errors.New("the store is opened for reading only")
	// ErrClosed: the store or the writer was closed.
	ErrClosed = errors.New("the store is closed")
)

// NoSpace adds ErrNoSpace to an error that means it.
func NoSpace(err error) error {
	if err == nil || errors.Is(err, ErrNoSpace) || !fault.IsNoSpace(err) {
		return err
	}
	return fmt.Errorf("%w (%w)", ErrNoSpace, err)
}

// NotExist says whether an error means that there is no such file.
func NotExist(err error) bool { return errors.Is(err, fs.ErrNotExist) }
