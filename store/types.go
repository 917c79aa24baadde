package store

import (
	"time"

	"mailferry/fts"
)

// Root says which tree of a mailbox a folder belongs to.
type Root string

// The trees of a mailbox.
const (
	Primary     Root = "primary"     // what a user sees
	Archive     Root = "archive"     // the archive mailbox
	Recoverable Root = "recoverable" // what was deleted and can still be had back
	Hidden      Root = "root"        // folders beside the visible tree
	Public      Root = "public"      // public folders
)

// Mailbox is one mailbox that the store holds something of.
type Mailbox struct {
	Address       string    `json:"address"` // as given; kept in lower case
	ServerURL     string    `json:"server_url,omitempty"`
	ServerVersion string    `json:"server_version,omitempty"`
	FirstRun      time.Time `json:"first_run,omitzero"`
	LastRun       time.Time `json:"last_run,omitzero"`
}

// Folder is a folder of a source mailbox.
//
// Path joins the names by "/", with "\" and "/" inside a name escaped by "\".
// It is relative to the visible root; the paths of other roots begin with
// "#archive/", "#recoverable/", "#root/" or "#public/".
type Folder struct {
	ID            string `json:"id"`
	ParentID      string `json:"parent,omitempty"`
	Path          string `json:"path"`
	Name          string `json:"name"`
	Class         string `json:"class,omitempty"`
	Distinguished string `json:"distinguished,omitempty"`
	Root          Root   `json:"root"`
	Hidden        bool   `json:"hidden,omitempty"`
	Total         int    `json:"total"`          // items, as the server counted
	Size          int64  `json:"size,omitempty"` // bytes, as the server counted
	Gone          bool   `json:"gone,omitempty"` // not at the source any more

	sealed string // path and name, where they could not be read
}

// ChangeKind says what happened to an item at the source.
type ChangeKind int

// The kinds of changes.
const (
	Upsert ChangeKind = iota // made or changed
	Delete
	Read // only the read flag changed
)

// Change is one change in a folder, as the server told it.
type Change struct {
	Kind       ChangeKind
	ItemID     string
	ChangeKey  string
	Class      string
	Size       int64 // bytes, as the server estimates
	Associated bool
	SearchKey  []byte
	Received   time.Time // else the time of creation
	Read       bool      // the new read flag, for Kind Read
}

// Pending is an item that is to be exported.
type Pending struct {
	ItemKey
	Class     string
	Size      int64 // bytes, as the server estimates
	SearchKey []byte
	Received  time.Time
}

// ItemKey names one version of one item of a source mailbox. Ids are
// case-sensitive.
type ItemKey struct {
	Mailbox    string `json:"mailbox"`
	Folder     string `json:"folder"` // folder id
	ID         string `json:"id"`
	ChangeKey  string `json:"change_key,omitempty"`
	Associated bool   `json:"associated,omitempty"`
}

// Item is one item in the store.
type Item struct {
	ItemKey
	Size          int64    // bytes of the blob
	SHA256        [32]byte // of the blob
	SearchKey     []byte
	Catalogue     fts.Catalogue
	Problem       string // why the blob is suspect; empty: it is whole and understood
	ExportedAt    time.Time
	ServerVersion string
	Deleted       bool  // deleted at the source since
	Read          *bool // the read flag, where it changed at the source since
}

// Entry is what is known of an item once its blob was read to the end.
type Entry struct {
	Catalogue     fts.Catalogue
	Problem       string // why the blob is suspect, if it is
	SearchKey     []byte
	ExportedAt    time.Time // zero: now
	ServerVersion string
}

// Count is a number of items and the bytes of their blobs.
type Count struct {
	Items int
	Bytes int64
}

// State is how far an item is on its way to a target.
type State string

// The states of a journal entry.
const (
	StatePending State = "pending" // known not to be at the target
	StateSent    State = "sent"    // it was or will be sent, and nobody knows the outcome
	StateDone    State = "done"    // the target holds it
	StateFailed  State = "failed"  // the target refused it
)

// JournalEntry is the state of one item at one target.
type JournalEntry struct {
	Source          ItemKey   `json:"source"`
	SHA256          [32]byte  `json:"-"`
	State           State     `json:"state"`
	Batch           uint64    `json:"batch,omitempty"` // entries intended together share it
	TargetFolder    string    `json:"target_folder,omitempty"`
	TargetID        string    `json:"target_id,omitempty"`
	TargetChangeKey string    `json:"target_change_key,omitempty"`
	Code            string    `json:"code,omitempty"` // EWS response code, when failed
	At              time.Time `json:"at,omitzero"`    // zero is set to now
}

// FolderBaseline is the sync state of a target folder as it was before the
// first upload into it: what came later came by us, or beside us.
type FolderBaseline struct {
	Folder    string    `json:"folder"` // target folder id
	SyncState string    `json:"sync_state"`
	At        time.Time `json:"at"`
}

// Direction says on which way an item failed.
type Direction string

// The directions.
const (
	Export Direction = "export"
	Upload Direction = "upload"
)

// FailureKey names a failure.
type FailureKey struct {
	Mailbox   string    `json:"mailbox"` // source
	Direction Direction `json:"direction"`
	Target    string    `json:"target,omitempty"` // as in Journal; empty for Export
	ItemID    string    `json:"item"`
}

// Failure is an item that could not be moved.
type Failure struct {
	FailureKey
	FolderPath     string    `json:"folder,omitempty"`
	FolderID       string    `json:"folder_id,omitempty"` // ItemID where the folder itself failed
	Subject        string    `json:"subject,omitempty"`
	Class          string    `json:"class,omitempty"`
	Size           int64     `json:"size,omitempty"`
	Code           string    `json:"code,omitempty"` // EWS response code
	Text           string    `json:"text,omitempty"`
	Attempts       int       `json:"attempts"`          // RecordFailure adds; 0 counts as 1
	First          time.Time `json:"first,omitzero"`    // zero: now
	Last           time.Time `json:"last,omitzero"`     // zero: now
	Accepted       time.Time `json:"accepted,omitzero"` // zero: nobody accepted it
	AcceptedReason string    `json:"accepted_reason,omitempty"`
	Retry          time.Time `json:"retry,omitzero"` // when another attempt was asked for; zero: no, or it was made

	sealed string // folder, subject and texts, where they could not be read
}

// FailureFilter chooses failures; empty fields choose all.
type FailureFilter struct {
	Mailbox   string
	Direction Direction
	Target    string
}

// Run is one run of a command over one mailbox.
type Run struct {
	ID      uint64    `json:"id"`
	Kind    string    `json:"kind"` // export, upload, verify, ...
	Mailbox string    `json:"mailbox"`
	Target  string    `json:"target,omitempty"`
	Begun   time.Time `json:"begun"`
	Ended   time.Time `json:"ended,omitzero"` // zero: under way or killed
	Summary []byte    `json:"-"`              // JSON, as given to EndRun
}
