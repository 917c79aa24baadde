package main

import (
	"context"
	_ "embed"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
)

//go:embed exchangelib.py
var exchangelibScript []byte

// python is the system's own: it alone sees the system's exchangelib.
const python = "/usr/bin/python3"

// exchangelib does mailferry's job with exchangelib; command is export or upload.
func (l *lab) exchangelib(ctx context.Context, s *simulator, w workload, command, mailbox, dir string) (usage, error) {
	if exec.CommandContext(ctx, python, "-c", "import exchangelib").Run() != nil {
		return usage{}, errNotThere
	}
	script := filepath.Join(l.dir, "exchangelib_job.py")
	if err := os.WriteFile(script, exchangelibScript, 0o600); err != nil {
		return usage{}, err
	}
	return run(ctx, []string{
		"EWS_URL=" + s.url(), "EWS_USER=" + benchUser, "EWS_PASSWORD=" + benchPassword,
		"CHUNK=" + strconv.Itoa(batches(w.items, w.size)[0]),
	}, python, script, command, mailbox, dir)
}
