package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

const (
	benchUser     = `EXAMPLE\bench`
	benchPassword = "Bench-Passw0rd!"
	sourceMailbox = "source@example.com"
	targetMailbox = "target@example.com"
)

// simulator is a running `mailferry simulate`.
type simulator struct {
	cmd  *exec.Cmd
	base string
	out  bytes.Buffer
}

// simulate starts the simulator with the given mailboxes in a process of its
// own, so that its memory and CPU are not counted to anybody.
func (l *lab) simulate(ctx context.Context, specs ...string) (*simulator, error) {
	addrFile := filepath.Join(l.dir, "addr")
	os.Remove(addrFile)
	args := []string{
		"simulate", "--addr-file", addrFile, "--auth", "basic,ntlm", "--user", benchUser + ":" + benchPassword,
		"--policy", "max-request-bytes=-1", "--policy", "max-concurrency=-1",
	}
	for _, s := range specs {
		args = append(args, "--mailbox", s)
	}
	s := &simulator{cmd: exec.CommandContext(ctx, l.mailferry, args...)}
	s.cmd.Stdout, s.cmd.Stderr = &s.out, &s.out
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	deadline := time.Now().Add(5 * time.Minute)
	for time.Now().Before(deadline) {
		if text, err := os.ReadFile(addrFile); err == nil && len(text) > 0 {
			s.base = strings.TrimSpace(string(text))
			return s, nil
		}
		time.Sleep(10 * time.Millisecond) // a process of ours, which has no other way to tell
	}
	s.stop()
	return nil, fmt.Errorf("the simulator did not start: %s", tail(s.out.Bytes()))
}

func (s *simulator) stop() {
	_ = s.cmd.Process.Kill()
	_ = s.cmd.Wait()
}

func (s *simulator) url() string { return s.base + "/EWS/Exchange.asmx" }

// stats is what the simulator counted.
type stats struct {
	Requests                map[string]int `json:"requests"`
	BytesIn                 int64          `json:"bytesIn"`
	BytesOut                int64          `json:"bytesOut"`
	UnauthenticatedBodyByte int64          `json:"unauthenticatedBodyBytes"`
}

func (s stats) total() int {
	n := 0
	for _, c := range s.Requests {
		n += c
	}
	return n
}

func (s *simulator) stats(ctx context.Context) (stats, error) {
	var st stats
	return st, s.get(ctx, "/simulator/stats", &st)
}

// inventory is the part of the simulator's list of a mailbox that is used here.
type inventory struct {
	Folders []struct {
		ID            string `json:"id"`
		Distinguished string `json:"distinguished"`
		Items         []struct {
			ID string `json:"id"`
		} `json:"items"`
	} `json:"folders"`
}

func (s *simulator) inventory(ctx context.Context, mailbox string) (inventory, error) {
	var inv inventory
	return inv, s.get(ctx, "/simulator/mailboxes/"+mailbox, &inv)
}

func (s *simulator) get(ctx context.Context, path string, into any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.base+path, nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<10))
		return fmt.Errorf("%s: %s: %s", path, resp.Status, text)
	}
	return json.NewDecoder(resp.Body).Decode(into)
}
