package segment

import (
	"errors"
	"fmt"
)

// Errors that callers tell apart by errors.Is.
var (
	// ErrDamaged: bytes are not what was written.
	ErrDamaged = errors.New("the store is damaged; run 'mailferry store check'")
	// ErrNewer: a segment was written by a newer version.
	ErrNewer = errors.New("a segment was written by a newer mailferry")
)

func damaged(at int64, reason string) error {
	return fmt.Errorf("%w: %s at byte %d", ErrDamaged, reason, at)
}
