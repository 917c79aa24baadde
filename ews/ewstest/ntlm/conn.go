package ntlm

import (
	"context"
	"net"
	"net/http"
)

type sessionKey struct{}

// ConnContext gives each connection of an [http.Server] its session; it fits
// the field of that name. [SessionOf] finds the session. HTTP/2 must be off: NTLM
// belongs to a connection that one request uses at a time.
func (s *Server) ConnContext(ctx context.Context, _ net.Conn) context.Context {
	return context.WithValue(ctx, sessionKey{}, s.NewSession())
}

// SessionOf returns the session of the connection that a request came on, or
// nil where [Server.ConnContext] was not in use.
func SessionOf(ctx context.Context) *Session {
	s, _ := ctx.Value(sessionKey{}).(*Session)
	return s
}

// Handler lets requests of logged in connections through to next, and answers
// others itself with 401. [Server.ConnContext] must be in use.
func Handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		session := SessionOf(r.Context())
		offer := "NTLM"
		if authorization := r.Header.Get("Authorization"); authorization != "" {
			if header, _, err := session.Answer(authorization); err == nil && header != "" {
				offer = header
			}
		}
		if session.Login() == nil {
			w.Header().Set("WWW-Authenticate", offer)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		next.ServeHTTP(w, r)
	})
}
