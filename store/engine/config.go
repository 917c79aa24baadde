package engine

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"path/filepath"
	"time"

	"mailferry/internal/fault"
)

// formatVersion is the format that this package writes and the newest it reads.
const formatVersion = 2

// The names in the folder of a store.
const (
	configName  = "store.json"
	copyName    = "store.copy.json" // the same again: the keys in it must not hang on one byte
	IndexName   = "index.db"
	SegmentsDir = "segments"
	StatusName  = "status.json"
	lockName    = "lock"
)

const defaultSegmentSize = 256 << 20

// Options are the choices that are made once, when a store is made.
type Options struct {
	SegmentSize int64 // a segment is closed once it has this many bytes; 0: 256 MiB
	Keys        []Key // who may open the store; none: it is not encrypted
}

// config is store.json.
type config struct {
	Format      int       `json:"format"`
	ID          string    `json:"id"` // 32 hexadecimal digits
	Created     time.Time `json:"created"`
	SegmentSize int64     `json:"segment_size"`

	Encryption *encryption `json:"encryption,omitempty"`
	Checksum   string      `json:"checksum"` // CRC32C of this object without the checksum
}

// maxConfig bounds store.json: a store for recipients only gets a key with each run.
const maxConfig = 16 << 20

func (c config) sum() (string, error) {
	c.Checksum = ""
	b, err := json.Marshal(c)
	return fmt.Sprintf("%08x", crc32.Checksum(b, castagnoli)), err
}

func (c config) storeID() (id [16]byte, err error) {
	b, err := hex.DecodeString(c.ID)
	if err != nil || len(b) != len(id) {
		return id, fmt.Errorf("%w: %s holds no id", ErrDamaged, configName)
	}
	return [16]byte(b), nil
}

func readConfig(fsys fault.FS, dir string) (config, error) {
	c, err := readConfigFile(fsys, dir, configName)
	if NotExist(err) {
		// Without a segment it is what an unfinished Init left.
		if inside, e := fsys.ReadDir(filepath.Join(dir, SegmentsDir)); e != nil || len(inside) == 0 || !exists(fsys, filepath.Join(dir, copyName)) {
			return c, ErrNotAStore
		}
		err = fmt.Errorf("%w: %s is missing; 'mailferry store repair' makes it anew", ErrDamaged, configName)
	}
	return c, err
}

func readConfigFile(fsys fault.FS, dir, name string) (config, error) {
	var c config
	b, err := fsys.ReadFile(filepath.Join(dir, name))
	switch {
	case isNotDir(fsys, dir):
		return c, ErrNotAStore
	case err != nil:
		return c, err
	case len(b) > maxConfig || json.Unmarshal(b, &c) != nil || c.Format == 0:
		if _, err := fsys.ReadDir(filepath.Join(dir, SegmentsDir)); err != nil {
			return c, ErrNotAStore
		}
		return c, fmt.Errorf("%w: %s can't be read", ErrDamaged, name)
	case c.Format > formatVersion:
		return c, ErrNewerFormat
	}
	if sum, err := c.sum(); err != nil || sum != c.Checksum {
		return c, fmt.Errorf("%w: the checksum of %s is wrong", ErrDamaged, name)
	}
	_, err = c.storeID()
	return c, err
}

func exists(fsys fault.FS, name string) bool {
	_, err := fsys.ReadFile(name)
	return err == nil
}

// encode returns what store.json holds.
func (c config) encode() ([]byte, error) {
	var err error
	if c.Checksum, err = c.sum(); err != nil {
		return nil, err
	}
	b, err := json.MarshalIndent(c, "", "  ")
	return append(b, '\n'), err
}

// write replaces both copies of store.json.
func (c config) write(fsys fault.FS, dir string) error {
	b, err := c.encode()
	if err == nil {
		err = fsys.WriteFile(filepath.Join(dir, copyName), b, 0o600)
	}
	if err == nil {
		err = fsys.WriteFile(filepath.Join(dir, configName), b, 0o600)
	}
	return NoSpace(err)
}

// CheckConfig reads store.json and its copy, and names the one that is not as it
// should be.
func (e *Engine) CheckConfig() (file string, err error) {
	c, err := readConfigFile(e.fsys, e.dir, configName)
	if err != nil {
		return configName, err
	}
	want, err := c.encode()
	if err != nil {
		return configName, err
	}
	for _, name := range []string{configName, copyName} {
		b, err := e.fsys.ReadFile(filepath.Join(e.dir, name))
		switch {
		case name == copyName && c.Format < 2: // there was none then
		case NotExist(err):
			return name, fmt.Errorf("%w: %s is missing", ErrDamaged, name)
		case err != nil:
			return name, err
		case !bytes.Equal(b, want):
			return name, fmt.Errorf("%w: %s is not what was written", ErrDamaged, name)
		}
	}
	return "", nil
}

func isNotDir(fsys fault.FS, dir string) bool {
	_, err := fsys.ReadDir(dir)
	return err != nil && !errors.Is(err, fs.ErrPermission)
}

// Init makes a store in dir, which must be missing or empty. What an earlier
// Init left that did not come to its end is no obstacle.
func Init(dir string, o Options) error {
	return initStore(fault.OS, dir, o)
}

func initStore(fsys fault.FS, dir string, o Options) error {
	switch {
	case o.SegmentSize < 0:
		return fmt.Errorf("a segment can't have %d bytes", o.SegmentSize)
	case o.SegmentSize == 0:
		o.SegmentSize = defaultSegmentSize
	}
	if err := mayInit(fsys, dir); err != nil {
		return fmt.Errorf("make a store in %s: %w", dir, err)
	}
	id := make([]byte, 16)
	rand.Read(id)
	c := config{Format: formatVersion, ID: hex.EncodeToString(id), Created: time.Now().UTC().Truncate(time.Second), SegmentSize: o.SegmentSize}
	if len(o.Keys) > 0 {
		var err error
		if c.Encryption, err = newEncryption(o.Keys); err != nil {
			return fmt.Errorf("make a store in %s: %w", dir, err)
		}
	}
	for _, step := range []func() error{
		func() error { return fsys.MkdirAll(filepath.Join(dir, SegmentsDir), 0o700) },
		func() error { return makeIndex(filepath.Join(dir, IndexName)) },
		func() error { return fsys.SyncDir(dir) },
		func() error { return c.write(fsys, dir) },
	} {
		if err := step(); err != nil {
			return fmt.Errorf("make a store in %s: %w", dir, NoSpace(err))
		}
	}
	return nil
}

// mayInit refuses a folder that holds anything but what an unfinished Init left.
func mayInit(fsys fault.FS, dir string) error {
	entries, err := fsys.ReadDir(dir)
	if NotExist(err) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, e := range entries {
		switch e.Name() {
		case configName:
			return ErrExists
		case IndexName, copyName, lockName, "lost+found":
		case SegmentsDir:
			if inside, err := fsys.ReadDir(filepath.Join(dir, SegmentsDir)); err != nil || len(inside) > 0 {
				return errors.Join(errors.New("it holds segments but no store.json"), ErrNotAStore, err)
			}
		default:
			if matched, _ := filepath.Match(".store.*.tmp", e.Name()); !matched {
				return fmt.Errorf("the folder is not empty, and %w", ErrNotAStore)
			}
		}
	}
	return nil
}
