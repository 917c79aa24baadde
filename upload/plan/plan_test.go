package plan

import (
	"context"
	"path/filepath"
	"testing"

	"mailferry/store"
	"mailferry/upload/place"
)

func open(t *testing.T) *store.Store {
	t.Helper()
	st, err := store.Open(filepath.Join(t.TempDir(), "store"), store.OpenOptions{Create: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := st.Close(); err != nil {
			t.Error(err)
		}
	})
	return st
}

func TestWhichFoldersAreChosen(t *testing.T) {
	t.Parallel()
	everything := place.Trees{Hidden: true, Archive: true, Recoverable: true, Public: true}
	for name, c := range map[string]struct {
		folder     store.Folder
		plain, all bool // chosen without flags, and with all of them
	}{
		"visible":     {store.Folder{Path: "A", Root: store.Primary}, true, true},
		"gone":        {store.Folder{Path: "A", Root: store.Primary, Gone: true}, false, true},
		"hidden":      {store.Folder{Path: "A", Root: store.Primary, Hidden: true}, false, true},
		"beside":      {store.Folder{Path: "#hidden/A", Root: store.Hidden}, false, true},
		"archive":     {store.Folder{Path: "#archive/A", Root: store.Archive}, false, true},
		"recoverable": {store.Folder{Path: "#recoverable/A", Root: store.Recoverable}, false, true},
		"public":      {store.Folder{Path: "#public/A", Root: store.Public}, false, true},
	} {
		plain, all := Choice{}, Choice{Trees: everything, Deleted: true}
		if got := plain.Folder(c.folder); got != c.plain {
			t.Errorf("%s: %v", name, got)
		}
		if got := all.Folder(c.folder); got != c.all {
			t.Errorf("%s with all flags: %v", name, got)
		}
	}
}

func TestHowFarAnItemIs(t *testing.T) {
	t.Parallel()
	st := open(t)
	j, err := st.Journal("bob@new.example")
	if err != nil {
		t.Fatal(err)
	}
	it := store.Item{}
	it.Mailbox, it.Folder, it.ID, it.ChangeKey, it.SHA256 = "alice@old.example", "F", "1", "k", [32]byte{1}
	old := it
	old.ChangeKey, old.SHA256 = "j", [32]byte{2}
	touched := it
	touched.ChangeKey = "j"
	entry := func(of store.Item, state store.State, id string) store.JournalEntry {
		return store.JournalEntry{Source: of.ItemKey, SHA256: of.SHA256, State: state, TargetFolder: "F", TargetID: id}
	}
	put := func(e store.JournalEntry) error {
		if e.State == store.StateSent {
			return j.Intend(context.Background(), []store.JournalEntry{e})
		}
		return j.Settle(context.Background(), []store.JournalEntry{e})
	}
	for _, c := range []struct {
		name  string
		entry *store.JournalEntry
		want  Standing
	}{
		{"nothing", nil, IsNew},
		{"done", new(entry(it, store.StateDone, "T")), IsDone},
		{"only the change key is another", new(entry(touched, store.StateDone, "T")), IsDone},
		{"an older version", new(entry(old, store.StateDone, "T")), IsChanged},
		{"failed", new(entry(it, store.StateFailed, "")), IsNew},
		{"failed to replace", new(entry(it, store.StateFailed, "T")), IsChanged},
		{"to be sent again", new(entry(it, store.StatePending, "")), IsNew},
		{"to be replaced again", new(entry(it, store.StatePending, "T")), IsChanged},
		{"on its way", new(entry(it, store.StateSent, "")), IsOpen},
	} {
		if c.entry != nil {
			if err := put(*c.entry); err != nil {
				t.Fatal(err)
			}
		}
		if got, _, err := Stand(j, it); err != nil || got != c.want {
			t.Errorf("%s: %v, %v", c.name, got, err)
		}
	}
}

func TestOneFolderInOtherWords(t *testing.T) {
	t.Parallel()
	st := open(t)
	j, err := st.Journal("bob@new.example/From Alice")
	if err != nil {
		t.Fatal(err)
	}
	if err := j.PutBaseline(t.Context(), store.FolderBaseline{Folder: "F"}); err != nil {
		t.Fatal(err)
	}
	const target = "bob@new.example"
	for into, want := range map[string]string{
		"": target, "From Alice": target + "/From Alice", "from alice": target + "/From Alice", "#root/From Alice ": target + "/From Alice",
		"From Alice/2": target + "/From Alice/2", "#inbox/From Alice": target + "/#inbox/From Alice", `From\/Alice`: target + `/From\/Alice`,
	} {
		if got, err := JournalName(st, "Bob@New.Example", into); err != nil || got != want {
			t.Errorf("%q: %q, %v", into, got, err)
		}
	}
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{"#sent", "#sentitems", true}, {"#inbox/A", "#Inbox/a", true}, {"A/B", `A\/B`, false}, {"#root/A", "a", true}, {`\#x`, "#inbox", false},
	} {
		if got := sameFolder(c.a, c.b); got != c.want {
			t.Errorf("%q and %q: %v", c.a, c.b, got)
		}
	}
}
