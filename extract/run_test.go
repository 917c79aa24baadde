package extract_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"

	"mailferry/extract"
	"mailferry/fts"
	"mailferry/internal/event"
)

// TestFiles writes items into files: each once, those of another class not at
// all, a damaged one never in part, and the same names the second time.
func TestFiles(t *testing.T) {
	w := newWorld(t, "Inbox", `Inbox/a\/b`, "#archive/Inbox", `\#archive/Inbox`)
	w.add("Inbox", "1", blobOf(t, mail("One: a/b?", "text")))
	w.add(`Inbox/a\/b`, "2", blobOf(t, mail("..", "text")))
	w.add("#archive/Inbox", "3", blobOf(t, mail("CON", "text")))
	w.add(`\#archive/Inbox`, "4", blobOf(t, mail("CON", "text")))
	contact := mail("Bob", "text")
	contact.Props.Set(fts.MakeTag(0x001A, fts.StringUpload), "IPM.Contact")
	w.add("Inbox", "5", blobOf(t, contact))
	whole := blobOf(t, mail("Damaged", strings.Repeat("text ", 50_000)))
	w.add("Inbox", "6", whole[:len(whole)-10])

	s := w.run("eml")
	w.want(s, 4, 0, 1, 1)
	if s.Files != 4 || s.Folders != 4 || s.Found != 6 {
		t.Errorf("%+v", s)
	}
	if f := w.failures(); len(f) != 1 || !strings.Contains(f[0], "ends") {
		t.Errorf("failures %q", f)
	}
	got := files(t, w.out)
	for i, pattern := range []string{
		alice + "/#archive \\[????????????\\]/Inbox/2025-03-01 0930 _CON \\[????????????\\].eml",
		alice + "/#archive/Inbox/2025-03-01 0930 _CON \\[????????????\\].eml",
		alice + "/Inbox/2025-03-01 0930 One_ a_b_ \\[????????????\\].eml",
		alice + "/Inbox/a_b \\[????????????\\]/2025-03-01 0930 \\[????????????\\].eml",
	} {
		if len(got) != 4 {
			t.Fatalf("files %q", got)
		}
		if ok, err := path.Match(pattern, got[i]); !ok || err != nil {
			t.Errorf("%q is not %q", got[i], pattern)
		}
	}
	before := read(t, w.out, got)
	if !bytes.Contains(before[2], []byte("Subject: One: a/b?\r\n")) {
		t.Errorf("%s", before[2])
	}

	// The second time nothing is done, unless it is asked for.
	must(t, os.WriteFile(filepath.Join(w.out, got[2]), []byte("mine"), 0o600))
	w.want(w.run("eml"), 0, 4, 1, 1)
	if string(read(t, w.out, got)[2]) != "mine" {
		t.Error("a file that was there was overwritten")
	}
	w.want(w.run("eml", replace), 4, 0, 1, 1)
	if !bytes.Equal(read(t, w.out, got)[2], before[2]) {
		t.Error("a file that was there was not replaced")
	}

	// Another version of an item gets a file of its own.
	w.add("Inbox", "1", blobOf(t, mail("One: a/b?", "changed")))
	w.want(w.run("eml"), 1, 3, 1, 1)
	if n := len(files(t, w.out)); n != 5 {
		t.Errorf("%d files", n)
	}

	// The blob itself is written as it is, also where it is damaged.
	w.want(w.run("fts"), 6, 0, 0, 0)
	for _, name := range files(t, w.out) {
		if b := read(t, w.out, []string{name})[0]; strings.Contains(name, "Damaged") && !bytes.Equal(b, whole[:len(whole)-10]) {
			t.Error("the blob was altered")
		}
	}
}

func read(t testing.TB, dir string, names []string) (all [][]byte) {
	t.Helper()
	for _, name := range names {
		b, err := os.ReadFile(filepath.Join(dir, name))
		must(t, err)
		all = append(all, b)
	}
	return all
}

// TestNothingEscapes: names and symbolic links never lead out of the folder.
func TestNothingEscapes(t *testing.T) {
	w := newWorld(t, "Inbox", "Inbox/..", "../x", "Linked", "Inside", "Dangling")
	outside := t.TempDir()
	hostile := mail("../../../etc/passwd", "text")
	attach(hostile, "../../up.txt", "data")
	attach(hostile, "/etc/abs.txt", "data")
	attach(hostile, `..\..\windows.txt`, "data")
	attach(hostile, "..", "data")
	for i, folder := range []string{"Inbox", "Inbox/..", "../x", "Linked", "Inside", "Dangling"} {
		w.add(folder, string(rune('a'+i)), blobOf(t, hostile))
	}
	must(t, os.MkdirAll(filepath.Join(w.out, alice, "Real"), 0o700))
	must(t, os.Symlink(outside, filepath.Join(w.out, alice, "Linked")))
	must(t, os.Symlink("Real", filepath.Join(w.out, alice, "Inside")))
	must(t, os.Symlink(filepath.Join(outside, "new"), filepath.Join(w.out, alice, "Dangling")))
	for _, format := range []string{"eml", "attachments"} {
		w.want(w.run(format), 4, 0, 0, 2)
	}
	w.want(w.run("eml", mbox), 6, 0, 0, 0) // the files lie beside the links

	// A link where a file should go is not followed, nor written through.
	for _, name := range files(t, filepath.Join(w.out, alice, "Inbox")) {
		if strings.HasSuffix(name, ".eml") {
			at := filepath.Join(w.out, alice, "Inbox", name)
			must(t, os.Remove(at))
			must(t, os.Symlink(filepath.Join(outside, "victim"), at))
			break
		}
	}
	w.run("eml")
	if n := len(w.failures()); n != 3 {
		t.Errorf("failures %q", w.failures())
	}
	w.run("eml", replace)
	if n := len(w.failures()); n != 3 {
		t.Errorf("failures %q", w.failures())
	}
	if got := files(t, outside); len(got) != 0 {
		t.Errorf("outside lies %q", got)
	}
}

// TestAttachments writes what is attached into a folder for each item.
func TestAttachments(t *testing.T) {
	w := newWorld(t, "Inbox")
	m := mail("With files", "text")
	for _, name := range []string{"a.txt", "A.TXT", "", "nul.tar.gz", strings.Repeat("long ", 60) + ".docx"} {
		attach(m, name, "data of "+name)
	}
	m.Attachments = append(m.Attachments, fts.Attachment{Embedded: mail("Inside", "inner text")})
	m.Attachments[5].Props.Set(fts.MakeTag(0x3001, fts.StringUpload), "Inside")
	m.Attachments = append(m.Attachments, fts.Attachment{})
	m.Attachments[6].Props.Set(fts.MakeTag(0x3707, fts.StringUpload), "link")
	m.Attachments[6].Props.Set(fts.MakeTag(0x370D, fts.StringUpload), "https://example.com/x")
	w.add("Inbox", "1", blobOf(t, m))
	w.add("Inbox", "2", blobOf(t, mail("Without", "text")))
	s := w.run("attachments")
	w.want(s, 1, 0, 1, 0)
	if s.Files != 7 {
		t.Errorf("%d files", s.Files)
	}
	dirs, err := filepath.Glob(filepath.Join(w.out, alice, "Inbox", "*"))
	if err != nil || len(dirs) != 1 {
		t.Fatalf("%q, %v", dirs, err)
	}
	want := []string{"A (2).TXT", "Inside.eml", "_nul.tar.gz", "a.txt", "attachment 3", "link.txt", strings.TrimSpace(strings.Repeat("long ", 24)) + ".docx"}
	got := files(t, dirs[0])
	for i := range min(len(got), len(want)) {
		if got[i] != want[i] {
			t.Errorf("file %q, want %q", got[i], want[i])
		}
	}
	if len(got) != len(want) {
		t.Fatalf("files %q", got)
	}
	for i, text := range []string{"data of A.TXT", "inner text", "data of nul.tar.gz", "data of a.txt", "data of ", "https://example.com/x", "data of long "} {
		if b := read(t, dirs[0], got)[i]; !strings.Contains(string(b), text) {
			t.Errorf("%s holds %q", got[i], b)
		}
	}
	w.want(w.run("attachments"), 0, 1, 1, 0)
	must(t, os.Remove(filepath.Join(dirs[0], "a.txt")))
	w.want(w.run("attachments", replace), 1, 0, 1, 0)
	if n := len(files(t, dirs[0])); n != 7 {
		t.Errorf("%d files", n)
	}
}

// TestTwinFolders keeps folders apart that a file system could take for one.
func TestTwinFolders(t *testing.T) {
	w := newWorld(t, "Straße", "STRASSE", "straße")
	for _, folder := range []string{"Straße", "STRASSE", "straße"} {
		w.add(folder, folder, blobOf(t, mail("Hello", folder)))
	}
	w.want(w.run("eml", mbox), 3, 0, 0, 0)
	folded := make(map[string]bool)
	for _, name := range files(t, w.out) {
		folded[strings.ToUpper(name)] = true
	}
	if len(folded) != 3 {
		t.Errorf("files %q", files(t, w.out))
	}
}

// TestStopped: what was written when a run is stopped is whole, and the next run
// goes on.
func TestStopped(t *testing.T) {
	w := newWorld(t, "Inbox")
	for i := range 20 {
		w.add("Inbox", string(rune('a'+i)), blobOf(t, mail("Hello", strings.Repeat("x", i))))
	}
	ctx, cancel := context.WithCancel(t.Context())
	seen := 0
	s, err := w.try(ctx, "eml", func(o *extract.Options) {
		o.Events = func(e event.Event) {
			if e.Kind == event.Item {
				if seen++; seen == 5 {
					cancel()
				}
			}
		}
	})
	if !errors.Is(err, context.Canceled) || s.Left == 0 || s.Written < 5 || s.Written+s.Left != 20 {
		t.Errorf("%+v, %v", s, err)
	}
	// The leftovers of a run that was killed are in nobody's way.
	for _, name := range files(t, w.out) {
		if !strings.HasSuffix(name, "].eml") {
			t.Errorf("a part is left: %s", name)
		}
	}
	if n := len(files(t, w.out)); n != s.Written {
		t.Errorf("%d files of %d", n, s.Written)
	}
	w.want(w.run("eml"), s.Left, s.Written, 0, 0)

	// A file that was not to be finished is not there, and is not counted.
	ctx, cancel = context.WithCancel(t.Context())
	seen = 0
	s, err = w.try(ctx, "eml", mbox, func(o *extract.Options) {
		o.Events = func(e event.Event) {
			if seen++; seen == 15 {
				cancel()
			}
		}
	})
	if !errors.Is(err, context.Canceled) || s.Written != 0 || s.Left != 20 || s.Bytes != 0 {
		t.Errorf("%+v, %v", s, err)
	}
	if n := len(files(t, w.out)); n != 20 {
		t.Errorf("%d files", n)
	}
}
