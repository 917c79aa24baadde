package main

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"unicode"

	"mailferry/ews"
	"mailferry/internal/selection"
	"mailferry/store"
)

// The exit codes, a contract with scripts.
const (
	exitDone        = 0
	exitFailed      = 1
	exitUsage       = 2
	exitIncomplete  = 3   // finished, but some items failed and nobody accepted that
	exitRefused     = 4   // login or rights refused
	exitStore       = 5   // store locked, damaged, of a newer format, or not opened by this key
	exitInterrupted = 130 // or ended by --stop-after before all was moved
)

// usageError is bad input: it is refused before anything is sent or written.
type usageError struct{ err error }

func (e usageError) Error() string { return e.err.Error() }
func (e usageError) Unwrap() error { return e.err }

func usagef(format string, args ...any) error {
	return usageError{fmt.Errorf(format, args...)}
}

// errIncomplete ends a run that finished but left failures behind; the verdict
// was printed already.
var errIncomplete = errors.New("some items failed")

// errInterrupted ends a run that was told to stop; what was moved is kept.
var errInterrupted = errors.New("interrupted: what was moved is kept, run the same command again to go on")

// verdictOf is the one place that turns an error into an exit code and a line.
func verdictOf(ctx context.Context, err error) (code int, line string) {
	if err == nil {
		return exitDone, ""
	}
	line = oneLine(err.Error())
	var usage usageError
	var stopped stoppedError
	var refused *ews.AuthError
	var answer *ews.Error
	var noToken interface{ LoginRefused() bool } // before anything was asked of the server
	switch {
	case errors.Is(err, errIncomplete):
		return exitIncomplete, ""
	case errors.Is(err, errInterrupted), ctx.Err() != nil && errors.Is(err, context.Canceled):
		return exitInterrupted, errInterrupted.Error()
	case errors.As(err, &stopped):
		return exitInterrupted, line
	case errors.As(err, &usage), errors.Is(err, selection.ErrUsage), errors.Is(err, store.ErrNotAStore),
		errors.Is(err, store.ErrNotEncrypted), errors.Is(err, store.ErrNoSlot), errors.Is(err, store.ErrLastSlot), errors.Is(err, store.ErrNoRun):
		return exitUsage, line
	case errors.Is(err, store.ErrLocked), errors.Is(err, store.ErrDamaged), errors.Is(err, store.ErrNewerFormat),
		errors.Is(err, store.ErrWrongKey), errors.Is(err, store.ErrKeyNeeded):
		return exitStore, line
	case errors.As(err, &refused), errors.As(err, &noToken) && noToken.LoginRefused():
		return exitRefused, line
	case errors.As(err, &answer) && rightsRefused(answer):
		return exitRefused, line + rightsHint(answer)
	case errors.As(err, &answer) && answer.Code == "ErrorNonExistentMailbox":
		return exitFailed, strings.TrimSuffix(line, ".") + "; give the mailbox by the primary SMTP address that it has on this server"
	}
	return exitFailed, line + certificateHint(err)
}

// certificateHint says what to do about a certificate that was not accepted.
func certificateHint(err error) string {
	var authority x509.UnknownAuthorityError
	var name x509.HostnameError
	switch {
	case errors.As(err, &authority):
		return "; if it comes from an authority of your own, give its certificate with --ca-file, or as ca-file in the profile"
	case errors.As(err, &name):
		return "; use a name that the certificate holds in --url"
	}
	return ""
}

// rightsRefused tells whether an answer of the server says that this account
// may not do what was asked.
func rightsRefused(e *ews.Error) bool {
	switch e.Code {
	case "ErrorAccessDenied", "ErrorCreateItemAccessDenied", "ErrorCreateSubfolderAccessDenied",
		"ErrorImpersonateUserDenied", "ErrorImpersonationDenied", "ErrorImpersonationFailed",
		"ErrorAccountDisabled", "ErrorPasswordExpired", "ErrorPasswordChangeRequired":
		return true
	}
	return e.HTTPStatus == http.StatusForbidden
}

func rightsHint(e *ews.Error) string {
	if e.Code == "ErrorImpersonateUserDenied" {
		return ": give this account the ApplicationImpersonation role, or use --access delegate with full access to the mailbox"
	}
	return ""
}

// oneLine makes text from a server or from mail safe to print: one line, and
// nothing in it that steers a terminal or turns the direction of the text around it.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n', r == '\r', r == '\t':
			return ' '
		case unicode.IsControl(r), unicode.Is(unicode.Bidi_Control, r):
			return unicode.ReplacementChar
		}
		return r
	}, s)
}
