package main

import (
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"mailferry/ews/ewstest"
)

var mixtures = flag.Uint64("seeds", 12, "random mixtures of faults; the long form has 200")

const (
	// atOnce is how many runs go on at a time: most of each is waiting.
	atOnce = 12
	// mostRuns is how often a command may be started until it is through: each
	// fault of a mixture ends a few runs at most.
	mostRuns = 25
)

// TestFaultMixtures moves a mailbox from server to server while faults of many
// kinds come together, chosen by a seed. Some items are bad for good. In the end
// the target holds all others once and equal in content, and the list of failures
// holds those; when they are mended, everything.
func TestFaultMixtures(t *testing.T) {
	if testing.Short() {
		t.Skip("hundreds of runs of whole commands")
	}
	several(t, int(*mixtures), func(i int) string { return fmt.Sprintf("seed %d", i+1) }, func(t *testing.T, i int) {
		m := &mixture{ferry: newFerry(t), random: rand.New(rand.NewPCG(uint64(i+1), 0)), bad: make(map[string]bool)}
		defer func() {
			if t.Failed() {
				t.Logf("faults: %+v", m.all)
			}
		}()
		m.move()
	})
	t.Logf("%d mixtures, each moved by export, upload and verify", *mixtures)
}

// several runs tests, some at once.
func several(t *testing.T, n int, name func(i int) string, test func(t *testing.T, i int)) {
	t.Helper()
	next := make(chan int)
	done := make(chan struct{})
	for range atOnce {
		go func() {
			defer func() { done <- struct{}{} }()
			for i := range next {
				t.Run(name(i), func(t *testing.T) { test(t, i) })
			}
		}()
	}
	for i := range n {
		next <- i
	}
	close(next)
	for range atOnce {
		<-done
	}
}

// mixture is a ferry under many faults.
type mixture struct {
	*ferry
	random  *rand.Rand
	bad     map[string]bool // items that can't be moved
	through int             // exit code of a run that has moved all others
	all     []ewstest.Fault
}

// Kinds that pass when they have come a few times. Those of a request may come
// to any operation.
var (
	passingRequests = []string{
		"busy", "busy-zero", "short-response", "drop-before", "drop-after-commit", "drop-mid-response", "stall", "slow", "http-401", "http-503",
		"http-302-error-page", "http-413", "timeout", "reencode-ids", "duplicate-ids", "stuck-offset", "invalid-sync-state", "gzip-garbage",
		"wrong-content-type", "huge-response",
	}
	passingItems = []string{
		"busy-item", "inner-busy", "batch-stopped", "truncated", "quota", "move-in-progress", "access-denied", "server-duplicates",
	}
)

// passing chooses some faults that pass.
func (m *mixture) passing(op string) []ewstest.Fault {
	var chosen []ewstest.Fault
	for range 2 + m.random.IntN(4) {
		f := ewstest.Fault{Op: op, Times: 1 + m.random.IntN(4), BackOffMS: 1 + m.random.IntN(30)}
		if at := m.random.IntN(len(passingRequests) + len(passingItems)); at < len(passingRequests) {
			f.Kind, f.Every = passingRequests[at], 1+m.random.IntN(6)
			if m.random.IntN(3) == 0 {
				f.Op = ""
			}
		} else {
			f.Kind, f.Every = passingItems[at-len(passingRequests)], 2+m.random.IntN(25)
		}
		switch f.Kind {
		case "drop-mid-response":
			f.After = int64(1 + m.random.IntN(5000))
		case "stall":
			f.After, f.Times = int64(1+m.random.IntN(5000)), 1
		case "slow":
			f.DelayMS = 1
		case "truncated":
			f.Op, f.Where = "ExportItems", []string{"data", "after-data", "after-xml", "cut"}[m.random.IntN(4)]
			if f.Where == "cut" {
				f.Times = 1 // twice the same is believed: then it is what the server has
			}
		}
		chosen = append(chosen, f)
	}
	return chosen
}

// lasting makes up to two items bad for good.
func (m *mixture) lasting(command, op string) []ewstest.Fault {
	var chosen []ewstest.Fault
	ids := slices.Sorted(maps.Keys(m.items))
	contents := make(map[string]int)
	for _, it := range m.items {
		contents[it.content]++
	}
	for range max(0, m.random.IntN(5)-2) {
		id := ids[m.random.IntN(len(ids))]
		if m.bad[id] || contents[m.items[id].content] > 1 { // a fault of a blob would hit its twins, too
			continue
		}
		m.chosen = id
		m.bad[id] = true
		chosen = append(chosen, ewstest.Fault{
			Op: op, Kind: []string{"poison", "corrupt-item"}[m.random.IntN(2)], Item: m.hitName(command),
		})
	}
	return chosen
}

// move runs the commands, each until it is through.
func (m *mixture) move() {
	before := m.inventory(m.source, killSource)
	m.stage("export", "ExportItems", m.source, func() []string { return m.judgeStore(m.good()) })
	m.stage("upload", "UploadItems", m.target, func() []string { return m.judgeTarget(m.good()) })
	m.stage("verify", "ExportItems", m.target, func() []string { return m.judgeTarget(m.good()) })
	for _, server := range []*ewstest.Server{m.source, m.target} {
		m.set(server, nil)
	}
	for _, command := range []string{"export", "upload", "verify"} {
		m.must(command)
	}
	if missing := append(m.judgeStore(m.items), m.judgeTarget(m.items)...); len(missing) > 0 {
		m.t.Errorf("when everything was mended %d items are missing: %q", len(missing), missing)
	}
	if listed := m.listed(); len(listed) > 0 {
		m.t.Errorf("when everything was mended failures are listed of %v", listed)
	}
	if m.inventory(m.source, killSource) != before {
		m.t.Error("the source was changed")
	}
	if s := m.program("store", "check", "--read-data"); s.code != exitDone {
		m.t.Errorf("store check: exit code %d\n%s%s", s.code, s.out, s.errors)
	}
}

// good are the items that can be moved.
func (m *mixture) good() map[string]exportable {
	good := maps.Clone(m.items)
	maps.DeleteFunc(good, func(id string, _ exportable) bool { return m.bad[id] })
	return good
}

func (m *mixture) set(server *ewstest.Server, faults []ewstest.Fault) {
	m.t.Helper()
	if err := server.SetFaults(faults); err != nil {
		m.t.Fatal(err)
	}
}

// stage runs one command under a mixture until it is through.
func (m *mixture) stage(command, op string, server *ewstest.Server, missing func() []string) {
	m.t.Helper()
	faults := m.passing(op)
	if command != "verify" { // which misses what the upload could not move
		lasting := m.lasting(command, op)
		faults, m.through = append(lasting, faults...), exitDone // the first fault that hits an item counts
		if len(lasting) > 0 {
			m.through = exitIncomplete
		}
	}
	m.all = append(m.all, faults...)
	m.set(server, faults)
	for run := 1; ; run++ {
		s := m.do(command)
		if s.code != exitDone && s.code != exitFailed && s.code != exitIncomplete && s.code != exitRefused {
			m.t.Fatalf("%s: exit code %d\n%s", command, s.code, s.errors)
		}
		left := missing() // at no time anything is there that should not be
		if s.code == m.through && len(left) == 0 && maps.Equal(m.listed(), m.bad) {
			return
		}
		if run == mostRuns {
			m.t.Fatalf("%s: %d runs were not enough; the last ended with %d\n%s%d items are missing", command, run, s.code, s.errors, len(left))
		}
	}
}

// listed are the items with a failure.
func (m *mixture) listed() map[string]bool {
	m.t.Helper()
	listed := make(map[string]bool)
	for _, f := range m.failures() {
		listed[f.Item] = true
	}
	return listed
}
