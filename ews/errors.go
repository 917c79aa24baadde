package ews

import (
	"errors"
	"fmt"
	"strings"

	"mailferry/internal/soap"
	"mailferry/internal/splice"
)

// ErrNoExportItems says that the server does not know the operation.
var ErrNoExportItems = errors.New("this server does not offer ExportItems; it needs Exchange 2010 SP1 or newer")

// Error is a server's no. See its fields for what is known.
type Error = soap.Error

// Scope is how much of a request an Error concerns.
type Scope = soap.Scope

// The scopes.
const (
	ScopeHTTP  = soap.ScopeHTTP  // the request: refused below SOAP
	ScopeFault = soap.ScopeFault // the request: a SOAP fault
	ScopeItem  = soap.ScopeItem  // one item or folder of it
	ScopeBatch = soap.ScopeBatch // one item, not processed because of an earlier one
)

// Codes of this package, for answers that say success and are none.
const (
	CodeNoData    = "NoData"    // an exported item came without data
	CodeEmptyData = "EmptyData" // an exported item's data is 0 bytes long
)

// The names under which Error.Values keep what the texts of throttling tell.
const (
	ValuePolicy = soap.ValuePolicy // for example "ConcurrentSyncCalls"
	ValueLimit  = soap.ValueLimit  // for example "5"
)

// CountError says that a server gave another number of answers than was asked
// for. Then no answer can be matched with certainty.
type CountError = soap.CountError

// TruncatedError says that an answer ended early: the connection was cut, or
// Exchange says so itself. It passes; Microsoft advises to try again for hours.
type TruncatedError = soap.TruncatedError

// ProtocolError says that an answer is not what the protocol knows.
type ProtocolError = soap.ProtocolError

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
type BlobError = splice.BlobError

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
