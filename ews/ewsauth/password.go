package ewsauth

import "sync"

// password is the password of all connections to one server. One that was
// accepted and is refused later may have expired: then it is asked for anew, once
// until it is accepted again. One that was never accepted is wrong, and trying
// another would lock the account the sooner.
type password struct {
	renew func() (Secret, error) // nil: there is no other

	mu       sync.Mutex
	now      given
	accepted bool // since it was asked for
}

// given is the answer to one asking for a password. A request that was sent with
// an earlier answer says nothing of a later one, even if both are the same.
type given struct {
	secret Secret
	asking int
}

func newPassword(secret Secret, renew func() (Secret, error)) *password {
	return &password{renew: renew, now: given{secret: secret}}
}

func (p *password) current() given {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.now
}

// worked notes that the server let us in with what was given.
func (p *password) worked(used given) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if used.asking == p.now.asking {
		p.accepted = true
	}
}

// refused asks for another password, for the next login. Others may have done so
// already since this one was given. Where there is none the old one stays.
func (p *password) refused(used given) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.renew == nil || !p.accepted || used.asking != p.now.asking {
		return
	}
	p.accepted = false
	p.now.asking++
	if next, err := p.renew(); err == nil && !next.IsZero() {
		p.now.secret = next
	}
}
