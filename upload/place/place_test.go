package place

import (
	"errors"
	"testing"

	"mailferry/internal/selection"
	"mailferry/store"
)

// tree is a target with well-known folders in German and a few of its own.
func tree() *Tree {
	t := &Tree{byID: make(map[string]*Node), roles: make(map[string]*Node)}
	parents := make(map[string]string)
	add := func(parent, id, name, role string) {
		n := &Node{ID: id, Name: name, Role: role}
		t.byID[id] = n
		parents[id] = parent
		if role != "" {
			t.roles[role] = n
		}
	}
	add("", "root", "Oberste Ebene", "msgfolderroot")
	add("root", "inbox", "Posteingang", "inbox")
	add("root", "sent", "Gesendet", "sentitems")
	add("inbox", "projects", "Projects", "")
	add("root", "sales", "Sales", "")
	add("ring1", "ring2", "b", "")
	add("ring2", "ring1", "a", "")
	t.link(parents)
	return t
}

// folders of a source in English.
func folders() []store.Folder {
	f := func(id, parent, path, name, role string) store.Folder {
		return store.Folder{ID: id, ParentID: parent, Path: path, Name: name, Distinguished: role, Root: store.Primary, Class: "IPF.Note"}
	}
	return []store.Folder{
		f("R", "", "", "Top", "msgfolderroot"),
		f("I", "R", "Inbox", "Inbox", "inbox"),
		f("IP", "I", "Inbox/projects", "projects", ""),
		f("IPX", "IP", "Inbox/projects/X", "X", ""),
		f("S", "R", "Sent Items", "Sent Items", "sentitems"),
		f("P", "R", "Posteingang", "Posteingang", ""),
		f("L", "R", "SALES ", "SALES ", ""),
		f("J", "R", "Journal", "Journal", "journal"),
		f("O", "gone", "Old/Deep/Leaf", "Leaf", ""),
		f("N", "R", "", "", ""),
	}
}

func TestPlaces(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		into  string
		rules map[string]string
		want  map[string]string // source folder id -> path at the target, "+" before what is planned
	}{
		"by role, then by name": {want: map[string]string{
			"R": "#root", "I": "Posteingang", "S": "Gesendet", "IP": "Posteingang/Projects", "IPX": "+Posteingang/Projects/X",
			"P": "+Posteingang (1)", "L": "Sales", "J": "+Journal", "O": "+Old/Deep/Leaf", "N": "+Folder without a name",
		}},
		"into a folder roles mean nothing": {into: "From", want: map[string]string{
			"R": "+From", "I": "+From/Inbox", "S": "+From/Sent Items", "P": "+From/Posteingang", "IPX": "+From/Inbox/projects/X",
		}},
		"into one that exists": {into: "sales", want: map[string]string{"I": "+Sales/Inbox", "R": "Sales"}},
		"into a role":          {into: "#inbox/Old", want: map[string]string{"R": "+Posteingang/Old", "I": "+Posteingang/Old/Inbox"}},
		"a rule takes what is below along": {rules: map[string]string{"#inbox": "Sales/In"}, want: map[string]string{
			"I": "+Sales/In", "IP": "+Sales/In/projects", "IPX": "+Sales/In/projects/X", "S": "Gesendet",
		}},
		"the longest rule wins": {rules: map[string]string{"Inbox": "A", "Inbox/projects": "#sent"}, want: map[string]string{
			"I": "+A", "IP": "Gesendet", "IPX": "+Gesendet/X",
		}},
		"two into one":          {rules: map[string]string{"#inbox": "A", "#sent": "a "}, want: map[string]string{"I": "+A", "S": "+A"}},
		"rules are below into":  {into: "From", rules: map[string]string{"#inbox": "In"}, want: map[string]string{"I": "+From/In", "S": "+From/Sent Items"}},
		"a slash in a name":     {rules: map[string]string{"#inbox": `a\/b`}, want: map[string]string{"I": `+a\/b`}},
		"the root can be moved": {rules: map[string]string{"#root": "All"}, want: map[string]string{"R": "+All", "L": "+All/SALES ", "I": "+All/Inbox"}},
	} {
		source := folders()
		p, err := New(tree(), source, c.into, c.rules)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for i := range source {
			want, asked := c.want[source[i].ID]
			if !asked {
				continue
			}
			n, err := p.Place(&source[i])
			if err != nil {
				t.Errorf("%s: %s: %v", name, source[i].ID, err)
				continue
			}
			got := n.Path()
			if n.ID == "" {
				got = "+" + got
			}
			if got != want {
				t.Errorf("%s: %s goes to %q, want %q", name, source[i].ID, got, want)
			}
		}
	}
}

func TestPlacesThatAreRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		into  string
		rules map[string]string
	}{
		"no such source":      {rules: map[string]string{"Nothing": "A"}},
		"no such role":        {rules: map[string]string{"#journal": "#notes"}},
		"a pattern":           {into: "A*"},
		"an empty name":       {into: "A//B"},
		"one folder, 2 words": {rules: map[string]string{"#inbox": "A", "INBOX": "B"}},
	} {
		if _, err := New(tree(), folders(), c.into, c.rules); !errors.Is(err, selection.ErrUsage) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestNamesAlike(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{"Sales", "sales", true},
		{" Sales", "Sales ", true},
		{"Straße", "straße", true},
		{"ÄRGER", "ärger", true},
		{"Sales", "Sales 2", false},
		{"a b", "ab", false},
		{"", " ", true},
	} {
		if alike(c.a, c.b) != c.want {
			t.Errorf("%q and %q: %v", c.a, c.b, !c.want)
		}
	}
	n := &Node{ID: "x", Name: "top"}
	for _, name := range []string{"sales", "Sales"} {
		n.plan(name, "")
	}
	if got := n.child("Sales").Name; got != "Sales" {
		t.Errorf("the folder of the very name is not taken, but %q", got)
	}
}

func TestARingOfFoldersHasAnEnd(t *testing.T) {
	t.Parallel()
	source := []store.Folder{
		{ID: "A", ParentID: "B", Path: "A", Name: "A", Root: store.Primary},
		{ID: "B", ParentID: "A", Path: "B", Name: "B", Root: store.Primary},
	}
	p, err := New(tree(), source, "", nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := range source {
		n, err := p.Place(&source[i])
		if err != nil || n.Depth() > 4 {
			t.Errorf("%s: %v", source[i].ID, err)
		}
	}
}
