package main

import (
	"iter"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"mailferry/internal/selection"
	"mailferry/store"
)

// failureFlags choose among the recorded failures.
type failureFlags struct {
	mailbox, target, direction string
	codes, folders             []string
}

func (f *failureFlags) addFlags(fs *pflag.FlagSet) {
	fs.StringVar(&f.mailbox, "mailbox", "", "only failures of this `MAILBOX` of the store")
	fs.StringVar(&f.target, "target", "", "only failures to upload to this `MAILBOX[/FOLDER]`")
	fs.StringVar(&f.direction, "direction", "", "only failures to export, or only to upload")
	fs.StringArrayVar(&f.codes, "code", nil, "only failures whose code matches this `GLOB`, for example 'ErrorCorrupt*'; repeatable")
	fs.StringArrayVar(&f.folders, "folder", nil, "only failures in folders of the source that this `GLOB` names; repeatable")
}

func (f *failureFlags) given() bool {
	return f.mailbox != "" || f.target != "" || f.direction != "" || len(f.codes)+len(f.folders) > 0
}

// failureState is which failures are chosen by whether somebody accepted them.
type failureState int

const (
	anyFailure failureState = iota
	openFailure
	acceptedFailure
)

// failureChoice is failureFlags, checked against a store.
type failureChoice struct {
	filter  store.FailureFilter
	target  string
	codes   []string
	folders map[string]folderChoice // by mailbox; nil: all folders
	state   failureState
}

// folderChoice is which folders of one mailbox are chosen.
type folderChoice struct {
	selection.Selection
	roles map[string]string // distinguished names by folder id
}

func (f *failureFlags) parse(st *store.Store, state failureState) (failureChoice, error) {
	c := failureChoice{target: strings.ToLower(f.target), codes: f.codes, state: state}
	switch c.filter.Direction = store.Direction(f.direction); c.filter.Direction {
	case "", store.Export, store.Upload:
	default:
		return c, usagef("unknown --direction %q: use export or upload", f.direction)
	}
	if slices.Contains(f.codes, "") {
		return c, usagef("--code: the pattern is empty; give a code such as 'ErrorCorrupt*'")
	}
	if f.mailbox != "" {
		address, err := storedMailbox(st, f.mailbox)
		if err != nil {
			return c, err
		}
		if address.Folder != "" {
			return c, usagef("--mailbox %s: name the folder with --folder", f.mailbox)
		}
		c.filter.Mailbox = address.Address
	}
	return c, c.chooseFolders(st, f.folders)
}

// chooseFolders learns the folders of the mailboxes. A pattern must name a folder
// of one of them at least.
func (c *failureChoice) chooseFolders(st *store.Store, patterns []string) error {
	if len(patterns) == 0 {
		return nil
	}
	chosen, err := selection.Parse(selection.Text{Folders: patterns})
	if err != nil {
		return usageError{err}
	}
	mailboxes, err := st.Mailboxes()
	if err != nil {
		return err
	}
	c.folders = make(map[string]folderChoice)
	var unknown error
	known := false
	for _, m := range mailboxes {
		if c.filter.Mailbox != "" && c.filter.Mailbox != m.Address {
			continue
		}
		folders, err := st.Folders(m.Address)
		if err != nil {
			return err
		}
		one := folderChoice{chosen, make(map[string]string)}
		for _, f := range folders {
			one.roles[f.ID] = f.Distinguished
		}
		if err := one.Validate(folderNames(folders)); err == nil {
			known = true
		} else if unknown == nil {
			unknown = err
		}
		c.folders[m.Address] = one
	}
	if known {
		return nil
	}
	return unknown
}

func (c *failureChoice) takes(f store.Failure) bool {
	switch accepted := !f.Accepted.IsZero(); {
	case c.state == openFailure && accepted, c.state == acceptedFailure && !accepted:
		return false
	case c.target != "" && c.target != strings.ToLower(f.Target):
		return false
	case len(c.codes) > 0 && !slices.ContainsFunc(c.codes, func(p string) bool { return selection.MatchText(p, f.Code) }):
		return false
	case c.folders == nil:
		return true
	}
	folders, known := c.folders[f.Mailbox]
	return known && folders.Folder(f.FolderPath, folders.roles[f.FolderID])
}

// all yields the chosen failures.
func (c *failureChoice) all(st *store.Store) iter.Seq2[store.Failure, error] {
	return func(yield func(store.Failure, error) bool) {
		for f, err := range st.Failures(c.filter) {
			if (err != nil || c.takes(f)) && !yield(f, err) {
				return
			}
		}
	}
}

// shownID is how much of a failure's hash is shown; shortestID is how much of it
// one may type, if it is enough to tell it from others.
const (
	shownID    = 10
	shortestID = 4
)

func failureID(f store.Failure) string { return f.Hash()[:shownID] }

// failuresByID finds failures by what 'failures list' shows: an id, or its
// beginning, means one failure; the id of an item means all its failures. An id
// that means none, or more than one failure, is refused.
func failuresByID(st *store.Store, ids []string) ([]store.Failure, error) {
	items, hashes := make(map[string]int), make(map[string]int) // what was asked for -> failures that it means
	lengths := make(map[int]bool)
	for _, id := range ids {
		items[id] = 0
		if len(id) >= shortestID {
			hashes[strings.ToLower(id)], lengths[len(id)] = 0, true
		}
	}
	var chosen []store.Failure
	for f, err := range st.Failures(store.FailureFilter{}) {
		if err != nil {
			return nil, err
		}
		_, take := items[f.ItemID]
		if take {
			items[f.ItemID]++
		}
		hash := f.Hash()
		for n := range lengths {
			if begin := hash[:min(n, len(hash))]; len(begin) == n {
				if _, asked := hashes[begin]; asked {
					hashes[begin]++
					take = true
				}
			}
		}
		if take {
			chosen = append(chosen, f)
		}
	}
	for _, id := range ids {
		switch n := hashes[strings.ToLower(id)]; {
		case n > 1:
			return nil, usagef("%s means %d failures: give more of the id, or the id of the item", id, n)
		case n == 0 && items[id] == 0:
			return nil, usagef("no failure of item %s: see 'mailferry failures list'", id)
		}
	}
	return chosen, nil
}
