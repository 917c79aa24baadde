package ntlm

import (
	"crypto/hmac"
	"crypto/md5"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	//lint:ignore SA1019 NTLM is defined with MD4, and this is a server for tests
	"golang.org/x/crypto/md4"
)

// Lengths of 2.2.2.8: the proof, and what precedes the AV pairs behind it.
const (
	proofLength  = 16
	clientHeader = 28
	ntlmv1Length = 24
)

// Authenticate verifies an AUTHENTICATE message (type 3, 2.2.1.3) against the
// last challenge, which it uses up. Whoever is not let in gets [ErrRefused] or
// [ErrBinding].
func (s *Session) Authenticate(authenticate []byte) (Login, error) {
	challenge := s.challenge
	s.login, s.challenge = nil, nil
	if challenge == nil {
		return Login{}, errors.New("an AUTHENTICATE message without a challenge on this connection")
	}
	a, err := parseAuthenticate(authenticate)
	if err != nil {
		return Login{}, err
	}
	if len(a.response) == ntlmv1Length {
		return Login{}, fmt.Errorf("%w: NTLMv1", ErrRefused)
	}
	if len(a.response) < proofLength+clientHeader+4 || a.response[proofLength] != 1 || a.response[proofLength+1] != 1 {
		return Login{}, fmt.Errorf("%w: no NTLMv2 response", ErrRefused)
	}
	password, known := s.server.Password(a.domain, a.user)
	proof, rest := a.response[:proofLength], a.response[proofLength:]
	want := hmacMD5(ntowfv2(password, a.user, a.domain), challenge, rest)
	if !hmac.Equal(want, proof) || !known {
		return Login{}, ErrRefused
	}
	binding, err := findAV(rest[clientHeader:], avBinding)
	if err != nil {
		return Login{}, err
	}
	login := Login{Domain: a.domain, User: a.user, Binding: bound(binding)}
	if err := login.CheckBinding(s.server.EPA, s.server.Cert); err != nil {
		return Login{}, err
	}
	s.login = &login
	return login, nil
}

type authenticateMessage struct {
	domain, user string
	response     []byte
}

func parseAuthenticate(m []byte) (authenticateMessage, error) {
	var a authenticateMessage
	kind, err := messageType(m)
	if err != nil {
		return a, err
	}
	if kind != typeAuthenticate || len(m) < 64 {
		return a, errors.New("not a whole AUTHENTICATE message")
	}
	flags := binary.LittleEndian.Uint32(m[60:])
	if a.response, err = field(m, 20); err != nil {
		return a, err
	}
	for at, to := range map[int]*string{28: &a.domain, 36: &a.user} {
		raw, err := field(m, at)
		if err != nil {
			return a, err
		}
		if *to, err = text(raw, flags); err != nil {
			return a, err
		}
	}
	return a, nil
}

// ntowfv2 is the key of a user (3.3.2). The user's name is in upper case, the
// domain as the client wrote it.
func ntowfv2(password, user, domain string) []byte {
	hash := md4.New()
	_, _ = hash.Write(unicode(password))
	return hmacMD5(hash.Sum(nil), unicode(strings.ToUpper(user)+domain))
}

func hmacMD5(key []byte, data ...[]byte) []byte {
	mac := hmac.New(md5.New, key)
	for _, d := range data {
		_, _ = mac.Write(d)
	}
	return mac.Sum(nil)
}
