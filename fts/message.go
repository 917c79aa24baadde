package fts

import (
	"errors"
	"io"
)

// ReadMessage reads a blob whole into memory. A blob that is not whole is a
// [*Problem]; what was read until then is returned with it.
func ReadMessage(r io.Reader) (*Message, error) {
	return nil, errors.New("fts: reading is not built")
}
