package fts

import (
	"errors"
	"io"
)

// Reader gives a blob token by token.
type Reader struct{}

// NewReader returns a Reader of the blob in r.
func NewReader(r io.Reader) *Reader { return &Reader{} }

// Token is a marker or a property. It is valid until the next call of Next.
type Token struct {
	Kind   TokenKind
	Part   Part   // what a property belongs to
	Depth  int    // number of embedded messages around
	Offset int64  // in the blob
	Tag    Tag    // of a property
	Name   *Name  // of a property with an id from 0x8000 up
	Multi  bool   // multi-value: values are reached with NextValue
	Count  uint32 // number of values; 1 unless Multi
}

// TokenKind is what a Token is.
type TokenKind uint8

// The kinds of tokens.
const (
	Property TokenKind = iota + 1
	StartRecipient
	EndRecipient
	StartAttachment
	EndAttachment
	StartEmbedded
	EndEmbedded
)

// Next skips what is left of the current property and returns the next token.
// It returns io.EOF at the end of a whole blob, a [*Problem] where it is not.
func (r *Reader) Next() (Token, error) { return Token{}, errors.New("fts: reading is not built") }
