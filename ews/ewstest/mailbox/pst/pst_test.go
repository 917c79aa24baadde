package pst

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"mailferry/ews/ewstest/mailbox/tree"
	"mailferry/fts"
)

// data returns a file that comes with the go-pst module. enron.pst is a mailbox
// of the Enron corpus, made public by the Federal Energy Regulatory Commission.
func data(t testing.TB, name string) string {
	t.Helper()
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/mooijtech/go-pst/v6").Output()
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(strings.TrimSpace(string(out)), "data", name)
}

func walk(f *tree.Folder, path string, visit func(path string, f *tree.Folder)) {
	visit(path, f)
	for _, sub := range f.Folders {
		walk(sub, path+"/"+sub.Name, visit)
	}
}

type counts struct{ messages, attachments, bytes, recipients, props, named int }

func count(t *testing.T, root *tree.Folder) (counts, map[string]string) {
	var c counts
	roles := map[string]string{}
	walk(root, "", func(path string, f *tree.Folder) {
		if f.Distinguished != "" {
			roles[f.Distinguished] = path
		}
		for _, it := range f.Items {
			c.messages++
			c.recipients += len(it.Message.Recipients)
			c.attachments += len(it.Message.Attachments)
			for _, p := range it.Message.Props {
				c.props++
				if p.Name != nil {
					c.named++
				}
				if id := p.Tag.ID(); p.Name == nil && (id >= 0x8000 || id >= 0x6600 && id < 0x6800) {
					t.Errorf("%s: property %04x should not be in a message", path, id)
				}
			}
			for _, a := range it.Message.Attachments {
				c.bytes += len(a.Props.Bytes(propData))
			}
		}
	})
	return c, roles
}

func TestEnron(t *testing.T) {
	root, err := Read(data(t, "enron.pst"))
	if err != nil {
		t.Fatal(err)
	}
	got, roles := count(t, root)
	// 2,178 is what the file's own search folder "All Messages" counts.
	want := counts{messages: 2178, attachments: 168, bytes: got.bytes, recipients: 4029, props: got.props, named: 6458}
	if got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if got.bytes < 1<<20 || got.props < 60000 {
		t.Errorf("too little read: %+v", got)
	}
	for role, path := range map[string]string{"inbox": "/Inbox", "sentitems": "/Sent Items", "calendar": "/Calendar", "contacts": "/Contacts"} {
		if roles[role] != path {
			t.Errorf("role %s is of %q, want %q", role, roles[role], path)
		}
	}
	contentType := fts.Name{Set: fts.PSInternetHeaders, Text: "content-type"}
	found := 0
	walk(root, "", func(_ string, f *tree.Folder) {
		for _, it := range f.Items {
			if it.Message.Props.String(0x001A) != "IPM.Note" || it.Message.Props.Bytes(0x300B) == nil {
				t.Error("an item without class or search key")
			}
			if p, ok := it.Message.Named(contentType); ok && p.Value != "" {
				found++
			}
		}
	})
	if found != want.messages {
		t.Errorf("%d items have a content-type, want %d", found, want.messages)
	}
}

func TestOtherFiles(t *testing.T) {
	for name, messages := range map[string]int{"support.pst": 17, "32-bit.pst": 0} {
		root, err := Read(data(t, name))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		got, roles := count(t, root)
		t.Logf("%s: %+v %v", name, got, roles)
		if got.messages < messages || roles["deleteditems"] == "" {
			t.Errorf("%s: got %+v %v, want %d messages and the deleted items", name, got, roles, messages)
		}
	}
}

// A file that is cut anywhere, or changed, is an error or gives less, but never
// a panic.
func TestDamaged(t *testing.T) {
	whole, err := os.ReadFile(data(t, "support.pst"))
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "damaged.pst")
	for i := range 60 {
		damaged := append([]byte(nil), whole...)
		if i%2 == 0 {
			damaged = damaged[:len(damaged)*i/60]
		} else {
			for at := i * 97; at < len(damaged); at += 4099 {
				damaged[at] ^= byte(i)
			}
		}
		if err := os.WriteFile(file, damaged, 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := Read(file)
		if i == 0 && err == nil {
			t.Error("an empty file was read")
		}
	}
	if _, err := Read(filepath.Join(t.TempDir(), "none.pst")); err == nil {
		t.Error("a missing file was read")
	}
}
