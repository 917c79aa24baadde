package ntlm

import (
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"time"
)

// ErrRefused says that a well-formed login was not accepted.
var ErrRefused = errors.New("login refused")

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
	// EPA is judged against Cert, the certificate that the server shows in TLS.
	// Without a certificate there is nothing to bind to, and all logins pass.
	EPA  EPA
	Cert *x509.Certificate
}

// Login is who was let in.
type Login struct {
	Domain, User string
	Binding      []byte // 16 bytes of MsvAvChannelBindings; nil where the client sent none
}

// Session is the login of one connection. It is not safe for use by several
// goroutines at once.
type Session struct {
	server    *Server
	challenge []byte // of the CHALLENGE that was sent and not yet answered
	login     *Login
}

// NewSession begins a login. Each connection needs its own.
func (s *Server) NewSession() *Session { return &Session{server: s} }

// Login returns who is logged in on the connection, or nil.
func (s *Session) Login() *Login { return s.login }

// Answer takes the value of an Authorization header: NTLM (or Negotiate) and a
// message in base64. While the login is under way, header is the value for
// WWW-Authenticate of a 401; login is not nil once the client is in. After an
// error the client is not in, and must begin anew.
func (s *Session) Answer(authorization string) (header string, login *Login, err error) {
	s.login = nil
	scheme, token, _ := strings.Cut(authorization, " ")
	if !strings.EqualFold(scheme, "NTLM") && !strings.EqualFold(scheme, "Negotiate") {
		return "", nil, errors.New("authorization is not by NTLM")
	}
	message, err := base64.StdEncoding.DecodeString(strings.TrimSpace(token))
	if err != nil {
		return "", nil, errNoMessage
	}
	kind, err := messageType(message)
	if err != nil {
		return "", nil, err
	}
	switch kind {
	case typeNegotiate:
		challenge, err := s.Challenge(message)
		if err != nil {
			return "", nil, err
		}
		return scheme + " " + base64.StdEncoding.EncodeToString(challenge), nil, nil
	case typeAuthenticate:
		if _, err := s.Authenticate(message); err != nil {
			return "", nil, err
		}
		return "", s.login, nil
	}
	return "", nil, fmt.Errorf("a client does not send messages of type %d", kind)
}

// Challenge answers a NEGOTIATE message (type 1, 2.2.1.1). It forgets an
// earlier login.
func (s *Session) Challenge(negotiate []byte) ([]byte, error) {
	s.login, s.challenge = nil, nil
	kind, err := messageType(negotiate)
	if err != nil {
		return nil, err
	}
	// Version and the two name fields may be left out: curl sends 32 bytes.
	if kind != typeNegotiate || len(negotiate) < 16 {
		return nil, errors.New("not a whole NEGOTIATE message")
	}
	asked := binary.LittleEndian.Uint32(negotiate[12:])
	// The NTLM library of Python asks for extended session security alone.
	if asked&(flagNTLM|flagExtended) == 0 || asked&(flagUnicode|flagOEM) == 0 {
		return nil, fmt.Errorf("the client's flags %#x leave no way to log in", asked)
	}
	challenge := make([]byte, 8)
	_, _ = rand.Read(challenge) // never fails
	s.challenge = challenge
	return s.server.challengeMessage(asked, challenge, time.Now()), nil
}

// challengeMessage builds a CHALLENGE (2.2.1.2). Key exchange, signing and
// sealing are never offered.
func (s *Server) challengeMessage(asked uint32, challenge []byte, now time.Time) []byte {
	flags := asked & (flagUnicode | flagOEM | flagAlwaysSign | flagExtended | flagVersion | flag128 | flag56)
	flags |= flagNTLM | flagTarget | flagTargetDomain | flagTargetInfo
	name := []byte(s.Domain)
	if flags&flagUnicode != 0 {
		flags &^= flagOEM
		name = unicode(s.Domain)
	}
	fileTime := uint64(now.UnixNano())/100 + 116444736000000000
	info := appendAV(nil, avNbDomain, unicode(s.Domain))
	info = appendAV(info, avNbComputer, unicode(s.Computer))
	info = appendAV(info, avDNSDomain, unicode(strings.ToLower(s.Domain)+".test"))
	info = appendAV(info, avDNSComputer, unicode(strings.ToLower(s.Computer+"."+s.Domain)+".test"))
	info = appendAV(info, avTimestamp, binary.LittleEndian.AppendUint64(nil, fileTime))
	info = appendAV(info, avEOL, nil)

	const payload = 56
	m := []byte(signature)
	m = binary.LittleEndian.AppendUint32(m, typeChallenge)
	m = appendField(m, len(name), payload)
	m = binary.LittleEndian.AppendUint32(m, flags)
	m = append(m, challenge...)
	m = append(m, make([]byte, 8)...)
	m = appendField(m, len(info), payload+len(name))
	m = append(m, 10, 0, 0x63, 0x45, 0, 0, 0, 15) // version 10.0.17763, NTLM revision 15 (2.2.2.10)
	m = append(m, name...)
	return append(m, info...)
}

func appendField(m []byte, length, offset int) []byte {
	m = binary.LittleEndian.AppendUint16(m, uint16(length))
	m = binary.LittleEndian.AppendUint16(m, uint16(length))
	return binary.LittleEndian.AppendUint32(m, uint32(offset))
}
