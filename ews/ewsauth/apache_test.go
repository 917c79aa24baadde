package ewsauth

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"text/template"
	"time"

	"mailferry/internal/sharedtest"
)

// Apache with mod_auth_gssapi and gss-ntlmssp: a server for NTLM by other people.
var apacheConf = template.Must(template.New("httpd.conf").Parse(`
ServerRoot /usr/lib/apache2
ServerName localhost
PidFile {{.Dir}}/pid
Mutex file:{{.Dir}} default
User www-data
Group www-data
{{range .Modules}}LoadModule {{.}}_module modules/mod_{{.}}.so
{{end}}
ErrorLog {{.Dir}}/error.log
LogFormat "%I" received
CustomLog {{.Dir}}/access.log received
KeepAlive On
LimitRequestBody 0
ProxyPass / http://{{.Backend}}/
<Location /ntlm>
  AuthType GSSAPI
  AuthName ews
  GssapiAllowedMech ntlmssp
  GssapiConnectionBound On
  Require valid-user
  RequestHeader set X-Remote-User "expr=%{REMOTE_USER}"
</Location>
<Location /basic>
  AuthType Basic
  AuthName "ews, for machines"
  AuthBasicProvider file
  AuthUserFile {{.Dir}}/accounts
  Require valid-user
</Location>
{{range .Hosts}}
Listen {{.Address}}
<VirtualHost {{.Address}}>
  MaxKeepAliveRequests {{.Requests}}
{{if .TLS}}  SSLEngine on
  SSLCertificateFile {{$.Dir}}/server.pem
{{end}}</VirtualHost>
{{end}}`))

var apacheModules = strings.Fields("mpm_event authn_core authn_file authz_core authz_user auth_basic auth_gssapi headers proxy proxy_http socache_shmcb ssl")

type apacheHost struct {
	Address  string
	Requests int // on a connection; 0 is no limit
	TLS      bool
}

type apache struct {
	Dir, Backend string
	Modules      []string
	Hosts        []apacheHost
	stop         func()
}

func startApache(t *testing.T, backend string, hosts ...apacheHost) *apache {
	t.Helper()
	program := sharedtest.Program(t, "/usr/sbin/apache2")
	for _, module := range []string{"/usr/lib/apache2/modules/mod_auth_gssapi.so", "/etc/gss/mech.d/mech.ntlmssp.conf"} {
		if _, err := os.Stat(module); err != nil {
			if os.Getenv("CI") != "" {
				t.Fatalf("%s is missing: .ci/run must install it", module)
			}
			t.Skipf("%s is missing", module)
		}
	}
	// Apache's workers run as another user, who can't look into t.TempDir.
	dir, err := os.MkdirTemp("", "apache")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	a := &apache{Dir: dir, Backend: backend, Modules: apacheModules, Hosts: hosts}
	for i := range a.Hosts {
		a.Hosts[i].Address = freeAddress(t)
	}
	var conf bytes.Buffer
	if err := apacheConf.Execute(&conf, a); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"httpd.conf": conf.String(), "accounts": "EXAMPLE:alice:" + testPassword + "\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	writeCertificate(t, filepath.Join(dir, "server.pem"), time.Hour)

	cmd := exec.Command(program, "-f", filepath.Join(dir, "httpd.conf"), "-DFOREGROUND")
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	cmd.Env = append(os.Environ(), "NTLM_USER_FILE="+filepath.Join(dir, "accounts"), "NETBIOS_COMPUTER_NAME=EXCH01", "NETBIOS_DOMAIN_NAME=EXAMPLE")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait()
		close(ended)
	}()
	a.stop = sync.OnceFunc(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		<-ended
	})
	t.Cleanup(a.stop)
	for _, host := range a.Hosts {
		if !listens(t.Context(), host.Address, ended) {
			a.stop()
			log, _ := os.ReadFile(filepath.Join(dir, "error.log"))
			t.Fatalf("apache did not start:\n%s%s", output.Bytes(), log)
		}
	}
	return a
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
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

// received sums up the bytes of requests in Apache's own log. It stops Apache,
// which writes the log late.
func (a *apache) received(t *testing.T) (sum int64) {
	t.Helper()
	a.stop()
	log, err := os.ReadFile(filepath.Join(a.Dir, "access.log"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.FieldsSeq(string(log)) {
		n, err := strconv.ParseInt(line, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		sum += n
	}
	return sum
}

func TestNTLMThroughApache(t *testing.T) {
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		hash := sha256.New()
		size, _ := io.Copy(hash, r.Body)
		_, _ = fmt.Fprintf(w, "%s %d %x", strings.TrimPrefix(strings.ToLower(r.Header.Get("X-Remote-User")), `example\`), size, hash.Sum(nil))
	}))
	defer backend.Close()
	const workers, size = 4, 20 * mib
	each := 3
	if testing.Short() {
		each = 2
	}
	want := sum(t, size)
	for name, host := range map[string]apacheHost{
		"http":                            {},
		"https":                           {TLS: true},
		"http, closed after each upload":  {Requests: 3}, // two are the login
		"https, closed after each upload": {Requests: 3, TLS: true},
		"https, closed after each login":  {Requests: 2, TLS: true},
	} {
		t.Run(name, func(t *testing.T) {
			server := startApache(t, strings.TrimPrefix(backend.URL, "http://"), host)
			url, options := "http://"+server.Hosts[0].Address+"/ntlm", TLSOptions{}
			if host.TLS {
				pool, err := LoadCA(filepath.Join(server.Dir, "server.pem"))
				if err != nil {
					t.Fatal(err)
				}
				url, options.CAs = "https"+strings.TrimPrefix(url, "http"), pool
			}
			client := func(password string) http.RoundTripper {
				rt := NTLM(testUser, NewSecret(password), NewTransport(options))
				t.Cleanup(rt.(*ntlmTransport).CloseIdleConnections)
				return rt
			}
			var wg sync.WaitGroup
			for range workers {
				rt := client(testPassword)
				wg.Go(func() {
					for range each {
						if status, text, err := post(t.Context(), rt, url, size, false); err != nil || status != http.StatusOK || text != want {
							t.Errorf("status %d, %.200q, %v", status, text, err)
						}
					}
				})
			}
			wg.Wait()
			var refused *RefusedError
			if _, _, err := post(t.Context(), client("wrong"), url, size, true); !errors.As(err, &refused) {
				t.Errorf("wrong password: %v", err)
			}
			_, _, err := post(t.Context(), client(testPassword), strings.TrimSuffix(url, "ntlm")+"basic", size, true)
			if !errors.As(err, &refused) || !strings.Contains(err.Error(), "it offers basic") {
				t.Errorf("a path without NTLM: %v", err)
			}
			ratio := float64(server.received(t)) / float64(workers*each*size)
			t.Logf("Apache received %.4f times the bodies", ratio)
			if ratio > 1.01 {
				t.Errorf("Apache received %.4f times the bodies", ratio)
			}
		})
	}
}
