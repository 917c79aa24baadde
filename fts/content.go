package fts

import (
	"errors"
	"io"
)

// Content is what an item holds, in a form that does not depend on how its
// blob was laid out: a hash for each value. It grows with the number of
// properties, never with their size.
type Content struct{}

// ReadContent reads a blob's content.
func ReadContent(r io.Reader) (*Content, error) {
	return nil, errors.New("fts: content is not built")
}

// MessageContent returns the content of a message.
func MessageContent(m *Message) *Content { return &Content{} }

// Sum returns a hash of all that [Compare] looks at: two contents have the same
// sum if and only if Compare finds no difference.
func (c *Content) Sum() [32]byte { return [32]byte{} }
