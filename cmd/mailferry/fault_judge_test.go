package main

import (
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"mailferry/ews/ewstest"
	"mailferry/ews/ewstest/mailbox"
	"mailferry/fts"
	"mailferry/store"
)

// addTwins puts equal items into the inbox and one into the sent items.
func addTwins(t *testing.T, server *ewstest.Server) {
	t.Helper()
	box := server.Mailbox(killSource)
	inbox, ok := box.Distinguished("inbox")
	sent, ok2 := box.Distinguished("sentitems")
	if !ok || !ok2 {
		t.Fatal("the sample lacks an inbox or sent items")
	}
	first := box.Items(inbox.ID)[0]
	for _, folder := range []uint64{sent.ID, inbox.ID, inbox.ID} {
		if _, err := box.Add(folder, first.Message, mailbox.AddOptions{}); err != nil {
			t.Fatal(err)
		}
	}
}

// visible calls use for each item that commands move without being asked for more.
func (f *ferry) visible(server *ewstest.Server, address string, use func(folder mailbox.InventoryFolder, it mailbox.InventoryItem)) {
	f.t.Helper()
	inventory, err := server.Inventory(address)
	if err != nil {
		f.t.Fatal(err)
	}
	byID := make(map[string]mailbox.InventoryFolder)
	for _, folder := range inventory.Folders {
		byID[folder.ID] = folder
	}
	shown := func(at mailbox.InventoryFolder) bool {
		for range len(byID) {
			if at.Hidden || at.Archive || at.Search {
				return false
			}
			if at.Distinguished == "msgfolderroot" {
				return true
			}
			at = byID[at.Parent]
		}
		return false
	}
	for _, folder := range inventory.Folders {
		if !shown(folder) {
			continue
		}
		for _, it := range folder.Items {
			if !it.Associated {
				use(folder, it)
			}
		}
	}
}

func placeOf(folder mailbox.InventoryFolder) string { return folder.Path + " (" + folder.Class + ")" }

// survey notes what there is to move, and chooses the item that faults hit: one
// of the inbox that has no twin.
func (f *ferry) survey() {
	f.t.Helper()
	f.items = make(map[string]exportable)
	contents := make(map[string]int)
	inbox := make(map[string]bool)
	f.visible(f.source, killSource, func(folder mailbox.InventoryFolder, it mailbox.InventoryItem) {
		f.items[it.ID] = exportable{placeOf(folder), it.Subject, it.Content}
		contents[it.Content]++
		inbox[it.ID] = folder.Distinguished == "inbox"
	})
	for id, it := range f.items {
		if inbox[id] && contents[it.content] == 1 && (f.chosen == "" || id < f.chosen) {
			f.chosen = id
		}
	}
	if f.chosen == "" || len(f.items) < 40 {
		f.t.Fatalf("the sample holds too little: %d items", len(f.items))
	}
}

// stored calls use for each item that the store holds.
func (f *ferry) stored(use func(st *store.Store, folder store.Folder, it store.Item)) {
	f.t.Helper()
	st, err := store.Open(f.dir, store.OpenOptions{ReadOnly: true})
	if err != nil {
		f.t.Fatal(err)
	}
	defer st.Close()
	folders, err := st.Folders(killSource)
	if err != nil {
		f.t.Fatal(err)
	}
	for _, folder := range folders {
		for it, err := range st.Items(killSource, folder.ID) {
			if err != nil {
				f.t.Fatal(err)
			}
			if !it.Deleted {
				use(st, folder, it)
			}
		}
	}
}

// hitName is how faults of a command's server call the chosen item.
func (f *ferry) hitName(command string) string {
	f.t.Helper()
	name := ""
	switch command {
	case "export":
		return f.chosen
	case "upload":
		f.stored(func(_ *store.Store, _ store.Folder, it store.Item) {
			if it.ID == f.chosen {
				name = hex.EncodeToString(it.SHA256[:])
			}
		})
	case "verify":
		f.visible(f.target, killTarget, func(_ mailbox.InventoryFolder, it mailbox.InventoryItem) {
			if it.Content == f.items[f.chosen].content {
				name = it.ID
			}
		})
	}
	if name == "" {
		f.t.Fatal("the chosen item is not there")
	}
	return name
}

// judgeStore returns what the store lacks of the wanted items. It must hold
// nothing else, and each as it is at the source.
func (f *ferry) judgeStore(want map[string]exportable) (missing []string) {
	f.t.Helper()
	held := make(map[string]bool)
	f.stored(func(st *store.Store, _ store.Folder, it store.Item) {
		blob, err := st.OpenBlob(it)
		if err != nil {
			f.t.Fatal(err)
		}
		defer blob.Close()
		content, err := fts.ReadContent(blob)
		if err != nil {
			f.t.Errorf("item %s in the store: %v", it.ID, err)
			return
		}
		sum := content.Sum()
		switch w, wanted := want[it.ID]; {
		case !wanted:
			f.t.Errorf("the store holds item %s, which it should not", it.ID)
		case held[it.ID]:
			f.t.Errorf("the store holds item %s twice", it.ID)
		case hex.EncodeToString(sum[:]) != w.content:
			f.t.Errorf("item %s differs in the store", it.ID)
		}
		held[it.ID] = true
	})
	for id := range want {
		if !held[id] {
			missing = append(missing, id)
		}
	}
	return missing
}

// judgeTarget returns what the target lacks of the wanted items. It must hold
// nothing else, and nothing more often than the source.
func (f *ferry) judgeTarget(want map[string]exportable) (missing []string) {
	f.t.Helper()
	count := make(map[string]int)
	for _, it := range want {
		count[it.place+" "+it.content]++
	}
	f.visible(f.target, killTarget, func(folder mailbox.InventoryFolder, it mailbox.InventoryItem) {
		count[placeOf(folder)+" "+it.Content]--
	})
	for key, n := range count {
		if n < 0 {
			f.t.Errorf("the target holds %d too many of %s", -n, key)
		}
		for range n {
			missing = append(missing, key)
		}
	}
	return missing
}

// judgeFailures checks that exactly what could not be moved is listed.
func (f *ferry) judgeFailures(o outcome, code string) {
	f.t.Helper()
	var got []string
	for _, failure := range f.failures() {
		got = append(got, failure.Item)
		if o == listed && failure.Code != code {
			f.t.Errorf("the failure's code is %q instead of %q", failure.Code, code)
		}
		if it := f.items[failure.Item]; failure.Subject != it.subject || failure.Folder == "" || failure.Text == "" || failure.Attempts == 0 {
			f.t.Errorf("the failure tells too little: %+v", failure)
		}
	}
	var want []string
	if o == listed {
		want = []string{f.chosen}
	}
	if !slices.Equal(got, want) {
		f.t.Errorf("failures are listed of %q instead of %q", got, want)
	}
}

// failureLine is a line of "failures list --json".
type failureLine struct {
	Item, Folder, Subject, Code, Text string
	Attempts                          int
}

func (f *ferry) failures() []failureLine {
	f.t.Helper()
	s := f.program("failures", "list")
	if s.code != exitDone {
		f.t.Fatalf("failures list: exit code %d\n%s", s.code, s.errors)
	}
	return jsonLines[failureLine](f.t, s.out)
}

func jsonLines[T any](t *testing.T, text string) []T {
	t.Helper()
	var all []T
	d := json.NewDecoder(strings.NewReader(text))
	for d.More() {
		var one T
		if err := d.Decode(&one); err != nil {
			t.Fatalf("%v in %q", err, tail(text))
		}
		all = append(all, one)
	}
	return all
}

// judgeFindings checks that verify finds fault with exactly the chosen item.
func (f *ferry) judgeFindings(o outcome, out string) {
	f.t.Helper()
	var found []string
	for _, line := range jsonLines[struct{ Event, Item, Kind string }](f.t, out) {
		if line.Event == "finding" {
			found = append(found, line.Item)
		}
	}
	var want []string
	if o == listed {
		want = []string{f.chosen}
	}
	if !slices.Equal(found, want) {
		f.t.Errorf("verify finds %q instead of %q", found, want)
	}
}
