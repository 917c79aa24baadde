package mailbox

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"testing"

	"mailferry/ews/ewstest/mailbox/sample"
	"mailferry/fts"
)

func load(t testing.TB, spec string, o Options) *Mailbox {
	t.Helper()
	m, err := Load(spec, "Anna@Example.com", o)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// all returns the items of all folders that are no search folders.
func all(m *Mailbox) []*Item {
	var items []*Item
	for _, f := range m.Folders() {
		if !f.Search {
			items = append(items, m.Items(f.ID)...)
		}
	}
	return items
}

// check renders an item and reads it again.
func check(t *testing.T, m *Mailbox, it *Item) []byte {
	t.Helper()
	var blob bytes.Buffer
	if err := m.WriteBlob(&blob, it); err != nil {
		t.Fatal(err)
	}
	if size, err := m.BlobSize(it); err != nil || size != int64(blob.Len()) {
		t.Errorf("%s %q: size %d, %v, but %d bytes are written", it.Class(), it.Subject(), size, err, blob.Len())
	}
	c, err := fts.Inspect(bytes.NewReader(blob.Bytes()))
	if err != nil {
		t.Errorf("%s %q: %v", it.Class(), it.Subject(), err)
	}
	if c.Class != it.Class() || c.Subject != it.Subject() {
		t.Errorf("inspect says %q %q, item %q %q", c.Class, c.Subject, it.Class(), it.Subject())
	}
	content, err := fts.ReadContent(bytes.NewReader(blob.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	if it.Message != nil {
		if d := fts.Compare(fts.MessageContent(it.Message), content); len(d) > 0 {
			t.Errorf("%s %q: rendered content differs: %v", it.Class(), it.Subject(), d)
		}
	}
	if sum, err := m.ContentSum(it); err != nil || sum != content.Sum() {
		t.Errorf("%s %q: content sum differs, %v", it.Class(), it.Subject(), err)
	}
	return blob.Bytes()
}

func TestSampleRenders(t *testing.T) {
	m := load(t, "sample:400:7", Options{Archive: true})
	classes, bytesTotal := map[string]int{}, 0
	for _, it := range all(m) {
		classes[it.Class()]++
		bytesTotal += len(check(t, m, it))
	}
	t.Logf("%d bytes, %v", bytesTotal, classes)
	for _, class := range []string{
		"IPM.Note", "IPM.Appointment", "IPM.Contact", "IPM.DistList", "IPM.Task", "IPM.StickyNote", "IPM.Activity", "IPM.Post",
		"IPM.Schedule.Meeting.Request", "REPORT.IPM.Note.NDR", "IPM.Note.SMIME.MultipartSigned",
	} {
		if classes[class] == 0 {
			t.Errorf("no item of class %s", class)
		}
	}
}

// N is the number of normal items in visible folders, whatever N is.
func TestSampleCounts(t *testing.T) {
	for _, n := range []int{0, 1, 7, sample.Kinds, 41, 123, 400} {
		root := sample.Build(sample.Options{Items: n, Seed: 1})
		m, err := New("anna@example.com", Options{Archive: true})
		if err != nil {
			t.Fatal(err)
		}
		if err := m.plant(0, root); err != nil {
			t.Fatal(err)
		}
		top, _ := m.Distinguished("msgfolderroot")
		visible, err := m.Below(top.ID, true)
		if err != nil {
			t.Fatal(err)
		}
		got, hidden := 0, map[uint64]bool{}
		for _, f := range visible {
			if hidden[f.ID] = f.Hidden || hidden[f.Parent]; !hidden[f.ID] {
				got += f.Total
			}
		}
		if got != n {
			t.Errorf("sample of %d has %d items", n, got)
		}
		for _, role := range []string{"recoverableitemsdeletions", "archivemsgfolderroot"} {
			if f, _ := m.Distinguished(role); f.Total == 0 {
				t.Errorf("sample of %d has nothing in %s", n, role)
			}
		}
	}
}

func digest(t *testing.T, m *Mailbox) string {
	t.Helper()
	inv, err := m.Inventory(nil)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := json.Marshal(inv)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:])
}

func TestSampleIsDeterministic(t *testing.T) {
	a, b := load(t, "sample:150:7:folders=120", Options{}), load(t, "sample:150:7:folders=120", Options{})
	if digest(t, a) != digest(t, b) {
		t.Error("the same options gave another mailbox")
	}
	if digest(t, a) == digest(t, load(t, "sample:150:8:folders=120", Options{})) {
		t.Error("another seed gave the same mailbox")
	}
	plain := load(t, "sample:150:7", Options{})
	if got := len(a.Folders()) - len(plain.Folders()); got < 120 {
		t.Errorf("folders=120 gave %d more folders", got)
	}
}

// Twins: byte-equal items in one folder, with the same and with another search key.
func TestSampleTwins(t *testing.T) {
	m := load(t, "sample:40", Options{})
	type key struct {
		folder uint64
		sum    [32]byte
	}
	seen, same, other, elsewhere := map[key]*Item{}, 0, 0, 0
	folders := map[[32]byte]uint64{}
	for _, it := range all(m) {
		sum, err := m.BlobSHA256(it)
		if err != nil {
			t.Fatal(err)
		}
		if f, ok := folders[sum]; ok && f != it.Folder {
			elsewhere++
		}
		folders[sum] = it.Folder
		if twin := seen[key{it.Folder, sum}]; twin == nil {
			seen[key{it.Folder, sum}] = it
		} else if bytes.Equal(twin.SearchKey, it.SearchKey) {
			same++
		} else {
			other++
		}
	}
	if same != 1 || other != 1 || elsewhere != 1 {
		t.Errorf("twins: %d with the same key, %d with another, %d in another folder; want 1 of each", same, other, elsewhere)
	}
}

func TestBulk(t *testing.T) {
	m := load(t, "bulk:30:100KB:folders=7", Options{})
	inbox, _ := m.Distinguished("inbox")
	if folders, err := m.Below(inbox.ID, false); err != nil || len(folders) != 7 {
		t.Fatalf("%d folders, %v", len(folders), err)
	}
	items := all(m)
	seen := map[[32]byte]bool{}
	for _, it := range items {
		blob := check(t, m, it)
		if len(blob) != 100_000 {
			t.Errorf("blob of %d bytes", len(blob))
		}
		seen[sha256.Sum256(blob)] = true
		checkBase64(t, m, it, blob)
		msg, err := m.Message(it)
		if err != nil || msg.Props.String(tagSubject) != it.Subject() || len(msg.Attachments) != 1 {
			t.Errorf("message of %q: %v", it.Subject(), err)
		}
	}
	if len(items) != 30 || len(seen) != 30 {
		t.Errorf("%d items, %d different", len(items), len(seen))
	}
}

func TestSpecs(t *testing.T) {
	for _, spec := range []string{
		"nonsense", "sample", "sample:x", "sample:-1", "sample:1:2:3", "sample:5:foo=1", "bulk:5", "bulk:5:0", "bulk:5:10", "bulk:1:5XB",
		"bulk:1:99999GB", "pst:/nowhere", "empty:1", "sample:5:1:folders=x", "sample:5:1:=4",
	} {
		if _, err := Load(spec, "a@example.com", Options{}); err == nil {
			t.Errorf("%q was taken", spec)
		}
	}
	for _, spec := range []string{"", "empty", "sample:0", "sample:5", "sample:5:9", "sample:5:folders=60", "bulk:0:2KB", "bulk:3:2KiB", "bulk:2:1MB:folders=5"} {
		if _, err := Load(spec, "a@example.com", Options{}); err != nil {
			t.Errorf("%q: %v", spec, err)
		}
	}
}

// BenchmarkBulkBase64 must be well above 1 GB/s.
func BenchmarkBulkBase64(b *testing.B) {
	m := load(b, "bulk:1:25MB", Options{})
	it := all(m)[0]
	b.SetBytes(25e6)
	for b.Loop() {
		var n counting
		if err := m.WriteBase64(&n, it); err != nil {
			b.Fatal(err)
		}
	}
}
