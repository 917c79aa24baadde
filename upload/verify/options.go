package verify

import (
	"mailferry/ews"
	"mailferry/internal/event"
	"mailferry/internal/proof"
	"mailferry/internal/selection"
	"mailferry/store"
)

// Level says how closely to look.
type Level string

// The levels.
const (
	Count   Level = "count"   // each folder has as many items as it should
	Key     Level = "key"     // each item is there, once
	Content Level = "content" // each item is exported again and compared
)

// Options say what to compare. Client, Store, Mailbox and Target are
// needed; the other fields mean what they mean for an upload.
type Options struct {
	Client  *ews.Client
	Store   *store.Store
	Mailbox string
	Target  string
	Into    string
	Map     map[string]string

	Level  Level   // "": Key
	Sample float64 // Content: compare the content of this share of the items, chosen by their ids; 0: all
	Seed   uint64  // Sample: another one chooses other items

	Selection      selection.Selection
	Match          func(store.Item) (bool, error)
	Associated     bool
	Hidden         bool
	Archive        bool
	Recoverable    bool
	Public         bool
	IncludeDeleted bool

	Workers    int   // 0: 4
	BatchItems int   // items in an export request at most; 0: 50
	BatchBytes int64 // bytes in an export request, roughly; 0: 20 MB

	Events func(event.Event)

	// Record takes what was found of each item, and of what is doubled; not for
	// Count. Several goroutines call it. An error ends the check. The reasons
	// name properties and hold no mail content.
	Record func(proof.Item) error
}
