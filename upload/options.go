package upload

import (
	"time"

	"mailferry/ews"
	"mailferry/internal/event"
	"mailferry/internal/pace"
	"mailferry/internal/selection"
	"mailferry/store"
)

// IfExists says what to do with an item that the target holds already, though
// this store did not put it there.
type IfExists string

// What to do with items that exist.
const (
	Skip    IfExists = "skip"    // leave it, and count it as there already
	Copy    IfExists = "copy"    // make another copy
	Replace IfExists = "replace" // put the stored item in its place
)

// Options say what to upload, where to and how. Client, Store, Mailbox and
// Target are needed; every other zero value works.
type Options struct {
	Client  *ews.Client
	Store   *store.Store // not closed by Run
	Mailbox string       // source address, as in the store
	Target  string       // address of the target mailbox

	// Into puts everything below this folder of the target, which is made if it
	// is missing: a path below the visible root, or one that begins with a
	// well-known name ("#inbox/Old"). The tree is kept; well-known folders become
	// ordinary ones there. Each Into has a journal of its own.
	Into string
	// Map puts the folder of each key, and what is below it, into the folder of
	// the value. Keys are paths or well-known names of the source. Values are
	// written like Into, and are below Into if that is given. The longest match
	// wins.
	Map      map[string]string
	IfExists IfExists // "": Skip

	// InPlace puts items back where they were; nil: into the folders of a target.
	InPlace *InPlace

	Selection selection.Selection
	// Match chooses among the items that the rest chooses; nil: all of them. It is
	// called several times for each.
	Match func(store.Item) (bool, error)

	// What is taken beside the items of the visible folders. Naming a folder of
	// such a tree in Selection.Folders is asking for the tree.
	Associated  bool // associated items (views, rules, settings)
	Hidden      bool // hidden folders, in the visible tree and beside it
	Archive     bool // the archive mailbox
	Recoverable bool // what was deleted and can still be had back
	Public      bool // public folders
	// IncludeDeleted takes items too that were deleted at the source after they
	// were exported. An item that was moved counts as deleted where it was.
	IncludeDeleted bool

	Workers     int   // requests at a time; 0: 4. The client's gate may allow fewer
	BatchItems  int   // items in a request at most; 0: 50
	BatchBytes  int64 // bytes of a request, roughly; a larger item goes alone; 0: 20 MB; never more than 64 MiB
	MaxFailures int   // stop when more items than this failed that nobody accepted; 0: go on

	// LimitRate is how many bytes of blobs go by a second, all workers together. A
	// new time in it counts at once, also for what is under way.
	LimitRate pace.Timetable

	// DryRun tells by events what would be made and sent. It reads the target,
	// changes nothing there, and writes nothing to the store.
	DryRun bool

	// Drain, once closed, lets no new request begin; what is under way is
	// finished and written down. Cancelling the context stops at once.
	Drain <-chan struct{}

	// Events is called from several goroutines, one at a time.
	Events func(event.Event)

	Patience Patience
}

// Patience says how long to wait before trying again, and before believing
// that the target does not have an item. The zero value is right for a server;
// tests shorten it.
type Patience struct {
	// Retry are the pauses before each new attempt at items that failed in a way
	// that may pass. nil: 1 s, 5 s, 15 s, 1 min.
	Retry []time.Duration
	// Quiet is how long a folder must have gained nothing before an item whose
	// connection was lost counts as not uploaded: the server may still be at work
	// on it. It grows where the folder is seen to gain something. 0: 5 s, negative: none.
	Quiet time.Duration
}
