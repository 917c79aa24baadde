package eml_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"mailferry/ews/ewstest/mailbox"
	"mailferry/fts"
	"mailferry/internal/sharedtest"
)

// independent calls each with the streams that another program made.
func independent(t testing.TB, each func(name string, blob []byte)) {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(sharedtest.Dir(t, "testdata/fts/independent"), "*.blob"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("%d streams, %v", len(paths), err)
	}
	for _, path := range paths {
		blob, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		each(strings.TrimSuffix(filepath.Base(path), ".blob"), blob)
	}
}

// simulated calls each with the items of a mailbox of the simulator.
func simulated(t testing.TB, content string, each func(name string, blob []byte)) {
	t.Helper()
	m, err := mailbox.Load(content, "anna@example.com", mailbox.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range m.Folders() {
		if f.Search {
			continue
		}
		for _, it := range m.Items(f.ID) {
			var blob bytes.Buffer
			if err := m.WriteBlob(&blob, it); err != nil {
				t.Fatal(err)
			}
			each(fmt.Sprintf("%s %d", f.Name, it.ID), blob.Bytes())
		}
	}
}

// realMailbox is a mailbox of 2,178 messages.
func realMailbox(t testing.TB) string {
	t.Helper()
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/mooijtech/go-pst/v6").Output()
	if err != nil {
		t.Fatal(err)
	}
	return "pst:" + filepath.Join(strings.TrimSpace(string(out)), "data", "enron.pst")
}

// TestParsers has other programs read the mail of every item there is: the Go
// standard library and Python's email package understand what the item says.
func TestParsers(t *testing.T) {
	for name, corpus := range map[string]func(testing.TB, func(string, []byte)){
		"independent": independent,
		"sample":      func(t testing.TB, each func(string, []byte)) { simulated(t, "sample:120", each) },
		"real":        func(t testing.TB, each func(string, []byte)) { simulated(t, realMailbox(t), each) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if name == "real" && testing.Short() {
				t.Skip("takes 5 s")
			}
			dir := t.TempDir()
			var names, files []string
			var wants []string
			corpus(t, func(name string, blob []byte) {
				m, err := fts.ReadMessage(bytes.NewReader(blob))
				if err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				_, raw := rendered(t, blob)
				checkClean(t, name, raw)
				want := wanted(t, m)
				want.same()
				got, err := readGo(raw)
				if err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				if got.same(); got.String() != want.String() {
					t.Errorf("%s: what Go reads: %s", name, cmp.Diff(want.String(), got.String()))
				}
				file := filepath.Join(dir, fmt.Sprint(len(files)))
				if err := os.WriteFile(file, raw, 0o600); err != nil {
					t.Fatal(err)
				}
				names, files, wants = append(names, name), append(files, file), append(wants, want.String())
			})
			for i, got := range readPython(t, sharedtest.Program(t, "python3"), files) {
				if got != wants[i] {
					t.Errorf("%s: what Python reads: %s", names[i], cmp.Diff(wants[i], got))
				}
			}
			t.Logf("%d items", len(names))
		})
	}
}

// readPython reads mails with Python's email package, which finds no fault in them.
func readPython(t *testing.T, python string, files []string) []string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), python, filepath.Join("..", "..", "testdata", "interop", "read_mail.py"))
	cmd.Stdin, cmd.Stderr = strings.NewReader(strings.Join(files, "\n")), os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for d := json.NewDecoder(bytes.NewReader(out)); d.More(); {
		var one struct {
			Mail    *read
			Defects []string
		}
		if err := d.Decode(&one); err != nil {
			t.Fatal(err)
		}
		if len(one.Defects) > 0 {
			t.Errorf("%s: Python finds %q", files[len(all)], one.Defects)
		}
		one.Mail.same()
		all = append(all, one.Mail.String())
	}
	if len(all) != len(files) {
		t.Fatalf("%d of %d mails were read", len(all), len(files))
	}
	return all
}

// checkClean checks that a mail is lines of ASCII that are not too long.
func checkClean(t testing.TB, name string, raw []byte) {
	t.Helper()
	if !bytes.HasSuffix(raw, []byte("\r\n")) {
		t.Errorf("%s: the last line has no end", name)
	}
	for i, line := range bytes.Split(raw, []byte("\r\n")) {
		if len(line) > 998 {
			t.Errorf("%s: line %d has %d bytes", name, i+1, len(line))
		}
		for _, c := range line {
			if c >= 0x7f || c < ' ' && c != '\t' {
				t.Fatalf("%s: line %d holds the byte %#x: %q", name, i+1, c, line)
			}
		}
	}
}
