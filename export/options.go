package export

import (
	"time"

	"mailferry/ews"
	"mailferry/internal/event"
	"mailferry/internal/pace"
	"mailferry/internal/selection"
	"mailferry/store"
	"mailferry/store/query"
)

// Options say what to export and how. Client and Mailbox are needed, and Store
// unless DryRun is set; every other zero value works.
type Options struct {
	Client    *ews.Client
	Store     *store.Store // not closed by Run
	Mailbox   string       // address
	ServerURL string       // kept in the store beside the mailbox; may be empty
	Selection selection.Selection

	// Query chooses among the items that Selection chooses; nil: all of them. It
	// must be one that query.Listed lets pass: what the blobs hold is not known yet.
	Query query.Expr

	// What is taken beside the items of the visible folders. Naming a folder of
	// such a tree in Selection.Folders is asking for the tree.
	Associated  bool // associated items (views, rules, settings)
	Hidden      bool // hidden folders, in the visible tree and beside it
	Archive     bool // the archive mailbox
	Recoverable bool // what was deleted and can still be had back
	Public      bool // public folders

	// EveryFolder asks for the changes of all folders, also of those that the
	// server's list of folders shows to be unchanged.
	EveryFolder bool

	Workers     int   // requests at a time; 0: 4. The client's gate may allow fewer
	BatchItems  int   // items in a request at most; 0: 100
	BatchBytes  int64 // bytes of blobs in a request, roughly; a larger item goes alone; 0: 20 MB
	MaxFailures int   // stop when more items than this failed that nobody accepted; 0: go on

	// LimitRate is how many bytes of blobs go by a second, all workers together. A
	// new time in it counts at once, also for what is under way.
	LimitRate pace.Timetable

	// DryRun tells by events what would be exported. It asks the server for
	// folders and changes, and writes nothing. Store may be nil: then everything
	// counts as new.
	DryRun bool

	// Drain, once closed, lets no new request begin; what is under way is
	// finished and committed. Cancelling the context stops at once; what was
	// committed is kept.
	Drain <-chan struct{}

	// Events is called from several goroutines, one at a time.
	Events func(event.Event)

	Patience Patience
}

// Patience says how long and how often to try again what failed. The zero value
// is right for a server; tests shorten it.
type Patience struct {
	// Truncated are the pauses before each new attempt at an item that the
	// server cut off, which is said to pass in minutes or hours. nil: 2 s, 10 s,
	// 30 s, 2 min, 10 min.
	Truncated []time.Duration
	// Retry are the pauses before each new attempt at items that failed in a way
	// that may pass. nil: 2 s, 10 s, 30 s, 2 min.
	Retry []time.Duration
}
