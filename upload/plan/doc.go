// Package plan says what of a mailbox in a store is meant, into which folders of
// the target it goes, and how far each item is.
package plan
