package ewsauth

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/oauth2"
)

// TokenError says that a token endpoint gave no token. It holds the codes of the
// answer (RFC 6749, 5.2; RFC 8628, 3.5; the numbers of Entra), never its text,
// which can repeat what was sent.
type TokenError struct {
	Host   string
	Status int      // of HTTP; 0 if there was none
	Code   string   // as "invalid_client"; "" if the answer has none
	AADSTS []string // Entra's numbers, as "7000215"
}

// tokenAdvice says what to do about a code.
var tokenAdvice = map[string]string{
	"invalid_client":         "check the client id, and that the client secret or the certificate is registered for it and has not expired",
	"unauthorized_client":    "allow this application this way of login (client credentials, or public client flows for the device code)",
	"invalid_scope":          "check the scope: https://SERVER/.default of the Exchange server for an application",
	"invalid_request":        "check the tenant, the token URL, the client id and the scope",
	"invalid_target":         "check the scope or resource: the token server does not know that Exchange server",
	"invalid_grant":          "the sign-in has ended: run the command again and sign in",
	"unsupported_grant_type": "the token server does not know this way of login: choose another",
	"access_denied":          "the sign-in was declined: run the command again and agree, or ask an administrator for consent",
	"authorization_declined": "the sign-in was declined: run the command again and agree",
	"expired_token":          "nobody signed in before the device code expired: run the command again",
	"bad_verification_code":  "run the command again for a new device code",
	"no_refresh_token":       "the token has expired and the token server gave none to refresh it: run the command again, with offline_access among the scopes",
	"interaction_required":   "a policy asks for more than was given (a second factor, perhaps): look at the sign-in log of the tenant",
	"consent_required":       "an administrator must consent to the application's permissions",
}

// aadstsAdvice does so for the numbers of Entra, from Microsoft's list of its
// authentication error codes.
var aadstsAdvice = map[string]string{
	"7000215": "the client secret is wrong: give its value, not its id",
	"7000222": "the client secret has expired: make a new one",
	"7000218": "the application is no public client: allow public client flows, or give a secret or a certificate",
	"700016":  "the tenant does not know the client id",
	"700027":  "the certificate is not the one that is registered, or it has expired",
	"7000229": "the application has no service principal in this tenant: an administrator must consent to it",
	"90002":   "there is no such tenant",
	"65001":   "nobody consented to the application's permissions",
	"70011":   "the scope is not valid: https://outlook.office365.com/.default",
	"500011":  "the tenant does not know the resource in the scope",
	"50034":   "there is no such user in the tenant",
	"50055":   "the user's password has expired",
	"50057":   "the user's account is disabled",
	"50076":   "a second factor is asked for: sign in by device code",
	"53003":   "a conditional access policy forbids it",
	"70043":   "the sign-in has ended by a policy: run the command again",
}

// Error is one line without anything that was sent.
func (e *TokenError) Error() string {
	var what []string
	if e.Code != "" {
		what = append(what, e.Code)
	}
	for _, n := range e.AADSTS {
		what = append(what, "AADSTS"+n)
	}
	if len(what) == 0 {
		what = append(what, fmt.Sprintf("HTTP %d", e.Status))
	}
	text := fmt.Sprintf("oauth login: %s gives no token: %s", e.Host, strings.Join(what, ", "))
	if advice := e.advice(); advice != "" {
		text += ": " + advice
	}
	return text
}

func (e *TokenError) advice() string {
	for _, n := range e.AADSTS {
		if advice := aadstsAdvice[n]; advice != "" {
			return advice
		}
	}
	switch {
	case tokenAdvice[e.Code] != "":
		return tokenAdvice[e.Code]
	case e.Code == "" && e.Status == http.StatusNotFound:
		return "check the token URL"
	case e.Code == "" && e.Status >= 300 && e.Status < 500 && e.Status != http.StatusTooManyRequests:
		return "check the token URL, and what stands between"
	}
	return ""
}

// LoginRefused says that asking again changes nothing. It marks the error for
// package ews.
func (e *TokenError) LoginRefused() bool {
	switch {
	case e.Code == "temporarily_unavailable", e.Code == "server_error", e.Code == "slow_down", e.Code == "authorization_pending":
		return false
	case e.Code != "":
		return true
	}
	return e.Status < 500 && e.Status != http.StatusTooManyRequests && e.Status != http.StatusRequestTimeout
}

var (
	codeForm   = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_.-]{0,40}$`)
	aadstsForm = regexp.MustCompile(`AADSTS([0-9]{4,8})\b`)
)

// failure turns an error of the oauth2 package, which may repeat what was sent
// or received, into one that does not.
func (o OAuth) failure(err error) error {
	var (
		answered *oauth2.RetrieveError
		own      *TokenError
		sent     *url.Error
	)
	switch {
	case errors.As(err, &own), errors.Is(err, context.Canceled):
		return err
	case errors.As(err, &answered):
		e := &TokenError{Host: o.host()}
		if answered.Response != nil {
			e.Status = answered.Response.StatusCode
		}
		if codeForm.MatchString(answered.ErrorCode) {
			e.Code = answered.ErrorCode
		}
		for _, found := range aadstsForm.FindAllStringSubmatch(answered.ErrorDescription, 20) {
			if !slices.Contains(e.AADSTS, found[1]) && len(e.AADSTS) < 3 {
				e.AADSTS = append(e.AADSTS, found[1])
			}
		}
		return e
	case errors.As(err, &sent):
		return fmt.Errorf("oauth login: %s: %w", o.host(), sent.Err)
	}
	return fmt.Errorf("oauth login: the answer of %s is no token: check the token URL", o.host())
}
