package ewsauth

import (
	"errors"
	"fmt"
	"net/http"
)

// Scheme is the way of logging in.
type Scheme string

// The schemes.
const (
	SchemeBasic Scheme = "basic"
	SchemeNTLM  Scheme = "ntlm"
	SchemeOAuth Scheme = "oauth"
	SchemeNone  Scheme = "none" // no login at all, for servers behind something that logs in for us
)

// Options says how to log in to a server.
type Options struct {
	Scheme   Scheme
	User     string // DOMAIN\name or name@domain
	Password Secret
	// Renew is asked for the password again when one that was accepted is refused
	// later, since it may have expired. nil: there is no other.
	Renew  func() (Secret, error) `json:"-"`
	Tokens *Tokens                // of an OAuth login
	TLS    TLSOptions
	// AllowPlaintext lets Basic send the password over http to a host that is
	// not this machine.
	AllowPlaintext bool
	// EPA is Extended Protection: "auto" (also "") binds an NTLM login over TLS
	// to the server's certificate, "off" does not.
	EPA string
}

// New checks o and returns the function that makes one RoundTripper, with a
// connection of its own, each time it is called.
func New(o Options) (func() http.RoundTripper, error) {
	switch o.EPA {
	case "", "auto", "off":
	default:
		return nil, fmt.Errorf("extended protection %q: want auto or off", o.EPA)
	}
	if o.Scheme == SchemeOAuth {
		if o.Tokens == nil {
			return nil, errors.New("oauth login needs a source of tokens")
		}
		return func() http.RoundTripper { return &bearer{tokens: o.Tokens, next: NewTransport(o.TLS)} }, nil
	}
	if o.Scheme != SchemeNone && o.User == "" {
		return nil, fmt.Errorf("%s login needs a user", o.Scheme)
	}
	password := newPassword(o.Password, o.Renew)
	switch o.Scheme {
	case SchemeNone:
		return func() http.RoundTripper { return NewTransport(o.TLS) }, nil
	case SchemeBasic:
		return func() http.RoundTripper {
			return &basic{user: o.User, password: password, plaintext: o.AllowPlaintext, next: NewTransport(o.TLS)}
		}, nil
	case SchemeNTLM:
		return func() http.RoundTripper {
			rt := newNTLM(o.User, password, NewTransport(o.TLS))
			if o.EPA == "off" {
				rt.binding = nil
			}
			return rt
		}, nil
	}
	return nil, fmt.Errorf("login scheme %q: want basic, ntlm or oauth", o.Scheme)
}
