package ewsauth

import (
	"fmt"
	"strings"
)

// RefusedError says that the server did not let us in: the user, the password
// or the scheme is wrong, and trying again changes nothing.
type RefusedError struct {
	Scheme  string   // "ntlm", "basic", ...
	User    string   // as it was given
	Host    string   // host and port of the server
	Offered []string // schemes that the server offers, where the one wanted is not among them
	Reason  string   // one line, in plain words
}

// Error is one line without any secret.
func (e *RefusedError) Error() string {
	if len(e.Offered) > 0 {
		return fmt.Sprintf("%s login to %s: %s; it offers %s", e.Scheme, e.Host, e.Reason, strings.Join(e.Offered, ", "))
	}
	return fmt.Sprintf("%s login to %s as %s: %s", e.Scheme, e.Host, e.User, e.Reason)
}

// LoginRefused marks the error for package ews, which does not import this one.
func (e *RefusedError) LoginRefused() bool { return true }
