package ewsauth

import (
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"mailferry/ews/ewstest/ntlm"
)

// answerer answers each request with a 401 and these WWW-Authenticate values.
func answerer(t *testing.T, offers ...string) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		for _, offer := range offers {
			w.Header().Add("WWW-Authenticate", offer)
		}
		w.WriteHeader(http.StatusUnauthorized)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

func TestNTLMNamesWhatIsOfferedInstead(t *testing.T) {
	for offer, want := range map[string]string{
		"":                                      "names no way to log in",
		`Basic realm="a, b"|Bearer`:             "it offers basic, bearer",
		"Negotiate":                             "it offers negotiate",
		"Basic, Digest":                         "it offers basic, digest",
		"NTLM":                                  "sends no challenge",
		"<script>, " + strings.Repeat("x", 9e3): "names no way to log in",
	} {
		url := answerer(t, strings.Split(offer, "|")...)
		rt := NTLM(testUser, NewSecret(testPassword), NewTransport(TLSOptions{}))
		_, _, err := post(t.Context(), rt, url, mib, true)
		var refused *RefusedError
		if !errors.As(err, &refused) || !strings.Contains(err.Error(), want) {
			t.Errorf("%.60q: %v, want %q in it", offer, err, want)
		}
	}
}

func TestNTLMRefusesDamagedChallenges(t *testing.T) {
	whole := challenge(t)
	for name, value := range map[string][]byte{
		"empty":           {0},
		"of another kind": slices.Concat(whole[:8], []byte{3, 0, 0, 0}, whole[12:]),
		"short":           whole[:40],
		"cut in payload":  whole[:len(whole)-10],
		"not ntlm":        []byte(strings.Repeat("garbage ", 20)),
	} {
		url := answerer(t, "NTLM "+base64.StdEncoding.EncodeToString(value))
		_, _, err := post(t.Context(), NTLM(testUser, NewSecret(testPassword), NewTransport(TLSOptions{})), url, mib, true)
		var refused *RefusedError
		if err == nil || errors.As(err, &refused) || !strings.Contains(err.Error(), "challenge") || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, _, err := post(t.Context(), NTLM(testUser, NewSecret(testPassword), NewTransport(TLSOptions{})), answerer(t, "NTLM !!!"), mib, true)
	if !errors.Is(err, errChallenge) {
		t.Errorf("no base64: %v", err)
	}
}

func challenge(t testing.TB) []byte {
	t.Helper()
	server := ntlm.Server{Domain: "EXAMPLE", Computer: "EXCH01"}
	hello := slices.Concat([]byte("NTLMSSP\x00\x01\x00\x00\x00"), []byte{0x05, 0x82, 0x88, 0xa0}, make([]byte, 16))
	message, err := server.NewSession().Challenge(hello)
	if err != nil {
		t.Fatal(err)
	}
	return message
}

// Some servers offer Negotiate alone; it takes NTLM messages as they are.
func TestNTLMInsideNegotiate(t *testing.T) {
	s := (&testServer{}).start(t)
	inner := s.Config.Handler
	s.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.Header.Get("Authorization"), "NTLM") {
			w.Header().Set("WWW-Authenticate", "Negotiate")
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		inner.ServeHTTP(w, r)
	})
	rt := s.client(t, testUser, testPassword)
	for range 3 {
		if status, text, err := post(t.Context(), rt, s.URL, mib, false); err != nil || status != http.StatusOK {
			t.Errorf("status %d, %q, %v", status, text, err)
		}
	}
	if s.refused.Load() != 0 || s.logins.Load() != 1 {
		t.Errorf("%d bytes without a login, %d logins", s.refused.Load(), s.logins.Load())
	}
}

// What is wrong before the login is the answer to the request; its body stays here.
func TestNTLMPassesOnWhatComesBeforeALogin(t *testing.T) {
	for _, status := range []int{http.StatusFound, http.StatusForbidden, http.StatusNotFound, http.StatusServiceUnavailable} {
		var bodies int64
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			n, _ := io.Copy(io.Discard, r.Body)
			bodies += n
			w.Header().Set("Location", "https://elsewhere.example/")
			http.Error(w, "the reason", status)
		}))
		got, text, err := post(t.Context(), NTLM(testUser, NewSecret(testPassword), NewTransport(TLSOptions{})), server.URL, mib, false)
		server.Close()
		if err != nil || got != status || text != "the reason\n" || bodies != 0 {
			t.Errorf("%d: status %d, %q, %v, %d bytes of body sent", status, got, text, err, bodies)
		}
	}
}

func TestNTLMWhereNoLoginIsWanted(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if n, _ := io.Copy(io.Discard, r.Body); n != mib {
			http.Error(w, "empty", http.StatusBadRequest)
		}
	}))
	defer server.Close()
	status, text, err := post(t.Context(), NTLM(testUser, NewSecret(testPassword), NewTransport(TLSOptions{})), server.URL, mib, false)
	if err != nil || status != http.StatusOK {
		t.Errorf("status %d, %q, %v", status, text, err)
	}
}

func TestNTLMThroughProxyWithoutKeepAlive(t *testing.T) {
	s := (&testServer{closeAfter: 1}).start(t)
	_, _, err := post(t.Context(), s.client(t, testUser, testPassword), s.URL, mib, true)
	if err == nil || !strings.Contains(err.Error(), "keep-alive") {
		t.Error(err)
	}
	if s.wire.Load() > mib/10 {
		t.Errorf("%d bytes were sent for nothing", s.wire.Load())
	}
}
