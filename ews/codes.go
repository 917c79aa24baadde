package ews

// Verb is what to do about an error.
type Verb int

// The verbs.
const (
	None    Verb = iota // nothing: success, or it does not apply
	Retry               // send the same again after a wait
	Resend              // send the item again once the cause is dealt with; it was not processed
	Split               // send fewer at once; a single item is final
	Bisect              // find the item that makes the batch fail
	Skip                // leave the item out and record it
	Abort               // give up the mailbox, or the folder the error names
	Unknown             // look at the target before anything is sent again
	Refresh             // read again what has changed (folders, change key, sync state), then try once
	Bug                 // a mistake of this program or its configuration: give up
)

// Action says what to do about an error: Verb, at most Retries times, then Then.
type Action struct {
	Verb    Verb
	Retries int
	Then    Verb
}

// ActionFor returns what to do when op failed with e.
func ActionFor(op string, e *Error) Action { return Action{} }
