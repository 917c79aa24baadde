package ewsauth

import (
	"fmt"
	"net"
	"net/http"
	"strings"
)

type basic struct {
	user      string
	password  *password
	plaintext bool
	next      http.RoundTripper
}

// Basic adds an Authorization header for HTTP Basic to each request. It
// refuses to do so over http, but to this machine; see
// [Options.AllowPlaintext]. An answer 401 is passed on as it is, since Exchange
// also sends it when it is busy.
func Basic(user string, password Secret, next http.RoundTripper) http.RoundTripper {
	return &basic{user: user, password: newPassword(password, nil), next: next}
}

func (b *basic) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.URL.Scheme != "https" && !b.plaintext && !isLoopback(req.URL.Hostname()) {
		closeBody(req)
		return nil, fmt.Errorf("basic login to %s: the password would cross the network in the clear; use https or ntlm, or give --allow-plaintext", req.URL.Host)
	}
	authorized := req.Clone(req.Context())
	given := b.password.current()
	authorized.SetBasicAuth(b.user, given.secret.Reveal())
	resp, err := b.next.RoundTrip(authorized)
	switch {
	case err != nil:
	case resp.StatusCode == http.StatusUnauthorized:
		b.password.refused(given)
	default:
		b.password.worked(given)
	}
	return resp, err
}

// CloseIdleConnections lets http.Client close what is pooled below.
func (b *basic) CloseIdleConnections() { closeIdle(b.next) }

func isLoopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

func closeBody(req *http.Request) {
	if req.Body != nil {
		_ = req.Body.Close()
	}
}

func closeIdle(rt http.RoundTripper) {
	if c, ok := rt.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}
