// Package ews is a client for Exchange Web Services, as far as moving mailboxes
// needs it: folders, lists of items and their changes, and the items themselves
// through ExportItems and UploadItems.
//
// Make one [Client] for each mailbox with [NewClient]; it may be used by many
// goroutines. It keeps a pool of connections, obeys the server's back-off for the
// whole mailbox through its [Gate], tries again what failed for a passing reason,
// and gives up on requests that make no progress. There is no time limit on a
// transfer that moves.
//
// Items stream in both directions: no blob, request or answer is ever whole in
// memory. [Client.ExportItems] returns a reader in the manner of archive/tar.
// [Client.UploadItems] is sent again inside only where the server has surely
// taken nothing; else the error is an [UnknownOutcomeError], and the caller must
// look at the target before it sends anything twice.
//
// Errors: an answer of the server that says no is an [Error], with the scope it
// concerns; [ActionFor] tells what to do about it. A refused login is an
// [AuthError], a cut answer a [TruncatedError], the wrong number of answers a
// [CountError], anything that is not the protocol a [ProtocolError]. Answers are
// matched by position, never by id. No error holds a password, a subject or an
// address of a correspondent.
//
// The protocol is described in Microsoft's reference; where this package follows
// what was seen in the field instead, comments say so.
package ews
