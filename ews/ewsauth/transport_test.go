package ewsauth

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func get(t *testing.T, rt http.RoundTripper, url string) (*http.Response, string, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := rt.RoundTrip(req)
	if err != nil {
		return nil, "", err
	}
	text, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	return resp, string(text), err
}

func TestTransportSpeaksHTTP1AndLeavesEncodingAlone(t *testing.T) {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = fmt.Fprintf(w, "%s %q", r.Proto, r.Header.Get("Accept-Encoding"))
	}))
	server.EnableHTTP2 = true
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelInfo)
	server.StartTLS()
	defer server.Close()
	pool := x509.NewCertPool()
	pool.AddCert(server.Certificate())
	for name, o := range map[string]TLSOptions{"CA": {CAs: pool}, "insecure": {Insecure: true}, "server name": {CAs: pool, ServerName: "example.com"}} {
		if _, text, err := get(t, NewTransport(o), server.URL); err != nil || text != `HTTP/1.1 ""` {
			t.Errorf("%s: %q, %v", name, text, err)
		}
	}
	for name, o := range map[string]TLSOptions{"unknown CA": {}, "other name": {CAs: pool, ServerName: "other.example"}} {
		if _, _, err := get(t, NewTransport(o), server.URL); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestTransportRefusesOldTLS(t *testing.T) {
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.TLS = &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelInfo)
	server.StartTLS()
	defer server.Close()
	if _, _, err := get(t, NewTransport(TLSOptions{Insecure: true}), server.URL); err == nil {
		t.Error("TLS 1.1 was accepted")
	}
}

func TestClientCertificateAndCAFile(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "client.pem")
	writeCertificate(t, file, time.Hour)
	client, err := LoadCertificate(file, "")
	if err != nil {
		t.Fatal(err)
	}
	trusted, err := LoadCA(file)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, r.TLS.PeerCertificates[0].Subject.CommonName)
	}))
	server.TLS = &tls.Config{ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: trusted}
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelInfo)
	server.StartTLS()
	defer server.Close()
	caFile := filepath.Join(dir, "ca.pem")
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := os.WriteFile(caFile, ca, 0o600); err != nil {
		t.Fatal(err)
	}
	pool, err := LoadCA(caFile)
	if err != nil {
		t.Fatal(err)
	}
	if _, text, err := get(t, NewTransport(TLSOptions{CAs: pool, Cert: []tls.Certificate{client}}), server.URL); err != nil || text != "migration" {
		t.Errorf("%q, %v", text, err)
	}
	if _, _, err := get(t, NewTransport(TLSOptions{CAs: pool}), server.URL); err == nil {
		t.Error("let in without a client certificate")
	}

	expired := filepath.Join(dir, "expired.pem")
	writeCertificate(t, expired, -time.Hour)
	if _, err := LoadCertificate(expired, ""); err == nil || !strings.Contains(err.Error(), "expired") {
		t.Errorf("expired certificate: %v", err)
	}
	if err := os.WriteFile(caFile, []byte("no certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadCA(caFile); err == nil || !strings.Contains(err.Error(), "no certificate in PEM form") {
		t.Errorf("CA file without a certificate: %v", err)
	}
	if _, err := LoadCA(filepath.Join(dir, "missing")); err == nil {
		t.Error("missing CA file accepted")
	}
}

func writeCertificate(t *testing.T, file string, valid time.Duration) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "migration"},
		NotBefore: time.Now().Add(-2 * time.Hour), NotAfter: time.Now().Add(valid),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth}, IsCA: true, BasicConstraintsValid: true,
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	text := append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})...)
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestBasic(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, password, _ := r.BasicAuth()
		_, _ = io.WriteString(w, user+" "+password)
	}))
	defer server.Close()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := Basic(testUser, NewSecret(testPassword), NewTransport(TLSOptions{})).RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if text, _ := io.ReadAll(resp.Body); string(text) != testUser+" "+testPassword {
		t.Errorf("%q arrived", text)
	}
	if req.Header.Get("Authorization") != "" {
		t.Error("the caller's request was changed")
	}
}

type recorder struct{ requests []*http.Request }

func (r *recorder) RoundTrip(req *http.Request) (*http.Response, error) {
	r.requests = append(r.requests, req)
	closeBody(req)
	return &http.Response{StatusCode: http.StatusOK, Body: http.NoBody}, nil
}

func TestBasicKeepsThePasswordOffTheNetwork(t *testing.T) {
	for url, sent := range map[string]bool{
		"https://mail.example/EWS": true, "http://localhost:80/": true, "http://127.0.0.9/": true, "http://[::1]:8080/": true,
		"http://mail.example/EWS": false, "http://127.0.0.1.example/": false, "http://localhost.example/": false, "http://10.0.0.1/": false,
	} {
		for _, allowed := range []bool{false, true} {
			var below recorder
			rt := &basic{user: testUser, password: newPassword(NewSecret(testPassword), nil), plaintext: allowed, next: &below}
			_, _, err := post(t.Context(), rt, url, 1, false)
			if got := len(below.requests) == 1; got != (sent || allowed) {
				t.Errorf("%s, plaintext allowed %v: sent %v, %v", url, allowed, got, err)
			}
			if err != nil && strings.Contains(err.Error(), "left open") {
				t.Errorf("%s: %v", url, err)
			}
		}
	}
}

func TestSecretNeverShows(t *testing.T) {
	secret := NewSecret("hunter2")
	var log bytes.Buffer
	for _, handler := range []slog.Handler{slog.NewTextHandler(&log, nil), slog.NewJSONHandler(&log, nil)} {
		slog.New(handler).Info("login", "password", secret, "options", Options{User: "alice", Password: secret}, "pointer", &secret)
	}
	marshalled, err := json.Marshal(map[string]any{"options": Options{Password: secret}, "pointer": &secret})
	if err != nil {
		t.Fatal(err)
	}
	shown := []string{log.String(), string(marshalled)}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%10.3s", "%T"} {
		shown = append(shown, fmt.Sprintf(verb, secret), fmt.Sprintf(verb, &secret), fmt.Sprintf(verb, Options{Password: secret}),
			fmt.Sprintf(verb, []Secret{secret}), fmt.Sprintf(verb, NTLM("alice", secret, NewTransport(TLSOptions{}))))
	}
	for _, text := range shown {
		if strings.Contains(text, "hunter2") || strings.Contains(text, fmt.Sprintf("%x", "hunter2")) || strings.Contains(text, fmt.Sprintf("%X", "hunter2")) {
			t.Errorf("%q", text)
		}
	}
	if secret.Reveal() != "hunter2" || secret.IsZero() || !(Secret{}).IsZero() {
		t.Error("the secret is lost")
	}
}

func TestNewRefusesWhatItCannotDo(t *testing.T) {
	for want, o := range map[string]Options{
		`login scheme "magic": want basic, ntlm or oauth`:   {Scheme: "magic", User: "alice"},
		`ntlm login needs a user`:                           {Scheme: SchemeNTLM},
		`extended protection "sometimes": want auto or off`: {Scheme: SchemeNTLM, User: "alice", EPA: "sometimes"},
	} {
		if _, err := New(o); err == nil || err.Error() != want {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

// NTLM and its binding belong to the connection inside the proxy's tunnel.
func TestNTLMThroughConnectProxy(t *testing.T) {
	s := (&testServer{tls: true}).start(t)
	s.auth.EPA = 2
	proxy := httptest.NewServer(http.HandlerFunc(tunnel))
	defer proxy.Close()
	address, err := url.Parse(proxy.URL)
	if err != nil {
		t.Fatal(err)
	}
	transport := NewTransport(s.tlsOptions())
	transport.Proxy = http.ProxyURL(address)
	rt := NTLM(testUser, NewSecret(testPassword), transport)
	for range 3 {
		if status, text, err := post(t.Context(), rt, s.URL, mib, false); err != nil || status != http.StatusOK {
			t.Fatalf("status %d, %q, %v", status, text, err)
		}
	}
	if s.refused.Load() != 0 || s.logins.Load() != 1 {
		t.Errorf("%d bytes without a login, %d logins", s.refused.Load(), s.logins.Load())
	}
}

func tunnel(w http.ResponseWriter, r *http.Request) {
	there, err := new(net.Dialer).DialContext(context.WithoutCancel(r.Context()), "tcp", r.Host)
	if r.Method != http.MethodConnect || err != nil {
		http.Error(w, "no tunnel", http.StatusBadGateway)
		return
	}
	w.WriteHeader(http.StatusOK)
	here, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		_ = there.Close()
		return
	}
	copyAndClose := func(to net.Conn, from *bufio.Reader) {
		_, _ = io.Copy(to, from)
		_ = to.Close()
	}
	go copyAndClose(there, buffered.Reader)
	go copyAndClose(here, bufio.NewReader(there))
}
