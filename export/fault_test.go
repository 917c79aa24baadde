package export_test

import (
	"errors"
	"strings"
	"testing"

	"mailferry/ews"
	"mailferry/ews/ewstest"
	"mailferry/ews/ewstest/mailbox"
	"mailferry/export"
	"mailferry/internal/event"
)

// TestEveryFaultPasses lets each fault happen a few times. One or more runs
// later everything is there, once, and no failure is left.
func TestEveryFaultPasses(t *testing.T) {
	for name, faults := range map[string][]ewstest.Fault{
		"busy":                 {{Op: "ExportItems", Kind: "busy", Nth: 2, BackOffMS: 10}, {Op: "SyncFolderItems", Kind: "busy", Nth: 3, BackOffMS: 10}},
		"busy-item":            {{Op: "ExportItems", Kind: "busy-item", Nth: 20, BackOffMS: 5}},
		"inner-busy":           {{Op: "ExportItems", Kind: "inner-busy", Nth: 20}},
		"batch-stopped":        {{Op: "ExportItems", Kind: "batch-stopped", Nth: 20}},
		"move-in-progress":     {{Op: "ExportItems", Kind: "move-in-progress", Nth: 20, Times: 1}},
		"truncated in data":    {{Op: "ExportItems", Kind: "truncated", Where: "data", Every: 15, Times: 3}},
		"truncated after data": {{Op: "ExportItems", Kind: "truncated", Where: "after-data", Every: 15, Times: 3}},
		"truncated after xml":  {{Op: "ExportItems", Kind: "truncated", Where: "after-xml", Every: 15, Times: 3}},
		"cut without a mark":   {{Op: "ExportItems", Kind: "truncated", Where: "cut", Every: 15, Times: 3}},
		"short-response":       {{Op: "ExportItems", Kind: "short-response", Every: 2, Times: 3}},
		"short, ids rewritten": {{Op: "ExportItems", Kind: "short-response", Every: 2, Times: 3}, {Op: "ExportItems", Kind: "reencode-ids"}},
		"drop-before":          {{Op: "ExportItems", Kind: "drop-before", Nth: 2}, {Op: "FindFolder", Kind: "drop-before", Nth: 1}},
		"drop-mid-response":    {{Op: "ExportItems", Kind: "drop-mid-response", Every: 2, Times: 4, After: 30000}},
		"dropped, rewritten":   {{Op: "ExportItems", Kind: "drop-mid-response", Every: 2, Times: 4, After: 30000}, {Op: "ExportItems", Kind: "reencode-ids"}},
		"http-401":             {{Op: "ExportItems", Kind: "http-401", Nth: 3}},
		"http-503":             {{Op: "ExportItems", Kind: "http-503", Nth: 2}},
		"http-302-error-page":  {{Op: "ExportItems", Kind: "http-302-error-page", Nth: 2}},
		"http-413":             {{Op: "ExportItems", Kind: "http-413", Nth: 2}},
		"timeout":              {{Op: "ExportItems", Kind: "timeout", Nth: 2}},
		"reencode-ids":         {{Op: "ExportItems", Kind: "reencode-ids"}},
		"gzip-garbage":         {{Op: "ExportItems", Kind: "gzip-garbage", Nth: 2}},
		"wrong-content-type":   {{Op: "ExportItems", Kind: "wrong-content-type", Nth: 2}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, "sample:60")
			w.faults(faults...)
			done := false
			for range 4 {
				s, err := w.try(t.Context(), few, func(o *export.Options) { o.BatchItems = 10 })
				if err != nil {
					t.Logf("a run ended: %v", err)
				}
				if done = err == nil && s.Left == 0 && s.Failed == 0; done {
					break
				}
			}
			if !done {
				t.Error("four runs were not enough")
			}
			w.same(w.source(fewItems))
			if left := w.failures(); len(left) > 0 {
				t.Errorf("failures are left: %+v", left)
			}
			for id, it := range w.stored() {
				if it.Problem != "" {
					t.Errorf("item %s is suspect: %s", id, it.Problem)
				}
			}
		})
	}
}

func TestPoisonIsIsolatedWithFewRequests(t *testing.T) {
	w := newWorld(t, "sample:130")
	poison := w.anyOf(func(f mailbox.InventoryFolder, it mailbox.InventoryItem) bool { return f.Distinguished == "inbox" })
	w.faults(ewstest.Fault{Op: "ExportItems", Kind: "poison", Item: poison.ID})
	s := w.run(few, func(o *export.Options) { o.BatchItems, o.Workers = 64, 1 })
	failures := w.failures()
	if s.Failed != 1 || len(failures) != 1 || failures[0].ItemID != poison.ID || failures[0].Code != "ErrorInternalServerError" ||
		failures[0].FolderPath != "Inbox" || failures[0].Subject != poison.Subject || failures[0].Size == 0 || failures[0].Class != poison.Class {
		t.Errorf("%+v, failures %+v", s, failures)
	}
	// 3 or 4 batches, and for each of the 6 halvings two parts, of which one
	// fails: that one is asked for 3 times by the client's own retries.
	if n := w.server.Stats().Requests["ExportItems"]; n > 4+6*(1+3)+3 {
		t.Errorf("%d requests to find one item of 64", n)
	}
	all := w.source(fewItems)
	delete(all, poison.ID)
	w.same(all)

	w.faults()
	if s := w.run(few); s.Moved != 1 || s.Failed != 0 || len(w.failures()) != 0 {
		t.Errorf("after it was mended: %+v, %+v", s, w.failures())
	}
}

func TestItemsThatCannotBeMovedAreFailures(t *testing.T) {
	w := newWorld(t, "sample:60")
	bad := w.anyOf(func(f mailbox.InventoryFolder, _ mailbox.InventoryItem) bool { return f.Distinguished == "inbox" })
	cut := w.anyOf(func(f mailbox.InventoryFolder, _ mailbox.InventoryItem) bool { return f.Distinguished == "sentitems" })
	gone := w.anyOf(func(f mailbox.InventoryFolder, _ mailbox.InventoryItem) bool { return f.Distinguished == "calendar" })
	w.faults(
		ewstest.Fault{Op: "ExportItems", Kind: "corrupt-item", Item: bad.ID},
		ewstest.Fault{Op: "ExportItems", Kind: "truncated", Where: "data", Item: cut.ID},
		ewstest.Fault{Op: "ExportItems", Kind: "not-found", Item: gone.ID},
	)
	s := w.run(few)
	codes := make(map[string]string)
	for _, f := range w.failures() {
		codes[f.ItemID] = f.Code
		if f.ItemID == cut.ID && f.Attempts < 5 {
			t.Errorf("the truncated item was tried %d times", f.Attempts)
		}
	}
	if len(codes) != 2 || codes[bad.ID] != "ErrorCorruptData" || codes[cut.ID] != "truncated" || s.Failed != 2 {
		t.Errorf("%v, %+v", codes, s)
	}
	if w.kinds()["item vanished"] != 1 || w.kinds()["failure"] != 2 {
		t.Errorf("%v", w.kinds())
	}
	want := w.source(fewItems)
	for _, id := range []string{bad.ID, cut.ID, gone.ID} {
		delete(want, id)
	}
	w.same(want)

	// What is deleted at the source need not be moved any more; what was mended
	// is moved. The vanished one was reported once and is not asked for again.
	w.apply(ewstest.Change{Do: "delete", Item: bad.ID})
	w.faults()
	if s := w.run(few); s.Moved != 1 || s.Failed != 0 || len(w.failures()) != 0 {
		t.Errorf("%+v, %+v", s, w.failures())
	}
}

func TestAServerThatGoesAwayEndsTheRun(t *testing.T) {
	w := newWorld(t, "sample:60")
	s, err := w.try(t.Context(), few, func(o *export.Options) {
		o.BatchItems, o.Workers = 5, 2
		events := o.Events
		n := 0
		o.Events = func(e event.Event) {
			events(e)
			if e.Kind == event.Item {
				if n++; n == 8 {
					w.server.Close()
				}
			}
		}
	})
	if err == nil || strings.Contains(err.Error(), "\n") || s.Failed != 0 || s.Left == 0 || s.Moved < 8 {
		t.Errorf("%+v, %v", s, err)
	}
	if got := len(w.stored()); got != s.Moved {
		t.Errorf("%d items are in the store, %d were told", got, s.Moved)
	}
}

func TestABlobThatIsNotUnderstoodIsKeptAndNamed(t *testing.T) {
	w := newWorld(t, "sample:40")
	odd := w.anyOf(func(f mailbox.InventoryFolder, _ mailbox.InventoryItem) bool { return f.Distinguished == "inbox" })
	w.faults(ewstest.Fault{Op: "ExportItems", Kind: "truncated", Where: "cut", Item: odd.ID})
	before := w.server.Stats()
	s := w.run(few)
	if s.Suspect != 1 || s.Failed != 0 || s.Left != 0 {
		t.Errorf("%+v", s)
	}
	if it := w.stored()[odd.ID]; it.Problem == "" || it.Size == 0 {
		t.Errorf("%+v", it.Item)
	}
	if n := w.server.Stats().Items.Exported - before.Items.Exported; n != int64(s.Moved)+1 {
		t.Errorf("%d items were sent for %d: one second look", n, s.Moved)
	}
}

func TestAccessThatIsTakenAwayEndsTheRun(t *testing.T) {
	w := newWorld(t, "sample:60")
	w.faults(ewstest.Fault{Op: "ExportItems", Kind: "access-denied", Nth: 25})
	s, err := w.try(t.Context(), few, func(o *export.Options) { o.BatchItems, o.Workers = 10, 1 })
	refused, ok := errors.AsType[*ews.Error](err)
	if !ok || refused.Code != "ErrorAccessDenied" || s.Moved < 20 || s.Left == 0 {
		t.Errorf("%+v, %v", s, err)
	}
	w.faults()
	if s := w.run(few); s.Already < 20 {
		t.Errorf("what was committed is not kept: %+v", s)
	}
	w.same(w.source(fewItems))
}

func TestTooManyFailuresStop(t *testing.T) {
	w := newWorld(t, "sample:60")
	w.faults(ewstest.Fault{Op: "ExportItems", Kind: "corrupt-item", Every: 4})
	s, err := w.try(t.Context(), few, func(o *export.Options) { o.BatchItems, o.Workers, o.MaxFailures = 10, 1, 3 })
	if err == nil || !strings.Contains(err.Error(), "more than 3 items failed") || s.Failed != 4 || s.Left == 0 {
		t.Errorf("%+v, %v", s, err)
	}
}

func TestTimeoutShrinksBatches(t *testing.T) {
	w := newWorld(t, "sample:120")
	w.faults(ewstest.Fault{Op: "ExportItems", Kind: "timeout", Nth: 1})
	s := w.run(few, func(o *export.Options) { o.BatchItems, o.Workers = 60, 1 })
	if s.Failed != 0 || s.Left != 0 {
		t.Errorf("%+v", s)
	}
	w.same(w.source(fewItems))
}

// anyOf returns the first item, by id, that a filter lets through.
func (w *world) anyOf(keep func(mailbox.InventoryFolder, mailbox.InventoryItem) bool) mailbox.InventoryItem {
	w.t.Helper()
	var first mailbox.InventoryItem
	for id, it := range w.source(func(f mailbox.InventoryFolder, it mailbox.InventoryItem) bool { return !it.Associated && keep(f, it) }) {
		if first.ID == "" || id < first.ID {
			first = it
		}
	}
	if first.ID == "" {
		w.t.Fatal("the sample has no such item")
	}
	return first
}
