// Package event holds what a run tells about itself while it goes on, and the
// summary it ends with. export and upload emit events, the command line shows
// them: as a progress bar, as plain lines, or as JSON lines for other programs.
package event

import (
	"time"

	"mailferry/internal/gate"
)

// Kind says what an event tells. The spelling is the contract of the JSON output.
type Kind string

// The kinds of events.
const (
	Phase    Kind = "phase"    // a new phase begins: Text names it
	Planned  Kind = "planned"  // the work is known, or known better: Items and Bytes are totals
	Folder   Kind = "folder"   // a folder was planned, made or mapped
	Item     Kind = "item"     // one item is done: moved, there already, or planned in a dry run (Action tells)
	Failure  Kind = "failure"  // one item can't be moved: Code and Text tell why
	Wait     Kind = "wait"     // the run waits: Text tells why, Wait how long
	Warning  Kind = "warning"  // something a person should know that stops nothing
	Stop     Kind = "stop"     // the run is ended early, as was asked beforehand: Text tells why
	Progress Kind = "progress" // bytes went by since the last progress event: Bytes
)

// Event is one thing that happened in a run. Only the fields that its kind
// needs are set. Subject and folder paths are mail content: they go to the
// output a user asked for, never to logs.
type Event struct {
	Time    time.Time     `json:"time"`
	Kind    Kind          `json:"event"`
	Mailbox string        `json:"mailbox,omitempty"`
	Target  string        `json:"target,omitempty"`
	Folder  string        `json:"folder,omitempty"`
	Item    string        `json:"item,omitempty"`     // source item id
	NewItem string        `json:"new_item,omitempty"` // id at the target
	Action  string        `json:"action,omitempty"`   // exported, uploaded, updated, extracted, skipped, would-export, would-upload, ...
	Class   string        `json:"class,omitempty"`
	Subject string        `json:"subject,omitempty"`
	Code    string        `json:"code,omitempty"` // EWS response code of a failure
	Text    string        `json:"text,omitempty"`
	Items   int           `json:"items,omitempty"`
	Bytes   int64         `json:"bytes,omitempty"` // bytes of blobs
	Wait    time.Duration `json:"wait_ns,omitempty"`
}

// Summary is the outcome of one run over one mailbox. Moved + Already + Failed
// + Left is Found; a run that was not cut short has Left 0.
type Summary struct {
	Mailbox   string        `json:"mailbox"`
	Target    string        `json:"target,omitempty"`
	Folders   int           `json:"folders"`
	Unchanged int           `json:"folders_unchanged,omitempty"` // of Folders: not asked for changes, the server's list shows none
	Found     int           `json:"found"`                       // items that the selection names
	Moved     int           `json:"moved"`                       // items this run moved
	Already   int           `json:"already"`                     // items that were there before
	Failed    int           `json:"failed"`                      // items that could not be moved
	Accepted  int           `json:"accepted,omitempty"`
	Left      int           `json:"left"`    // items not tried: the run was interrupted or stopped
	Suspect   int           `json:"suspect"` // items stored although their blob was not understood
	Bytes     int64         `json:"bytes"`   // bytes of blobs moved
	Elapsed   time.Duration `json:"elapsed_ns"`
	Waited    time.Duration `json:"waited_ns"`                       // time spent waiting because the server asked for it
	Waits     []gate.Waited `json:"waits,omitempty"`                 // the same by reason
	Skew      time.Duration `json:"server_clock_ahead_ns,omitempty"` // about; the server's clock against ours
	Retries   int           `json:"retries"`
	Requests  int           `json:"requests"`
	Partial   bool          `json:"partial,omitempty"` // stopped before all was looked at: there may be more than Found
	Stopped   string        `json:"stopped,omitempty"` // why it was ended early, as was asked beforehand: "after 6h as asked"
}
