// Package match finds items of a store in a folder of a mailbox, by what both
// tell of an item: class, subject, message id and time of receipt, then by
// content. It counts: what is there twice in the store is looked for twice.
package match
