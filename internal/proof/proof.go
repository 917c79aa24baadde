// Package proof writes and checks proof files: what a verify found, item by item,
// in a form that a third person can check without the store and the mailboxes.
// The format is described in docs/proof.md.
//
// A proof file holds ids, hashes and the names of properties. It holds no mail
// content: no subject, no folder name, no value.
package proof

import (
	"fmt"
	"time"
)

// Format is the version of the format that this package writes and reads.
const Format = 1

// Header is the first line.
type Header struct {
	Format   int       `json:"mailferry_proof"`
	Program  string    `json:"program"`         // version of mailferry
	Mailbox  string    `json:"mailbox"`         // address at the source
	Target   string    `json:"target"`          // address at the target
	Server   string    `json:"server"`          // host of the target's server
	Started  time.Time `json:"started"`         // UTC
	Level    string    `json:"level"`           // key or content
	Sample   float64   `json:"sample"`          // share of the items whose content was to be compared, 1: all
	Seed     uint64    `json:"seed"`            // chooses which items these are
	Selected bool      `json:"selected"`        // flags chose among the items of the mailbox
	Into     bool      `json:"into"`            // the target is a folder, or folders were mapped
	Trees    []string  `json:"trees,omitempty"` // beyond visible folders: archive, recoverable, public, hidden, associated
}

// Result is what was found of an item.
type Result string

// The results.
const (
	Equal        Result = "equal"        // there, and its content was compared
	There        Result = "there"        // there; its content was not compared
	Missing      Result = "missing"      // not at the target
	Accepted     Result = "accepted"     // not as it should be, which a person accepted
	Different    Result = "different"    // there with another content
	Unverifiable Result = "unverifiable" // there; its content could not be compared
	Doubled      Result = "doubled"      // there once more: a line beside the item's own
)

// Item is a line for an item.
type Item struct {
	Item    string   `json:"item"`              // id at the source
	SHA256  string   `json:"sha256"`            // of the item as exported, lower-case hexadecimal
	Target  string   `json:"target,omitempty"`  // id at the target
	Result  Result   `json:"result"`            //
	Reasons []string `json:"reasons,omitempty"` // names of properties and what is wrong with them
}

// Finished is the line before the last: what is known only at the end.
type Finished struct {
	Finished      time.Time `json:"finished"`       // UTC
	ServerVersion string    `json:"server_version"` // as the server tells it
}

// Totals count the lines.
type Totals struct {
	Items        int `json:"items"` // all but the doubled
	Equal        int `json:"equal"`
	There        int `json:"there"`
	Missing      int `json:"missing"`
	Accepted     int `json:"accepted"`
	Different    int `json:"different"`
	Unverifiable int `json:"unverifiable"`
	Doubled      int `json:"doubled"`
}

// OK says that nothing is missing, doubled, different or not compared that was
// to be compared.
func (t Totals) OK() bool { return t.Missing+t.Different+t.Unverifiable+t.Doubled == 0 }

// last is the last line.
type last struct {
	Totals
	SHA256 string `json:"sha256"` // of all bytes before this line, lower-case hexadecimal
}

// count adds a line to the totals; false if its result is not known.
func (t *Totals) count(r Result) bool {
	n, ok := map[Result]*int{
		Equal: &t.Equal, There: &t.There, Missing: &t.Missing, Accepted: &t.Accepted,
		Different: &t.Different, Unverifiable: &t.Unverifiable, Doubled: &t.Doubled,
	}[r]
	if !ok {
		return false
	}
	*n++
	if r != Doubled {
		t.Items++
	}
	return true
}

// Error is what is wrong with a proof file.
type Error struct {
	Line int // from 1; 0: the file
	What string
}

func (e *Error) Error() string {
	if e.Line == 0 {
		return e.What
	}
	return fmt.Sprintf("line %d: %s", e.Line, e.What)
}
