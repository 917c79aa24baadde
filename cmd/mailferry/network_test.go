package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"mailferry/ews/ewstest"
)

// badNetwork is one way in which a network goes wrong.
type badNetwork struct {
	name   string
	always []toxic // as long as a command runs
	// exporting and uploading are there like always, for one command.
	exporting, uploading []toxic
	// sometimes comes at every nth request, when the work is done and the answer on
	// its way, and goes when the client has connected again twice. Without toxics,
	// connections are only cut.
	sometimes []toxic
	every     int
	faults    []ewstest.Fault // of the server itself
	workers   int             // 0: 4
	cuts      bool            // connections break, so that there must be more than workers
	// slowest says how long a command takes at least, given what went through.
	slowest func(requests int, bytes int64) time.Duration
}

func badNetworks() []badNetwork {
	ms := func(n int) time.Duration { return time.Duration(n) * time.Millisecond }
	return []badNetwork{
		{
			name: "latency with jitter",
			always: []toxic{
				upstream("latency", map[string]int{"latency": 40, "jitter": 30}),
				downstream("latency", map[string]int{"latency": 40, "jitter": 30}),
			},
			slowest: func(requests int, _ int64) time.Duration { return ms(requests * 20 / 4) },
		},
		{
			name: "bandwidth",
			always: []toxic{
				upstream("bandwidth", map[string]int{"rate": 200}), // kB/s of each connection
				downstream("bandwidth", map[string]int{"rate": 200}),
			},
			slowest: func(_ int, bytes int64) time.Duration { return ms(int(bytes / 200 / 4)) },
		},
		{
			name: "slicer",
			always: []toxic{ // pieces of at most 1000 bytes, some µs apart
				upstream("slicer", map[string]int{"average_size": 600, "size_variation": 400, "delay": 200}),
				downstream("slicer", map[string]int{"average_size": 600, "size_variation": 400, "delay": 200}),
			},
			slowest: func(_ int, bytes int64) time.Duration {
				return time.Duration(bytes/1000/4) * 200 * time.Microsecond
			},
		},
		{
			name:   "slow close",
			always: []toxic{upstream("slow_close", map[string]int{"delay": 500}), downstream("slow_close", map[string]int{"delay": 500})},
			// The end of a connection shows only where an answer ends too early.
			faults:  []ewstest.Fault{{Op: "ExportItems", Kind: "drop-mid-response", Nth: 2}, {Op: "UploadItems", Kind: "drop-mid-response", Nth: 2}},
			workers: 1, cuts: true,
			slowest: func(int, int64) time.Duration { return ms(500) },
		},
		{
			name: "limited data of the server's",
			// A connection must last for the largest item of the sample, 260,000 bytes.
			exporting: []toxic{downstream("limit_data", map[string]int{"bytes": 300_000})},
			uploading: []toxic{downstream("limit_data", map[string]int{"bytes": 40_000})},
			workers:   1, cuts: true,
		},
		{
			name:      "limited data of the client's",
			exporting: []toxic{upstream("limit_data", map[string]int{"bytes": 40_000})},
			uploading: []toxic{upstream("limit_data", map[string]int{"bytes": 300_000})},
			workers:   1, cuts: true,
		},
		{name: "cut", every: 20, cuts: true},
		{
			name:      "reset by the server's side",
			sometimes: []toxic{downstream("reset_peer", map[string]int{"timeout": 5})},
			every:     30, cuts: true,
		},
		{
			name:      "reset by the client's side",
			sometimes: []toxic{upstream("reset_peer", map[string]int{"timeout": 5})},
			every:     30, cuts: true,
		},
		{
			name:      "timeout",
			sometimes: []toxic{downstream("timeout", map[string]int{"timeout": 50})},
			every:     30, cuts: true,
		},
		{
			name: "all at once",
			always: []toxic{
				upstream("latency", map[string]int{"latency": 10, "jitter": 10}),
				upstream("bandwidth", map[string]int{"rate": 1000}),
				downstream("slicer", map[string]int{"average_size": 2000, "size_variation": 1500, "delay": 50}),
				downstream("limit_data", map[string]int{"bytes": 300_000}),
				downstream("slow_close", map[string]int{"delay": 50}),
			},
			every: 30, cuts: true,
		},
	}
}

// TestBadNetwork exports and uploads through networks that somebody else's tool
// spoils. Where a command ends with an honest exit code 1 it is run again. The
// judge is the simulator's own inventory: every item of the source, unchanged, is
// at the target once and equal in content.
func TestBadNetwork(t *testing.T) {
	if testing.Short() {
		t.Skip("takes whole runs over slow lines")
	}
	proxy := startToxiproxy(t)
	var all sync.WaitGroup
	defer all.Wait()
	for i, n := range badNetworks() {
		n.workers = cmp.Or(n.workers, 4)
		// All at once, more than t.Parallel would: most of it is waiting.
		all.Go(func() {
			t.Run(n.name, func(t *testing.T) {
				source := newSpoiled(t, proxy, fmt.Sprintf("source%d", i), killSource, "sample:60", n, n.exporting)
				target := newSpoiled(t, proxy, fmt.Sprintf("target%d", i), killTarget, "empty", n, n.uploading)
				j := &job{t: t, source: source.guard, target: target.guard, store: filepath.Join(t.TempDir(), "store")}
				before := j.contents(j.source, killSource)
				source.run(j, "export")
				target.run(j, "upload")
				j.judge()
				for key, count := range j.contents(j.source, killSource) {
					if before[key] != count {
						t.Errorf("the source has changed: %s: %d instead of %d", key, count, before[key])
					}
				}
			})
		})
	}
}

// spoiled is a simulator behind a bad network.
type spoiled struct {
	*guard // only its server and its URL
	t      *testing.T
	link   *link
	bad    badNetwork

	mu          sync.Mutex
	requests    int
	connections int
	hits        int // how often sometimes came
	untilHealed int // connections; 0: nothing to heal
}

func newSpoiled(t *testing.T, proxy *toxiproxy, name, mailbox, content string, bad badNetwork, toxics []toxic) *spoiled {
	t.Helper()
	server, err := ewstest.NewServer(ewstest.Options{
		Mailboxes: []ewstest.MailboxSpec{{Address: mailbox, Content: content}},
		Auth:      []string{"basic"}, Users: []ewstest.User{{Name: "svc", Password: "Passw0rd!"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := server.SetFaults(bad.faults); err != nil {
		t.Fatal(err)
	}
	s := &spoiled{guard: &guard{server: server}, t: t, bad: bad}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	h := &http.Server{Handler: s, ConnState: s.connState}
	go h.Serve(l) //nolint:errcheck // it ends when the test closes it
	t.Cleanup(func() { h.Close() })
	s.link = proxy.link(t, name, l.Addr().String())
	if err := s.link.spoil(slices.Concat(bad.always, toxics)...); err != nil {
		t.Fatal(err)
	}
	s.url = "http://" + s.link.addr + "/EWS/Exchange.asmx"
	return s
}

func (s *spoiled) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.server.ServeHTTP(w, r)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests++
	if s.bad.every == 0 || s.requests%s.bad.every != 0 || s.untilHealed > 0 {
		return
	}
	s.hits++
	var err error
	if len(s.bad.sometimes) == 0 {
		err = s.link.cut()
	} else if err = s.link.spoil(s.bad.sometimes...); err == nil {
		s.untilHealed = 2
	}
	if err != nil {
		s.t.Errorf("toxiproxy: %v", err)
	}
}

// connState counts connections: toxiproxy makes one for each that it accepts.
func (s *spoiled) connState(_ net.Conn, state http.ConnState) {
	if state != http.StateNew {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.connections++
	if s.untilHealed == 0 {
		return
	}
	if s.untilHealed--; s.untilHealed == 0 {
		if err := s.link.heal(len(s.bad.sometimes)); err != nil {
			s.t.Errorf("toxiproxy: %v", err)
		}
	}
}

// run runs a command until it is done, and sees to it that the network was bad.
func (s *spoiled) run(j *job, command string) {
	s.t.Helper()
	began, retries := time.Now(), 0
	for run := 1; ; run++ {
		n, done := s.once(j, command)
		retries += n
		if done {
			break
		}
		if run == 4 {
			s.t.Fatalf("%s is not done after %d runs", command, run)
		}
	}
	elapsed := time.Since(began)
	s.mu.Lock()
	defer s.mu.Unlock()
	stats := s.server.Stats()
	s.t.Logf("%s: %d requests, %d connections, %d hits, %d retries, %v", command, s.requests, s.connections, s.hits, retries, elapsed.Round(time.Millisecond))
	if s.bad.cuts && s.connections <= s.bad.workers {
		s.t.Errorf("%s: nothing was cut: %d connections", command, s.connections)
	}
	if s.bad.every > 0 && s.hits < 2 {
		s.t.Errorf("%s: cut %d times", command, s.hits)
	}
	if s.bad.slowest != nil {
		if least := s.bad.slowest(s.requests, stats.BytesIn+stats.BytesOut); elapsed < least {
			s.t.Errorf("%s took %v, on a line where it takes %v at least", command, elapsed, least)
		}
	}
}

// once runs a command. What is not done must be said with exit code 1 and a line.
func (s *spoiled) once(j *job, command string) (retries int, done bool) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), 2*time.Minute)
	defer cancel()
	report := filepath.Join(s.t.TempDir(), "report.json")
	cmd, out := program(s.t, ctx, append(j.args(command), "--report", report, "--workers", fmt.Sprint(s.bad.workers))...)
	err := cmd.Run()
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit) && exit.ExitCode() == exitFailed && strings.Contains(out.String(), "mailferry: "):
		s.t.Logf("%s: %s", command, out)
	case err != nil:
		list, failures := program(s.t, ctx, "failures", "list", "--store", j.store)
		_ = list.Run()
		s.t.Fatalf("%s: %v\n%s\n%s", command, err, out, failures)
	}
	text, readErr := os.ReadFile(report)
	if readErr != nil && err != nil {
		return 0, false // it ended before there was anything to report
	}
	var told runReport
	if readErr == nil {
		readErr = json.Unmarshal(text, &told)
	}
	if readErr != nil || len(told.Mailboxes) != 1 {
		s.t.Fatalf("%s: the report: %v\n%s", command, readErr, text)
	}
	return told.Mailboxes[0].Retries, err == nil
}
