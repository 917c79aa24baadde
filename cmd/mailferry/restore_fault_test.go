package main

import (
	"strings"
	"testing"

	"mailferry/ews/ewstest"
	"mailferry/ews/ewstest/mailbox"
)

// Answers get lost in the middle of a restore in place, also of items that have
// twins: the mailbox ends as it was, and the next run finds nothing to do.
func TestRestoreWhoseAnswersAreLost(t *testing.T) {
	f := newFerry(t)
	f.must("export")
	held := func() map[exportable]int {
		items := make(map[exportable]int)
		f.visible(f.source, killSource, func(folder mailbox.InventoryFolder, it mailbox.InventoryItem) {
			items[exportable{placeOf(folder), it.Subject, it.Content}]++
		})
		return items
	}
	before := held()
	for id, it := range f.items {
		if strings.HasPrefix(it.place, "Inbox (") || strings.HasPrefix(it.place, "Sent Items (") {
			if _, err := f.source.Apply(killSource, ewstest.Change{Do: "delete", Item: id}); err != nil {
				t.Fatal(err)
			}
		}
	}
	lost := len(f.items)
	for _, n := range held() {
		lost -= n
	}
	if lost < 15 {
		t.Fatalf("only %d items are lost", lost)
	}
	if err := f.source.SetFaults([]ewstest.Fault{
		{Op: "UploadItems", Kind: "drop-after-commit", Nth: 1},
		{Op: "UploadItems", Kind: "drop-before", Nth: 3},
		{Op: "UploadItems", Kind: "drop-mid-response", Nth: 4},
		{Op: "UploadItems", Kind: "short-response", Nth: 6},
	}); err != nil {
		t.Fatal(err)
	}
	restore := func() said {
		return f.program("restore", killSource, "--all", "--batch-items", "4", "--workers", "2",
			"--url", f.source.URL(), "--auth", "basic", "--user", "svc", "--password-file", f.passwordFile())
	}
	if s := restore(); s.code != exitDone {
		t.Fatalf("exit code %d\n%s%s", s.code, tail(s.out), s.errors)
	}
	after := held()
	for key, n := range before {
		if after[key] != n {
			t.Errorf("%s %q: %d instead of %d", key.place, key.subject, after[key], n)
		}
	}
	if err := f.source.SetFaults(nil); err != nil {
		t.Fatal(err)
	}
	if s := restore(); s.code != exitDone || !strings.Contains(s.out, `"moved":0`) {
		t.Errorf("again: exit code %d\n%s%s", s.code, tail(s.out), s.errors)
	}
}
