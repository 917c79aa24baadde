package ewstest

import (
	"context"
	"crypto/subtle"
	"crypto/x509"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"

	"mailferry/ews/ewstest/ntlm"
)

// conn is what the server knows of one connection. NTLM logs in a connection,
// not a request.
type conn struct {
	mu      sync.Mutex
	session *ntlm.Session
	user    *User // logged in by NTLM
	at      int64 // how often passwords had changed then
}

type connKey struct{}

func withConn(ctx context.Context, _ net.Conn) context.Context {
	return context.WithValue(ctx, connKey{}, &conn{})
}

func connOf(r *http.Request) *conn {
	if c, ok := r.Context().Value(connKey{}).(*conn); ok {
		return c
	}
	return &conn{} // not served by Start: nothing outlives the request
}

// forget ends the login of a connection.
func (c *conn) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.session, c.user = nil, nil
}

// authenticate finds out who asks. Where it returns nil it has set the
// headers of the challenge, and the answer is 401.
func (s *Server) authenticate(w http.ResponseWriter, r *http.Request, c *conn) *User {
	if slices.Contains(s.opt.Auth, "none") {
		return &s.opt.Users[0]
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	scheme, rest, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	switch {
	case strings.EqualFold(scheme, "NTLM") && s.allows("ntlm") || strings.EqualFold(scheme, "Negotiate") && s.allows("ntlm"):
		c.user = nil
		if c.session == nil {
			c.session = s.ntlm.NewSession()
		}
		header, login, err := c.session.Answer(r.Header.Get("Authorization"))
		if err == nil && login != nil && r.TLS != nil {
			err = login.CheckBinding(s.epa, s.leaf)
		}
		if err != nil {
			s.log("ntlm login refused", "reason", err)
			c.session = nil
			break
		}
		if login == nil {
			w.Header().Set("WWW-Authenticate", header)
			return nil
		}
		c.user, c.at = s.user(login.Domain, login.User), s.changed.Load()
		s.stats.handshake()
		return c.user
	case strings.EqualFold(scheme, "Basic") && s.allows("basic"):
		name, password, ok := r.BasicAuth()
		if user := s.user("", name); ok && user != nil && subtle.ConstantTimeCompare([]byte(s.password(user)), []byte(password)) == 1 {
			return user
		}
	case rest == "" && c.user != nil && c.at == s.changed.Load():
		return c.user
	case s.allows("remote-user") && isLoopback(r.RemoteAddr) && r.Header.Get("X-Remote-User") != "":
		if user := s.user("", r.Header.Get("X-Remote-User")); user != nil {
			return user
		}
	}
	if s.allows("ntlm") {
		w.Header().Add("WWW-Authenticate", "NTLM")
	}
	if s.allows("basic") {
		w.Header().Add("WWW-Authenticate", `Basic realm="simulator"`)
	}
	return nil
}

func (s *Server) allows(scheme string) bool { return slices.Contains(s.opt.Auth, scheme) }

// SetPassword changes the password of a user, and ends all logins.
func (s *Server) SetPassword(name, password string) {
	if u := s.user("", name); u != nil {
		s.passwords.Store(u, password)
	}
	s.changed.Add(1)
}

func (s *Server) password(u *User) string {
	if changed, ok := s.passwords.Load(u); ok {
		return changed.(string)
	}
	return u.Password
}

// user finds a user by the name that a client gave.
func (s *Server) user(domain, name string) *User {
	if d, n, ok := strings.Cut(name, `\`); ok && domain == "" {
		domain, name = d, n
	}
	for i := range s.opt.Users {
		u := &s.opt.Users[i]
		ud, un, ok := strings.Cut(u.Name, `\`)
		if !ok {
			ud, un = "", u.Name
		}
		if strings.EqualFold(un, name) && (ud == "" || domain == "" || strings.EqualFold(ud, domain)) {
			return u
		}
	}
	// One of the two may be an address and the other the bare name.
	if bare, _, ok := strings.Cut(name, "@"); ok {
		for i := range s.opt.Users {
			if u := &s.opt.Users[i]; strings.EqualFold(account(u.Name), bare) && !strings.Contains(u.Name, "@") {
				return u
			}
		}
	} else if domain == "" {
		for i := range s.opt.Users {
			if u := &s.opt.Users[i]; strings.EqualFold(account(u.Name), name) {
				return u
			}
		}
	}
	return nil
}

// account is a name without its domain.
func account(name string) string {
	if _, n, ok := strings.Cut(name, `\`); ok {
		name = n
	}
	name, _, _ = strings.Cut(name, "@")
	return name
}

func isLoopback(remote string) bool {
	host, _, err := net.SplitHostPort(remote)
	if err != nil {
		return false
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// own returns the user's own mailbox, nil if there is none.
func (s *Server) own(u *User) *box {
	if u.Mailbox != "" {
		return s.box(u.Mailbox)
	}
	if b := s.box(u.Name); b != nil {
		return b
	}
	for _, b := range s.boxes {
		if name, _, _ := strings.Cut(b.Address(), "@"); strings.EqualFold(name, account(u.Name)) {
			return b
		}
	}
	return nil
}

// opens says whether a user may open a mailbox without impersonation.
func (s *Server) opens(u *User, b *box) bool {
	if s.own(u) == b {
		return true
	}
	if u.Restricted {
		return slices.ContainsFunc(u.Opens, func(a string) bool { return strings.EqualFold(a, b.Address()) })
	}
	return !b.spec.NoAccess
}

func (s *Server) impersonates(u *User, b *box) bool {
	if u.Restricted {
		return slices.ContainsFunc(u.Impersonates, func(a string) bool { return strings.EqualFold(a, b.Address()) })
	}
	return !b.spec.NoAccess
}

func leafOf(der []byte) *x509.Certificate {
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil
	}
	return cert
}
