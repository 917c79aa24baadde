package ewsauth

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"mailferry/internal/authtest"
)

func TestParseProxy(t *testing.T) {
	for text, want := range map[string]string{
		"http://proxy.example:3128": "http://proxy.example:3128", "https://proxy.example": "https://proxy.example", "proxy.example:3128": "http://proxy.example:3128",
		"http://user:pw@10.0.0.1:8080/": "http://user:xxxxx@10.0.0.1:8080/", "[::1]:8080": "http://[::1]:8080", "direct": "direct", "": "environment",
		"ftp://proxy.example": "", "http://": "", "socks5://pw:pw@proxy.example": "", "http://pw:pw@proxy.example/path": "", "http://pw:p%w@proxy": "", "pw:pw@:80": "",
	} {
		p, err := ParseProxy(text)
		got := "environment"
		switch {
		case err != nil:
			got = ""
			if strings.Contains(err.Error(), "pw") {
				t.Errorf("%s: the error tells the password: %v", text, err)
			}
		case p.Direct:
			got = "direct"
		case p.URL != nil:
			got = p.URL.Redacted()
		}
		if got != want || p.HasPassword() != strings.Contains(want, "xxxxx") {
			t.Errorf("%q: %q, %v, has a password %v", text, got, err, p.HasPassword())
		}
	}
}

// Squid, a proxy by other people, that wants a login of its own. What is inside
// of its tunnel is no business of its, so NTLM must be bound to the server's
// certificate.
func TestNTLMThroughSquid(t *testing.T) {
	s := (&testServer{tls: true}).start(t)
	s.auth.EPA = 2
	squid := authtest.StartSquid(t, "ferry", "Pr0xy")
	through := func(user *url.Userinfo) http.RoundTripper {
		o := s.tlsOptions()
		o.Proxy = Proxy{URL: &url.URL{Scheme: "http", Host: squid.Address, User: user}}
		rt := NTLM(testUser, NewSecret(testPassword), NewTransport(o))
		t.Cleanup(rt.(*ntlmTransport).CloseIdleConnections)
		return rt
	}
	rt := through(url.UserPassword("ferry", "Pr0xy"))
	for range 3 {
		if status, text, err := post(t.Context(), rt, s.URL, mib, false); err != nil || status != http.StatusOK || text != sum(t, mib) {
			t.Fatalf("status %d, %q, %v", status, text, err)
		}
	}
	if s.refused.Load() != 0 || s.logins.Load() != 1 {
		t.Errorf("%d bytes without a login, %d logins", s.refused.Load(), s.logins.Load())
	}
	for want, user := range map[string]*url.Userinfo{
		"the proxy wants a user and a password":      nil,
		"the proxy refuses the user or the password": url.UserPassword("ferry", "wr0ng"),
	} {
		_, _, err := post(t.Context(), through(user), s.URL, 10, false)
		var refused *RefusedError
		if !errors.As(err, &refused) || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "wr0ng") {
			t.Errorf("%v, want %s", err, want)
		}
	}
	if log := squid.Log(t); strings.Count(log, "CONNECT "+s.Listener.Addr().String()) != 3 || strings.Count(log, "TCP_DENIED/407") != 2 {
		t.Errorf("squid saw:\n%s", log)
	}
}
