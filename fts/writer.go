package fts

import (
	"errors"
	"io"
)

// WriteOptions says how a message is laid out in a blob. What a blob holds does
// not depend on it. The zero value writes as Exchange does.
type WriteOptions struct {
	// Version is the source server's version in the words of TellPartnerVersion; zero: 15.2.1544.4.
	Version [3]uint16
	// BufferSize is the largest payload of a TransferBuffer, at least 64; 0: 31680.
	BufferSize int
	// WholeElements begins a new buffer rather than split an element that fits in one.
	WholeElements bool
	// Order is the order of properties in each list.
	Order Order
	// Seed makes OrderShuffled different and repeatable.
	Seed uint64
	// FirstNamedID is the id of the first named property; 0: 0x8001.
	FirstNamedID uint16
	// KeepCodePages writes strings in the code page of their tag where they can
	// be written in it; otherwise all strings are written as 0x84B0.
	KeepCodePages bool
	// DNPrefix, if not empty, is written as MetaTagDnPrefix as Exchange 2010 does. Readers ignore it.
	DNPrefix string
	// NoDirectives leaves out the two MetaTagFXDelProp of the outermost message.
	NoDirectives bool
}

// Order is an order of properties.
type Order int

// The orders. Those that the format fixes (Rowid, AttachNumber and Mid first) hold in each.
const (
	OrderKept Order = iota // as they are in the Message
	OrderAscending
	OrderDescending
	OrderShuffled
)

// WriteMessage writes m as a blob. Properties that a stream may not hold are
// left out: error codes, the provider's internal range 0x6600 to 0x67FF, and
// the meta-properties. Rowid, AttachNumber and the Mid of embedded messages are
// written anew.
func WriteMessage(w io.Writer, m *Message, o WriteOptions) error {
	return errors.New("fts: writing is not built")
}
