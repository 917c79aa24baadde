package extract_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"mailferry/internal/sharedtest"
)

// TestMbox writes a folder as one file: its messages are those that are written
// one by one, after the quotes are taken away, and a damaged one leaves nothing.
func TestMbox(t *testing.T) {
	w := newWorld(t, "Inbox", "Inbox/Sub", "Empty")
	// Headers are written as they came, so that one can begin like a separator.
	odd := mail("Second", "From here\r\n>From there\r\n>>From\r\nFro\r\n")
	whole := blobOf(t, mail("Damaged", strings.Repeat("text ", 50_000)))
	w.add("Inbox", "1", whole[:len(whole)-10])
	w.add("Inbox", "2", blobOf(t, mail("First", "From the start\r\nno end")))
	w.add("Inbox", "3", whole[:len(whole)-20])
	w.add("Inbox", "4", blobOf(t, odd))
	w.add("Inbox/Sub", "5", blobOf(t, mail("Third", "x")))
	s := w.run("eml", mbox)
	w.want(s, 3, 0, 0, 2)
	got := files(t, w.out)
	if strings.Join(got, " ") != alice+"/Inbox.mbox "+alice+"/Inbox/Sub.mbox" || s.Files != 2 || s.Format != "mbox" {
		t.Fatalf("%q, %+v", got, s)
	}
	box := string(read(t, w.out, got[:1])[0])
	if strings.Contains(box, "\r") || !strings.HasPrefix(box, "From alice@example.com Sat Mar  1 09:30:00 2025\nX-Mailferry-Mbox: ") {
		t.Errorf("%q", box)
	}
	one := t.TempDir()
	out := w.out
	w.out = one
	w.run("eml")
	w.out = out
	messages := regexp.MustCompile(`(?m)^From .*\n(X-Mailferry.*\n)?`).Split(box, -1)[1:]
	names := files(t, filepath.Join(one, alice, "Inbox"))
	var want []string
	for _, b := range read(t, filepath.Join(one, alice, "Inbox"), names) {
		if !strings.Contains(string(b), "Third") {
			want = append(want, strings.ReplaceAll(string(b), "\r\n", "\n"))
		}
	}
	if len(messages) != 2 || len(want) != 2 {
		t.Fatalf("%d messages, %d files", len(messages), len(want))
	}
	for i, m := range messages {
		m = strings.TrimSuffix(regexp.MustCompile(`(?m)^>(>*From )`).ReplaceAllString(m, "$1"), "\n")
		if m != want[i] {
			t.Errorf("message %q, want %q", m, want[i])
		}
	}
	if python := sharedtest.Program(t, "python3"); python != "" {
		cmd := exec.CommandContext(t.Context(), python, "-c", `import mailbox, sys
for m in mailbox.mbox(sys.argv[1]): print(m["subject"])`, filepath.Join(w.out, got[0]))
		if said, err := cmd.Output(); err != nil || string(said) != "First\nSecond\n" {
			t.Errorf("Python reads %q, %v", said, err)
		}
	}

	// Once more: the same is there already; another set of items is not overwritten.
	w.want(w.run("eml", mbox), 0, 1, 0, 4)
	if f := strings.Join(w.failures(), "\n"); strings.Count(f, "Inbox.mbox is there already, without items that failed; --if-exists replace") != 4 {
		t.Errorf("failures %s", f)
	}
	w.add("Inbox", "6", blobOf(t, mail("Fourth", "x")))
	w.want(w.run("eml", mbox), 0, 1, 0, 5)
	if f := strings.Join(w.failures(), "\n"); strings.Count(f, "Inbox.mbox is there already and holds something else") != 5 {
		t.Errorf("failures %s", f)
	}
	if string(read(t, w.out, got[:1])[0]) != box {
		t.Error("the file was overwritten")
	}
	w.want(w.run("eml", mbox, replace), 4, 0, 0, 2)
	must(t, os.WriteFile(filepath.Join(w.out, got[0]), []byte("From me"), 0o600))
	w.want(w.run("eml", mbox), 0, 1, 0, 5)
}
