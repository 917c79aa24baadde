// Package engine is the lower half of a store: segments that records are
// appended to, an index of keys and values, and the group commit that makes both
// durable together. It knows nothing of mailboxes. Only package store may import
// it; docs/store-format.md describes what it writes.
//
// Every change of the index by [Tx.Put] and [Tx.Del] is also written to a log in
// the segments, before it is written to the index. So the index can be made anew
// from the segments alone, and after a crash it catches up with them.
package engine
