// Package segment reads and writes the append-only files of a store: records of
// checked, compressed frames, as docs/store-format.md describes them. It knows
// nothing of mailboxes. Only package store may import it.
package segment
