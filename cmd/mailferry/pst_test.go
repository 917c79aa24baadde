package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"mailferry/ews/ewstest"
	"mailferry/fts"
	"mailferry/internal/sharedtest"
	"mailferry/store"
)

// realMessages and realAttachments are what the PST file in the module go-pst
// holds: a mailbox of the Enron corpus, made public by the Federal Energy
// Regulatory Commission.
const realMessages, realAttachments = 2178, 168

// exportedPST is the real mailbox, loaded into the simulator and exported.
func exportedPST(t *testing.T) (f *ferry, pst string) {
	t.Helper()
	pst = findPST(t.Context())
	if pst == "" {
		t.Fatalf("module %s is not there", pstModule)
	}
	f = &ferry{t: t, dir: filepath.Join(t.TempDir(), "store"), source: ewstest.Start(t, ewstest.Options{
		Mailboxes: []ewstest.MailboxSpec{{Address: killSource, Content: "pst:" + pst}},
		Auth:      []string{"basic"}, Users: []ewstest.User{{Name: "svc", Password: "Passw0rd!"}},
	})}
	if err := os.WriteFile(f.passwordFile(), []byte("Passw0rd!\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	f.must("export")
	return f, pst
}

// storedMessage reads a stored item whole.
func storedMessage(t *testing.T, st *store.Store, it store.Item) *fts.Message {
	t.Helper()
	blob, err := st.OpenBlob(it)
	if err != nil {
		t.Fatal(err)
	}
	defer blob.Close()
	m, err := fts.ReadMessage(blob)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// pffMessage is a line of testdata/interop/pst_dump.py.
type pffMessage struct {
	Folder, Subject, Sender, Body string
	Submitted, Delivered          uint64
	Properties                    map[string]any
	Attachments                   []struct {
		Size       int
		SHA256     string
		Properties map[string]any
	}
}

// What the store holds is what pypff, another implementation, reads from the
// PST file: each message with folder, subject, sender, times, text and
// attachments, and every property with its value.
func TestExportIsWhatPypffReads(t *testing.T) {
	sharedtest.PythonModule(t, "pypff")
	f, pst := exportedPST(t)
	out, err := exec.CommandContext(t.Context(), sharedtest.Python, "../../testdata/interop/pst_dump.py", pst).Output()
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]pffMessage{} // by the number that who published it gave each
	lines := json.NewDecoder(bytes.NewReader(out))
	lines.UseNumber()
	for {
		var m pffMessage
		if err := lines.Decode(&m); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		want[publishedAs(fmt.Sprint(m.Properties["007D001F"]))] = m
	}
	if len(want) != realMessages {
		t.Fatalf("pypff reads %d messages with a number of their own, want %d", len(want), realMessages)
	}

	attachments, values := 0, 0
	f.stored(func(st *store.Store, folder store.Folder, it store.Item) {
		m := storedMessage(t, st, it)
		key := publishedAs(m.Props.String(0x007D))
		w, ok := want[key]
		if !ok {
			t.Errorf("%s: pypff does not read message %q, or it is here twice", folder.Path, key)
			return
		}
		delete(want, key)
		where := fmt.Sprintf("%s %q", w.Folder, w.Subject)
		equal(t, where, "folder", strings.TrimPrefix(w.Folder, "/Top of Personal Folders/bailey-s/"), folder.Path)
		equal(t, where, "subject", w.Subject, m.Subject())
		equal(t, where, "sender", w.Sender, m.Props.String(0x0C1A))
		equal(t, where, "time of sending", w.Submitted, timeOf(m.Props, 0x0039))
		equal(t, where, "time of delivery", w.Delivered, timeOf(m.Props, 0x0E06))
		equal(t, where, "text", w.Body, digest([]byte(m.Props.String(0x1000))))
		values += sameValues(t, where, w.Properties, m.Props)
		equal(t, where, "number of attachments", len(w.Attachments), len(m.Attachments))
		for i := range min(len(w.Attachments), len(m.Attachments)) {
			attachments++
			data, _ := m.Attachments[i].Data()
			b, _ := data.Value.([]byte)
			equal(t, where, fmt.Sprintf("attachment %d", i), w.Attachments[i].SHA256, digest(b))
			values += sameValues(t, fmt.Sprintf("%s attachment %d", where, i), w.Attachments[i].Properties, m.Attachments[i].Props)
		}
	})
	for _, m := range want {
		t.Errorf("not in the store: %s %q", m.Folder, m.Subject)
	}
	equal(t, "all messages", "number of attachments", realAttachments, attachments)
	t.Logf("%d values of properties are equal", values)
}

var publishedNumber = regexp.MustCompile(`(?m)^X-ZLID: *(\S+)`)

// publishedAs returns the number of a message in its transport headers.
func publishedAs(headers string) string {
	if m := publishedNumber.FindStringSubmatch(headers); m != nil {
		return m[1]
	}
	return ""
}

func digest(b []byte) string { sum := sha256.Sum256(b); return hex.EncodeToString(sum[:]) }

func timeOf(p fts.Props, id uint16) uint64 {
	found, _ := p.Prop(id)
	v, _ := found.Value.(fts.FileTime)
	return uint64(v)
}

func equal[T comparable](t *testing.T, where, what string, want, have T) {
	t.Helper()
	if want != have {
		t.Errorf("%s: %s is %v, want %v", where, what, have, want)
	}
}

// sameValues compares all properties but those with names, whose numbers are
// private to a file, and tells how many there were.
func sameValues(t *testing.T, where string, want map[string]any, have fts.Props) (n int) {
	t.Helper()
	values := map[string]any{}
	for _, p := range have {
		kind := p.Tag.Type()
		if kind == fts.StringUpload {
			kind = fts.String
		}
		values[fmt.Sprintf("%04X%04X", p.Tag.ID(), uint16(kind))] = p.Value
	}
	for _, key := range slices.Sorted(maps.Keys(want)) {
		if key >= "8000" || ofTheStore(key) {
			continue
		}
		n++
		if have := printed(values[key]); have != printed(want[key]) {
			t.Errorf("%s: property %s is %.80q, want %.80q", where, key, have, printed(want[key]))
		}
	}
	return n
}

// ofTheStore tells which properties no export of this mailbox can have from the
// file: size and search key, which a store gives an item that is new to it, and
// the range that [MS-PST] keeps for the file itself.
func ofTheStore(key string) bool {
	return key == "0E080003" || key == "300B0102" || "6600" <= key && key < "6800"
}

// printed is a value as pst_dump.py prints it.
func printed(v any) string {
	if b, ok := v.([]byte); ok {
		return digest(b)
	}
	return fmt.Sprint(v)
}
