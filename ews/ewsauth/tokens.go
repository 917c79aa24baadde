package ewsauth

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"math"
	"strings"
	"time"
)

const (
	maxMargin  = 2 * time.Minute  // how long before its end a token is replaced at most
	retryToken = 10 * time.Second // between tries to replace a token that is still good
)

// Tokens holds the access token of all connections to one server, in memory
// only. Whoever finds it near its end gets the next one while the others wait.
type Tokens struct {
	fetch fetcher
	turn  chan struct{} // held by the one who looks or fetches

	current  grant
	replace  time.Time // when the next one is asked for; zero: only once current is refused
	accepted bool      // current was accepted by the server
	refused  bool
}

// NewTokens checks o. The token endpoint is reached as t says; nothing is sent
// yet.
func NewTokens(o OAuth, t TLSOptions) (*Tokens, error) {
	fetch, err := o.fetcher(t)
	if err != nil {
		return nil, err
	}
	return newTokens(fetch), nil
}

func newTokens(fetch fetcher) *Tokens {
	return &Tokens{fetch: fetch, turn: make(chan struct{}, 1)}
}

// Login gets the first token. It may wait for a person.
func (t *Tokens) Login(ctx context.Context) error {
	_, err := t.get(ctx)
	return err
}

// get returns a token that is good, and gets one if need be.
func (t *Tokens) get(ctx context.Context) (Secret, error) {
	if err := t.lock(ctx); err != nil {
		return Secret{}, err
	}
	defer t.unlock()
	now := time.Now()
	have := !t.current.token.IsZero() && !t.refused
	if have && (t.replace.IsZero() || now.Before(t.replace)) {
		return t.current.token, nil
	}
	next, err := t.fetch(ctx)
	if err != nil {
		if have && now.Before(t.current.expires) && !isRefused(err) {
			t.replace = now.Add(retryToken)
			return t.current.token, nil
		}
		return Secret{}, err
	}
	t.current, t.accepted, t.refused, t.replace = next, false, false, time.Time{}
	if !next.expires.IsZero() {
		t.replace = next.expires.Add(-min(maxMargin, next.expires.Sub(now)/4))
	}
	return next.token, nil
}

// worked notes that the server accepted a token.
func (t *Tokens) worked(used Secret) {
	t.turn <- struct{}{}
	defer t.unlock()
	if t.current.token.Reveal() == used.Reveal() {
		t.accepted = true
	}
}

// notAccepted notes that the server refused a token, and says whether get will
// give another one. A token that was never accepted is no different from the next.
func (t *Tokens) notAccepted(ctx context.Context, used Secret) bool {
	if t.lock(ctx) != nil {
		return false
	}
	defer t.unlock()
	if t.current.token.Reveal() != used.Reveal() {
		return true // somebody else got another one meanwhile
	}
	if t.accepted {
		t.refused = true
	}
	return t.refused
}

func (t *Tokens) lock(ctx context.Context) error {
	select {
	case t.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (t *Tokens) unlock() { <-t.turn }

func isRefused(err error) bool {
	var refused interface{ LoginRefused() bool }
	return errors.As(err, &refused) && refused.LoginRefused()
}

// endOf reads when a token ends, if it is a JWT that says so (RFC 7519, 4.1.4);
// else it is zero. Nothing is verified: that is for the server.
func endOf(token string) time.Time {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return time.Time{}
	}
	text, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return time.Time{}
	}
	var claims struct {
		Exp float64 `json:"exp"`
	}
	const most = 1 << 40 // seconds; far beyond any date that is meant
	if json.Unmarshal(text, &claims) != nil || math.IsNaN(claims.Exp) || claims.Exp <= 0 || claims.Exp > most {
		return time.Time{}
	}
	return time.Unix(int64(claims.Exp), 0)
}
