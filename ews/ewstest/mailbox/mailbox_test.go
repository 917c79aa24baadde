package mailbox

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mailferry/ews/ewstest/mailbox/tree"
	"mailferry/fts"
	"mailferry/internal/sharedtest"
)

func checkBase64(t *testing.T, m *Mailbox, it *Item, blob []byte) {
	t.Helper()
	var text bytes.Buffer
	if err := m.WriteBase64(&text, it); err != nil {
		t.Fatal(err)
	}
	if got, err := base64.StdEncoding.Strict().DecodeString(text.String()); err != nil || !bytes.Equal(got, blob) {
		t.Errorf("base64 of %q is not that of its blob: %v", it.Subject(), err)
	}
}

func note(subject string) *fts.Message {
	return &fts.Message{Props: fts.Props{tree.Prop(tagClass, "IPM.Note"), tree.Prop(tagSubject, subject), tree.Prop(tagFlags, 0)}}
}

func add(t *testing.T, m *Mailbox, folder uint64, subject string) *Item {
	t.Helper()
	it, err := m.Add(folder, note(subject), AddOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return it
}

func inbox(t testing.TB, m *Mailbox) uint64 {
	t.Helper()
	f, ok := m.Distinguished("inbox")
	if !ok {
		t.Fatal("no inbox")
	}
	return f.ID
}

// upload moves all of a mailbox's items into another, and checks the content.
func uploadAll(t *testing.T, from, to *Mailbox) {
	t.Helper()
	target := inbox(t, to)
	for _, it := range all(from) {
		var blob bytes.Buffer
		if err := from.WriteBlob(&blob, it); err != nil {
			t.Fatal(err)
		}
		raw := bytes.Clone(blob.Bytes())
		up, err := to.Upload(Upload{Folder: target, Associated: it.Associated, Blob: &blob})
		if err != nil {
			t.Fatalf("%s %q: %v", it.Class(), it.Subject(), err)
		}
		if up.Read != it.Read || up.Associated != it.Associated || !up.Received().Equal(it.Received()) && !it.props().Time(tagReceived).IsZero() {
			t.Errorf("%q: flags or received time changed", it.Subject())
		}
		if !up.Created.After(it.Created) || bytes.Equal(up.SearchKey, it.SearchKey) {
			t.Errorf("%q: creation time or search key of the source was taken over", it.Subject())
		}
		source, err := fts.ReadContent(bytes.NewReader(raw))
		if err != nil {
			t.Fatal(err)
		}
		again := check(t, to, up)
		if bytes.Equal(again, raw) {
			t.Errorf("%q comes back byte-equal", it.Subject())
		}
		got, err := fts.ReadContent(bytes.NewReader(again))
		if err != nil {
			t.Fatal(err)
		}
		if d := fts.Compare(source, got); len(d) > 0 {
			t.Errorf("%s %q differs after upload: %v", it.Class(), it.Subject(), d)
		}
		checkBase64(t, to, up, again)
	}
}

func TestUploadKeepsContent(t *testing.T) {
	uploadAll(t, load(t, "sample:120:3", Options{Archive: true}), load(t, "", Options{Salt: "other"}))
}

// The streams are of shared/testdata/fts/independent, made by a tool that is not ours.
func TestUploadIndependent(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(sharedtest.Dir(t, "testdata/fts/independent"), "*.blob"))
	if err != nil || len(files) == 0 {
		t.Fatal("no streams", err)
	}
	m := load(t, "", Options{})
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		c, err := fts.Inspect(bytes.NewReader(raw))
		if err != nil {
			t.Fatal(err)
		}
		it, err := m.Upload(Upload{Folder: inbox(t, m), Associated: c.Flags&fts.FlagAssociated != 0, Blob: bytes.NewReader(raw)})
		if err != nil {
			t.Errorf("%s: %v", filepath.Base(file), err)
			continue
		}
		source, err := fts.ReadContent(bytes.NewReader(raw))
		if err != nil {
			t.Fatal(err)
		}
		if d := fts.Compare(source, fts.MessageContent(it.Message)); len(d) > 0 {
			t.Errorf("%s: %v", filepath.Base(file), d)
		}
	}
}

func TestUploadRefusesDamage(t *testing.T) {
	from, m := load(t, "sample:3", Options{}), load(t, "", Options{})
	var blob bytes.Buffer
	if err := from.WriteBlob(&blob, all(from)[0]); err != nil {
		t.Fatal(err)
	}
	before := m.ChangeNumber()
	for n := range blob.Len() {
		var problem *fts.Problem
		if _, err := m.Upload(Upload{Folder: inbox(t, m), Blob: bytes.NewReader(blob.Bytes()[:n])}); !errors.As(err, &problem) {
			t.Fatalf("%d of %d bytes: %v, want a *fts.Problem", n, blob.Len(), err)
		}
	}
	broken := errors.New("connection lost")
	if _, err := m.Upload(Upload{Folder: inbox(t, m), Blob: io.MultiReader(bytes.NewReader(blob.Bytes()[:100]), failing{broken})}); !errors.Is(err, broken) {
		t.Errorf("error of the reader: %v", err)
	}
	if m.ChangeNumber() != before {
		t.Error("a refused upload changed the mailbox")
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

func TestUploadActions(t *testing.T) {
	m := load(t, "sample:2", Options{})
	source := all(m)[0]
	var raw bytes.Buffer
	if err := m.WriteBlob(&raw, source); err != nil {
		t.Fatal(err)
	}
	blob := func() io.Reader { return bytes.NewReader(raw.Bytes()) }
	drafts, _ := m.Distinguished("drafts")
	old := add(t, m, inbox(t, m), "old")
	it, err := m.Upload(Upload{Action: UpdateExisting, Folder: old.Folder, Item: old.ID, Blob: blob()})
	if err != nil || it.ID != old.ID || it.Change <= old.Change || it.Subject() != source.Subject() || !it.Created.Equal(old.Created) {
		t.Errorf("update: %+v, %v", it, err)
	}
	if _, err := m.Upload(Upload{Action: UpdateExisting, Folder: drafts.ID, Item: old.ID, Blob: blob()}); !errors.Is(err, ErrItemNotFound) {
		t.Errorf("update in another folder: %v", err)
	}
	for _, u := range []Upload{
		{Action: UpdateOrCreate, Folder: drafts.ID, Item: old.ID},
		{Action: CreateNew, Folder: old.Folder, Item: old.ID},
		{Action: UpdateOrCreate, Folder: old.Folder, Item: 999999},
	} {
		u.Blob = blob()
		if it, err := m.Upload(u); err != nil || it.ID == old.ID || it.Folder != u.Folder {
			t.Errorf("%s should have made a new item: %v", u.Action, err)
		}
	}
	if it, err := m.Upload(Upload{Action: UpdateOrCreate, Folder: old.Folder, Item: old.ID, Blob: blob()}); err != nil || it.ID != old.ID {
		t.Errorf("update or create: %v", err)
	}
	if _, err := m.Upload(Upload{Folder: 999999, Blob: blob()}); !errors.Is(err, ErrFolderNotFound) {
		t.Errorf("no such folder: %v", err)
	}
	todo, _ := m.Distinguished("todosearch")
	if _, err := m.Upload(Upload{Folder: todo.ID, Blob: blob()}); !errors.Is(err, ErrSearchFolder) {
		t.Errorf("search folder: %v", err)
	}
	small := load(t, "bulk:2:5KB", Options{Quota: 9000})
	if _, err := small.Upload(Upload{Folder: inbox(t, small), Blob: blob()}); !errors.Is(err, ErrQuota) {
		t.Errorf("quota: %v", err)
	}
}

func TestLose(t *testing.T) {
	from := load(t, "sample:40", Options{})
	to := load(t, "", Options{Lose: []uint32{0x0037001F, 0x8208, 0x39FE}, LoseNames: []string{"Keywords", "0x370E"}})
	var names []string
	for _, it := range all(from) {
		var blob bytes.Buffer
		if err := from.WriteBlob(&blob, it); err != nil {
			t.Fatal(err)
		}
		up, err := to.Upload(Upload{Folder: inbox(t, to), Associated: it.Associated, Blob: &blob})
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range fts.Compare(fts.MessageContent(it.Message), fts.MessageContent(up.Message)) {
			if d.Kind != fts.Missing {
				t.Errorf("%+v", d)
			}
			names = append(names, d.Where+" "+d.Property)
		}
	}
	lost := strings.Join(names, "\n")
	for _, want := range []string{"PidTagSubject", "PidLidLocation", "PidNameKeywords", "PidTagSmtpAddress", "PidTagAttachMimeTag"} {
		if !strings.Contains(lost, want) && !strings.Contains(lost, strings.TrimPrefix(want, "PidName")) {
			t.Errorf("%s was not lost:\n%.400s", want, lost)
		}
	}
	for _, bad := range []string{"", "0x", "0xZZ", "0x123456789"} {
		if _, err := New("a@example.com", Options{LoseNames: []string{bad}}); err == nil {
			t.Errorf("lose %q was taken", bad)
		}
	}
}

func TestItemLife(t *testing.T) {
	m := load(t, "", Options{Archive: true})
	in := inbox(t, m)
	it := add(t, m, in, "one")
	if f, _ := m.Folder(in); f.Total != 1 || f.Unread != 1 || f.Size != it.Size || m.Size() != it.Size {
		t.Errorf("counts %+v", f)
	}
	read, err := m.SetRead(it.ID, true)
	if err != nil || !read.Read || read.Flags()&flagRead == 0 || it.Flags()&flagRead != 0 {
		t.Errorf("read: %+v, %v", read, err)
	}
	edited, err := m.Edit(it.ID, func(msg *fts.Message) { msg.Props.Set(fts.MakeTag(tagSubject, fts.StringUpload), "two") })
	if err != nil || edited.Subject() != "two" || it.Subject() != "one" || !edited.Read {
		t.Errorf("edit: %v", err)
	}
	drafts, _ := m.Distinguished("drafts")
	moved, err := m.Move(it.ID, drafts.ID)
	if err != nil || moved.ID == it.ID || !bytes.Equal(moved.SearchKey, it.SearchKey) {
		t.Errorf("move: %+v, %v", moved, err)
	}
	if _, ok := m.Item(it.ID); ok {
		t.Error("the old id is still there")
	}
	twin, err := m.Copy(moved.ID, in)
	if err != nil || !bytes.Equal(twin.SearchKey, moved.SearchKey) {
		t.Errorf("copy: %v", err)
	}
	for _, step := range []struct {
		kind DeleteKind
		role string
	}{{MoveToDeletedItems, "deleteditems"}, {SoftDelete, "recoverableitemsdeletions"}} {
		if err := m.Delete(m.Items(in)[0].ID, step.kind); err != nil {
			t.Fatal(err)
		}
		f, _ := m.Distinguished(step.role)
		if f.Total != 1 {
			t.Errorf("%s holds %d", step.role, f.Total)
		}
		if _, err := m.Move(m.Items(f.ID)[0].ID, in); err != nil {
			t.Fatal(err)
		}
	}
	if err := m.Delete(m.Items(in)[0].ID, HardDelete); err != nil || len(all(m)) != 1 {
		t.Errorf("hard delete: %v, %d items left", err, len(all(m)))
	}
	if f, _ := m.Folder(in); f.Total != 0 || f.Size != 0 || f.Deleted != 4 {
		t.Errorf("counts %+v", f)
	}
	m.Reset()
	if len(all(m)) != 0 {
		t.Error("reset left items")
	}
}

func TestFolders(t *testing.T) {
	m := load(t, "", Options{Language: "de", Archive: true})
	top, _ := m.Distinguished("msgfolderroot")
	if f, _ := m.Distinguished("inbox"); f.Name != "Posteingang" || f.Parent != top.ID {
		t.Errorf("inbox is %+v", f)
	}
	a, err := m.AddFolder(top.ID, `a/b\c`, "IPF.Note", false)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.AddFolder(top.ID, `A/B\C`, "", false); !errors.Is(err, ErrFolderExists) {
		t.Errorf("same name: %v", err)
	}
	b, err := m.AddFolder(a.ID, "below", "IPF.Task", false)
	if err != nil {
		t.Fatal(err)
	}
	if p := JoinPath(m.Path(b.ID)); p != `a\/b\\c/below` {
		t.Errorf("path %q", p)
	}
	if err := m.MoveFolder(a.ID, b.ID); err == nil {
		t.Error("a folder was moved into itself")
	}
	in := inbox(t, m)
	if err := m.MoveFolder(b.ID, in); err != nil {
		t.Fatal(err)
	}
	add(t, m, b.ID, "inside")
	if err := m.RenameFolder(b.ID, "renamed"); err != nil || JoinPath(m.Path(b.ID)) != "Posteingang/renamed" {
		t.Errorf("rename: %v, %s", err, m.Path(b.ID))
	}
	changes, _, err := m.FolderChanges(top.ID, a.Born)
	if err != nil || len(changes) != 1 || changes[0].Kind != ChangeCreate || changes[0].Folder.ID != b.ID {
		t.Errorf("changes %+v, %v", changes, err)
	}
	now := m.ChangeNumber()
	if err := m.DeleteFolder(b.ID); err != nil || len(all(m)) != 0 {
		t.Errorf("delete: %v", err)
	}
	changes, _, err = m.FolderChanges(top.ID, now)
	if err != nil || len(changes) != 1 || changes[0].Kind != ChangeDelete {
		t.Errorf("changes %+v, %v", changes, err)
	}
	if err := m.DeleteFolder(in); !errors.Is(err, ErrDistinguished) {
		t.Errorf("the inbox was deleted: %v", err)
	}
	if f, _ := m.Folder(in); f.Children != 0 {
		t.Errorf("the inbox has %d folders", f.Children)
	}
}

func TestSearchFolder(t *testing.T) {
	m := load(t, "", Options{})
	it := add(t, m, inbox(t, m), "unread")
	for _, f := range m.Folders() {
		if f.Search && (f.Total != 1 || m.Items(f.ID)[0] != it) {
			t.Errorf("%s finds %d", f.Name, f.Total)
		}
	}
}

func TestProperties(t *testing.T) {
	m := load(t, "sample:40", Options{})
	for _, it := range all(m) {
		for _, id := range []uint16{0x0E08, 0x0E23, 0x0FFF, 0x300B, 0x3007, 0x3008, 0x65E0, 0x65E2, 0x001A, 0x0E1B, 0x0E06, 0x0E04, 0x674A} {
			if v, ok := m.Prop(it, id); !ok || v == nil {
				t.Errorf("%s: no property %04x", it.Class(), id)
			}
		}
		if len(m.EntryID(it)) != 70 || len(m.FolderEntryID(it.Folder)) != 46 || len(m.ChangeKey(it)) != 22 {
			t.Error("an id has a wrong length")
		}
		if _, ok := it.Message.Prop(0x300B); ok {
			t.Error("a search key is in the message")
		}
	}
	for _, f := range m.Folders() {
		for _, id := range []uint16{0x3001, 0x3602, 0x3603, 0x360A, 0x3601, 0x0E08, 0x66B5, 0x10F4, 0x670A, 0x0FFF} {
			if _, ok := m.FolderProp(f, id); !ok {
				t.Errorf("%s: no property %04x", f.Name, id)
			}
		}
	}
	other, err := New("anna@example.com", Options{Salt: "2"})
	if err != nil || other.GUID() == m.GUID() {
		t.Error("the salt does not change the GUID")
	}
}

func TestInventoryJSON(t *testing.T) {
	m := load(t, "sample:5", Options{})
	inv, err := m.Inventory(nil)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := json.Marshal(inv)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"folders":[`, `"path":"Inbox"`, `"distinguished":"inbox"`, `"items":[`, `"changeKey":`, `"associated":true`, `"origin":"seed"`, `"sha256":"`, `"content":"`} {
		if !bytes.Contains(raw, []byte(want)) {
			t.Errorf("inventory lacks %s", want)
		}
	}
}

func TestState(t *testing.T) {
	m := load(t, "sample:60:5", Options{Archive: true, Language: "de"})
	b := load(t, "bulk:20:5KB:folders=3", Options{})
	uploadAll(t, b, m)
	in := inbox(t, m)
	if err := m.Delete(m.Items(in)[0].ID, HardDelete); err != nil {
		t.Fatal(err)
	}
	for _, m := range []*Mailbox{m, b} {
		var file bytes.Buffer
		if err := m.Save(&file); err != nil {
			t.Fatal(err)
		}
		raw := bytes.Clone(file.Bytes())
		got, err := Restore(&file, Options{Archive: true})
		if err != nil {
			t.Fatal(err)
		}
		if digest(t, m) != digest(t, got) || got.GUID() != m.GUID() || got.ChangeNumber() != m.ChangeNumber() || got.Size() != m.Size() {
			t.Error("the restored mailbox is another")
		}
		at := SyncPoint{Folder: inbox(t, m), Base: 1}
		want, _, _, _ := m.Changes(at.Folder, at, true, 1000)
		again, _, _, _ := got.Changes(at.Folder, at, true, 1000)
		if len(want) != len(again) {
			t.Errorf("%d changes, before %d", len(again), len(want))
		}
		for cut := 0; cut < len(raw); cut += 1 + len(raw)/50 {
			if _, err := Restore(bytes.NewReader(raw[:cut]), Options{}); !errors.Is(err, ErrState) {
				t.Fatalf("cut at %d: %v", cut, err)
			}
		}
	}
}

func TestClock(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 678, time.UTC)
	m := load(t, "", Options{Now: func() time.Time { return at }})
	if it := add(t, m, inbox(t, m), "x"); !it.Created.Equal(at.Truncate(100)) || it.props().Time(tagCreated) != it.Created {
		t.Errorf("created %v", it.Created)
	}
}
