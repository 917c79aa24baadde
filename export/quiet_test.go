package export_test

import (
	"testing"
	"time"

	"mailferry/ews/ewstest"
	"mailferry/ews/ewstest/mailbox"
	"mailferry/export"
)

// TestUnchangedFolders: folders that the server's list shows to be unchanged are
// not asked for changes, and no change is missed.
func TestUnchangedFolders(t *testing.T) {
	// The server's clock is ahead of the times in its mailboxes: all is long ago.
	w := newWorld(t, "sample:120:4", func(o *ewstest.Options) { o.ClockSkew = 10 * time.Minute })
	first := w.run()
	if first.Unchanged != 0 {
		t.Errorf("the first run took %d folders for unchanged", first.Unchanged)
	}
	before := w.server.Stats()
	again := w.run()
	_, byOp := w.requests(before)
	if again.Unchanged != again.Folders || again.Moved != 0 || again.Found != first.Found {
		t.Errorf("nothing happened, and of %d folders %d were unchanged: %+v", again.Folders, again.Unchanged, again)
	}
	if n := byOp["SyncFolderItems"]; n != 0 {
		t.Errorf("%d requests for changes where there are none", n)
	}
	if s := w.run(func(o *export.Options) { o.EveryFolder = true }); s.Unchanged != 0 {
		t.Errorf("every folder was to be asked, %d were not", s.Unchanged)
	}
	if s := w.run(func(o *export.Options) { o.Associated = true }); s.Unchanged != 0 || s.Found < first.Found {
		t.Errorf("associated items were never asked for, and %d folders count as unchanged", s.Unchanged)
	}

	unread := false
	draft := w.inFolder("drafts")
	w.apply(ewstest.Change{Do: "move", Item: w.inFolder("inbox"), To: "sentitems"})
	w.apply(ewstest.Change{Do: "delete", Item: w.inFolder("contacts")})
	w.apply(ewstest.Change{Do: "read", Item: draft, Read: &unread})
	w.apply(ewstest.Change{Do: "read", Item: draft})
	w.apply(ewstest.Change{Do: "add", Folder: "tasks", Count: 2})
	s := w.run()
	if s.Moved != 4 || s.Unchanged < s.Folders-5 || s.Unchanged > s.Folders-4 {
		t.Errorf("four items are new, moved or read, in 4 or 5 folders: %+v", s)
	}
	hidden := w.hiddenFolders()
	w.same(w.source(func(f mailbox.InventoryFolder, it mailbox.InventoryItem) bool {
		return it.Associated && !hidden[f.ID] && !f.Search || visible(hidden)(f, it)
	}))
}

// TestRecentChangesAreAskedFor: times of commits are told in whole seconds, so
// what is recent is not taken for unchanged.
func TestRecentChangesAreAskedFor(t *testing.T) {
	w := newWorld(t, "sample:40:4")
	w.run()
	id := w.inFolder("inbox")
	w.apply(ewstest.Change{Do: "update", Item: id, Subject: "changed in the same second"})
	if s := w.run(); s.Unchanged != 0 || s.Moved != 1 {
		t.Errorf("one item was changed just now: %+v", s)
	}
}

// inFolder is an item of a well-known folder.
func (w *world) inFolder(role string) string {
	return w.anyOf(func(f mailbox.InventoryFolder, it mailbox.InventoryItem) bool {
		return f.Distinguished == role
	}).ID
}
