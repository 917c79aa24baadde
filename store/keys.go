package store

import "mailferry/store/engine"

// Unlock is what opens an encrypted store.
type Unlock = engine.Unlock

// Key says who may open an encrypted store.
type Key = engine.Key

// KeySlot is a key that opens a store, without the key.
type KeySlot = engine.KeySlot

// Errors of keys, by errors.Is.
var (
	ErrWrongKey     = engine.ErrWrongKey     // what was given does not open the encrypted store
	ErrKeyNeeded    = engine.ErrKeyNeeded    // the store is encrypted and nothing was given to open it
	ErrNotEncrypted = engine.ErrNotEncrypted // a store that is not encrypted has no keys
	ErrNoSlot       = engine.ErrNoSlot       // there is no key of that number
	ErrLastSlot     = engine.ErrLastSlot     // the last key can't be removed
)

// Keys lists the keys that open the store in dir.
func Keys(dir string) ([]KeySlot, error) { return engine.Slots(dir) }

// AddKey adds a key to the store in dir, which o opens. Segments and index are
// left as they are.
func AddKey(dir string, o OpenOptions, k Key) (KeySlot, error) { return engine.AddSlot(dir, o, k) }

// RemoveKey removes a key from the store in dir, which another key opens. Who had
// a copy of store.json and the removed key can still open that copy.
func RemoveKey(dir string, o OpenOptions, id int) error { return engine.RemoveSlot(dir, o, id) }
