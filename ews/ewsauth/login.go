package ewsauth

import (
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"net"
	"net/http"
	"net/http/httptrace"
	"slices"
	"strings"

	"github.com/Azure/go-ntlmssp"
)

// login makes the handshake on one connection, with requests like req that have
// no body, and leaves the connection in n.conn. Where the request is to carry
// the last message itself (carry), or the server says that it hangs up after the
// login, message is that, and still to be sent on n.conn.
//
// An answer that is not nil belongs to req: the server answered before it came
// to a login.
func (n *ntlmTransport) login(req *http.Request, carry bool) (message string, answer *http.Response, err error) {
	n.conn = nil
	for range maxTries {
		challenge, conn, answer, err := n.negotiate(req)
		if err != nil || answer != nil {
			return "", answer, err
		}
		if challenge == nil { // nobody asks for a login
			n.conn = conn
			return "", nil, nil
		}
		n.given = n.password.current()
		if message, err = n.authenticate(conn, challenge); err != nil {
			return "", nil, fmt.Errorf("ntlm login to %s: %w", req.URL.Host, err)
		}
		if carry || n.carry {
			n.conn = conn
			return message, nil, nil
		}
		resp, last, err := n.step(req, message)
		if err != nil {
			return "", nil, err
		}
		drain(resp)
		switch {
		case last != conn: // a challenge is worth nothing on another connection
			continue
		case resp.StatusCode == http.StatusUnauthorized:
			n.password.refused(n.given)
			return "", nil, n.refused(req)
		}
		n.password.worked(n.given)
		if resp.Close {
			n.carry = true
			continue
		}
		n.conn = conn
		return "", nil, nil
	}
	return "", nil, fmt.Errorf("ntlm login to %s: the connection is closed in the middle of the login, perhaps by a proxy without keep-alive", req.URL.Host)
}

// negotiate asks for a challenge. It is nil where the server wants no login.
func (n *ntlmTransport) negotiate(req *http.Request) (challenge []byte, conn net.Conn, answer *http.Response, err error) {
	hello, err := ntlmssp.NewNegotiateMessage("", "")
	if err != nil {
		return nil, nil, nil, err
	}
	for {
		resp, conn, err := n.step(req, base64.StdEncoding.EncodeToString(hello))
		if err != nil {
			return nil, nil, nil, err
		}
		switch code := resp.StatusCode; {
		case code == http.StatusUnauthorized:
		case applicationAnswer(code):
			drain(resp)
			return nil, conn, nil, nil
		default:
			return nil, nil, resp, nil
		}
		drain(resp)
		values := resp.Header.Values("WWW-Authenticate")
		if token := find(values, n.scheme); token != "" {
			challenge, err := base64.StdEncoding.DecodeString(token)
			if err != nil {
				return nil, nil, nil, fmt.Errorf("ntlm login to %s: %w", req.URL.Host, errChallenge)
			}
			return challenge, conn, nil, nil
		}
		offered := schemes(values)
		if n.scheme == "NTLM" && !slices.Contains(offered, "ntlm") && slices.Contains(offered, "negotiate") {
			n.scheme = "Negotiate" // takes NTLM messages too
			continue
		}
		refused := &RefusedError{Scheme: "ntlm", User: n.user, Host: req.URL.Host, Offered: offered, Reason: "the server does not offer NTLM here"}
		switch {
		case len(offered) == 0:
			refused.Reason = "the server asks for a login but names no way to log in"
		case slices.Contains(offered, "ntlm"):
			refused.Offered, refused.Reason = nil, "the server offers NTLM but sends no challenge"
		}
		return nil, nil, nil, refused
	}
}

// applicationAnswer says that a status is what an application answers to a request
// without a body.
func applicationAnswer(code int) bool {
	return code < 300 || code == http.StatusBadRequest || code == http.StatusUnsupportedMediaType || code == http.StatusInternalServerError
}

// authenticate answers a challenge that came over conn.
func (n *ntlmTransport) authenticate(conn net.Conn, challenge []byte) (string, error) {
	if c, ok := conn.(*tls.Conn); ok && n.binding != nil {
		state := c.ConnectionState()
		if token := n.binding(&state); token != nil {
			var err error
			if challenge, err = bindChallenge(challenge, token); err != nil {
				return "", err
			}
		}
	}
	message, err := ntlmssp.NewAuthenticateMessage(challenge, n.user, n.given.secret.Reveal(), nil)
	if err != nil {
		return "", fmt.Errorf("%w: %w", errChallenge, err)
	}
	return base64.StdEncoding.EncodeToString(message), nil
}

// step sends a request like req without its body and names the connection it
// went over. A pooled connection that fails is exchanged once: the request does
// nothing that must not be done twice.
func (n *ntlmTransport) step(req *http.Request, message string) (*http.Response, net.Conn, error) {
	for exchanged := false; ; exchanged = true {
		var got httptrace.GotConnInfo
		ctx := httptrace.WithClientTrace(req.Context(), &httptrace.ClientTrace{GotConn: func(info httptrace.GotConnInfo) { got = info }})
		out := req.Clone(ctx)
		out.Body, out.GetBody, out.ContentLength, out.TransferEncoding = http.NoBody, nil, 0, nil
		for _, name := range []string{"Accept-Encoding", "Content-Encoding", "Content-Length", "Expect"} {
			out.Header.Del(name)
		}
		if message != "" {
			out.Header.Set("Authorization", n.scheme+" "+message)
		}
		resp, err := n.next.RoundTrip(out)
		if err == nil {
			return resp, got.Conn, nil
		}
		if exchanged || !got.Reused || req.Context().Err() != nil {
			return nil, nil, err
		}
	}
}

func (n *ntlmTransport) refused(req *http.Request) error {
	e := &RefusedError{Scheme: "ntlm", User: n.user, Host: req.URL.Host, Reason: "user name or password refused"}
	if n.binding != nil && req.URL.Scheme == "https" {
		e.Reason += " (or Extended Protection, where a proxy ends the TLS before the server)"
	}
	return e
}

// find returns the token that comes with a scheme in WWW-Authenticate, or "".
func find(values []string, scheme string) string {
	for _, value := range values {
		for part := range strings.SplitSeq(value, ",") {
			name, token, _ := strings.Cut(strings.TrimSpace(part), " ")
			if strings.EqualFold(name, scheme) && token != "" {
				return strings.TrimSpace(token)
			}
		}
	}
	return ""
}

// schemes lists the schemes of WWW-Authenticate in lower case, at most eight.
func schemes(values []string) []string {
	var names []string
	for _, value := range values {
		for part := range strings.SplitSeq(value, ",") {
			name, _, _ := strings.Cut(strings.TrimSpace(part), " ")
			name = strings.ToLower(name)
			isName := len(name) <= 20 && strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789-") == ""
			if name != "" && isName && !slices.Contains(names, name) && len(names) < 8 {
				names = append(names, name)
			}
		}
	}
	return names
}
