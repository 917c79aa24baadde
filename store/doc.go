// Package store keeps mailboxes on disk: the blobs that a server exported, a
// catalogue of them, and the journals of what was given to which target.
//
// A store is a folder. Blobs lie in append-only segment files, everything else
// in one index file that can be made anew from the segments (see
// docs/store-format.md). One process writes at a time; several may read while
// none writes.
//
// What is promised:
//
//   - An item is in the store when [Store.Commit] returned nil, and from then on
//     it survives a crash of the process and of the machine. What was only
//     staged is never believed after a crash.
//   - The same holds for everything else that a method returned nil for, except
//     pending rows and sync states: they can be lost with the index, never
//     wrong, and are then asked for again.
//   - A blob is given back as it came: [Store.OpenBlob] checks its SHA-256 and
//     says [ErrDamaged] instead of io.EOF.
//   - An error of fsync, or an index that could not follow the segments, is
//     fatal for the open store: each later write returns it. Nothing is lost by
//     it; close the store, mend the cause, and open it again.
//   - Memory is flat: a blob is never whole in memory, and iterators read the
//     index page by page.
//
// All methods of Store and Journal may be called by several goroutines. A
// [Writer] belongs to one.
//
// An iterator shows the rows as they are when it comes to them: what other
// goroutines change while it runs may or may not be seen, nothing is seen twice,
// and writing inside the loop is allowed. It ends after the first error.
package store
