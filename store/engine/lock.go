package engine

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// lockRetry is how often a lock that another process holds is tried again.
const lockRetry = 50 * time.Millisecond

// lockStore takes the lock of the store in dir, for one writer or for several
// readers. A reader on a read-only disk goes without where there is no lock file:
// there can be no writer.
func lockStore(dir string, shared bool, timeout time.Duration) (*os.File, error) {
	name := filepath.Join(dir, lockName)
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil && shared {
		f, err = os.Open(name)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, nil
		}
	}
	if err != nil {
		return nil, err
	}
	for end := time.Now().Add(timeout); ; {
		ok, err := tryLock(f, shared)
		switch {
		case err != nil:
			f.Close()
			return nil, fmt.Errorf("lock %s: %w", name, err)
		case ok:
			return f, nil
		case !time.Now().Before(end):
			f.Close()
			return nil, ErrLocked
		}
		<-time.After(lockRetry)
	}
}
