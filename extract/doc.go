// Package extract writes items of a store as files that other programs read: one
// file for each item, in folders as they are in the mailbox.
//
// Such a file is a rendering, not a backup: only the store, and the formats fts,
// msg and json, keep every property.
//
// Names are safe on Linux, Windows and macOS, whatever items and folders are
// called, and the same each time, so that a second run goes on where the first was
// stopped. Nothing is ever written outside the output folder.
package extract
