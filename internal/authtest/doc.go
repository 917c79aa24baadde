// Package authtest starts other people's servers that logins go to or through,
// for tests: a Kerberos KDC (MIT), Apache with mod_auth_gssapi, and squid. All
// of them run on loopback, in a folder of their own; nothing of the machine's own
// settings is read or changed. Where a program is missing the test is skipped; in
// CI that is a failure.
package authtest

import (
	"bytes"
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"
)

// openDir is a folder that servers which give up root can look into, as they
// can't with t.TempDir.
func openDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "authtest")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

func write(t testing.TB, mode os.FileMode, text string, name ...string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(name...), []byte(text), mode); err != nil {
		t.Fatal(err)
	}
}

// FreeAddress is an address on loopback that nobody listens on.
func FreeAddress(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// serve runs a server until the test ends, or stop is called, and returns when it
// listens. A server that does not start fails the test with what it said and what
// is in the files named.
func serve(t testing.TB, cmd *exec.Cmd, logs []string, addresses ...string) (stop func()) {
	t.Helper()
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait()
		close(ended)
	}()
	stop = sync.OnceFunc(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-ended:
		case <-time.After(10 * time.Second): // squid waits for its clients
			_ = cmd.Process.Kill()
			<-ended
		}
	})
	t.Cleanup(stop)
	for _, address := range addresses {
		if listens(t.Context(), address, ended) {
			continue
		}
		stop()
		text := output.String()
		for _, name := range logs {
			log, _ := os.ReadFile(name)
			text += string(log)
		}
		t.Fatalf("%s did not start:\n%s", cmd.Path, text)
	}
	return stop
}

// listens connects until somebody answers, the program has ended, or half a
// minute is over.
func listens(ctx context.Context, address string, ended <-chan struct{}) bool {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	for {
		if c, err := new(net.Dialer).DialContext(ctx, "tcp", address); err == nil {
			_ = c.Close()
			return true
		}
		select {
		case <-ended:
			return false
		case <-ctx.Done():
			return false
		case <-time.After(20 * time.Millisecond):
		}
	}
}
