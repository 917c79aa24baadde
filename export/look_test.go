package export

import (
	"testing"
	"time"

	"mailferry/ews"
)

func TestLook(t *testing.T) {
	began := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	old := ews.Folder{ID: "id", ChangeKey: "ck", Total: 7, Unread: 2, Deleted: 3, Associated: 1, LastCommit: began.Add(-time.Hour)}
	base := lookAt(old, began, 0)
	if got := parseLook(base.String()[1:]); got != base {
		t.Errorf("read back %v, want %v", got, base)
	}
	m, state := readMark(mark{associated: true, look: base}.with("a:b"))
	if m != (mark{associated: true, look: base}) || state != "a:b" {
		t.Errorf("read back %+v and %q", m, state)
	}
	if now := lookAt(old, began.Add(23*time.Hour), 0); !now.same(base) {
		t.Error("nothing changed, and it is not the same")
	}
	for name, change := range map[string]func(f *ews.Folder){
		"total":      func(f *ews.Folder) { f.Total++ },
		"unread":     func(f *ews.Folder) { f.Unread++ },
		"deleted":    func(f *ews.Folder) { f.Deleted++ },
		"associated": func(f *ews.Folder) { f.Associated++ },
		"change key": func(f *ews.Folder) { f.ChangeKey = "other" },
		"commit":     func(f *ews.Folder) { f.LastCommit = f.LastCommit.Add(time.Second) },
		"no commit":  func(f *ews.Folder) { f.LastCommit = time.Time{} },
		"recent":     func(f *ews.Folder) { f.LastCommit = began.Add(-quietFor + time.Second) },
		"future":     func(f *ews.Folder) { f.LastCommit = began.Add(time.Hour) },
	} {
		f := old
		change(&f)
		if lookAt(f, began, 0).same(base) {
			t.Errorf("%s changed, and it is the same", name)
		}
	}
	if lookAt(old, began.Add(25*time.Hour), 0).same(base) {
		t.Error("a look of yesterday is trusted")
	}
	if lookAt(old, began.Add(-time.Hour), time.Hour).same(base) {
		t.Error("a look of the future is trusted")
	}
	if (look{}).same(look{}) {
		t.Error("two looks that tell nothing are the same")
	}
}
