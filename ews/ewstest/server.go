package ewstest

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"mailferry/ews/ewstest/inject"
	"mailferry/ews/ewstest/mailbox"
	"mailferry/ews/ewstest/ntlm"
	"mailferry/ews/ewstest/shape"
	"mailferry/ews/ewstest/throttle"
)

// Server is a running or not yet started Exchange simulator. It is safe for
// use by several goroutines.
type Server struct {
	opt       Options
	version   serverVersion
	boxes     []*box
	ntlm      *ntlm.Server
	epa       ntlm.EPA
	leaf      *x509.Certificate
	cert      tls.Certificate
	ca        []byte
	stats     counters
	throttle  atomic.Pointer[throttle.Throttle]
	faults    atomic.Pointer[inject.Set]
	requests  atomic.Uint64
	passwords sync.Map     // changed ones, by *User
	changed   atomic.Int64 // how often one was

	http     *http.Server
	listener net.Listener
	stop     context.CancelFunc
	done     chan struct{}
	closing  sync.Once
	closeErr error
}

// box is a mailbox with what the server knows about it.
type box struct {
	shape.Box
	spec MailboxSpec
}

// NewServer prepares a server and fills its mailboxes.
func NewServer(o Options) (*Server, error) {
	s := &Server{opt: o, done: make(chan struct{})}
	var err error
	if s.version, err = parseVersion(o.Version); err != nil {
		return nil, err
	}
	if s.epa, err = ntlm.ParseEPA(o.EPA); err != nil {
		return nil, err
	}
	if len(o.Users) == 0 {
		s.opt.Users = []User{{Name: DefaultUser, Password: DefaultPassword}}
	}
	if len(o.Auth) == 0 {
		s.opt.Auth = []string{"ntlm", "basic"}
	}
	for _, a := range s.opt.Auth {
		if !slices.Contains([]string{"basic", "ntlm", "remote-user", "none"}, a) {
			return nil, fmt.Errorf("authentication %q: want basic, ntlm, remote-user or none", a)
		}
	}
	if slices.Contains(s.opt.Auth, "remote-user") && o.AllowRemote {
		return nil, errors.New("remote-user believes a header, so it can't be offered to other machines")
	}
	if len(o.Mailboxes) == 0 {
		s.opt.Mailboxes = []MailboxSpec{{Address: "alice@example.com", Archive: true}}
	}
	if o.TLS {
		if s.cert, s.ca, err = selfSigned(o.Names, o.CertDays); err != nil {
			return nil, fmt.Errorf("make a certificate: %w", err)
		}
		s.leaf = leafOf(s.cert.Certificate[0])
	}
	for _, spec := range s.opt.Mailboxes {
		if err := s.fill(spec); err != nil {
			return nil, err
		}
	}
	if err := s.restore(); err != nil {
		return nil, err
	}
	s.ntlm = &ntlm.Server{Domain: "EXAMPLE", Computer: "EXCH01", Password: func(domain, user string) (string, bool) {
		u := s.user(domain, user)
		if u == nil {
			return "", false
		}
		return s.password(u), true
	}}
	s.throttle.Store(throttle.New(o.Policy, s.version.Major < 15))
	return s, s.SetFaults(nil)
}

func (s *Server) fill(spec MailboxSpec) error {
	if s.box(spec.Address) != nil {
		return fmt.Errorf("mailbox %s is there twice", spec.Address)
	}
	m, err := mailbox.Load(spec.Content, spec.Address, mailbox.Options{
		Language: spec.Language, Archive: spec.Archive, Lose: s.opt.Lose, LoseNames: s.opt.LoseNames, Quota: spec.Quota, Salt: s.opt.Salt,
		Version: s.blobVersion(),
	})
	if err != nil {
		return fmt.Errorf("mailbox %s: %w", spec.Address, err)
	}
	s.boxes = append(s.boxes, &box{Box: boxOf(m), spec: spec})
	return nil
}

func boxOf(m *mailbox.Mailbox) shape.Box { return shape.Box{Mailbox: m, GUID: m.GUID().String()} }

// box returns the mailbox of an address, nil if there is none.
func (s *Server) box(address string) *box {
	for _, b := range s.boxes {
		if strings.EqualFold(b.Address(), address) {
			return b
		}
	}
	return nil
}

func (s *Server) boxByGUID(guid string) *box {
	for _, b := range s.boxes {
		if b.GUID == guid {
			return b
		}
	}
	return nil
}

// Start listens on addr (for example "127.0.0.1:0") and serves until Close.
func (s *Server) Start(addr string) error {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return fmt.Errorf("listen on %q: want HOST:PORT", addr)
	}
	if ip := net.ParseIP(host); !s.opt.AllowRemote && host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return fmt.Errorf("listen on %s: only loopback unless remote clients are allowed", addr)
	}
	if s.listener, err = net.Listen("tcp", addr); err != nil {
		return err
	}
	ctx, stop := context.WithCancel(context.Background())
	s.stop = stop
	s.http = &http.Server{
		Handler: s, ConnContext: withConn,
		BaseContext:       func(net.Listener) context.Context { return ctx },
		ConnState:         s.connState,
		ReadHeaderTimeout: time.Minute,
		ErrorLog:          log.New(io.Discard, "", 0),
		// NTLM logs in a connection, which HTTP/2 shares among requests.
		TLSNextProto: map[string]func(*http.Server, *tls.Conn, http.Handler){},
	}
	go func() {
		defer close(s.done)
		if s.opt.TLS {
			s.http.TLSConfig = &tls.Config{Certificates: []tls.Certificate{s.cert}, MinVersion: tls.VersionTLS12}
			_ = s.http.ServeTLS(s.listener, "", "")
			return
		}
		_ = s.http.Serve(s.listener)
	}()
	return nil
}

func (s *Server) connState(_ net.Conn, state http.ConnState) {
	if state == http.StateNew {
		s.stats.do(func(st *Stats) { st.Connections++ })
	}
}

// URL returns the EWS address.
func (s *Server) URL() string { return s.BaseURL() + "/EWS/Exchange.asmx" }

// BaseURL returns the server's address without a path, "" before Start.
func (s *Server) BaseURL() string {
	if s.listener == nil {
		return ""
	}
	if s.opt.TLS {
		return "https://" + s.listener.Addr().String()
	}
	return "http://" + s.listener.Addr().String()
}

// CAPEM returns the certificate to trust in PEM form, nil without TLS.
func (s *Server) CAPEM() []byte { return s.ca }

// Close stops the server, cuts its connections and writes the state file. It
// may be called more than once.
func (s *Server) Close() error {
	s.closing.Do(func() {
		if s.http != nil {
			s.stop()
			s.closeErr = s.http.Close()
			<-s.done
		}
		s.closeErr = cmp.Or(s.closeErr, s.save())
	})
	return s.closeErr
}

// Mailbox returns the mailbox of an address, nil if there is none.
func (s *Server) Mailbox(address string) *mailbox.Mailbox {
	if b := s.box(address); b != nil {
		return b.Mailbox
	}
	return nil
}

// SetFaults replaces the faults and begins counting anew.
func (s *Server) SetFaults(faults []Fault) error {
	set, err := inject.NewSet(faults, s.opt.Seed)
	if err != nil {
		return err
	}
	s.faults.Store(set)
	return nil
}

// SetPolicy replaces the policy; budgets begin anew.
func (s *Server) SetPolicy(p Policy) { s.throttle.Store(throttle.New(p, s.version.Major < 15)) }

func (s *Server) policy() Policy { return s.throttle.Load().Policy }

// Stats returns what was counted so far.
func (s *Server) Stats() Stats {
	st := s.stats.snapshot()
	st.FaultKinds = s.faults.Load().Counts()
	for _, n := range st.FaultKinds {
		st.Faults += n
	}
	return st
}

// Reset puts the mailboxes back to what they were filled with, takes the
// faults away and counts from zero.
func (s *Server) Reset() {
	for _, b := range s.boxes {
		b.Reset()
	}
	_ = s.SetFaults(nil)
	s.SetPolicy(s.opt.Policy)
	s.stats.reset()
}

func (s *Server) log(msg string, args ...any) {
	if s.opt.Log != nil {
		s.opt.Log.Info(msg, args...)
	}
}
