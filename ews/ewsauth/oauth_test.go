package ewsauth

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// tokenServer gives tokens that are good until revoke, and is the server that
// they open.
type tokenServer struct {
	*httptest.Server
	check   func(r *http.Request) string // the error code for a token request
	expires int
	given   atomic.Int64
	opens   atomic.Value // the token that is good
	bodies  atomic.Int64 // requests let in
}

func startTokenServer(t *testing.T, check func(*http.Request) string) *tokenServer {
	s := &tokenServer{check: check, expires: 3600}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

func (s *tokenServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/token" {
		w.Header().Set("Content-Type", "application/json")
		if code := s.check(r); code != "" {
			w.WriteHeader(http.StatusBadRequest)
			_ = json.NewEncoder(w).Encode(map[string]string{"error": code, "error_description": "AADSTS7000215: you sent " + r.PostFormValue("client_secret")})
			return
		}
		token := fmt.Sprintf("token-%d", s.given.Add(1))
		s.opens.Store("Bearer " + token)
		_ = json.NewEncoder(w).Encode(map[string]any{"access_token": token, "token_type": "Bearer", "expires_in": s.expires})
		return
	}
	_, _ = io.Copy(io.Discard, r.Body)
	if r.Header.Get("Authorization") != s.opens.Load() {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	s.bodies.Add(1)
}

func (s *tokenServer) oauth() OAuth {
	return OAuth{TokenURL: s.URL + "/token", ClientID: "app", Scopes: []string{"scope"}, Secret: NewSecret("hush hush")}
}

func secretCheck(r *http.Request) string {
	if r.PostFormValue("grant_type") != "client_credentials" || r.PostFormValue("client_id") != "app" || r.PostFormValue("client_secret") != "hush hush" || r.PostFormValue("scope") != "scope" {
		return "invalid_client"
	}
	return ""
}

func transportFor(t *testing.T, o OAuth) func() http.RoundTripper {
	t.Helper()
	tokens, err := NewTokens(o, TLSOptions{})
	if err != nil {
		t.Fatal(err)
	}
	newTransport, err := New(Options{Scheme: SchemeOAuth, Tokens: tokens})
	if err != nil {
		t.Fatal(err)
	}
	return newTransport
}

func postOver(rt http.RoundTripper, url string) (int, error) {
	req, err := http.NewRequest(http.MethodPost, url, strings.NewReader("a body"))
	if err != nil {
		return 0, err
	}
	resp, err := rt.RoundTrip(req)
	if err != nil {
		return 0, err
	}
	return resp.StatusCode, resp.Body.Close()
}

// All connections share one token; one that is revoked is replaced once, and
// each request is let in once.
func TestOAuthTokenIsSharedAndReplaced(t *testing.T) {
	s := startTokenServer(t, secretCheck)
	newTransport := transportFor(t, s.oauth())
	all := func() {
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				if status, err := postOver(newTransport(), s.URL); status != http.StatusOK || err != nil {
					t.Errorf("status %d, %v", status, err)
				}
			})
		}
		wg.Wait()
	}
	all()
	if n := s.given.Load(); n != 1 {
		t.Errorf("%d tokens for eight connections", n)
	}
	s.opens.Store("revoked")
	all()
	if n, in := s.given.Load(), s.bodies.Load(); n != 2 || in != 16 {
		t.Errorf("%d tokens, %d requests let in", n, in)
	}
}

func TestOAuthShortTokenIsReplacedBeforeItEnds(t *testing.T) {
	s := startTokenServer(t, secretCheck)
	s.expires = 1
	rt := transportFor(t, s.oauth())()
	for end := time.Now().Add(1500 * time.Millisecond); time.Now().Before(end); {
		if status, err := postOver(rt, s.URL); status != http.StatusOK || err != nil {
			t.Fatalf("status %d, %v", status, err)
		}
	}
	if n := s.given.Load(); n < 2 || n > 4 {
		t.Errorf("%d tokens of one second in one and a half", n)
	}
}

// The answer repeats the secret; the error must not.
func TestOAuthErrorIsOneLineWithoutSecrets(t *testing.T) {
	s := startTokenServer(t, func(*http.Request) string { return "invalid_client" })
	_, err := postOver(transportFor(t, s.oauth())(), s.URL)
	if err == nil || strings.Contains(fmt.Sprintf("%v %+v", err, err), "hush") {
		t.Fatalf("%v", err)
	}
	for _, want := range []string{"invalid_client", "AADSTS7000215", "the client secret is wrong"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q says nothing of %q", err, want)
		}
	}
	if !isRefused(err) || strings.Contains(err.Error(), "\n") {
		t.Errorf("%q", err)
	}
}

// The assertion is checked by go-jose, with the public key of the certificate.
func TestOAuthCertificateSigns(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	form := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, form, form, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	var s *tokenServer
	s = startTokenServer(t, func(r *http.Request) string {
		signed, err := jose.ParseSigned(r.PostFormValue("client_assertion"), []jose.SignatureAlgorithm{jose.ES256})
		if err != nil {
			return "invalid_client"
		}
		text, err := signed.Verify(key.Public())
		var claims struct {
			Iss, Sub, Aud, Jti string
			Exp                int64
		}
		if err != nil || json.Unmarshal(text, &claims) != nil || claims.Iss != "app" || claims.Sub != "app" || claims.Jti == "" ||
			claims.Aud != s.URL+"/token" || time.Until(time.Unix(claims.Exp, 0)) > 10*time.Minute {
			return "invalid_client"
		}
		if r.PostFormValue("client_secret") != "" || signed.Signatures[0].Header.ExtraHeaders["x5t#S256"] == nil {
			return "invalid_request"
		}
		return ""
	})
	o := s.oauth()
	o.Secret, o.Cert = Secret{}, &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
	if status, err := postOver(transportFor(t, o)(), s.URL); status != http.StatusOK || err != nil {
		t.Fatalf("status %d, %v", status, err)
	}
}

func TestOAuthSendsNothingInTheClear(t *testing.T) {
	s := startTokenServer(t, secretCheck)
	if _, err := postOver(transportFor(t, s.oauth())(), "http://192.0.2.1/EWS"); err == nil || !strings.Contains(err.Error(), "in the clear") {
		t.Errorf("%v", err)
	}
	o := s.oauth()
	o.TokenURL = "http://192.0.2.1/token"
	if _, err := NewTokens(o, TLSOptions{}); err == nil || s.given.Load() != 0 {
		t.Errorf("%v, %d tokens", err, s.given.Load())
	}
}

// A person signs in once; the second token comes by the refresh token.
func TestOAuthDeviceCode(t *testing.T) {
	var shown DeviceCode
	var grants []string
	mux := http.NewServeMux()
	answer := func(w http.ResponseWriter, status int, v map[string]any) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(v)
	}
	mux.HandleFunc("/device", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, 200, map[string]any{"device_code": "d", "user_code": "ABCD", "verification_uri": "https://sign.example/", "interval": 1, "expires_in": 60})
	})
	mux.HandleFunc("/token", func(w http.ResponseWriter, r *http.Request) {
		grants = append(grants, r.PostFormValue("grant_type"))
		switch {
		case len(grants) == 1:
			answer(w, 400, map[string]any{"error": "authorization_pending"})
		case len(grants) == 2 && r.PostFormValue("device_code") == "d", r.PostFormValue("refresh_token") == "r":
			answer(w, 200, map[string]any{"access_token": fmt.Sprint("t", len(grants)), "refresh_token": "r", "expires_in": 3600, "token_type": "Bearer"})
		default:
			answer(w, 400, map[string]any{"error": "invalid_grant"})
		}
	})
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	o := OAuth{TokenURL: s.URL + "/token", DeviceURL: s.URL + "/device", ClientID: "app", Device: func(c DeviceCode) { shown = c }}
	tokens, err := NewTokens(o, TLSOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if err := tokens.Login(t.Context()); err != nil || shown.Code != "ABCD" || shown.URL != "https://sign.example/" {
		t.Fatalf("%v, shown %+v", err, shown)
	}
	first, _ := tokens.get(t.Context())
	tokens.worked(first)
	tokens.notAccepted(t.Context(), first)
	if second, err := tokens.get(t.Context()); err != nil || first.Reveal() != "t2" || second.Reveal() != "t3" || grants[2] != "refresh_token" {
		t.Errorf("%v, grants %q", err, grants)
	}
}
