package ntlm_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/Azure/go-ntlmssp"

	"mailferry/ews/ewstest/ntlm"
	"mailferry/internal/sharedtest"
)

const password = "Passw0rd! für alle"

// start serves the name of who is logged in and the size of the body.
func start(t *testing.T, epa ntlm.EPA, withTLS bool) *httptest.Server {
	t.Helper()
	auth := &ntlm.Server{Domain: "EXAMPLE", Computer: "EXCH01", EPA: epa, Password: func(domain, user string) (string, bool) {
		switch strings.ToLower(domain + `\` + user) {
		case `example\alice`, `\alice`, `\alice@example.com`:
			return password, true
		}
		return "", false
	}}
	server := httptest.NewUnstartedServer(ntlm.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n, _ := io.Copy(io.Discard, r.Body)
		_, _ = fmt.Fprintf(w, "%s %d", ntlm.SessionOf(r.Context()).Login().User, n)
	})))
	server.Config.ConnContext = auth.ConnContext
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelInfo)
	if withTLS {
		server.StartTLS()
		auth.Cert = server.Certificate()
	} else {
		server.Start()
	}
	t.Cleanup(server.Close)
	return server
}

func TestNegotiatorLogsIn(t *testing.T) {
	server := start(t, ntlm.Off, false)
	for user, want := range map[string]int{`EXAMPLE\alice`: 200, `example\ALICE`: 200, "alice": 200, "alice@example.com": 200, `OTHER\alice`: 401, "bob": 401} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL, strings.NewReader("hello"))
		if err != nil {
			t.Fatal(err)
		}
		req.SetBasicAuth(user, password) // the way the Negotiator is told
		transport := &http.Transport{TLSNextProto: map[string]func(string, *tls.Conn) http.RoundTripper{}}
		resp, err := ntlmssp.Negotiator{RoundTripper: transport}.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		text, _ := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		transport.CloseIdleConnections()
		if resp.StatusCode != want || want == 200 && !strings.HasSuffix(string(text), " 5") {
			t.Errorf("%s: status %d, %q", user, resp.StatusCode, text)
		}
	}
}

func TestCurlLogsIn(t *testing.T) {
	curl := sharedtest.Program(t, "curl")
	server := start(t, ntlm.Off, false)
	for user, want := range map[string]string{
		`EXAMPLE\alice`: "alice 5 200", `example\ALICE`: "ALICE 5 200", "alice": "alice 5 200", "alice@example.com": "alice@example.com 5 200",
		`OTHER\alice`: " 401", "bob": " 401",
	} {
		out := run(t, nil, curl, "--silent", "--noproxy", "*", "--ntlm", "--user", user+":Passw0rd! f\xfcr alle", "--data", "hello", "--write-out", " %{http_code}", server.URL)
		if out != want {
			t.Errorf("%s: %q, want %q", user, out, want)
		}
	}
}

// requests_ntlm, which exchangelib uses, computes its channel binding itself.
const requestsNTLM = `
import os, requests, requests_ntlm
r = requests.post(os.environ['URL'], data='hello', verify=os.environ['CA'],
    auth=requests_ntlm.HttpNtlmAuth('EXAMPLE\\alice', os.environ['PASSWORD'], send_cbt=os.environ['CBT'] == 'yes'))
print(r.status_code, r.text, end='')
`

func TestRequestsNTLMLogsInWithItsBinding(t *testing.T) {
	python := "/usr/bin/python3" // Debian's modules are seen by Debian's Python only
	if err := exec.CommandContext(t.Context(), python, "-c", "import requests_ntlm").Run(); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("requests_ntlm is missing: .ci/run must install python3-exchangelib")
		}
		t.Skip("Debian's python3 with requests_ntlm is missing")
	}
	for _, c := range []struct {
		mode ntlm.EPA
		cbt  string
		want string
	}{
		{ntlm.Off, "no", "200 alice 5"},
		{ntlm.Allow, "yes", "200 alice 5"},
		{ntlm.Require, "yes", "200 alice 5"},
		{ntlm.Require, "no", "401 "},
	} {
		server := start(t, c.mode, true)
		ca := filepath.Join(t.TempDir(), "ca.pem")
		if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}), 0o600); err != nil {
			t.Fatal(err)
		}
		env := append(os.Environ(), "URL="+server.URL, "CA="+ca, "PASSWORD="+password, "CBT="+c.cbt, "NO_PROXY=*", sharedtest.MD4(t))
		if out := run(t, env, python, "-c", requestsNTLM); out != c.want {
			t.Errorf("mode %d, binding %s: %q, want %q", c.mode, c.cbt, out, c.want)
		}
	}
}

func run(t *testing.T, env []string, program string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	var stderr bytes.Buffer
	cmd.Env, cmd.Stderr = env, &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s", program, err, stderr.Bytes())
	}
	return string(out)
}
