package soap

import (
	"fmt"
	"net/http"
	"strings"
	"time"
)

// Scope is how much of a request an Error concerns.
type Scope int

// The scopes.
const (
	ScopeHTTP  Scope = iota // the request: refused below SOAP
	ScopeFault              // the request: a SOAP fault
	ScopeItem               // one item or folder of it
	ScopeBatch              // one item, not processed because of an earlier one
)

// Error is a server's no.
type Error struct {
	Op         string // "ExportItems", ...
	Scope      Scope
	HTTPStatus int
	Code       string // response code, "ErrorServerBusy"
	Message    string // the server's words, cut to one line
	InnerCode  string // what ErrorInternalServerError hides
	BackOff    time.Duration
	Values     map[string]string // what else the server tells, by name
	RequestID  string            // client-request-id, to be found in the server's logs
}

// Error is one line.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Op)
	b.WriteString(": ")
	switch {
	case e.Code == "" && e.HTTPStatus != 0:
		fmt.Fprintf(&b, "HTTP %d %s", e.HTTPStatus, http.StatusText(e.HTTPStatus))
	case e.Code == "":
		b.WriteString("fault without a code")
	default:
		b.WriteString(e.Code)
	}
	if e.InnerCode != "" {
		fmt.Fprintf(&b, " (%s)", e.InnerCode)
	}
	if e.Message != "" {
		b.WriteString(": ")
		b.WriteString(e.Message)
	}
	return b.String()
}

// Cause is InnerCode where there is one, else Code.
func (e *Error) Cause() string {
	if e.InnerCode != "" {
		return e.InnerCode
	}
	return e.Code
}

// CountError says that a server gave another number of answers than was asked
// for. Then no answer can be matched with certainty.
type CountError struct {
	Op        string
	Want, Got int // Got counts up to one more than Want
}

// Error implements error.
func (e *CountError) Error() string {
	return fmt.Sprintf("%s: %d answers for %d items: the answer can't be trusted", e.Op, e.Got, e.Want)
}

// TruncatedError says that an answer ended early: the connection was cut, or
// Exchange says so itself. It passes; Microsoft advises to try again for hours.
type TruncatedError struct {
	Op     string
	Where  string // "in the data", "after the data", "after the answer", ...
	Marked bool   // "=== Truncated Data ===" was found
	Err    error  // why, or nil
}

// Error implements error.
func (e *TruncatedError) Error() string {
	text := e.Op + ": the answer was cut " + e.Where
	if e.Marked {
		text += ", the server says it truncated it"
	}
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

// Unwrap returns why.
func (e *TruncatedError) Unwrap() error { return e.Err }

// ProtocolError says that an answer is not what the protocol knows.
type ProtocolError struct {
	Op     string
	Offset int64 // bytes into the answer
	Reason string
	Err    error
}

// Error implements error.
func (e *ProtocolError) Error() string {
	text := fmt.Sprintf("%s: %s", e.Op, e.Reason)
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	if e.Offset > 0 {
		text += fmt.Sprintf(" (offset %d of the answer)", e.Offset)
	}
	return text
}

// Unwrap returns the error behind it.
func (e *ProtocolError) Unwrap() error { return e.Err }

// ServerVersion is what the server says of itself in each answer.
type ServerVersion struct {
	Major, Minor, MajorBuild, MinorBuild int
	Version                              string // of the schema, for example "V2017_07_11"
}

// String is for example "15.2.1544.9", or "" where the server did not tell.
func (v ServerVersion) String() string {
	if v == (ServerVersion{}) {
		return ""
	}
	return fmt.Sprintf("%d.%d.%d.%d", v.Major, v.Minor, v.MajorBuild, v.MinorBuild)
}
