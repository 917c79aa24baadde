package selection

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// ErrUsage is what errors about what a user wrote are, by errors.Is.
var ErrUsage = errors.New("wrong usage")

// usageError is one line for the user; it is ErrUsage.
type usageError struct{ text string }

func (e usageError) Error() string        { return e.text }
func (e usageError) Is(target error) bool { return target == ErrUsage }

func usagef(format string, args ...any) error {
	return usageError{fmt.Sprintf(format, args...)}
}

// Selection chooses folders and items. The zero value chooses everything.
//
// Patterns that begin with a well-known name and go on below it can be matched
// only after Validate learned from the folders where that role is.
type Selection struct {
	Folders []string  // patterns; none: every folder
	Exclude []string  // patterns; they win over Folders
	Since   time.Time // at or after; zero: no bound
	Until   time.Time // before; zero: no bound
	Class   []string  // globs on the message class, "*" is any text; none: every class
	Larger  int64     // more bytes than this; 0: no bound
	Smaller int64     // fewer bytes than this; 0: no bound
	Items   []string  // item ids, case-sensitive; none: every item

	roles map[string]string // distinguished name -> path, from Validate
}

// Text is a selection as the flags spell it.
type Text struct {
	Folders, Exclude []string
	Since, Until     string
	Class            []string
	Larger, Smaller  string
	Items            []string
}

// Parse reads a selection. Errors are ErrUsage.
func Parse(t Text) (Selection, error) {
	s := Selection{Folders: t.Folders, Exclude: t.Exclude, Class: t.Class, Items: t.Items}
	for _, flag := range []struct {
		name     string
		patterns []string
	}{{"--folder", t.Folders}, {"--exclude", t.Exclude}} {
		for _, p := range flag.patterns {
			if err := CheckPattern(p); err != nil {
				return Selection{}, usagef("%s %q: %v", flag.name, p, err)
			}
		}
	}
	for _, c := range t.Class {
		if c == "" {
			return Selection{}, usagef("--class: the pattern is empty; give a message class such as 'IPM.Note*'")
		}
	}
	for _, id := range t.Items {
		if id == "" {
			return Selection{}, usagef("--item: the id is empty; 'mailferry ls MAILBOX/FOLDER' shows ids")
		}
	}
	var err error
	if t.Since != "" {
		if s.Since, err = ParseSince(t.Since); err != nil {
			return Selection{}, usagef("--since: %v", err)
		}
	}
	if t.Until != "" {
		if s.Until, err = ParseUntil(t.Until); err != nil {
			return Selection{}, usagef("--until: %v", err)
		}
	}
	if !s.Since.IsZero() && !s.Until.IsZero() && !s.Since.Before(s.Until) {
		return Selection{}, usagef("--since %s is not before the end of --until %s: nothing could be selected", t.Since, t.Until)
	}
	if t.Larger != "" {
		if s.Larger, err = ParseSize(t.Larger); err != nil {
			return Selection{}, usagef("--larger: %v", err)
		}
	}
	if t.Smaller != "" {
		if s.Smaller, err = ParseSize(t.Smaller); err != nil {
			return Selection{}, usagef("--smaller: %v", err)
		}
		if s.Smaller == 0 {
			return Selection{}, usagef("--smaller %s: no item is smaller than that", t.Smaller)
		}
	}
	if s.Smaller > 0 && s.Larger >= s.Smaller {
		return Selection{}, usagef("--larger %s and --smaller %s: nothing could be selected", t.Larger, t.Smaller)
	}
	return s, nil
}

// IsZero says that everything is chosen.
func (s Selection) IsZero() bool {
	return len(s.Folders) == 0 && len(s.Exclude) == 0 && !s.ChoosesItems()
}

// ChoosesItems says that the selection looks at items, not at folders alone.
func (s Selection) ChoosesItems() bool {
	return s.NeedsDate() || s.NeedsClass() || s.NeedsSize() || len(s.Items) > 0
}

// NeedsDate says that Item looks at the time of receipt.
func (s Selection) NeedsDate() bool { return !s.Since.IsZero() || !s.Until.IsZero() }

// NeedsClass says that Item looks at the message class.
func (s Selection) NeedsClass() bool { return len(s.Class) > 0 }

// NeedsSize says that Item looks at the size.
func (s Selection) NeedsSize() bool { return s.Larger > 0 || s.Smaller > 0 }

// Folder says whether a folder is chosen. distinguished is the name of its role
// as EWS spells it, or empty.
func (s Selection) Folder(path, distinguished string) bool {
	for _, p := range s.Exclude {
		if s.matches(p, path, distinguished) {
			return false
		}
	}
	if len(s.Folders) == 0 {
		return true
	}
	for _, p := range s.Folders {
		if s.matches(p, path, distinguished) {
			return true
		}
	}
	return false
}

// Item is what a selection looks at in an item. What is not known is left zero.
type Item struct {
	ID       string
	Class    string
	Size     int64     // bytes
	Received time.Time // else the time of creation
}

// Item says whether an item of a chosen folder is chosen.
func (s Selection) Item(it Item) bool {
	switch {
	case len(s.Items) > 0 && !slices.Contains(s.Items, it.ID):
		return false
	case s.Larger > 0 && it.Size <= s.Larger, s.Smaller > 0 && it.Size >= s.Smaller:
		return false
	case !it.Received.IsZero() && !s.Since.IsZero() && it.Received.Before(s.Since):
		return false
	case !it.Received.IsZero() && !s.Until.IsZero() && !it.Received.Before(s.Until):
		return false
	}
	if len(s.Class) == 0 {
		return true
	}
	for _, pattern := range s.Class {
		if MatchText(pattern, it.Class) {
			return true
		}
	}
	return false
}
