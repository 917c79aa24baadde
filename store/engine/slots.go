package engine

import (
	"errors"
	"fmt"

	"mailferry/internal/fault"
)

// Errors of key slots, by errors.Is.
var (
	ErrNotEncrypted = errors.New("the store is not encrypted; that is chosen once, with 'mailferry store init --encrypt'")
	ErrNoSlot       = errors.New("there is no such key; see 'mailferry store key list'")
	ErrLastSlot     = errors.New("this is the only key of the store: without it nobody could ever read it; add another one first")
)

// Slots lists the keys that open the store in dir, without the keys.
func Slots(dir string) ([]KeySlot, error) {
	c, err := readConfig(fault.OS, dir)
	switch {
	case err != nil:
		return nil, fmt.Errorf("open the store %s: %w", dir, err)
	case c.Encryption == nil:
		return nil, ErrNotEncrypted
	}
	slots := c.Encryption.Slots
	for i := range slots {
		slots[i].Wrapped = nil
	}
	return slots, nil
}

// AddSlot adds a key to the store in dir, which o opens. Nothing but store.json is written.
func AddSlot(dir string, o OpenOptions, k Key) (slot KeySlot, err error) {
	err = changeSlots(dir, o, func(e *Engine) error {
		if e.keys.own == nil {
			return ErrKeyNeeded
		}
		if err := e.config.Encryption.addSlot(k, e.keys.own.String()); err != nil {
			return err
		}
		slots := e.config.Encryption.Slots
		slot = slots[len(slots)-1]
		slot.Wrapped = nil
		return nil
	})
	return slot, err
}

// RemoveSlot removes a key from the store in dir, which another key opens. Who
// had a copy of store.json and the removed key can still open that copy.
func RemoveSlot(dir string, o OpenOptions, id int) error {
	return changeSlots(dir, o, func(e *Engine) error {
		if e.keys.own == nil {
			return ErrKeyNeeded
		}
		enc := e.config.Encryption
		for i, s := range enc.Slots {
			switch {
			case s.ID != id:
			case len(enc.Slots) == 1:
				return ErrLastSlot
			default:
				enc.Slots = append(enc.Slots[:i:i], enc.Slots[i+1:]...)
				return nil
			}
		}
		return fmt.Errorf("key %d: %w", id, ErrNoSlot)
	})
}

// changeSlots changes store.json under the lock of the store; the index and the
// segments are not opened.
func changeSlots(dir string, o OpenOptions, change func(*Engine) error) error {
	o.ReadOnly = false
	if o.Files == nil {
		o.Files = fault.OS
	}
	e, err := lockedEngine(dir, o)
	if err != nil {
		return fmt.Errorf("open the store %s: %w", dir, err)
	}
	defer e.closeFiles()
	if e.keys == nil {
		return ErrNotEncrypted
	}
	if err := e.migrate(); err != nil {
		return err
	}
	if err := change(e); err != nil {
		return err
	}
	return e.config.write(e.fsys, e.dir)
}
