package engine

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"mailferry/internal/fault"
	"mailferry/store/segment"
)

// repairConfig makes store.json whole, from its copy or, when both are damaged,
// from the heads of the segments.
func repairConfig(dir string, fsys fault.FS, rep *Repairs) error {
	if _, err := fsys.ReadDir(filepath.Join(dir, SegmentsDir)); err != nil {
		return ErrNotAStore
	}
	_, err := readConfigFile(fsys, dir, configName)
	if err == nil || !errors.Is(err, ErrDamaged) && !NotExist(err) {
		return err // the copy is mended by migrate
	}
	c, copyErr := readConfigFile(fsys, dir, copyName)
	if copyErr == nil {
		rep.note(configName, "it was damaged, and is made anew from "+copyName)
		return c.write(fsys, dir)
	}
	if c, err = guessConfig(dir, fsys); err != nil {
		return err
	}
	rep.note(configName, "it was damaged, and is made anew from what the segments say")
	return c.write(fsys, dir)
}

// guessConfig takes the id of the store from its segments.
func guessConfig(dir string, fsys fault.FS) (config, error) {
	c := config{Format: formatVersion, SegmentSize: defaultSegmentSize, Created: time.Now().UTC().Truncate(time.Second)}
	entries, err := fsys.ReadDir(filepath.Join(dir, SegmentsDir))
	if err != nil {
		return c, err
	}
	votes := map[[16]byte]int{}
	for _, entry := range entries {
		f, err := fsys.OpenFile(filepath.Join(dir, SegmentsDir, entry.Name()), os.O_RDONLY, 0)
		if err != nil {
			return c, err
		}
		h, err := segment.ReadHeader(f)
		if err == nil {
			votes[h.Store]++
			if r := segment.NewReader(f, segment.HeaderSize, 1<<62, nil); r.Next() == nil && r.Blind {
				err = fmt.Errorf("%w: %s and %s are damaged, and with them the keys of this encrypted store; put back a copy of either", ErrDamaged, configName, copyName)
				return c, errors.Join(err, f.Close())
			}
		}
		f.Close()
	}
	var best [16]byte
	for id, n := range votes {
		if n > votes[best] {
			best = id
		}
	}
	if votes[best] == 0 {
		return c, fmt.Errorf("%w: neither %s nor a segment says which store this is", ErrDamaged, configName)
	}
	c.ID = fmt.Sprintf("%x", best)
	return c, nil
}
