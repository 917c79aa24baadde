package segment

import "errors"

// ErrDamaged: bytes of a segment are not what was written.
var ErrDamaged = errors.New("the store is damaged; run 'mailferry store check'")
