package engine

import (
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
const formatVersion = 1

// The names in the folder of a store.
const (
	configName  = "store.json"
	IndexName   = "index.db"
	SegmentsDir = "segments"
	lockName    = "lock"
)

const defaultSegmentSize = 256 << 20

// Options are the choices that are made once, when a store is made.
type Options struct {
	SegmentSize int64 // a segment is closed once it has this many bytes; 0: 256 MiB
}

// config is store.json.
type config struct {
	Format      int       `json:"format"`
	ID          string    `json:"id"` // 32 hexadecimal digits
	Created     time.Time `json:"created"`
	SegmentSize int64     `json:"segment_size"`
	Checksum    string    `json:"checksum"` // CRC32C of this object without the checksum
}

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
	var c config
	b, err := fsys.ReadFile(filepath.Join(dir, configName))
	switch {
	case NotExist(err), isNotDir(fsys, dir):
		return c, ErrNotAStore
	case err != nil:
		return c, err
	case len(b) > 1<<20 || json.Unmarshal(b, &c) != nil || c.Format == 0:
		if _, err := fsys.ReadDir(filepath.Join(dir, SegmentsDir)); err != nil {
			return c, ErrNotAStore
		}
		return c, fmt.Errorf("%w: %s can't be read", ErrDamaged, configName)
	case c.Format > formatVersion:
		return c, ErrNewerFormat
	}
	if sum, err := c.sum(); err != nil || sum != c.Checksum {
		return c, fmt.Errorf("%w: the checksum of %s is wrong", ErrDamaged, configName)
	}
	_, err = c.storeID()
	return c, err
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
	var err error
	if c.Checksum, err = c.sum(); err != nil {
		return err
	}
	b, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		return err
	}
	for _, step := range []func() error{
		func() error { return fsys.MkdirAll(filepath.Join(dir, SegmentsDir), 0o700) },
		func() error { return makeIndex(filepath.Join(dir, IndexName)) },
		func() error { return fsys.SyncDir(dir) },
		func() error { return fsys.WriteFile(filepath.Join(dir, configName), append(b, '\n'), 0o600) },
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
		case IndexName, lockName, "lost+found":
		case SegmentsDir:
			if inside, err := fsys.ReadDir(filepath.Join(dir, SegmentsDir)); err != nil || len(inside) > 0 {
				return errors.Join(errors.New("it holds segments but no store.json"), ErrNotAStore, err)
			}
		default:
			if matched, _ := filepath.Match("."+configName+".*.tmp", e.Name()); !matched {
				return fmt.Errorf("the folder is not empty, and %w", ErrNotAStore)
			}
		}
	}
	return nil
}
