package ewsauth

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"mailferry/ews/ewstest/ntlm"
)

const (
	testUser     = `EXAMPLE\alice`
	testPassword = "Passw0rd! with more"
)

// testServer asks for NTLM on real connections and counts what comes in.
type testServer struct {
	*httptest.Server
	auth ntlm.Server

	wire     atomic.Int64 // bytes that came in, before TLS is taken off
	refused  atomic.Int64 // bytes of bodies that came with an answer 401
	requests atomic.Int64 // that were let in and had a body
	logins   atomic.Int64
	conns    sync.Map // net.Conn -> number of requests on it

	closeAfter int  // requests on a connection, the handshake's among them; 0 is no limit
	closeReal  bool // hang up after each request with a body
	single     bool // a login is good for one request
	forget     atomic.Bool
	tls        bool
}

type connKey struct{}

func (s *testServer) start(t *testing.T) *testServer {
	t.Helper()
	s.auth.Domain, s.auth.Computer = "EXAMPLE", "EXCH01"
	s.auth.Password = func(domain, user string) (string, bool) {
		switch strings.ToLower(domain + `\` + user) {
		case `example\alice`, `\alice`, `\alice@example.com`:
			return testPassword, true
		}
		return "", false
	}
	s.Server = httptest.NewUnstartedServer(s)
	s.Listener = countedListener{s.Listener, &s.wire}
	s.Config.ConnContext = func(ctx context.Context, c net.Conn) context.Context {
		s.conns.Store(c, new(atomic.Int64))
		return context.WithValue(s.auth.ConnContext(ctx, c), connKey{}, c)
	}
	if s.tls {
		s.EnableHTTP2 = true
		s.StartTLS()
		s.auth.Cert = s.Certificate()
	} else {
		s.Start()
	}
	t.Cleanup(s.Close)
	return s
}

func (s *testServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	conn, _ := r.Context().Value(connKey{}).(net.Conn)
	counter, _ := s.conns.Load(conn)
	n := counter.(*atomic.Int64).Add(1)
	if s.closeAfter > 0 && n >= int64(s.closeAfter) {
		w.Header().Set("Connection", "close")
	}
	session := ntlm.SessionOf(r.Context())
	offer := "NTLM"
	if s.forget.CompareAndSwap(true, false) {
		_, _, _ = session.Answer("forget it")
	}
	if authorization := r.Header.Get("Authorization"); authorization != "" {
		header, login, _ := session.Answer(authorization)
		if header != "" {
			offer = header
		}
		if login != nil {
			s.logins.Add(1)
		}
	}
	hash := sha256.New()
	size, _ := io.Copy(hash, r.Body)
	if session.Login() == nil {
		s.refused.Add(size)
		w.Header().Set("WWW-Authenticate", offer)
		http.Error(w, "login please", http.StatusUnauthorized)
		return
	}
	if size == 0 && r.Header.Get("Authorization") != "" {
		http.Error(w, "no request inside", http.StatusInternalServerError) // as EWS says to an empty request
	} else {
		s.requests.Add(1)
		if s.closeReal {
			w.Header().Set("Connection", "close")
		}
		_, _ = fmt.Fprintf(w, "%s %d %x", session.Login().User, size, hash.Sum(nil))
	}
	if s.single {
		_, _, _ = session.Answer("forget it")
	}
}

// hangUp closes all connections from the server's side.
func (s *testServer) hangUp() {
	s.conns.Range(func(c, _ any) bool {
		_ = c.(net.Conn).Close()
		s.conns.Delete(c)
		return true
	})
}

func (s *testServer) tlsOptions() TLSOptions {
	if !s.tls {
		return TLSOptions{}
	}
	pool := x509.NewCertPool()
	pool.AddCert(s.Certificate())
	return TLSOptions{CAs: pool}
}

func (s *testServer) client(t *testing.T, user, password string) http.RoundTripper {
	t.Helper()
	create, err := New(Options{Scheme: SchemeNTLM, User: user, Password: NewSecret(password), TLS: s.tlsOptions()})
	if err != nil {
		t.Fatal(err)
	}
	rt := create()
	t.Cleanup(rt.(interface{ CloseIdleConnections() }).CloseIdleConnections)
	return rt
}

type countedListener struct {
	net.Listener
	in *atomic.Int64
}

func (l countedListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return countedConn{c, l.in}, nil
}

type countedConn struct {
	net.Conn
	in *atomic.Int64
}

func (c countedConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.in.Add(int64(n))
	return n, err
}

// pattern repeats with a period that no buffer size has.
var pattern = func() []byte {
	p := make([]byte, 251*300)
	for i := range p {
		p[i] = byte(i % 251)
	}
	return p
}()

// body is a stream that knows whether it was closed, and can't be rewound.
type body struct {
	left, at int64
	once     sync.Once
	closed   chan struct{}
}

func newBody(size int64) *body { return &body{left: size, closed: make(chan struct{})} }

func (b *body) Read(p []byte) (int, error) {
	select {
	case <-b.closed:
		return 0, errors.New("read after close")
	default:
	}
	if b.left == 0 {
		return 0, io.EOF
	}
	n := copy(p[:min(int64(len(p)), b.left)], pattern[b.at%251:])
	b.left -= int64(n)
	b.at += int64(n)
	return n, nil
}

func (b *body) Close() error {
	b.once.Do(func() { close(b.closed) })
	return nil
}

// wait returns when the body is closed, which a transport may do late.
func (b *body) wait() error {
	select {
	case <-b.closed:
		return nil
	case <-time.After(20 * time.Second):
		return errors.New("the body was left open")
	}
}

// post sends size bytes and returns the status and the answer's text.
func post(ctx context.Context, rt http.RoundTripper, url string, size int64, replayable bool) (int, string, error) {
	b := newBody(size)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, b)
	if err != nil {
		return 0, "", err
	}
	req.ContentLength = size
	if replayable {
		req.GetBody = func() (io.ReadCloser, error) { return newBody(size), nil }
	}
	resp, err := rt.RoundTrip(req)
	if err != nil {
		return 0, "", errors.Join(err, b.wait())
	}
	text, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	return resp.StatusCode, string(text), errors.Join(err, b.wait())
}

// sum is what the server answers to size bytes by alice.
func sum(t *testing.T, size int64) string {
	t.Helper()
	h := sha256.New()
	if _, err := io.Copy(h, io.MultiReader(newBody(size))); err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("alice %d %x", size, h.Sum(nil))
}
