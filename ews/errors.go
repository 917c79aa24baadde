package ews

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// ErrNoExportItems says that the server does not know the operation.
var ErrNoExportItems = errors.New("this server does not offer ExportItems; it needs Exchange 2010 SP1 or newer")

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
	Code       string // response code, "ErrorServerBusy"; of this package: "NoData", "EmptyData"
	Message    string // the server's words, cut to one line
	InnerCode  string // what ErrorInternalServerError hides
	BackOff    time.Duration
	Values     map[string]string // what else the server tells, by name
	RequestID  string            // client-request-id, to be found in the server's logs
}

// Codes of this package, for answers that say success and are none.
const (
	CodeNoData    = "NoData"    // an exported item came without data
	CodeEmptyData = "EmptyData" // an exported item's data is 0 bytes long
	CodeNoID      = "NoID"      // an item or folder came without id
)

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

// AuthError says that the login was refused.
type AuthError struct {
	Op      string
	Status  int      // of HTTP, 0 where the login itself failed
	Offered []string // schemes of login that the server offers
	Reason  string
	Err     error // of the transport, or nil
}

// Error is one line without a secret.
func (e *AuthError) Error() string {
	if e.Err != nil {
		return fmt.Sprintf("%s: %v", e.Op, e.Err)
	}
	text := fmt.Sprintf("%s: the server refused the login: %s", e.Op, e.Reason)
	if len(e.Offered) > 0 {
		text += " (it offers " + strings.Join(e.Offered, ", ") + ")"
	}
	return text
}

// Unwrap returns the error of the transport.
func (e *AuthError) Unwrap() error { return e.Err }

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

// TransportError says that the connection failed or made no progress.
type TransportError struct {
	Op   string
	Sent bool // some of the request may have reached the server
	Err  error
}

// Error implements error.
func (e *TransportError) Error() string { return e.Op + ": " + e.Err.Error() }

// Unwrap returns the error of the network.
func (e *TransportError) Unwrap() error { return e.Err }

// BlobError says that a blob to upload could not be read, or is not as long as
// was said. The request was broken off before its end, so nothing was uploaded.
type BlobError struct {
	Index int // place in the request
	Err   error
}

// Error implements error.
func (e *BlobError) Error() string { return fmt.Sprintf("UploadItems: item %d: %v", e.Index, e.Err) }

// Unwrap returns the error of the reader.
func (e *BlobError) Unwrap() error { return e.Err }

// UnknownOutcomeError says that an upload may have been executed in whole, in
// part or not at all. The target must be read before anything is sent again.
type UnknownOutcomeError struct {
	Op  string
	Err error // what happened
}

// Error implements error.
func (e *UnknownOutcomeError) Error() string { return "outcome unknown: " + e.Err.Error() }

// Unwrap returns what happened.
func (e *UnknownOutcomeError) Unwrap() error { return e.Err }
