package ews

import (
	"net/http"
	"time"

	"mailferry/internal/gate"
	"mailferry/internal/retry"
	"mailferry/internal/soap"
)

// Access says by what right a mailbox is reached.
type Access int

const (
	// Impersonate acts as the owner of the mailbox; needs the role ApplicationImpersonation.
	Impersonate Access = iota
	// Delegate acts as the account that logs in: its own mailbox, or one it has full access to.
	Delegate
)

// The versions of the protocol that a request can ask for.
const (
	Exchange2010SP1 = "Exchange2010_SP1"
	Exchange2013SP1 = "Exchange2013_SP1"
)

// RetryPolicy says how often and with what waits a request is tried again.
type RetryPolicy = retry.Policy

// Options says which server and mailbox a client speaks with, and how. URL and
// NewTransport are needed.
type Options struct {
	URL     string // https://HOST/EWS/Exchange.asmx
	Mailbox string // SMTP address; "" is the account's own mailbox
	Access  Access
	// Version is what requests ask for; "" is Exchange2013_SP1. A server that
	// does not know it is asked again with Exchange2010_SP1.
	Version   string
	UserAgent string // "" is mailferry
	// NewTransport makes what carries one pooled connection, login included. It
	// must not follow redirects and should use HTTP/1.1.
	NewTransport func() http.RoundTripper
	Workers      int   // connections at most, and upper bound of the gate; 0 is 4
	Gate         *Gate // nil makes one of its own
	// StallTimeout ends a request of which no byte moves for so long; 0 is 2 minutes.
	StallTimeout time.Duration
	// FirstByteTimeout ends a request that was sent but is not answered; 0 is 10 minutes.
	FirstByteTimeout time.Duration
	Retry            RetryPolicy
	// BusyTimeout ends an operation that hears nothing but "busy" for so long; 0 is 2 hours.
	BusyTimeout time.Duration
	// MaxItemSize is the largest blob that an export accepts, in bytes; 0 is 4 GiB.
	MaxItemSize int64
	// OnWait is told about each wait that the server caused, Trace about each
	// request. They are called from several goroutines and must not block.
	OnWait func(Wait)
	Trace  func(TraceEvent)
}

// Wait is a time in which no request is sent.
type Wait = gate.Wait

// Gate decides how many requests for a mailbox may run at once, and when none
// may. It may be shared by clients that are charged to the same budget.
type Gate = gate.Gate

// NewGate returns a gate that lets at most max requests run at once. onWait is
// told when a back-off begins or becomes longer; it may be nil.
func NewGate(max int, onWait func(Wait)) *Gate { return gate.New(max, onWait) }

func (o Options) withDefaults() Options {
	def := func(d *time.Duration, v time.Duration) {
		if *d <= 0 {
			*d = v
		}
	}
	def(&o.StallTimeout, 2*time.Minute)
	def(&o.FirstByteTimeout, 10*time.Minute)
	def(&o.BusyTimeout, 2*time.Hour)
	if o.Version == "" {
		o.Version = Exchange2013SP1
	}
	if o.UserAgent == "" {
		o.UserAgent = "mailferry"
	}
	if o.Workers <= 0 {
		o.Workers = 4
	}
	if o.MaxItemSize <= 0 {
		o.MaxItemSize = 4 << 30
	}
	return o
}

// ServerVersion is what the server says of itself in each answer.
type ServerVersion = soap.ServerVersion

// Stats counts what a client did.
type Stats struct {
	Requests map[string]int // sent, by operation
	Retries  int            // requests that were a further try
	Waited   time.Duration  // time in which a request was held back because the server asked for it
	Waits    []gate.Waited  // the same by reason
	Skew     time.Duration  // how far the server's clock is ahead of ours, about
	Sent     int64          // bytes of request bodies, without those of a login
	Received int64          // bytes of answers as they came, compressed or not
}

// TraceEvent tells of one request and its answer. Passwords, cookies, blobs and
// mail content are not in it: of the request's body only what names folders by
// id and items by id is kept.
type TraceEvent struct {
	Time           time.Time // when the request was sent
	Op             string
	URL            string
	RequestID      string      // client-request-id
	RequestHeader  http.Header // values that could be secret are elided
	Request        string      // the body, texts and blobs elided
	Status         int         // 0: no answer
	ResponseHeader http.Header // values that could be secret are elided
	Sent, Received int64       // bytes of the bodies
	Elapsed        time.Duration
	Err            string // what came of it, "" for success
}
