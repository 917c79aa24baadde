// Package export copies a mailbox from an Exchange server into a store.
//
// [Run] plans first: it asks for the folders, then for what changed in each of
// the selected ones since the last run, and writes that down in the store as
// pending. Then it fetches what is pending and selected, in batches, several at
// a time. Each blob streams from the connection into the store, is checked on
// the way, and counts as exported once [store.Store.Commit] returned.
//
// To go on after an interruption is to run again: what was committed is there,
// the rest is still pending. To take the changes is to run again, too. Items
// outside the selection stay pending, so that a later, wider run takes them.
//
// The source mailbox is only read.
//
// What can't be exported is not hidden: it becomes a failure in the store and an
// event, is left out for the rest of the run, and is tried again by the next.
package export
