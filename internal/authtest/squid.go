package authtest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"mailferry/internal/sharedtest"
)

// Squid is a proxy that lets through to every port of loopback.
type Squid struct {
	Address string // HOST:PORT
	dir     string
	stop    func()
}

// StartSquid starts a proxy. With a user it wants that user and password by Basic.
func StartSquid(t testing.TB, user, password string) *Squid {
	t.Helper()
	program := sharedtest.Program(t, "/usr/sbin/squid")
	s := &Squid{Address: FreeAddress(t), dir: openDir(t)}
	if err := os.Chmod(s.dir, 0o777); err != nil { // squid gives up root
		t.Fatal(err)
	}
	rule := "http_access allow localhost"
	if user != "" {
		write(t, 0o755, fmt.Sprintf("#!/bin/sh\nwhile read -r given; do [ \"$given\" = '%s %s' ] && echo OK || echo ERR; done\n", user, password), s.dir, "judge")
		rule = fmt.Sprintf("auth_param basic program %s/judge\nauth_param basic children 1\nacl known proxy_auth REQUIRED\nhttp_access allow known", s.dir)
	}
	write(t, 0o644, fmt.Sprintf(`http_port %s
%s
http_access deny all
cache deny all
cache_log %[3]s/cache.log
access_log stdio:%[3]s/access.log
pid_filename none
coredump_dir %[3]s
shutdown_lifetime 0 seconds
workers 1
`, s.Address, rule, s.dir), s.dir, "squid.conf")
	cmd := exec.Command(program, "-N", "-f", filepath.Join(s.dir, "squid.conf"))
	s.stop = serve(t, cmd, []string{filepath.Join(s.dir, "cache.log")}, s.Address)
	return s
}

// Log ends the proxy and returns its access log, a line for each request.
func (s *Squid) Log(t testing.TB) string {
	t.Helper()
	s.stop()
	log, err := os.ReadFile(filepath.Join(s.dir, "access.log"))
	if err != nil {
		t.Fatal(err)
	}
	return string(log)
}
