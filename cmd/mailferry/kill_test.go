package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"mailferry/ews/ewstest"
)

var (
	killMoments = flag.Int("moments", 5, "moments at which each of export and upload is killed, and again interrupted")
	killSeed    = flag.Uint64("seed", 1, "seed of the moments and kills")
)

const (
	killSource = "alice@old.example"
	killTarget = "alice@new.example"
)

// moment is when a process is stopped: at its nth request to the server, in
// one of three places of it.
type moment struct {
	request int
	place   stage
}

type stage int

const (
	beforeWork  stage = iota // the server has not looked at the request
	afterWork                // the work is done, the answer was not sent
	afterAnswer              // the answer is on its way; the process is writing
)

func (p stage) String() string {
	return [...]string{"before work", "after work", "after the answer"}[p]
}

// guard stands before a simulator and stops a process at a moment.
type guard struct {
	server *ewstest.Server
	url    string

	mu    sync.Mutex
	count int
	at    moment
	stop  func()
}

func newGuard(t *testing.T, mailbox, content string) *guard {
	t.Helper()
	server := ewstest.Start(t, ewstest.Options{
		Mailboxes: []ewstest.MailboxSpec{{Address: mailbox, Content: content}},
		Auth:      []string{"basic"}, Users: []ewstest.User{{Name: "svc", Password: "Passw0rd!"}},
	})
	g := &guard{server: server}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	h := &http.Server{Handler: g}
	go h.Serve(l) //nolint:errcheck // it ends when the test closes it
	t.Cleanup(func() { h.Close() })
	g.url = "http://" + l.Addr().String() + "/EWS/Exchange.asmx"
	return g
}

// arm makes the guard call stop at the moment, counted from now.
func (g *guard) arm(at moment, stop func()) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.count, g.at, g.stop = 0, at, stop
}

// requests returns how many requests came since the guard was armed.
func (g *guard) requests() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.count
}

func (g *guard) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	g.mu.Lock()
	g.count++
	hit := g.stop != nil && g.count == g.at.request
	at, stop := g.at, g.stop
	if hit {
		g.stop = nil
	}
	g.mu.Unlock()
	if !hit {
		g.server.ServeHTTP(w, r)
		return
	}
	switch at.place {
	case beforeWork:
		stop()
		g.server.ServeHTTP(w, r)
	case afterWork:
		held := &heldAnswer{ResponseWriter: w}
		g.server.ServeHTTP(held, r)
		stop()
		held.release()
	case afterAnswer:
		g.server.ServeHTTP(w, r)
		if f, ok := w.(http.Flusher); ok {
			f.Flush()
		}
		stop()
	}
}

// heldAnswer keeps an answer back until the process was stopped.
type heldAnswer struct {
	http.ResponseWriter
	status int
	body   bytes.Buffer
}

func (h *heldAnswer) WriteHeader(status int)      { h.status = status }
func (h *heldAnswer) Write(p []byte) (int, error) { return h.body.Write(p) }

func (h *heldAnswer) release() {
	if h.status != 0 {
		h.ResponseWriter.WriteHeader(h.status)
	}
	h.ResponseWriter.Write(h.body.Bytes()) //nolint:errcheck // the process may be gone
}

// program is a mailferry process.
func program(t *testing.T, ctx context.Context, args ...string) (*exec.Cmd, *bytes.Buffer) {
	t.Helper()
	cmd := exec.CommandContext(ctx, os.Args[0], args...)
	cmd.Env = append(os.Environ(), asProgram+"=1", "MAILFERRY_PASSWORD=Passw0rd!", "MAILFERRY_NO_PROGRESS=true",
		"MAILFERRY_AUTH=basic", "MAILFERRY_USER=svc", "MAILFERRY_BATCH_ITEMS=7", "MAILFERRY_ASSOCIATED=true", "MAILFERRY_HIDDEN=true")
	out := new(bytes.Buffer)
	cmd.Stdout, cmd.Stderr = out, out
	return cmd, out
}

// TestStoppedAnywhere kills and interrupts export and upload at many moments.
// The next run must complete the job; the judge is the simulator's own
// inventory: every item of the source is at the target once, equal in content.
func TestStoppedAnywhere(t *testing.T) {
	if testing.Short() {
		*killMoments = min(*killMoments, 2)
	}
	random := rand.New(rand.NewPCG(*killSeed, 0))
	for _, command := range []string{"export", "upload"} {
		for _, signal := range []os.Signal{syscall.SIGKILL, os.Interrupt} {
			total := countRequests(t, command)
			for i := range *killMoments {
				// Spread over the whole run, each at a place of its own.
				first := 1 + i*total / *killMoments
				last := max(first, (i+1)*total / *killMoments)
				at := moment{request: first + random.IntN(last-first+1), place: stage(random.IntN(3))}
				t.Run(fmt.Sprintf("%s/%v/request %d %s", command, signal, at.request, at.place), func(t *testing.T) {
					t.Parallel() // most of it is waiting
					stopAt(t, command, signal, at)
				})
			}
		}
	}
}

// countRequests runs the command undisturbed and counts its requests.
func countRequests(t *testing.T, command string) int {
	t.Helper()
	j := newJob(t)
	if command == "upload" {
		j.run("export")
	}
	g := j.guardOf(command)
	g.arm(moment{}, nil)
	j.run(command)
	return g.requests()
}

func stopAt(t *testing.T, command string, signal os.Signal, at moment) {
	j := newJob(t)
	if command == "upload" {
		j.run("export")
	}
	cmd, out := program(t, t.Context(), j.args(command)...)
	started := make(chan struct{})
	j.guardOf(command).arm(at, func() {
		<-started // cmd.Process is set by then
		if err := cmd.Process.Signal(signal); err != nil && !errors.Is(err, os.ErrProcessDone) {
			t.Errorf("stop the process: %v", err)
		}
	})
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	close(started)
	err := cmd.Wait()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	if signal == os.Interrupt && err != nil && exit.ExitCode() != exitInterrupted {
		t.Fatalf("exit code %d after an interrupt:\n%s", exit.ExitCode(), out)
	}
	j.run(command) // the next run completes
	if command == "export" {
		j.run("upload")
	}
	j.judge()
}

// job is a mailbox on its way from one server to another.
type job struct {
	t              *testing.T
	source, target *guard
	store          string
}

func newJob(t *testing.T) *job {
	return &job{
		t: t, source: newGuard(t, killSource, "sample:60"), target: newGuard(t, killTarget, "empty"),
		store: filepath.Join(t.TempDir(), "store"),
	}
}

func (j *job) guardOf(command string) *guard {
	if command == "upload" {
		return j.target
	}
	return j.source
}

func (j *job) args(command string) []string {
	args := []string{command, killSource}
	switch command {
	case "upload":
		args = append(args, killTarget)
	case "restore":
		args = append(args, "--all")
	}
	return append(args, "--url", j.guardOf(command).url, "--store", j.store)
}

// run runs a command that must succeed.
func (j *job) run(command string) {
	j.t.Helper()
	ctx, cancel := context.WithTimeout(j.t.Context(), 2*time.Minute)
	defer cancel()
	cmd, out := program(j.t, ctx, j.args(command)...)
	if err := cmd.Run(); err != nil {
		j.t.Fatalf("%s: %v\n%s", command, err, out)
	}
}

// judge compares what the two simulators hold, folder by folder, and checks the
// store.
func (j *job) judge() {
	j.t.Helper()
	want, got := j.contents(j.source, killSource), j.contents(j.target, killTarget)
	items := 0
	for key, n := range want {
		items += n
		if got[key] != n {
			j.t.Errorf("%s: %d at the target instead of %d", key, got[key], n)
		}
	}
	for key, n := range got {
		if want[key] == 0 {
			j.t.Errorf("%s: %d at the target, none at the source", key, n)
		}
	}
	if items == 0 {
		j.t.Error("the source holds nothing to judge by")
	}
	cmd, out := program(j.t, j.t.Context(), "store", "check", "--read-data", "--store", j.store)
	if err := cmd.Run(); err != nil {
		j.t.Errorf("store check: %v\n%s", err, out)
	}
}

// contents counts the items of a mailbox by folder and content. Archive and
// recoverable items are not part of the job.
func (j *job) contents(g *guard, address string) map[string]int {
	j.t.Helper()
	inventory, err := g.server.Inventory(address)
	if err != nil {
		j.t.Fatal(err)
	}
	text, err := json.Marshal(inventory)
	if err != nil {
		j.t.Fatal(err)
	}
	var list struct {
		Folders []struct {
			Path, Class, Distinguished string
			Items                      []struct {
				Content    string
				Associated bool
			}
		}
	}
	if err := json.Unmarshal(text, &list); err != nil {
		j.t.Fatal(err)
	}
	count := make(map[string]int)
	for _, f := range list.Folders {
		if strings.HasPrefix(f.Distinguished, "archive") || strings.HasPrefix(f.Distinguished, "recoverable") {
			continue
		}
		for _, item := range f.Items {
			count[fmt.Sprintf("%s (%s) %s associated=%v", f.Path, f.Class, item.Content, item.Associated)]++
		}
	}
	return count
}
