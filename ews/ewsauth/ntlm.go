package ewsauth

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"sync"
)

// BindingFunc returns the 16 bytes that bind a login to a TLS connection
// ([MS-NLMP] MsvAvChannelBindings), or nil where there is nothing to bind to.
type BindingFunc func(*tls.ConnectionState) []byte

// maxLogins is how often one request may find its connection exchanged before
// it gives up. Two are met in practice: the pooled connection just went, and the
// server hangs up after the login.
const maxLogins = 4

// errOtherConn stops a body at its first byte: the connection that the request
// got is not the one that is logged in.
var errOtherConn = errors.New("the connection is not logged in")

type ntlm struct {
	user     string
	password Secret
	next     *http.Transport
	binding  BindingFunc // nil: none

	turn chan struct{} // holds one element while a request is under way
	// What follows belongs to whoever has the turn.
	host   string   // scheme and host that conn goes to
	conn   net.Conn // logged in; nil before
	scheme string   // "NTLM", or "Negotiate" where the server offers only that
	// carry says that the server closes the connection after the login, so the
	// request itself must carry the last message of the login.
	carry bool
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
	return newNTLM(user, password, next)
}

func newNTLM(user string, password Secret, next *http.Transport) *ntlm {
	own := next.Clone()
	own.Protocols = new(http.Protocols)
	own.Protocols.SetHTTP1(true)
	own.MaxConnsPerHost = 1
	own.DisableKeepAlives = false
	watch(own)
	return &ntlm{user: user, password: password, next: own, binding: EndPointBinding, turn: make(chan struct{}, 1), scheme: "NTLM"}
}

// CloseIdleConnections lets http.Client close what is pooled below.
func (n *ntlm) CloseIdleConnections() { n.next.CloseIdleConnections() }

// RoundTrip implements [http.RoundTripper].
func (n *ntlm) RoundTrip(req *http.Request) (*http.Response, error) {
	select {
	case n.turn <- struct{}{}:
	case <-req.Context().Done():
		closeBody(req)
		return nil, context.Cause(req.Context())
	}
	release := sync.OnceFunc(func() { <-n.turn })
	resp, err := n.roundTrip(req)
	if err != nil {
		release()
		return nil, err
	}
	resp.Body = &turnBody{ReadCloser: resp.Body, release: release}
	return resp, nil
}

// roundTrip sends req, on a connection that is logged in. It closes req.Body.
func (n *ntlm) roundTrip(req *http.Request) (*http.Response, error) {
	if host := req.URL.Scheme + "://" + req.URL.Host; host != n.host {
		n.host, n.conn, n.scheme, n.carry = host, nil, "NTLM", false
	}
	body := &replay{req: req}
	defer body.close()
	var answer *http.Response // the 401 that is kept back while we log in again
	for range maxLogins {
		var message string // to be carried by the request
		fresh := n.conn == nil || gone(n.conn)
		if fresh {
			var err error
			if message, err = n.login(req); err != nil {
				return nil, err
			}
		}
		resp, err := n.send(req, body, message)
		switch {
		case errors.Is(err, errOtherConn):
			n.conn = nil
			continue
		case err != nil:
			n.conn = nil
			return nil, err
		case resp.StatusCode != http.StatusUnauthorized:
			return resp, nil
		}
		n.conn = nil
		if message != "" {
			drain(resp)
			return nil, n.refused(req, resp)
		}
		// The server has not taken the request. A connection that was pooled may
		// have lost its login; one that was logged in just now had none to lose.
		if answer != nil || fresh || !body.rewind() {
			return resp, nil
		}
		answer = resp
		drain(resp)
	}
	return nil, errors.New("ntlm login to " + req.URL.Host + ": the connection is dropped after each login; a proxy on the way may not keep connections alive")
}

// send gives the request to the transport. Unless it carries the login itself,
// its body stays here when the transport takes another connection.
func (n *ntlm) send(req *http.Request, body *replay, message string) (*http.Response, error) {
	conn := n.conn
	var other sync.Once
	ctx, cancel := context.WithCancelCause(req.Context())
	trace := &httptrace.ClientTrace{GotConn: func(info httptrace.GotConnInfo) {
		if info.Conn != conn {
			other.Do(func() { cancel(errOtherConn) })
		}
	}}
	out := req.Clone(httptrace.WithClientTrace(ctx, trace))
	if message != "" {
		out.Header.Set("Authorization", n.scheme+" "+message)
	}
	out.Body, out.GetBody = body.guarded(ctx), nil
	resp, err := n.next.RoundTrip(out)
	if errors.Is(context.Cause(ctx), errOtherConn) {
		if err == nil {
			drain(resp) // an answer to a request that had no body to stop
		}
		cancel(nil)
		return nil, errOtherConn
	}
	if err != nil {
		cancel(nil)
		return nil, err
	}
	resp.Body = &turnBody{ReadCloser: resp.Body, release: func() { cancel(nil) }}
	return resp, nil
}

// turnBody calls release once the answer is read or closed.
type turnBody struct {
	io.ReadCloser
	release func()
}

func (b *turnBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil {
		b.release()
	}
	return n, err
}

func (b *turnBody) Close() error {
	err := b.ReadCloser.Close()
	b.release()
	return err
}

// drain reads what a short answer still holds, or its connection could not be
// used again.
func drain(resp *http.Response) {
	_, _ = io.CopyN(io.Discard, resp.Body, 1<<20)
	_ = resp.Body.Close()
}
