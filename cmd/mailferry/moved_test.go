package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mailferry/ews/ewstest"
	"mailferry/ews/ewstest/mailbox"
)

// A mailbox that is being moved for longer than the patience for it is given up
// as a whole, and without failures of its items; the next one is exported.
func TestAMailboxThatIsBeingMovedStopsNoOther(t *testing.T) {
	const other = "bob@old.example"
	f := &ferry{
		t: t, dir: filepath.Join(t.TempDir(), "store"),
		source: ewstest.Start(t, ewstest.Options{
			Mailboxes: []ewstest.MailboxSpec{{Address: killSource, Content: "sample:40"}, {Address: other, Content: "sample:20"}},
			Auth:      []string{"basic"}, Users: []ewstest.User{{Name: "svc", Password: "Passw0rd!"}},
		}),
	}
	if err := os.WriteFile(f.passwordFile(), []byte("Passw0rd!\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var faults []ewstest.Fault
	f.visible(f.source, killSource, func(_ mailbox.InventoryFolder, it mailbox.InventoryItem) {
		faults = append(faults, ewstest.Fault{Op: "ExportItems", Kind: "move-in-progress", Item: it.ID})
	})
	if err := f.source.SetFaults(faults); err != nil {
		t.Fatal(err)
	}
	s := f.do("export", other)
	if s.code != exitFailed || !strings.Contains(s.errors, "mailferry: export "+killSource) || !strings.Contains(s.errors, "ErrorMailboxMoveInProgress") ||
		!strings.Contains(s.out, "All 20 items of "+other+" are in the store") {
		t.Errorf("exit code %d\n%s%s", s.code, tail(s.out), s.errors)
	}
	if left := f.failures(); len(left) > 0 {
		t.Errorf("failures are listed: %+v", left)
	}
	if err := f.source.SetFaults(nil); err != nil {
		t.Fatal(err)
	}
	if s := f.do("export", other); s.code != exitDone || !strings.Contains(s.out, "All 40 items of "+killSource+" are in the store") {
		t.Errorf("when it has been moved: exit code %d\n%s%s", s.code, tail(s.out), s.errors)
	}
}
