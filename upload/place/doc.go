// Package place says into which folder of a target mailbox the items of a source
// folder go. Well-known folders are found by their role, never by name; others
// by the names below the nearest folder with a role, or below the folder that
// the user named.
//
// Reading the target and placing changes nothing: what is missing is planned,
// and made by [Node.Make].
package place
