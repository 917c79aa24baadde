// Package inplace finds out how the items that a store holds of a mailbox stand in
// that mailbox now: there as they were, changed, moved to another folder, or
// gone. It changes nothing.
//
// An item that has the id it had is the item. Where no item has that id, the
// user may have moved it, since ids change on a move: the visible folders are
// listed once, and what has the same fingerprint or content is the moved item,
// unless it is known to be another one. What lies in Deleted Items or Recoverable
// Items does not count as there.
package inplace
