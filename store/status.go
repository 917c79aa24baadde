package store

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"

	"mailferry/store/engine"
)

// statusSum is the last field of status.json: the checksum of the object
// without it.
const statusSum = ",\n  \"checksum\": \""

// SetStatus writes status.json for other processes to read while the store is
// locked. It must hold no mail content.
func (s *Store) SetStatus(status any) error {
	js, err := json.MarshalIndent(status, "", "  ")
	if err != nil {
		return err
	}
	body, ok := bytes.CutSuffix(js, []byte("\n}"))
	if !ok {
		return errors.New("a status is an object that is not empty")
	}
	return s.e.WriteFile(engine.StatusName, fmt.Appendf(nil, "%s%s%08x\"\n}\n", body, statusSum, sumOf(body)))
}

func sumOf(b []byte) uint32 { return crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)) }

// checkStatus sees whether status.json is as it was written.
func (s *Store) checkStatus() error {
	b, err := os.ReadFile(filepath.Join(s.Dir(), engine.StatusName))
	if errors.Is(err, fs.ErrNotExist) || s.e.Format() < 2 { // it had no checksum then
		return nil
	}
	if err != nil {
		return err
	}
	i := bytes.LastIndex(b, []byte(statusSum))
	if i < 0 || string(b[i+len(statusSum):]) != fmt.Sprintf("%08x\"\n}\n", sumOf(b[:i])) {
		return fmt.Errorf("%w: %s is not what was written; nothing depends on it, the next run writes it anew", ErrDamaged, engine.StatusName)
	}
	return nil
}
