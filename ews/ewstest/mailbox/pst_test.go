package mailbox

import (
	"bytes"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mailferry/fts"
)

// enron returns the mailbox that comes with the go-pst module: one of the Enron
// corpus, made public by the Federal Energy Regulatory Commission.
func enron(t testing.TB) string {
	t.Helper()
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/mooijtech/go-pst/v6").Output()
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(strings.TrimSpace(string(out)), "data", "enron.pst")
}

func TestPST(t *testing.T) {
	start := time.Now()
	m := load(t, "pst:"+enron(t), Options{Language: "de"})
	t.Logf("loaded in %v, %d bytes", time.Since(start), m.Size())
	messages, attachments := 0, 0
	target := load(t, "", Options{Salt: "target"})
	for _, it := range all(m) {
		messages++
		attachments += len(it.Message.Attachments)
		var blob bytes.Buffer
		if err := m.WriteBlob(&blob, it); err != nil {
			t.Fatal(err)
		}
		up, err := target.Upload(Upload{Folder: inbox(t, target), Blob: &blob})
		if err != nil {
			t.Fatalf("item %d: %v", it.ID, err)
		}
		if d := fts.Compare(fts.MessageContent(it.Message), fts.MessageContent(up.Message)); len(d) > 0 {
			t.Errorf("item %d differs after upload: %v", it.ID, d)
		}
	}
	if messages != 2178 || attachments != 168 {
		t.Errorf("%d messages with %d attachments, want 2178 with 168", messages, attachments)
	}
	for role, n := range map[string]int{"inbox": 4, "calendar": 791, "contacts": 10, "deleteditems": 441, "drafts": 41, "sentitems": 15} {
		if f, _ := m.Distinguished(role); f.Total != n {
			t.Errorf("%s holds %d items, want %d", role, f.Total, n)
		}
	}
	start = time.Now()
	if _, err := m.Inventory(nil); err != nil {
		t.Error(err)
	}
	t.Logf("inventory in %v", time.Since(start))
}
