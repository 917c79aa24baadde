package engine

import (
	"errors"
	"os"
	"syscall"
	"unsafe"
)

var lockFileEx = syscall.NewLazyDLL("kernel32.dll").NewProc("LockFileEx")

const (
	lockfileFailImmediately = 1
	lockfileExclusiveLock   = 2
	errorLockViolation      = syscall.Errno(33)
	errorIOPending          = syscall.Errno(997)
)

// tryLock locks the first byte of the file. The lock ends with the process at the latest.
func tryLock(f *os.File, shared bool) (bool, error) {
	how := uintptr(lockfileFailImmediately | lockfileExclusiveLock)
	if shared {
		how = lockfileFailImmediately
	}
	var o syscall.Overlapped
	ok, _, err := lockFileEx.Call(f.Fd(), how, 0, 1, 0, uintptr(unsafe.Pointer(&o)))
	switch {
	case ok != 0:
		return true, nil
	case errors.Is(err, errorLockViolation), errors.Is(err, errorIOPending):
		return false, nil
	}
	return false, err
}
