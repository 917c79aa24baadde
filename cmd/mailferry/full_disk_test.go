//go:build linux

package main

import (
	"errors"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestFullDisk fills a real file system at several places of an export: a clear
// line, nothing believed that is not there, and the same command completes once
// there is room.
func TestFullDisk(t *testing.T) {
	for _, size := range []string{"100k", "250k", "400k", "600k"} {
		t.Run(size, func(t *testing.T) { fillDisk(t, size) })
	}
}

func fillDisk(t *testing.T, size string) {
	disk := t.TempDir()
	if err := syscall.Mount("tmpfs", disk, "tmpfs", 0, "size="+size); err != nil {
		t.Skipf("no file system can be mounted here: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(disk, 0); err != nil {
			t.Errorf("unmount: %v", err)
		}
	})
	j := newJob(t)
	j.store = filepath.Join(disk, "store")

	cmd, out := program(t, t.Context(), j.args("export")...)
	err := cmd.Run()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != exitFailed {
		t.Fatalf("on a full disk: %v\n%s", err, out)
	}
	if !strings.Contains(out.String(), "the disk is full") {
		t.Errorf("no clear line:\n%s", out)
	}
	if strings.Contains(out.String(), "All ") {
		t.Errorf("it claims to be done:\n%s", out)
	}
	if err := syscall.Mount("tmpfs", disk, "tmpfs", syscall.MS_REMOUNT, "size=256m"); err != nil {
		t.Fatal(err)
	}
	j.run("export")
	j.run("upload")
	j.judge()
}
