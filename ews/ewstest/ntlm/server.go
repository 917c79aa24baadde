package ntlm

import (
	"crypto/x509"
	"errors"
)

// Server makes challenges in the name of one computer and knows the passwords.
// It may be used by several goroutines once it is set up.
type Server struct {
	Domain   string // NetBIOS domain, for example EXAMPLE
	Computer string // NetBIOS name, for example EXCH01
	// Password returns the password of a user as the client names it: DOMAIN\name
	// gives both, name@domain comes whole as user with an empty domain. Names are
	// to be compared without regard to case. The second result is false where
	// there is no such user.
	Password func(domain, user string) (string, bool)
}

// EPA is how a server treats channel bindings.
type EPA int

// Off ignores channel bindings, Allow refuses wrong ones, Require also missing ones.
const (
	Off EPA = iota
	Allow
	Require
)

// ParseEPA reads "off" (also ""), "allow" or "require".
func ParseEPA(s string) (EPA, error) {
	switch s {
	case "", "off":
		return Off, nil
	case "allow":
		return Allow, nil
	case "require":
		return Require, nil
	}
	return Off, errors.New("extended protection " + s + ": want off, allow or require")
}

// Login is who was let in.
type Login struct {
	Domain, User string
	Binding      []byte // 16 bytes of MsvAvChannelBindings; nil where the client sent none
}

// Session is the login of one connection. It is not safe for use by several
// goroutines at once.
type Session struct {
	server *Server
}

// NewSession begins a login. Each connection needs its own.
func (s *Server) NewSession() *Session { return &Session{server: s} }

// Challenge answers a NEGOTIATE message (type 1). It forgets an earlier login.
func (s *Session) Challenge(negotiate []byte) ([]byte, error) { return nil, errors.New("ntlm: unanswered") }

// Authenticate verifies an AUTHENTICATE message (type 3) against the last
// challenge, which it uses up.
func (s *Session) Authenticate(authenticate []byte) (Login, error) {
	return Login{}, errors.New("ntlm: unanswered")
}

// Answer does either, as the value of an Authorization header tells. While the
// login is under way, header is the value for WWW-Authenticate; login is not
// nil once the client is in. After an error the client is not in.
func (s *Session) Answer(authorization string) (header string, login *Login, err error) {
	return "", nil, errors.New("ntlm: unanswered")
}

// Login returns who is logged in on the connection, or nil.
func (s *Session) Login() *Login { return nil }

// CheckBinding judges the login's channel binding for a server whose TLS
// certificate is cert.
func (l Login) CheckBinding(mode EPA, cert *x509.Certificate) error { return nil }

// Binding returns the MsvAvChannelBindings of a TLS connection to a server with
// this certificate (tls-server-end-point of RFC 5929).
func Binding(cert *x509.Certificate) []byte { return nil }
