package engine

import (
	"bytes"
	"fmt"
	"path/filepath"
)

// migrations bring a store of one format to the next; the index is the number of
// the old one. They run when a store is opened for writing, before anything else
// is read, and each may be cut off at any point and run again. Reading an older
// store needs none.
var migrations = map[int]func(*Engine) error{
	// Format 2 adds a copy of store.json, sealed records, superseded times of old
	// versions, snapshots in the log, and a checksum to status.json. All else is as
	// in 1, so that nothing has to be written anew; the copy is made together with
	// the new number.
	1: func(e *Engine) error {
		err := e.fsys.Remove(filepath.Join(e.dir, StatusName))
		if NotExist(err) {
			err = nil
		}
		return err
	},
}

// Format is the format of the store: an older one, where it is only read.
func (e *Engine) Format() int { return e.config.Format }

// migrate brings the store to the newest format, and the copy of store.json up
// to store.json, which is written last.
func (e *Engine) migrate() error {
	if e.readOnly {
		return nil
	}
	for e.config.Format < formatVersion {
		step := migrations[e.config.Format]
		if step == nil {
			return fmt.Errorf("%w: %s tells of a format that never was, %d", ErrDamaged, configName, e.config.Format)
		}
		if err := step(e); err != nil {
			return fmt.Errorf("bring the store to format %d: %w", e.config.Format+1, err)
		}
		e.config.Format++
		if err := e.config.write(e.fsys, e.dir); err != nil {
			return err
		}
	}
	want, err := e.config.encode()
	if err != nil {
		return err
	}
	if b, err := e.fsys.ReadFile(filepath.Join(e.dir, copyName)); err == nil && bytes.Equal(b, want) {
		return nil
	}
	return NoSpace(e.fsys.WriteFile(filepath.Join(e.dir, copyName), want, 0o600))
}
