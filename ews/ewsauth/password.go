package ewsauth

import "sync"

// password is the password of all connections to one server. One that was
// accepted and is refused later may have expired: then it is asked for anew, once
// until it is accepted again. One that was never accepted is wrong, and trying
// another would lock the account the sooner.
type password struct {
	renew func() (Secret, error) // nil: there is no other

	mu       sync.Mutex
	secret   Secret
	accepted bool // since it was asked for
}

func newPassword(secret Secret, renew func() (Secret, error)) *password {
	return &password{secret: secret, renew: renew}
}

func (p *password) current() Secret {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.secret
}

// worked notes that the server let us in.
func (p *password) worked() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.accepted = true
}

// refused asks for another password, for the next login. Others may have done so
// already since this one was used. Where there is none the old one stays.
func (p *password) refused(used Secret) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.renew == nil || !p.accepted || p.secret.Reveal() != used.Reveal() {
		return
	}
	p.accepted = false
	if next, err := p.renew(); err == nil && !next.IsZero() {
		p.secret = next
	}
}
