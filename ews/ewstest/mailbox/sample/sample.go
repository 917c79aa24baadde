// Package sample makes a mailbox up: varied items of all kinds, the same for
// the same options.
package sample

import "mailferry/ews/ewstest/mailbox/tree"

// Options say what is made.
type Options struct {
	Items   int    // normal items in visible folders
	Seed    int64  // another one gives another mailbox
	Folders int    // so many more empty or nearly empty folders
	Address string // whose mailbox it is; "" is somebody's
}

// Build makes the content of a mailbox.
func Build(o Options) *tree.Folder { return &tree.Folder{} }
