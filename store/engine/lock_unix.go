//go:build unix && !solaris && !aix

package engine

import (
	"errors"
	"os"
	"syscall"
)

// tryLock takes an advisory lock on the whole file. It goes with the open file,
// so it ends with the process at the latest.
func tryLock(f *os.File, shared bool) (bool, error) {
	how := syscall.LOCK_EX
	if shared {
		how = syscall.LOCK_SH
	}
	for {
		err := syscall.Flock(int(f.Fd()), how|syscall.LOCK_NB)
		switch {
		case err == nil:
			return true, nil
		case errors.Is(err, syscall.EWOULDBLOCK):
			return false, nil
		case !errors.Is(err, syscall.EINTR):
			return false, err
		}
	}
}
