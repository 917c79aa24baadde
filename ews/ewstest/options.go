package ewstest

import (
	"fmt"
	"log/slog"
	"strings"
	"time"

	"mailferry/ews/ewstest/inject"
	"mailferry/ews/ewstest/throttle"
)

// DefaultUser and DefaultPassword log in to a server whose options name no
// user. The user may open and impersonate every mailbox.
const (
	DefaultUser     = "admin"
	DefaultPassword = "Passw0rd!"
)

// Options says what a server holds and how it behaves. The zero value is an
// empty mailbox of alice@example.com, Basic and NTLM login as [DefaultUser],
// plain HTTP, Exchange 2016.
type Options struct {
	Mailboxes []MailboxSpec
	Auth      []string // of "basic", "ntlm", "remote-user"; "none" lets everybody in as the first user
	Users     []User
	TLS       bool          // self-signed certificate, see Server.CAPEM
	EPA       string        // Extended Protection for NTLM over TLS: "off" (default), "allow", "require"
	Version   string        // "2010_SP1", "2013_SP1", "2016" (default), "SE"
	Latency   time.Duration // added to each EWS request
	ClockSkew time.Duration // how far the server's clock is ahead
	Bandwidth int64         // bytes a second of answers and of request bodies, each connection; 0 is unlimited
	Policy    Policy
	Lose      []uint32 // property tags that an upload silently drops
	LoseNames []string // the same by name, see mailbox.ParseLoss
	// StateFile, if set, keeps the mailboxes: they are read from it by NewServer
	// where it exists, and written by Close.
	StateFile   string
	AllowRemote bool         // serve others than this machine; control stays with loopback
	Log         *slog.Logger // requests and their outcome, no content; nil is silent
	Seed        int64        // of the faults that come by probability
	Salt        string       // makes the ids of mailboxes others than those of the same addresses on another server
	Without     []string     // operations that this server does not know, as "ExportItems"
	// Autodiscover says what it tells of where it is. Names are further names of the
	// certificate, which ends in CertDays days (0 is 30); where that is negative it
	// has expired.
	Autodiscover Autodiscover
	Names        []string
	CertDays     int
}

// MailboxSpec is a mailbox and what it is filled with.
type MailboxSpec struct {
	Address  string
	Content  string // "empty" (also ""), "sample:N[:SEED]", "pst:FILE", "bulk:N:SIZE"
	Language string // of folder names: "en" (default), "de"
	Archive  bool   // with an archive mailbox
	NoAccess bool   // nobody but its own user may open it
	Quota    int64  // bytes; uploads beyond it get ErrorQuotaExceeded; 0 is no limit
}

// ParseMailboxSpec reads ADDRESS[=CONTENT].
func ParseMailboxSpec(s string) (MailboxSpec, error) {
	address, content, _ := strings.Cut(s, "=")
	if !strings.Contains(address, "@") {
		return MailboxSpec{}, fmt.Errorf("mailbox %q: want ADDRESS or ADDRESS=CONTENT", s)
	}
	return MailboxSpec{Address: address, Content: content, Archive: true}, nil
}

// User is somebody who may log in. Names are compared without regard to case;
// DOMAIN\name, name@domain and the bare name are the same where one of the two
// has no domain.
type User struct {
	Name     string
	Password string
	Mailbox  string // own mailbox; "" is the mailbox whose address, or its part before the @, is the name
	// Restricted users open only their own mailbox and those of Opens, and
	// impersonate only the owners of Impersonates. Others may do both with all.
	Restricted   bool
	Opens        []string
	Impersonates []string
}

// ParseUser reads NAME:PASSWORD.
func ParseUser(s string) (User, error) {
	name, password, ok := strings.Cut(s, ":")
	if !ok || name == "" {
		return User{}, fmt.Errorf("user: want NAME:PASSWORD")
	}
	return User{Name: name, Password: password}, nil
}

// Policy is the server's throttling policy and its limits.
type Policy = throttle.Policy

// Fault is something that goes wrong.
type Fault = inject.Fault

// FaultKinds lists the kinds of faults, sorted.
func FaultKinds() []string { return inject.Kinds() }
