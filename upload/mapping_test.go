package upload_test

import (
	"errors"
	"strings"
	"testing"

	"mailferry/ews/ewstest"
	"mailferry/internal/event"
	"mailferry/internal/selection"
	"mailferry/upload"
)

// under is what alice has, as it looks below a folder of bob's.
func (w *world) under(prefix string) map[string]int {
	w.t.Helper()
	byID := make(map[string]string)
	held := make(map[string]int)
	inventory := w.inventory(bob)
	for _, f := range inventory.Folders {
		byID[f.ID] = f.Path
	}
	for _, f := range inventory.Folders {
		if f.Path != prefix && !strings.HasPrefix(f.Path, prefix+"/") {
			continue
		}
		for _, it := range f.Items {
			held[it.Content+" "+it.Class]++
		}
	}
	return held
}

// contents are the items of a mailbox without their folders.
func contents(held map[string]int) map[string]int {
	all := make(map[string]int)
	for key, n := range held {
		parts := strings.Fields(key)
		all[parts[len(parts)-2]+" "+parts[len(parts)-1]] += n
	}
	return all
}

func TestIntoAFolder(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "sample:120")
	into := func(o *upload.Options) { o.Into = "From Alice/2026" }
	s := w.run(into)
	if s.Target != bob+"/From Alice/2026" {
		t.Errorf("target %q", s.Target)
	}
	w.equal(contents(w.held(alice)), w.under("From Alice/2026"))
	inbox, ok := w.folder(bob, "From Alice/2026/Inbox")
	if !ok || inbox.Distinguished != "" {
		t.Errorf("the Inbox below is %+v", inbox)
	}
	if s := w.run(into); s.Moved != 0 {
		t.Errorf("second run: %+v", s)
	}
	r := w.verify(upload.LevelContent, func(o *upload.VerifyOptions) { o.Into = "From Alice/2026" })
	if !r.OK() || r.Equal != s.Found {
		t.Errorf("verify: %+v", r)
	}
	// The same items in place are another journey.
	if s := w.run(); s.Moved != s.Found {
		t.Errorf("in place after --into: %+v", s)
	}
}

func TestMap(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "sample:120")
	w.apply(alice, ewstest.Change{Do: "new-folder", Folder: "inbox", Name: "below"})
	ids := w.apply(alice, ewstest.Change{Do: "new-folder", Folder: "sentitems", Name: "more"})
	w.apply(alice, ewstest.Change{Do: "add", Folder: ids[0], Count: 2})
	w.export()
	rules := func(o *upload.Options) {
		o.Map = map[string]string{"#sent": "Old/Sent", "#sent/more": "#inbox/More", "#drafts": "#inbox"}
	}
	w.run(rules)
	w.equal(contents(w.held(alice)), contents(w.held(bob)))
	old, ok := w.folder(bob, "Old/Sent")
	if !ok || len(old.Items) == 0 {
		t.Errorf("Old/Sent: %v, %d items", ok, len(old.Items))
	}
	if more, ok := w.folder(bob, "Posteingang/More"); !ok || len(more.Items) != 2 {
		t.Errorf("Posteingang/More: %v, %d items", ok, len(more.Items))
	}
	for _, f := range w.inventory(bob).Folders {
		if (f.Distinguished == "sentitems" || f.Distinguished == "drafts") && len(f.Items) > 0 {
			t.Errorf("%s has %d items", f.Distinguished, len(f.Items))
		}
	}
	if s := w.run(rules); s.Moved != 0 {
		t.Errorf("second run: %+v", s)
	}
}

func TestBadPlacesAreRefusedBeforeAnythingIsSent(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "sample:30")
	for name, change := range map[string]func(*upload.Options){
		"unknown From":    func(o *upload.Options) { o.Map = map[string]string{"No such folder": "X"} },
		"unknown #name":   func(o *upload.Options) { o.Map = map[string]string{"#nothing": "X"} },
		"glob in To":      func(o *upload.Options) { o.Map = map[string]string{"#inbox": "X/*"} },
		"empty name":      func(o *upload.Options) { o.Into = "X//Y" },
		"unknown into":    func(o *upload.Options) { o.Into = "#nothing/X" },
		"unknown pattern": func(o *upload.Options) { o.Selection.Folders = []string{"No such folder"} },
		"no such mailbox": func(o *upload.Options) { o.Mailbox = "carol@old.example" },
	} {
		before := w.server.Stats()
		_, err := w.try(t.Context(), change)
		if !errors.Is(err, selection.ErrUsage) {
			t.Errorf("%s: %v", name, err)
		}
		after := w.server.Stats()
		if after.Requests["UploadItems"] != before.Requests["UploadItems"] || after.Requests["CreateFolder"] != before.Requests["CreateFolder"] {
			t.Errorf("%s: something was changed at the target", name)
		}
	}
}

func TestNamesOfWellKnownFoldersMeanNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "sample:30")
	ids := w.apply(alice, ewstest.Change{Do: "new-folder", Folder: "msgfolderroot", Name: "Posteingang"})
	w.apply(alice, ewstest.Change{Do: "add", Folder: ids[0], Count: 3})
	w.export()
	w.run()
	w.equal(contents(w.held(alice)), contents(w.held(bob)))
	if f, ok := w.folder(bob, "Posteingang (1)"); !ok || len(f.Items) != 3 {
		t.Errorf("the other Posteingang: %v, %d items", ok, len(f.Items))
	}
	if !w.warned("well-known folder") {
		t.Error("nothing was said about the new name")
	}
	if s := w.run(); s.Moved != 0 {
		t.Errorf("second run: %+v", s)
	}
}

func TestEveryTree(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "sample:60")
	w.apply(alice, ewstest.Change{Do: "add", Folder: "archiveinbox", Count: 2})
	w.apply(alice, ewstest.Change{Do: "add", Folder: "recoverableitemsdeletions", Count: 3})
	w.export()
	all := func(o *upload.Options) { o.Hidden, o.Archive, o.Recoverable = true, true, true }
	w.run(all)
	count := func(address string) map[string]int {
		held := make(map[string]int)
		for _, f := range w.inventory(address).Folders {
			if f.Search {
				continue
			}
			for _, it := range f.Items {
				held[it.Content+" "+it.Class]++
			}
			if len(f.Items) == 0 {
				continue
			}
			if strings.HasPrefix(f.Distinguished, "archive") || strings.HasPrefix(f.Distinguished, "recoverable") {
				held[f.Distinguished] = len(f.Items)
			}
		}
		return held
	}
	w.equal(count(alice), count(bob))
	if s := w.run(all); s.Moved != 0 {
		t.Errorf("second run: %+v", s)
	}
	r := w.verify(upload.LevelContent, func(o *upload.VerifyOptions) { o.Hidden, o.Archive, o.Recoverable = true, true, true })
	if !r.OK() {
		t.Errorf("verify: %+v", r)
	}
}

func TestATargetWithoutArchiveIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "sample:30", func(o *ewstest.Options) { o.Mailboxes[1].Archive = false })
	w.apply(alice, ewstest.Change{Do: "add", Folder: "archiveinbox", Count: 2})
	w.export()
	_, err := w.try(t.Context(), func(o *upload.Options) { o.Archive = true })
	if !errors.Is(err, selection.ErrUsage) || !strings.Contains(err.Error(), "archive") {
		t.Errorf("archive into a mailbox without one: %v", err)
	}
	w.run(func(o *upload.Options) { o.Archive, o.Into = true, "Alice" })
	if f, ok := w.folder(bob, "Alice/Archive/Inbox"); !ok || len(f.Items) != 2 {
		t.Errorf("the archive below: %v, %d items", ok, len(f.Items))
	}
}

func TestDryRunChangesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "sample:60")
	before := w.held(bob)
	plan := func(o *upload.Options) { o.DryRun, o.Into = true, "Plan" }
	s := w.run(plan)
	_, uploads := w.actions("would-upload")
	folders, _ := w.actions("would-create")
	if uploads != s.Found || folders == 0 || s.Moved != 0 {
		t.Errorf("%d items and %d folders of %+v", uploads, folders, s)
	}
	w.equal(before, w.held(bob))
	if _, ok := w.folder(bob, "Plan"); ok {
		t.Error("a dry run made a folder")
	}
	st := w.server.Stats()
	if st.Requests["UploadItems"]+st.Requests["CreateFolder"] > 0 {
		t.Errorf("requests: %v", st.Requests)
	}
	w.run()
	s = w.run(func(o *upload.Options) { o.DryRun = true })
	if _, skips := w.actions("skip"); skips != s.Found || s.Already != s.Found {
		t.Errorf("%d skipped of %+v", skips, s)
	}
}

// actions counts folder and item events of an action.
func (w *world) actions(action string) (folders, items int) {
	for _, e := range w.events {
		switch {
		case e.Action != action:
		case e.Kind == event.Folder:
			folders++
		case e.Kind == event.Item:
			items++
		}
	}
	return folders, items
}
