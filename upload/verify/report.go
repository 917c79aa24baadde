package verify

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"sync"

	"mailferry/fts"
	"mailferry/store"
)

// maxFindings is how many findings a report lists; all are counted.
const maxFindings = 1000

// FindingKind says what is wrong with an item.
type FindingKind string

// The kinds of findings.
const (
	Missing      FindingKind = "missing"      // the target does not have it
	Doubled      FindingKind = "doubled"      // the target has it more often than the store
	Different    FindingKind = "different"    // the target's content is not the stored one
	Unverifiable FindingKind = "unverifiable" // it is there, and could not be compared
)

// Finding is one item that is not as it should be. Folder and Subject are mail
// content: they belong in a report, not in a log.
type Finding struct {
	Kind     FindingKind `json:"kind"`
	Folder   string      `json:"folder"` // path at the source
	Subject  string      `json:"subject,omitempty"`
	Class    string      `json:"class,omitempty"`
	Item     string      `json:"item,omitempty"`      // source item id
	TargetID string      `json:"target_id,omitempty"` // id at the target
	What     string      `json:"what"`                // "missing PidTagSubject (0x0037)", ...
	Count    int         `json:"count,omitempty"`     // Count: how many items of the folder
}

// Group counts the items with one and the same finding.
type Group struct {
	What    string   `json:"what"`
	Items   int      `json:"items"`
	Folders []string `json:"folders"` // the first ones, by path
}

// Report is what Verify came to.
type Report struct {
	Level        Level `json:"level"`
	Folders      int   `json:"folders"`  // folders that were looked at
	Checked      int   `json:"checked"`  // items that were looked for
	Compared     int   `json:"compared"` // items whose content was compared
	Equal        int   `json:"equal"`    // of these
	Different    int   `json:"different"`
	Missing      int   `json:"missing"`
	Doubled      int   `json:"doubled"`
	Unverifiable int   `json:"unverifiable"`
	Accepted     int   `json:"accepted"` // not at the target, as a person accepted; not among Missing

	Findings []Finding `json:"findings,omitempty"` // the first ones
	Unlisted int       `json:"unlisted,omitempty"` // findings beyond these
	Groups   []Group   `json:"groups,omitempty"`   // the most frequent first
}

// OK says that everything that was looked for is there, once, and equal as far
// as it was compared.
func (r Report) OK() bool {
	return r.Missing == 0 && r.Doubled == 0 && r.Different == 0 && r.Unverifiable == 0
}

// tally fills a report; several workers may use it.
type tally struct {
	mu     sync.Mutex
	report Report
	groups map[string]*Group
}

// mostFolders is how many folders a group names.
const mostFolders = 10

// otherGroup takes what is found when there are as many groups as a report has.
const otherGroup = "other differences"

// group counts an item under what was found.
func (t *tally) group(what, folder string, items int) {
	g := t.groups[what]
	if g == nil && len(t.groups) >= maxFindings {
		what = otherGroup
		g = t.groups[what]
	}
	if g == nil {
		g = &Group{What: what}
		t.groups[what] = g
	}
	g.Items += items
	if len(g.Folders) < mostFolders && !slices.Contains(g.Folders, folder) {
		g.Folders = append(g.Folders, folder)
	}
}

// list adds a finding to the list as long as there is room.
func (t *tally) list(f Finding) {
	if len(t.report.Findings) >= maxFindings {
		t.report.Unlisted++
		return
	}
	t.report.Findings = append(t.report.Findings, f)
}

// finding is what is said of any item.
func finding(kind FindingKind, it store.Item, folder *store.Folder, targetID, what string) Finding {
	return Finding{
		Kind: kind, Folder: folder.Path, Subject: it.Catalogue.Subject, Class: it.Catalogue.Class,
		Item: it.ID, TargetID: targetID, What: what,
	}
}

// note counts and lists a finding that is its own group.
func (t *tally) note(f Finding, items int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch f.Kind {
	case Missing:
		t.report.Missing += items
	case Doubled:
		t.report.Doubled += items
	case Different:
		t.report.Different += items
	case Unverifiable:
		t.report.Unverifiable += items
	}
	t.group(string(f.Kind), f.Folder, items)
	t.list(f)
}

// mostNamed is how many differences a finding names.
const mostNamed = 5

// compared notes the outcome of one comparison.
func (t *tally) compared(it store.Item, folder *store.Folder, targetID string, differences []fts.Difference) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.report.Compared++
	if len(differences) == 0 {
		t.report.Equal++
		return
	}
	t.report.Different++
	var names []string
	for _, d := range differences {
		name := differenceName(d)
		if !slices.Contains(names, name) {
			names = append(names, name)
			t.group(name, folder.Path, 1)
		}
	}
	what := strings.Join(names[:min(len(names), mostNamed)], "; ")
	if more := len(names) - mostNamed; more > 0 {
		what += fmt.Sprintf("; and %d more", more)
	}
	t.list(finding(Different, it, folder, targetID, what))
}

// differenceName is the same for the same property of any recipient, of any
// attachment, and of messages embedded at any depth.
func differenceName(d fts.Difference) string {
	var parts []string
	for part := range strings.SplitSeq(d.Where, " > ") {
		part = strings.TrimRight(part, "0123456789 ")
		if part != "" && !slices.Contains(parts, part) {
			parts = append(parts, part)
		}
	}
	where := strings.Join(parts, " > ")
	switch {
	case where == "":
		return string(d.Kind) + " " + d.Property
	case d.Property == "":
		return string(d.Kind) + " " + where
	}
	return string(d.Kind) + " " + d.Property + " of " + where
}

// finish puts the report together.
func (t *tally) finish() Report {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, g := range t.groups {
		t.report.Groups = append(t.report.Groups, *g)
	}
	slices.SortFunc(t.report.Groups, func(a, b Group) int {
		return cmp.Or(cmp.Compare(b.Items, a.Items), cmp.Compare(a.What, b.What))
	})
	return t.report
}
