package upload_test

import (
	"fmt"
	"strings"
	"testing"

	"mailferry/ews/ewstest"
	"mailferry/ews/ewstest/mailbox"
	"mailferry/upload"
)

func TestVerifyFindsWhatIsWrong(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "sample:60", func(o *ewstest.Options) { o.Lose = []uint32{0x00360003} }) // PidTagSensitivity
	w.run()
	r := w.verify(upload.LevelContent)
	if r.OK() || r.Different == 0 || r.Missing+r.Doubled != 0 || r.Different+r.Equal != r.Compared {
		t.Fatalf("a lost property: %+v", r)
	}
	if len(r.Groups) == 0 || len(r.Groups) > 2 || r.Groups[0].What != "missing PidTagSensitivity (0x0036)" || len(r.Groups[0].Folders) == 0 {
		t.Errorf("groups: %+v", r.Groups)
	}
	for _, f := range r.Findings {
		if f.Kind != "different" || f.Folder == "" || f.Item == "" || !strings.Contains(f.What, "missing") {
			t.Errorf("finding: %+v", f)
		}
	}
	if r := w.verify(upload.LevelContent, func(o *upload.VerifyOptions) { o.Sample = 0.3 }); r.Compared == 0 || r.Compared >= r.Checked*6/10 {
		t.Errorf("a share of 30%%: %d of %d", r.Compared, r.Checked)
	}
	// Without a journal, items that lost a property are found nevertheless.
	w.forget()
	if r := w.verify(upload.LevelKey); !r.OK() {
		t.Errorf("without a journal: %+v", r)
	}
	if r2 := w.verify(upload.LevelContent); r2.Missing+r2.Doubled != 0 || r2.Different != r.Different {
		t.Errorf("without a journal: %+v", r2)
	}
}

func TestVerifyFindsMissingAndDoubledItems(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "sample:60")
	w.run()
	box := w.server.Mailbox(bob)
	inbox, _ := box.Distinguished("inbox")
	contacts, _ := box.Distinguished("contacts")
	items := box.Items(inbox.ID)
	if err := box.Delete(items[0].ID, 0); err != nil {
		t.Fatal(err)
	}
	if err := box.Delete(items[1].ID, 0); err != nil {
		t.Fatal(err)
	}
	if r := w.verify(upload.LevelCount); r.Missing != 2 || r.Doubled != 0 {
		t.Errorf("count: %+v", r)
	}
	if _, err := box.Add(inbox.ID, items[2].Message, mailbox.AddOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := box.Add(contacts.ID, box.Items(contacts.ID)[0].Message, mailbox.AddOptions{}); err != nil {
		t.Fatal(err)
	}
	for _, level := range []upload.Level{upload.LevelKey, upload.LevelContent} {
		if r := w.verify(level); r.Missing != 2 || r.Doubled != 2 || r.Different != 0 || len(r.Findings) != 4 {
			t.Errorf("%s: %+v", level, r)
		}
	}
	// Something of bob's own is no finding.
	w2 := newWorld(t, "sample:30")
	w2.apply(bob, ewstest.Change{Do: "add", Folder: "inbox", Count: 5})
	w2.run()
	for _, level := range []upload.Level{upload.LevelCount, upload.LevelKey, upload.LevelContent} {
		if r := w2.verify(level); !r.OK() {
			t.Errorf("%s beside bob's own items: %+v", level, r)
		}
	}
}

func TestVerifySendsNothingThatChanges(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "sample:30")
	before := fmt.Sprint(w.inventory(bob))
	r := w.verify(upload.LevelContent)
	if r.Missing != total(w.held(alice)) || r.OK() {
		t.Errorf("nothing was uploaded: %+v", r)
	}
	if fmt.Sprint(w.inventory(bob)) != before {
		t.Error("the target changed")
	}
}

// A check knows when a copy is of an older version.
func TestVerifyTellsOlderVersions(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "sample:30")
	w.run()
	w.apply(alice, ewstest.Change{Do: "update", Item: w.inbox(alice)[0].ID, Subject: "changed at the source"})
	w.export()
	for _, level := range []upload.Level{upload.LevelKey, upload.LevelContent} {
		if r := w.verify(level); r.OK() || r.Different != 1 || r.Missing+r.Doubled+r.Unverifiable != 0 {
			t.Errorf("%s: %+v", level, r)
		}
	}
	w.run()
	if r := w.verify(upload.LevelKey); !r.OK() {
		t.Errorf("after the upload: %+v", r)
	}
}
