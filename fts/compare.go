package fts

// Difference is one way in which a target's content differs from its source's.
type Difference struct {
	Where    string         `json:"where,omitempty"`    // "" the message; "recipient 2", "attachment 1", "attachment 1 > message", "attachment 1 > recipient 3"
	Property string         `json:"property,omitempty"` // "PidTagSubject (0x0037)"; "" the whole of Where
	Kind     DifferenceKind `json:"kind"`
}

// DifferenceKind says how.
type DifferenceKind string

// The kinds of differences, seen from the source.
const (
	Missing DifferenceKind = "missing" // the target lacks it
	Extra   DifferenceKind = "extra"   // only the target has it
	Changed DifferenceKind = "changed"
)

// Compare tells how target differs from source.
func Compare(source, target *Content) []Difference { return nil }

// Part is what a property belongs to.
type Part uint8

// The parts of an item.
const (
	PartMessage Part = iota
	PartRecipient
	PartAttachment
)

// StoreAssigned says whether a store sets this property itself when an item is
// uploaded, so that its value at the target proves nothing. id is below 0x8000.
func StoreAssigned(part Part, id uint16) bool { return false }
