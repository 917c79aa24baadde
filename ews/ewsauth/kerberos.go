package ewsauth

import (
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"slices"
)

// kerberos logs in by Kerberos inside of SPNEGO (RFC 4559). Each request carries
// a token of its own. A connection is tried with requests that have no body
// before the first real one goes over it: it shows the certificate that tokens
// are bound to, and a login that is refused costs no body.
type kerberos struct {
	line    *ntlmTransport // what keeps one connection, and requests on it in turn
	tickets *tickets
	spn     string // "": HTTP/HOST

	// What follows belongs to whoever has the turn.
	binds []byte // the binding to the connection, if any
	open  bool   // nobody asked for a login on it
}

func newKerberos(t *tickets, spn string, bind bool, next *http.Transport) *kerberos {
	line := newNTLM(t.user, t.password, next)
	if !bind {
		line.binding = nil
	}
	return &kerberos{line: line, tickets: t, spn: spn}
}

// CloseIdleConnections lets http.Client close what is pooled below.
func (k *kerberos) CloseIdleConnections() { k.line.CloseIdleConnections() }

// RoundTrip implements [http.RoundTripper].
func (k *kerberos) RoundTrip(req *http.Request) (*http.Response, error) {
	return k.line.take(req, k.roundTrip)
}

func (k *kerberos) service(req *http.Request) string {
	if k.spn != "" {
		return k.spn
	}
	return "HTTP/" + req.URL.Hostname()
}

func (k *kerberos) roundTrip(req *http.Request) (*http.Response, error) {
	n := k.line
	if host := req.URL.Scheme + "://" + req.URL.Host; host != n.host {
		n.host, n.scheme, n.conn = host, "Negotiate", nil
	}
	body := newReplay(req)
	defer body.close()
	last := errors.New("every connection is closed after the login")
	again := false
	for range maxTries {
		if n.conn == nil || gone(n.conn) {
			if answer, err := k.login(req); err != nil || answer != nil {
				return answer, err
			}
		}
		token := new(krbToken)
		if !k.open {
			var err error
			if token, err = k.token(req); err != nil {
				return nil, err
			}
		}
		resp, err := n.send(req, body, token.text)
		if err != nil {
			n.conn = nil
			if !errors.Is(err, errOtherConn) && !body.whole() || req.Context().Err() != nil || !body.ready() {
				return nil, err
			}
			last = err
			continue
		}
		if resp.StatusCode != http.StatusUnauthorized {
			if err := token.check(resp); err != nil && !k.open {
				drain(resp)
				return nil, k.refused(req, err.Error())
			}
			if resp.Close {
				n.conn = nil
			}
			return resp, nil
		}
		n.conn = nil
		if again || !body.rewind() {
			return resp, nil
		}
		drain(resp)
		again, last = true, errors.New("answer 401 to a token that was good before")
	}
	return nil, fmt.Errorf("kerberos login to %s: %w", req.URL.Host, last)
}

// login tries a connection. An answer that is not nil belongs to req.
func (k *kerberos) login(req *http.Request) (answer *http.Response, err error) {
	n := k.line
	for range maxTries {
		n.conn, n.anyConn, k.binds, k.open = nil, false, nil, false
		resp, conn, err := n.step(req, "")
		if err != nil {
			return nil, err
		}
		if c, ok := conn.(*tls.Conn); ok && n.binding != nil {
			state := c.ConnectionState()
			k.binds = n.binding(&state)
		}
		if resp.StatusCode != http.StatusUnauthorized {
			if applicationAnswer(resp.StatusCode) {
				drain(resp)
				n.conn, k.open = conn, true
				return nil, nil
			}
			return resp, nil
		}
		drain(resp)
		if offered := schemes(resp.Header.Values("WWW-Authenticate")); !slices.Contains(offered, "negotiate") {
			return nil, &RefusedError{Scheme: "kerberos", User: n.user, Host: req.URL.Host, Offered: offered, Reason: "the server does not offer Kerberos (Negotiate) here"}
		}
		token, err := k.token(req)
		if err != nil {
			return nil, err
		}
		hangsUp := resp.Close
		resp, last, err := n.step(req, token.text)
		if err != nil {
			return nil, err
		}
		drain(resp)
		switch {
		case resp.StatusCode == http.StatusUnauthorized:
			reason := "the server refuses the ticket for " + k.service(req) + ": look whether that name belongs to the account that the server runs as (setspn -Q), and at the clocks"
			if k.binds != nil {
				reason += "; where a proxy ends TLS before the server, Extended Protection refuses it: give --epa off"
			}
			return nil, k.refused(req, reason)
		case !hangsUp && last != conn && n.binding != nil && k.binds != nil:
			continue // bound to another connection
		}
		if err := token.check(resp); err != nil {
			return nil, k.refused(req, err.Error())
		}
		// Tokens are bound to the certificate, which the next connection shows too.
		n.conn, n.anyConn = last, resp.Close
		return nil, nil
	}
	return nil, fmt.Errorf("kerberos login to %s: the connection is closed in the middle of the login", req.URL.Host)
}

func (k *kerberos) token(req *http.Request) (*krbToken, error) {
	spn := k.service(req)
	ticket, key, who, err := k.tickets.get(spn)
	if err != nil {
		return nil, k.refused(req, k.tickets.explain(err, spn))
	}
	token, err := newKrbToken(ticket, key, who, k.binds)
	if err != nil {
		return nil, k.refused(req, "no token can be made of the ticket")
	}
	token.text = base64.StdEncoding.EncodeToString(token.bytes)
	return token, nil
}

func (k *kerberos) refused(req *http.Request, reason string) error {
	user := k.line.user
	if user == "" {
		user = "the user of the credential cache"
	}
	return &RefusedError{Scheme: "kerberos", User: user, Host: req.URL.Host, Reason: reason}
}
