package export

import (
	"fmt"
	"strings"
	"testing"

	"mailferry/ews"
	"mailferry/store"
)

// made builds a tree of folders as a server lists them.
func made(folders ...ews.Folder) *tree {
	t := &tree{byID: make(map[string]*node), listed: make(map[string]bool), base: make(map[string]base), roles: map[string]string{"in": "inbox"}}
	for _, root := range []struct{ id, name string }{{"top", "msgfolderroot"}, {"all", "root"}, {"rec", "recoverableitemsroot"}} {
		t.add(ews.Folder{ID: root.id, ParentID: "all", Name: root.name}, root.id)
		t.base[root.id] = bases[root.name]
	}
	for _, f := range folders {
		t.add(f, "all")
	}
	for _, n := range t.order {
		t.place(n)
	}
	return t
}

func paths(t *tree, o Options) string {
	var all []string
	for _, f := range t.inReach(o) {
		all = append(all, fmt.Sprintf("%s:%s", f.Root, f.Path))
	}
	return strings.Join(all, " ")
}

func TestFoldersArePlacedByTheirAncestors(t *testing.T) {
	tr := made(
		ews.Folder{ID: "sub", ParentID: "in", Name: "a/b", Element: "Folder"},
		ews.Folder{ID: "in", ParentID: "top", Name: "Inbox", Element: "Folder"},
		ews.Folder{ID: "find", ParentID: "in", Name: "Unread", Element: "SearchFolder"},
		ews.Folder{ID: "views", ParentID: "all", Name: "Common Views", Element: "Folder"},
		ews.Folder{ID: "del", ParentID: "rec", Name: "Deletions", Element: "Folder"},
		ews.Folder{ID: "odd", ParentID: "top", Name: "#odd", Element: "Folder", Hidden: true},
		ews.Folder{ID: "below", ParentID: "odd", Name: "below", Element: "Folder"},
		ews.Folder{ID: "c1", ParentID: "c2", Name: "c1", Element: "Folder"},
		ews.Folder{ID: "c2", ParentID: "c1", Name: "c2", Element: "Folder"},
		ews.Folder{ID: "in", ParentID: "top", Name: "told twice", Element: "Folder"},
	)
	if got, want := paths(tr, Options{}), `primary:Inbox/a\/b primary:Inbox`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	got := paths(tr, Options{Hidden: true, Recoverable: true})
	for _, want := range []string{"root:#root/Common Views", "recoverable:#recoverable/Deletions", `primary:\#odd/below`, "root:#root/c", "primary:Inbox"} {
		if !strings.Contains(got, want) {
			t.Errorf("%s is not in %s", want, got)
		}
	}
	for _, f := range tr.inReach(Options{}) {
		if f.ID == "in" && f.Distinguished != "inbox" {
			t.Errorf("role %q", f.Distinguished)
		}
	}
}

func TestNestingIsBounded(t *testing.T) {
	folders := []ews.Folder{{ID: "0", ParentID: "top", Name: "f", Element: "Folder"}}
	for i := 1; i < 10000; i++ {
		folders = append(folders, ews.Folder{ID: fmt.Sprint(i), ParentID: fmt.Sprint(i - 1), Name: "a name of some length", Element: "Folder"})
	}
	tr := made(folders...)
	if known := tr.inReach(Options{}); len(known) != maxDepth || len(tr.tooDeep) != 10000-maxDepth {
		t.Errorf("%d folders are taken, %d left out", len(known), len(tr.tooDeep))
	}
	for _, n := range tr.order {
		if len(n.path) > 100*maxDepth {
			t.Fatalf("a path of %d bytes", len(n.path))
		}
	}
}

func TestGoneOnlyWhereItWasListed(t *testing.T) {
	tr := made(ews.Folder{ID: "in", ParentID: "top", Name: "Inbox"})
	tr.listed["msgfolderroot"] = true
	for _, c := range []struct {
		f    store.Folder
		want bool
	}{
		{store.Folder{ID: "in", Root: store.Primary}, false},
		{store.Folder{ID: "old", Root: store.Primary, Path: "Old"}, true},
		{store.Folder{ID: "old", Root: store.Primary, Path: "Old", Gone: true}, false},
		{store.Folder{ID: "a", Root: store.Archive, Path: "#archive/A"}, false},
		{store.Folder{ID: "r", Root: store.Recoverable, Path: "#recoverable/R"}, false},
	} {
		if got := tr.gone(c.f); got != c.want {
			t.Errorf("%+v: gone is %v", c.f, got)
		}
	}
	tr.listed["recoverableitemsroot"] = true
	if !tr.gone(store.Folder{ID: "r", Root: store.Recoverable, Path: "#recoverable/R"}) ||
		tr.gone(store.Folder{ID: "r", Root: store.Recoverable, Path: "#archive/#recoverable/R"}) {
		t.Error("recoverable items have two roots")
	}
}

func TestMarkIsReadAsWritten(t *testing.T) {
	for _, m := range []mark{{}, {associated: true}, {find: true}, {resync: true}, {associated: true, find: true, resync: true}} {
		got, state := readMark(m.with("H4sI:x"))
		if got != m || state != "H4sI:x" {
			t.Errorf("%+v became %+v, %q", m, got, state)
		}
	}
	if m, state := readMark(""); m != (mark{}) || state != "" {
		t.Errorf("no state: %+v, %q", m, state)
	}
}
