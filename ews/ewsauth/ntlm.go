package ewsauth

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"sync"
)

// BindingFunc returns the 16 bytes that bind a login to a TLS connection
// ([MS-NLMP] MsvAvChannelBindings), or nil where there is nothing to bind to.
type BindingFunc func(*tls.ConnectionState) []byte

// maxTries is how often one request may find its connection exchanged before it
// gives up. Two are met in practice: the pooled connection just went, and the
// server hangs up after the login.
const maxTries = 4

// errOtherConn stops a body at its first byte: the connection that the request
// got is not the one that is logged in.
var errOtherConn = errors.New("the connection is not logged in")

type ntlmTransport struct {
	user     string
	password *password
	next     *http.Transport
	binding  BindingFunc // nil: none

	turn chan struct{} // holds one element while a request is under way
	// What follows belongs to whoever has the turn.
	host   string   // scheme and host of the requests so far
	scheme string   // "NTLM", or "Negotiate" where the server offers only that
	conn   net.Conn // logged in; nil before
	given  given    // password of the login
	// carry says that a login does not outlive one request, so that the request
	// itself must carry the last message of the login.
	carry bool
	// anyConn says that each request brings a login of its own, so that it may go
	// over another connection too.
	anyConn bool
}

// NTLM logs in by NTLMv2 on a copy of next that keeps one HTTP/1.1 connection,
// bound to the server's certificate where there is TLS. A request's body crosses
// the wire once: the login is made with requests that have none, again when the
// connection was dropped. A 401 to a connection that was logged in leads to a
// new login and, where req.GetBody can give the body again, to a second try.
//
// It may be used by several goroutines; their requests follow each other. A
// caller must close each answer's body, or read it to its end, or the next
// request waits until its context ends.
//
// A refused login is a [*RefusedError].
func NTLM(user string, password Secret, next *http.Transport) http.RoundTripper {
	return newNTLM(user, newPassword(password, nil), next)
}

func newNTLM(user string, password *password, next *http.Transport) *ntlmTransport {
	own := next.Clone()
	own.Protocols = new(http.Protocols)
	own.Protocols.SetHTTP1(true)
	own.MaxConnsPerHost = 1
	own.DisableKeepAlives = false
	watch(own)
	return &ntlmTransport{user: user, password: password, next: own, binding: EndPointBinding, turn: make(chan struct{}, 1)}
}

// CloseIdleConnections lets http.Client close what is pooled below.
func (n *ntlmTransport) CloseIdleConnections() { n.next.CloseIdleConnections() }

// RoundTrip implements [http.RoundTripper].
func (n *ntlmTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	return n.take(req, n.roundTrip)
}

// take sends req when it is its turn, which lasts until the answer is read.
func (n *ntlmTransport) take(req *http.Request, send func(*http.Request) (*http.Response, error)) (*http.Response, error) {
	select {
	case n.turn <- struct{}{}:
	case <-req.Context().Done():
		closeBody(req)
		return nil, context.Cause(req.Context())
	}
	release := sync.OnceFunc(func() { <-n.turn })
	resp, err := send(req)
	if err != nil {
		release()
		return nil, err
	}
	resp.Body = &answerBody{ReadCloser: resp.Body, done: release}
	return resp, nil
}

// roundTrip sends req on a connection that is logged in.
func (n *ntlmTransport) roundTrip(req *http.Request) (*http.Response, error) {
	if host := req.URL.Scheme + "://" + req.URL.Host; host != n.host {
		n.host, n.scheme, n.conn, n.carry = host, "NTLM", nil, false
	}
	body := newReplay(req)
	defer body.close()
	var last error
	tryCarry, again := false, false
	for range maxTries {
		fresh := n.conn == nil || n.carry || tryCarry || gone(n.conn)
		message := ""
		if fresh {
			var answer *http.Response
			var err error
			if message, answer, err = n.login(req, n.carry || tryCarry); err != nil || answer != nil {
				return answer, err
			}
		}
		resp, err := n.send(req, body, message)
		if err != nil {
			n.conn = nil
			if !errors.Is(err, errOtherConn) && !body.whole() || req.Context().Err() != nil || !body.ready() {
				return nil, err
			}
			tryCarry = fresh // hung up after the login without having announced it
			last = err
			continue
		}
		if resp.StatusCode != http.StatusUnauthorized {
			n.password.worked(n.given)
			n.carry = n.carry || tryCarry
			if resp.Close {
				n.conn = nil
			}
			return resp, nil
		}
		n.conn = nil
		// The server has not taken the request: the connection has lost its login,
		// or a login lasts for one request only.
		if again || !body.rewind() {
			n.password.refused(n.given)
			return resp, nil
		}
		drain(resp)
		tryCarry, again = fresh, true
		last = errors.New("answer 401 to a connection that was logged in")
	}
	return nil, fmt.Errorf("ntlm login to %s: no connection outlives the login, perhaps for a proxy without keep-alive: %w", req.URL.Host, last)
}

// send gives the request to the transport. Its body stays here when the
// transport takes another connection than the one that is logged in.
func (n *ntlmTransport) send(req *http.Request, body *replay, message string) (*http.Response, error) {
	conn := n.conn
	ctx, cancel := context.WithCancelCause(req.Context())
	out := req.Clone(httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(info httptrace.GotConnInfo) {
		if info.Conn != conn && !n.anyConn {
			cancel(errOtherConn)
		}
	}}))
	if message != "" {
		out.Header.Set("Authorization", n.scheme+" "+message)
	}
	body.lend(ctx, out)
	resp, err := n.next.RoundTrip(out)
	if errors.Is(context.Cause(ctx), errOtherConn) {
		if err == nil {
			drain(resp) // to a request without a body, which nothing stopped
		}
		err = errOtherConn
	}
	if err != nil {
		cancel(nil)
		body.takeBack()
		return nil, err
	}
	body.keep()
	resp.Body = &answerBody{ReadCloser: resp.Body, done: func() { cancel(nil) }}
	return resp, nil
}

// answerBody calls done once the answer is read or closed.
type answerBody struct {
	io.ReadCloser
	done func()
}

func (b *answerBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil {
		b.done()
	}
	return n, err
}

func (b *answerBody) Close() error {
	err := b.ReadCloser.Close()
	b.done()
	return err
}

// drain reads what a short answer still holds, or its connection could not be
// used again.
func drain(resp *http.Response) {
	_, _ = io.CopyN(io.Discard, resp.Body, 1<<20)
	_ = resp.Body.Close()
}
