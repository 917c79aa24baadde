// Package mailbox is the content of a simulated Exchange mailbox: folders and
// items as sets of MAPI properties, in memory, with the bookkeeping that a
// store does. Package ewstest puts the protocol in front of it.
//
// A [Mailbox] is safe for use by several goroutines. What it hands out never
// changes: an *[Item] is a snapshot, and a change to the mailbox puts a new
// snapshot in its place. So nobody may change an Item or the [fts.Message] in
// it; copy first, then [Mailbox.Update].
//
// What is faithful to Exchange, because clients stumble over it:
//   - each change gets the next change number of the mailbox. [Mailbox.Changes]
//     tells what happened in a folder since a [SyncPoint], in pages;
//   - an item that is moved is deleted and created: it gets a new id. Folder ids
//     stay;
//   - an upload is parsed strictly, gets the properties that a store assigns
//     (times, conversation id, keys), and is rendered anew at the next export:
//     other property order, other buffer sizes, other ids for named properties;
//   - search keys, entry ids and change keys belong to the store and are not in
//     a rendered blob.
//
// [Load] fills a mailbox from a specification: empty, generated, read from a
// PST file, or a large number of large items that cost no memory.
package mailbox
