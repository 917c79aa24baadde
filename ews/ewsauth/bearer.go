package ewsauth

import (
	"fmt"
	"net/http"
)

// bearer adds an access token to each request (RFC 6750).
type bearer struct {
	tokens *Tokens
	next   http.RoundTripper
}

// RoundTrip refuses to send a token over http, but to this machine. A request
// that is answered by 401, though its token was accepted before, is sent once
// more with a new token if its body can be had again.
func (b *bearer) RoundTrip(req *http.Request) (*http.Response, error) {
	if !private(req.URL) {
		closeBody(req)
		return nil, &RefusedError{Scheme: "oauth", User: "the application", Host: req.URL.Host, Reason: "the token would cross the network in the clear; use https"}
	}
	token, err := b.tokens.get(req.Context())
	if err != nil {
		closeBody(req)
		return nil, err
	}
	resp, err := b.send(req, token)
	if err != nil || resp.StatusCode != http.StatusUnauthorized || !b.tokens.notAccepted(req.Context(), token) {
		return resp, err
	}
	again := req.Clone(req.Context())
	switch {
	case req.Body == nil || req.Body == http.NoBody:
	case req.GetBody == nil:
		return resp, nil // whoever sends it again gets the new token
	default:
		if again.Body, err = req.GetBody(); err != nil {
			return resp, nil //nolint:nilerr // the answer says more
		}
	}
	if token, err = b.tokens.get(req.Context()); err != nil {
		closeBody(again)
		_ = resp.Body.Close()
		return nil, fmt.Errorf("the token was refused, and there is no other: %w", err)
	}
	drain(resp)
	return b.send(again, token)
}

func (b *bearer) send(req *http.Request, token Secret) (*http.Response, error) {
	out := req.Clone(req.Context())
	out.Header.Set("Authorization", "Bearer "+token.Reveal())
	resp, err := b.next.RoundTrip(out)
	if err == nil && resp.StatusCode != http.StatusUnauthorized {
		b.tokens.worked(token)
	}
	return resp, err
}

// CloseIdleConnections lets http.Client close what is pooled below.
func (b *bearer) CloseIdleConnections() { closeIdle(b.next) }
