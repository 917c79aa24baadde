package ewsauth

import (
	"context"
	"errors"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"

	"mailferry/ews/ewstest/ntlm"
)

const mib = 1 << 20

func TestNTLMSendsEachBodyOnce(t *testing.T) {
	for name, s := range map[string]*testServer{
		"kept alive":                            {},
		"kept alive, TLS":                       {tls: true},
		"closed after each request":             {closeReal: true},
		"closed after each request, TLS":        {closeReal: true, tls: true},
		"closed after login":                    {closeAfter: 2},
		"closed after the second real request":  {closeAfter: 4},
		"bound to the certificate":              {tls: true, auth: ntlm.Server{EPA: ntlm.Require}},
		"bound, closed after each real request": {tls: true, closeReal: true, auth: ntlm.Server{EPA: ntlm.Require}},
	} {
		t.Run(name, func(t *testing.T) {
			s.start(t)
			const workers, each, size = 8, 4, 5 * mib
			want := sum(t, size)
			var wg sync.WaitGroup
			for range workers {
				rt := s.client(t, testUser, testPassword)
				wg.Go(func() {
					for i := range each {
						status, text, err := post(t.Context(), rt, s.URL+"/EWS/Exchange.asmx", size, i%2 == 0)
						if err != nil || status != http.StatusOK || text != want {
							t.Errorf("request %d: status %d, %q, %v", i, status, text, err)
						}
					}
				})
			}
			wg.Wait()
			if got := s.requests.Load(); got != workers*each {
				t.Errorf("%d requests arrived, want %d", got, workers*each)
			}
			if got := s.refused.Load(); got != 0 {
				t.Errorf("%d bytes of bodies crossed the wire without a login", got)
			}
			ratio := float64(s.wire.Load()) / (workers * each * size)
			t.Logf("bytes on the wire: %.4f of the bodies; %d logins", ratio, s.logins.Load())
			if ratio > 1.01 {
				t.Errorf("%.4f times the bodies on the wire", ratio)
			}
			if !s.closeReal && s.closeAfter == 0 && s.logins.Load() != workers {
				t.Errorf("%d logins for %d connections that stayed open", s.logins.Load(), workers)
			}
		})
	}
}

func TestNTLMWhenTheServerHangsUpBetweenRequests(t *testing.T) {
	s := (&testServer{}).start(t)
	rt := s.client(t, testUser, testPassword)
	const rounds, size = 20, mib
	for i := range rounds {
		status, text, err := post(t.Context(), rt, s.URL, size, false)
		if err != nil || status != http.StatusOK {
			t.Fatalf("request %d: status %d, %q, %v", i, status, text, err)
		}
		s.hangUp()
		waitGone(t, rt)
	}
	if s.refused.Load() != 0 || s.requests.Load() != rounds {
		t.Errorf("%d requests, %d bytes without a login", s.requests.Load(), s.refused.Load())
	}
	if ratio := float64(s.wire.Load()) / (rounds * size); ratio > 1.01 {
		t.Errorf("%.4f times the bodies on the wire", ratio)
	}
}

func TestNTLMLogsInAgainAfter401(t *testing.T) {
	for _, replayable := range []bool{true, false} {
		s := (&testServer{}).start(t)
		rt := s.client(t, testUser, testPassword)
		if status, text, err := post(t.Context(), rt, s.URL, mib, replayable); err != nil || status != http.StatusOK {
			t.Fatalf("status %d, %q, %v", status, text, err)
		}
		s.forget.Store(true)
		status, text, err := post(t.Context(), rt, s.URL, mib, replayable)
		if err != nil {
			t.Fatal(err)
		}
		if want := map[bool]int{true: http.StatusOK, false: http.StatusUnauthorized}[replayable]; status != want {
			t.Errorf("replayable %v: status %d, %q, want %d", replayable, status, text, want)
		}
		if status, text, err := post(t.Context(), rt, s.URL, mib, replayable); err != nil || status != http.StatusOK {
			t.Errorf("the request after: status %d, %q, %v", status, text, err)
		}
	}
}

// IIS calls it authPersistSingleRequest: the next request must log in again.
func TestNTLMWhereALoginIsForOneRequest(t *testing.T) {
	s := (&testServer{single: true}).start(t)
	rt := s.client(t, testUser, testPassword)
	const rounds = 5
	for i := range rounds {
		if status, text, err := post(t.Context(), rt, s.URL, mib, true); err != nil || status != http.StatusOK {
			t.Fatalf("request %d: status %d, %q, %v", i, status, text, err)
		}
	}
	if s.refused.Load() > mib {
		t.Errorf("%d bytes without a login: only the first body may show how this server is", s.refused.Load())
	}
}

func TestNTLMSharedByGoroutines(t *testing.T) {
	s := (&testServer{}).start(t)
	rt := s.client(t, testUser, testPassword)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 20 {
				if status, text, err := post(t.Context(), rt, s.URL, 100, true); err != nil || status != http.StatusOK {
					t.Errorf("status %d, %q, %v", status, text, err)
				}
			}
		})
	}
	wg.Wait()
	if s.logins.Load() != 1 {
		t.Errorf("%d logins on one connection", s.logins.Load())
	}
}

func TestNTLMNames(t *testing.T) {
	s := (&testServer{}).start(t)
	for _, user := range []string{`EXAMPLE\alice`, `example\ALICE`, "alice", "alice@example.com", "Alice@Example.COM"} {
		if status, text, err := post(t.Context(), s.client(t, user, testPassword), s.URL, 1, false); err != nil || status != http.StatusOK {
			t.Errorf("%s: status %d, %q, %v", user, status, text, err)
		}
	}
}

func TestNTLMRefused(t *testing.T) {
	s := (&testServer{}).start(t)
	for user, password := range map[string]string{testUser: "wrong-secret", `EXAMPLE\nobody`: testPassword, `OTHER\alice`: testPassword, testUser + " ": ""} {
		_, _, err := post(t.Context(), s.client(t, user, password), s.URL, mib, true)
		var refused *RefusedError
		if !errors.As(err, &refused) || !refused.LoginRefused() {
			t.Fatalf("%s: %v", user, err)
		}
		if strings.Contains(err.Error(), testPassword) || strings.Contains(err.Error(), "wrong-secret") || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q", err)
		}
	}
	if s.wire.Load() > 20_000 {
		t.Errorf("%d bytes were sent for nothing", s.wire.Load())
	}
}

func TestNTLMWithoutTurnEndsWithItsContext(t *testing.T) {
	s := (&testServer{}).start(t)
	rt := s.client(t, testUser, testPassword)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL, newBody(1))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := rt.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("the user pressed ^C")
	cancel(why)
	if _, _, err := post(ctx, rt, s.URL, 1, false); !errors.Is(err, why) {
		t.Errorf("while another answer is read: %v", err)
	}
	if err := resp.Body.Close(); err != nil {
		t.Fatal(err)
	}
	if status, text, err := post(t.Context(), rt, s.URL, 1, false); err != nil || status != http.StatusOK {
		t.Errorf("status %d, %q, %v", status, text, err)
	}
}

// waitGone returns when the client has seen that its connection was closed.
// Before that no client can know.
func waitGone(t *testing.T, rt http.RoundTripper) {
	t.Helper()
	for !gone(rt.(*ntlmTransport).conn) {
		if t.Context().Err() != nil {
			t.Fatal("the closed connection was not noticed")
		}
		runtime.Gosched()
	}
}
