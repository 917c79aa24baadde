package ewsauth

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"mailferry/internal/authtest"
)

// Apache with mod_auth_gssapi and gss-ntlmssp: a server for NTLM by other people.
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
	pem := filepath.Join(t.TempDir(), "server.pem")
	writeCertificate(t, pem, time.Hour)
	for name, way := range map[string]struct {
		tls      bool
		requests int // on a connection
	}{
		"http":                            {},
		"https":                           {tls: true},
		"http, closed after each upload":  {requests: 3}, // two are the login
		"https, closed after each upload": {tls: true, requests: 3},
		"https, closed after each login":  {tls: true, requests: 2},
	} {
		t.Run(name, func(t *testing.T) {
			server := authtest.StartApache(t, authtest.ApacheOptions{
				Backend: strings.TrimPrefix(backend.URL, "http://"), PEM: pem, Requests: way.requests, Password: testPassword,
			})
			url, options := "http://"+server.Address+"/ntlm", TLSOptions{}
			if way.tls {
				pool, err := LoadCA(pem)
				if err != nil {
					t.Fatal(err)
				}
				url, options.CAs = "https://"+server.TLS+"/ntlm", pool
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
			ratio := float64(server.Received(t)) / float64(workers*each*size)
			t.Logf("Apache received %.4f times the bodies", ratio)
			if ratio > 1.01 {
				t.Errorf("Apache received %.4f times the bodies", ratio)
			}
		})
	}
}
