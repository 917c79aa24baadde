//go:build linux

package main

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"mailferry/store"
)

// TestFullDisk fills a real file system at several places of an export: a clear
// line, nothing believed that is not there, and the same command completes once
// there is room.
func TestFullDisk(t *testing.T) {
	for _, size := range []string{"100k", "250k", "400k", "600k"} {
		t.Run(size, func(t *testing.T) { fillDisk(t, size) })
	}
}

// smallDisk mounts a file system of a size on a folder.
func smallDisk(t *testing.T, size string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size="+size); err != nil {
		t.Skipf("no file system can be mounted here: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Errorf("unmount: %v", err)
		}
	})
	return dir
}

func remount(t *testing.T, dir string, flags uintptr, options string) {
	t.Helper()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", syscall.MS_REMOUNT|flags, options); err != nil {
		t.Fatal(err)
	}
}

// ends runs a command that must end with a code and say something in one line.
func (j *job) ends(code int, says string, args ...string) {
	j.t.Helper()
	cmd, out := program(j.t, j.t.Context(), args...)
	err := cmd.Run()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != code {
		j.t.Fatalf("%v: %v\n%s", args, err, out)
	}
	if !strings.Contains(out.String(), says) {
		j.t.Errorf("%v: no clear line:\n%s", args, out)
	}
	if strings.Contains(out.String(), "All ") {
		j.t.Errorf("%v: it claims to be done:\n%s", args, out)
	}
}

func fillDisk(t *testing.T, size string) {
	disk := smallDisk(t, size)
	j := newJob(t)
	j.store = filepath.Join(disk, "store")
	j.ends(exitFailed, "the disk is full", j.args("export")...)
	remount(t, disk, 0, "size=256m")
	j.run("export")
	j.run("upload")
	j.judge()
}

// TestFullDiskExtract fills the disk that files are written to: those that are
// there are whole, and the same command completes once there is room.
func TestFullDiskExtract(t *testing.T) {
	disk := smallDisk(t, "200k")
	j := newJob(t)
	j.store = filepath.Join(t.TempDir(), "store")
	j.run("export")
	args := func(out string, more ...string) []string {
		return append([]string{"extract", "--store", j.store, "--format", "json", "--out", out}, more...)
	}
	out, other := filepath.Join(disk, "out"), t.TempDir()
	j.ends(exitFailed, "write to the output folder: the disk is full", args(out)...)
	remount(t, disk, 0, "size=256m")
	for _, args := range [][]string{args(out), args(other)} {
		cmd, said := program(t, t.Context(), args...)
		if err := cmd.Run(); err != nil || !strings.Contains(said.String(), "All ") {
			t.Fatalf("%v: %v\n%s", args, err, said)
		}
	}
	if diff, err := exec.CommandContext(t.Context(), "diff", "-r", out, other).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, diff)
	}
}

// TestFullDiskLater fills the disk once the mailbox is in the store: an upload
// sends nothing that it can't write down before, and a compaction or a repair
// without room loses nothing.
func TestFullDiskLater(t *testing.T) {
	disk := smallDisk(t, "64m")
	j := newJob(t)
	j.store = filepath.Join(disk, "store")
	j.run("export")
	ballast := filepath.Join(disk, "ballast")
	f, err := os.Create(ballast)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(f, zeros{}); !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	j.ends(exitFailed, "the disk is full", j.args("upload")...)
	sent := 0
	for _, n := range j.contents(j.target, killTarget) {
		sent += n
	}
	// The disk's last pages may have had room for a first intent.
	if known := intended(t, j.store); sent > known {
		t.Errorf("%d items were sent, and %d intents written down", sent, known)
	}
	j.ends(exitFailed, "the disk is full", "store", "compact", "--store", j.store)
	j.ends(exitFailed, "the disk is full", "store", "rebuild", "--store", j.store)
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	for _, command := range []string{"rebuild", "compact"} {
		cmd, out := program(t, t.Context(), "store", command, "--store", j.store)
		if err := cmd.Run(); err != nil {
			t.Errorf("%s with room: %v\n%s", command, err, out)
		}
	}
	j.run("upload")
	j.judge()
}

// intended counts the items that the journal of the target knows.
func intended(t *testing.T, dir string) (n int) {
	t.Helper()
	s, err := store.Open(dir, store.OpenOptions{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	journal, err := s.Journal(killTarget)
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range journal.All() {
		if err != nil {
			t.Fatal(err)
		}
		n++
	}
	return n
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }

// TestReadOnlyDisk looks into a store on a disk that can't be written to.
func TestReadOnlyDisk(t *testing.T) {
	disk := smallDisk(t, "64m")
	j := newJob(t)
	j.store = filepath.Join(disk, "store")
	j.run("export")
	for _, lock := range []bool{true, false} { // a copy on a medium need not have one
		if !lock {
			if err := os.Remove(filepath.Join(j.store, "lock")); err != nil {
				t.Fatal(err)
			}
		}
		remount(t, disk, syscall.MS_RDONLY, "")
		for _, args := range [][]string{{"ls"}, {"store", "check", "--read-data"}, {"store", "stats"}, {"failures", "list"}} {
			cmd, out := program(t, t.Context(), append(args, "--store", j.store)...)
			if err := cmd.Run(); err != nil {
				t.Errorf("%v: %v\n%s", args, err, out)
			}
		}
		j.ends(exitFailed, "read-only file system", j.args("export")...)
		remount(t, disk, 0, "")
	}
	j.run("upload")
	j.judge()
}
