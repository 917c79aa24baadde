// Package verify proves that a mailbox holds what a store holds of another one:
// each item, as often as there, and equal in content. It only reads.
package verify
