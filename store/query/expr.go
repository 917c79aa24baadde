package query

import (
	"time"

	"mailferry/store"
)

// Expr is a part of a query: And, Or, Not, or one of the terms.
type Expr interface{ expr() }

type (
	// And holds when all do; so an empty one holds.
	And []Expr
	// Or holds when one does.
	Or []Expr
	// Not holds when X does not.
	Not struct{ X Expr }

	// Text holds when a field has the phrase.
	Text struct {
		Field  TextField
		Phrase string // words as AppendWords makes them; not empty
		Prefix bool   // the last word may go on
	}
	// Flag holds when an item is such a one.
	Flag Bits
	// Importance holds for 0 low, 1 normal, 2 high.
	Importance int32
	// Time holds when a time is known, at or after From and before To, where
	// these are given.
	Time struct {
		Field    TimeField
		From, To time.Time
	}
	// Size holds above Larger bytes and below Smaller ones; 0 is no bound.
	Size struct{ Larger, Smaller int64 }
	// Folder, Mailbox and Class hold when the glob fits.
	Folder  struct{ Pattern string }
	Mailbox struct{ Pattern string }
	Class   struct{ Pattern string }
	// In holds for the items of these folders, by mailbox and folder id.
	In map[store.ItemKey]bool
	// ID holds for one item.
	ID string
	// MessageID holds for the Internet message id, with or without < and >.
	MessageID string
)

func (And) expr()        {}
func (Or) expr()         {}
func (Not) expr()        {}
func (Text) expr()       {}
func (Flag) expr()       {}
func (Importance) expr() {}
func (Time) expr()       {}
func (Size) expr()       {}
func (Folder) expr()     {}
func (Mailbox) expr()    {}
func (Class) expr()      {}
func (In) expr()         {}
func (ID) expr()         {}
func (MessageID) expr()  {}

// TextField is a field that is compared word by word.
type TextField int

// The fields of the catalogue come first; Anywhere is all of them and the body.
const (
	Subject TextField = iota
	From
	To
	Cc
	Bcc
	Attachment
	Category
	Location
	Name
	Company
	Email
	Fields   // how many fields of the catalogue there are
	With     // From, To, Cc and Bcc
	Body     // text of the item and its attachments
	Anywhere // all
)

// TimeField is a time of an item.
type TimeField int

// At is when an item was received, else created.
const (
	At TimeField = iota
	Received
	Sent
	Created
	Modified
	Start
	End
)

// Bits are yes-or-no facts of an item.
type Bits uint32

// The facts of an item.
const (
	Read Bits = 1 << iota
	Draft
	Flagged
	Completed
	Private
	Recurring
	Deleted
	Associated
	Suspect
	HasAttachment
)
