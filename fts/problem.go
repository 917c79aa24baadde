package fts

import "fmt"

// Problem says where and why a blob is not whole or not understood.
type Problem struct {
	Offset int64  // in the blob: of the first byte that is wrong or missing
	Reason string // never holds values of properties
}

func (p *Problem) Error() string {
	return fmt.Sprintf("not a whole item at byte %d: %s", p.Offset, p.Reason)
}
