package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"mailferry/ews"
	"mailferry/ews/ewstest"
	"mailferry/export"
	"mailferry/upload"
)

const (
	// cellTime is more than any command may take under any one fault. Pauses are
	// short in these tests; what takes longer than this waits for ever.
	cellTime = 30 * time.Second
	// mostMemory is how much memory the test, with all its servers, may add to
	// that of the process.
	mostMemory = 512 << 20
	// mostAnswer bounds what a command reads of an answer without an end.
	mostAnswer = 300 << 20
)

// TestFaultMatrix lets each kind of fault meet each command. What must come of
// it says the table in fault_table_test.go, which it prints with -v. The judge is
// what the simulators hold.
func TestFaultMatrix(t *testing.T) {
	if testing.Short() {
		t.Skip("some hundred runs of whole commands")
	}
	kinds := make(map[string]bool)
	for _, row := range faultTable {
		kinds[row.kind] = true
	}
	for _, kind := range ewstest.FaultKinds() {
		if !kinds[kind] {
			t.Errorf("fault kind %s has no row", kind)
		}
	}
	before := memory()
	base := newFerry(t)
	base.must("export")
	results := make([][3]string, len(faultTable))
	commands := []string{"export", "upload", "verify"}
	name := func(i int) string {
		row := faultTable[i/3]
		return fmt.Sprintf("%s, %s/%s", row.kind, row.how, commands[i%3])
	}
	several(t, 3*len(faultTable), name, func(t *testing.T, i int) {
		row, command := faultTable[i/3], commands[i%3]
		c := []faultCell{row.export, row.upload, row.verify}[i%3]
		result := string(c.outcome)
		if c.outcome != concernsNot {
			began := time.Now()
			base.again(t, command).meet(command, c.of(command, row.kind))
			result = fmt.Sprintf("%s (%.1f s)", c.outcome, time.Since(began).Seconds())
		}
		if t.Failed() {
			result = "FAILED, should be: " + result
		}
		results[i/3][i%3] = result
	})
	if grown := memory() - before; grown > mostMemory {
		t.Errorf("the process grew by %d MiB", grown>>20)
	}
	var table strings.Builder
	w := tabwriter.NewWriter(&table, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "kind\twhen\texport\tupload\tverify")
	for i, row := range faultTable {
		fmt.Fprintf(w, "%s\t%s\t%s\n", row.kind, row.how, strings.Join(results[i][:], "\t"))
	}
	w.Flush()
	t.Logf("every kind of fault by every command:\n%s", table.String())
}

// memory is what the process has asked the system for at most so far.
func memory() int64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.Sys)
}

// of fills in what the table leaves out.
func (c faultCell) of(command, kind string) faultCell {
	c.faults = slices.Clone(c.faults)
	for i := range c.faults {
		f := &c.faults[i]
		f.Kind = cmp.Or(f.Kind, kind)
		f.Op = cmp.Or(f.Op, map[string]string{"export": "ExportItems", "upload": "UploadItems", "verify": "ExportItems"}[command])
	}
	return c
}

// ferry is a mailbox on its way from one simulated server to another by
// commands that run in this process.
type ferry struct {
	t              *testing.T
	dir            string // of the store
	source, target *ewstest.Server
	items          map[string]exportable // of the source
	chosen         string                // id of the item that faults hit
}

// exportable is an item that the commands move.
type exportable struct{ place, subject, content string }

func ferryServer(t *testing.T, mailbox, content string) *ewstest.Server {
	t.Helper()
	return ewstest.Start(t, ewstest.Options{
		Mailboxes: []ewstest.MailboxSpec{{Address: mailbox, Content: content}},
		Auth:      []string{"basic"}, Users: []ewstest.User{{Name: "svc", Password: "Passw0rd!"}},
		Policy: ewstest.Policy{SyncPage: 4, FindPage: 5}, // several pages even of small folders
	})
}

// newFerry begins with a filled source and an empty target. The source holds
// twins, which only a look at the content tells apart from what was lost.
func newFerry(t *testing.T) *ferry {
	t.Helper()
	f := &ferry{
		t: t, dir: filepath.Join(t.TempDir(), "store"),
		source: ferryServer(t, killSource, "sample:40"), target: ferryServer(t, killTarget, "empty"),
	}
	addTwins(t, f.source)
	if err := os.WriteFile(f.passwordFile(), []byte("Passw0rd!\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	f.survey()
	return f
}

// again is a ferry that has come as far as its command needs: an upload has an
// exported store, a verify an uploaded mailbox.
func (f *ferry) again(t *testing.T, command string) *ferry {
	t.Helper()
	if command == "export" {
		return newFerry(t)
	}
	dir := filepath.Join(t.TempDir(), "store")
	if err := os.CopyFS(dir, os.DirFS(f.dir)); err != nil {
		t.Fatal(err)
	}
	next := &ferry{t: t, dir: dir, source: f.source, target: ferryServer(t, killTarget, "empty"), items: f.items, chosen: f.chosen}
	if err := os.WriteFile(next.passwordFile(), []byte("Passw0rd!\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if command == "verify" {
		next.must("upload")
	}
	return next
}

func (f *ferry) passwordFile() string { return filepath.Join(filepath.Dir(f.dir), "pw") }

// said is how a command ended.
type said struct {
	code        int
	out, errors string
}

// do runs a command with short pauses.
func (f *ferry) do(command string, flags ...string) said {
	f.t.Helper()
	args := []string{command, killSource}
	server := f.source
	if command != "export" {
		args, server = append(args, killTarget), f.target
	}
	if command == "verify" {
		args = append(args, "--level", "content")
	} else {
		args = append(args, "--batch-items", "7")
	}
	args = append(args, "--url", server.URL(), "--auth", "basic", "--user", "svc", "--password-file", f.passwordFile())
	return f.program(append(args, flags...)...)
}

func (f *ferry) program(args ...string) said {
	var out, errors bytes.Buffer
	a := newApp(nil, &out, &errors)
	a.patience = shortPatience()
	code := a.run(append(args, "--store", f.dir, "--json", "--no-progress"))
	return said{code, out.String(), errors.String()}
}

// shortPatience is for servers that a test lets go wrong.
func shortPatience() patience {
	short := []time.Duration{time.Millisecond, 2 * time.Millisecond, 2 * time.Millisecond}
	return patience{
		retry: ews.RetryPolicy{Attempts: 4, Base: time.Millisecond, Max: 5 * time.Millisecond}, stall: 2 * time.Second,
		export: export.Patience{Truncated: short, Retry: short},
		upload: upload.Patience{Retry: short, Quiet: 2 * time.Millisecond},
	}
}

// must runs a command that nothing may disturb.
func (f *ferry) must(command string) {
	f.t.Helper()
	if s := f.do(command); s.code != exitDone {
		f.t.Fatalf("%s: exit code %d\n%s", command, s.code, s.errors)
	}
}

// meet runs a command under a fault, and again when the fault is over.
func (f *ferry) meet(command string, c faultCell) {
	f.t.Helper()
	server := f.target
	if command == "export" {
		server = f.source
	}
	sourceBefore, targetBefore := f.inventory(f.source, killSource), f.inventory(f.target, killTarget)
	for i := range c.faults {
		if c.faults[i].Item == hit {
			c.faults[i].Item = f.hitName(command)
		}
	}
	if err := server.SetFaults(c.faults); err != nil {
		f.t.Fatal(err)
	}
	bytesBefore, began := server.Stats().BytesOut, time.Now()
	s := f.do(command)
	if elapsed := time.Since(began); elapsed > cellTime {
		f.t.Errorf("it took %v", elapsed)
	}
	if n := server.Stats().BytesOut - bytesBefore; n > mostAnswer {
		f.t.Errorf("it read %d MiB", n>>20)
	}
	for _, fault := range c.faults {
		if server.Stats().FaultKinds[fault.Kind] == 0 {
			f.t.Errorf("the fault %s never came", fault.Kind)
		}
	}
	f.ended(c, s)
	f.judge(command, c.outcome, c.says, s)

	if err := server.SetFaults(nil); err != nil {
		f.t.Fatal(err)
	}
	after := passes
	if c.outcome == vanishes {
		after = vanishes // it was taken for deleted, and is not asked for again
	}
	s = f.do(command)
	f.ended(faultCell{outcome: after}, s)
	f.judge(command, after, "", s)
	if command == "upload" {
		f.must("verify")
	}
	if f.inventory(f.source, killSource) != sourceBefore {
		f.t.Error("the source was changed")
	}
	if command == "verify" && f.inventory(f.target, killTarget) != targetBefore {
		f.t.Error("verify changed the target")
	}
	if s := f.program("store", "check", "--read-data"); s.code != exitDone {
		f.t.Errorf("store check: exit code %d\n%s%s", s.code, s.out, s.errors)
	}
	if f.t.Failed() {
		f.t.Logf("faults: %+v", c.faults)
	}
}

// ended checks the exit code, and that an end before the end is one line.
func (f *ferry) ended(c faultCell, s said) {
	f.t.Helper()
	code := map[outcome]int{passes: exitDone, vanishes: exitDone, ends: exitFailed, refused: exitRefused, listed: exitIncomplete}[c.outcome]
	if s.code != code {
		f.t.Errorf("exit code %d instead of %d\n%s%s", s.code, code, tail(s.out), s.errors)
	}
	var lines []string
	for line := range strings.Lines(s.errors) {
		if strings.HasPrefix(line, "mailferry: ") {
			lines = append(lines, line)
		} else if !strings.HasPrefix(line, "warning: ") {
			f.t.Errorf("on stderr: %q", line)
		}
	}
	early := code == exitFailed || code == exitRefused
	if early && len(lines) != 1 || !early && len(lines) > 0 {
		f.t.Errorf("%d lines on stderr say why it ended: %q", len(lines), lines)
	}
	if found, err := regexp.MatchString(c.says, s.out+s.errors); err != nil || !found {
		f.t.Errorf("it does not say %q (%v)\n%s%s", c.says, err, tail(s.out), s.errors)
	}
}

func tail(text string) string { return text[max(0, len(text)-2000):] }

// judge compares what was moved with what there is to move.
func (f *ferry) judge(command string, o outcome, says string, s said) {
	f.t.Helper()
	want := maps.Clone(f.items)
	if o == listed || o == vanishes {
		delete(want, f.chosen)
	}
	var missing []string
	switch command {
	case "export":
		missing = f.judgeStore(want)
	case "upload":
		missing = f.judgeTarget(want)
	case "verify":
		f.judgeFindings(o, s.out)
		return
	}
	if o == ends || o == refused {
		// What an upload leaves may be only to find out what became of items.
		if len(missing) == 0 && command == "export" {
			f.t.Error("nothing was left to do: the fault came too late to be one")
		}
	} else if len(missing) > 0 {
		f.t.Errorf("%d items are missing: %q", len(missing), missing)
	}
	f.judgeFailures(o, says)
}

// inventory is all that a mailbox holds.
func (f *ferry) inventory(server *ewstest.Server, mailbox string) string {
	f.t.Helper()
	inventory, err := server.Inventory(mailbox)
	if err != nil {
		f.t.Fatal(err)
	}
	text, err := json.Marshal(inventory)
	if err != nil {
		f.t.Fatal(err)
	}
	return string(text)
}
