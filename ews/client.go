package ews

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"mailferry/internal/gate"
	"mailferry/internal/retry"
)

// Client speaks with one server about one mailbox. It may be used by many
// goroutines; no more than Options.Workers requests run at once.
type Client struct {
	opt     Options
	url     string
	host    string
	gate    *gate.Gate
	pool    *pool
	alive   atomic.Bool  // the server has answered in its own language
	cookies atomic.Int64 // age of cookies that are still good

	mu      sync.Mutex
	speaks  string // version of the protocol
	server  ServerVersion
	stats   Stats
	lowered bool
}

// NewClient checks the options. Nothing is sent before the first request.
func NewClient(o Options) (*Client, error) {
	o = o.withDefaults()
	u, err := url.Parse(o.URL)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
		return nil, errors.New("ews: the URL must be https://HOST/EWS/Exchange.asmx")
	case u.User != nil:
		return nil, errors.New("ews: the URL must not hold a user or a password")
	case o.NewTransport == nil:
		return nil, errors.New("ews: Options.NewTransport is missing")
	}
	c := &Client{opt: o, url: u.String(), host: u.Host, gate: o.Gate, speaks: o.Version}
	if c.gate == nil {
		c.gate = gate.New(o.Workers, o.OnWait)
	}
	c.pool = newPool(o.Workers, o.NewTransport)
	c.stats.Requests = make(map[string]int)
	return c, nil
}

// Close closes the connections that are not in use. Requests under way go on.
func (c *Client) Close() error {
	c.pool.closeIdle()
	return nil
}

// Gate returns the gate that the client obeys.
func (c *Client) Gate() *Gate { return c.gate }

// Mailbox returns the address that the client was made for.
func (c *Client) Mailbox() string { return c.opt.Mailbox }

// Host returns the host of the server, with a port if the URL has one.
func (c *Client) Host() string { return c.host }

// ServerVersion is what the last answer told, zero before the first.
func (c *Client) ServerVersion() ServerVersion {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.server
}

// Stats counts what the client did so far.
func (c *Client) Stats() Stats {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.stats
	s.Requests = maps.Clone(s.Requests)
	s.Waits = c.gate.Waits()
	for _, w := range s.Waits {
		s.Waited += w.For
	}
	return s
}

func (c *Client) noteVersion(v ServerVersion) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if v != (ServerVersion{}) {
		c.server = v
	}
}

// noteClock compares the server's clock with ours, from an answer to a request
// that was sent at a time. The header tells whole seconds.
func (c *Client) noteClock(date string, sent time.Time) {
	server, err := http.ParseTime(date)
	if err != nil {
		return
	}
	skew := server.Add(time.Second / 2).Sub(sent.Add(time.Since(sent) / 2))
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stats.Skew = skew
}

func (c *Client) version() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.speaks
}

func (c *Client) count(x *exchange) {
	sent, received := x.moved()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stats.Requests[x.Op]++
	c.stats.Sent += sent
	c.stats.Received += received
}

// lowerVersion changes to the oldest version that knows ExportItems, once.
func (c *Client) lowerVersion(op string, e *Error) bool {
	switch e.Code {
	case "ErrorInvalidServerVersion", "ErrorInvalidSchemaVersionForMailboxVersion":
	case "ErrorInvalidRequest":
		if op != opExport && op != opUpload { // a version that is too new for these was answered so
			return false
		}
	default:
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.lowered || c.speaks == Exchange2010SP1 {
		return false
	}
	c.speaks, c.lowered = Exchange2010SP1, true
	return true
}

// do sends a request, reads its answer, and tries again what may pass.
func (c *Client) do(ctx context.Context, r *request, read func(a *answer) error) error {
	return c.retrying(ctx, r.op, func() error {
		x, err := c.send(ctx, r)
		if err != nil {
			return err
		}
		err = read(x.answer)
		x.finish(err)
		return err
	})
}

// retrying calls try until it succeeds or there is no use in another try.
func (c *Client) retrying(ctx context.Context, op string, try func() error) error {
	var t tries
	for {
		err := try()
		if err == nil {
			return nil
		}
		if cause := context.Cause(ctx); cause != nil {
			if !errors.Is(err, cause) && !errors.As(err, new(*UnknownOutcomeError)) {
				err = fmt.Errorf("%s: %w", op, cause)
			}
			return err
		}
		wait, again := c.again(op, &t, err)
		if !again {
			return err
		}
		c.mu.Lock()
		c.stats.Retries++
		c.mu.Unlock()
		if err := retry.Sleep(ctx, wait); err != nil {
			return fmt.Errorf("%s: %w", op, err)
		}
	}
}

// tries is what became of an operation so far.
type tries struct {
	failed    int
	loggedIn  bool // tried once more after a login that failed in the middle
	busySince time.Time
}

// again says whether a failed operation is to be tried again, and after what wait.
func (c *Client) again(op string, t *tries, err error) (time.Duration, bool) {
	most := c.opt.Retry.Tries() - 1
	limit := 0
	var (
		answered  *Error
		auth      *AuthError
		transport *TransportError
		blob      *BlobError
		odd       *ProtocolError
		unknown   *UnknownOutcomeError
	)
	switch {
	case most == 0, errors.As(err, &unknown), errors.As(err, &blob):
		return 0, false
	case errors.As(err, &answered):
		if c.lowerVersion(op, answered) {
			return 0, true
		}
		action := ActionFor(op, answered)
		if isThrottle(answered) && action.Verb == Retry {
			if t.busySince.IsZero() {
				t.busySince = time.Now()
			}
			return 0, time.Since(t.busySince) < c.opt.BusyTimeout // the gate does the waiting
		}
		limit = c.limit(op, action, most)
	case errors.As(err, &auth):
		if t.loggedIn || !c.alive.Load() {
			return 0, false
		}
		t.loggedIn = true // Exchange also answers 401 when it is busy
		c.gate.Throttled(gate.Throttle{Reason: "the server refused a login that it had accepted before"})
		return 0, true
	case errors.As(err, &transport):
		switch {
		case isPermanent(err), op == opUpload && transport.Sent, !c.alive.Load() && !transport.Sent:
		default:
			limit = most
		}
	case op == opUpload:
	case errors.As(err, &odd):
		if c.alive.Load() {
			limit = min(2, most)
		}
	default: // cut, or the wrong number of answers
		limit = most
	}
	t.failed++
	return c.opt.Retry.Delay(t.failed), t.failed <= limit
}

// limit is how often an action may be done again inside of the client.
func (c *Client) limit(op string, action Action, most int) int {
	switch action.Verb {
	case Retry:
		if action.Retries == longRetries {
			return longRetries
		}
		return min(action.Retries, most)
	case Resend, Split, Bisect:
		if op != opExport && op != opUpload { // those are cut by the caller
			return min(2, most)
		}
	}
	return 0
}

// isPermanent says of errors of the network that they will not pass.
func isPermanent(err error) bool {
	var (
		authority x509.UnknownAuthorityError
		host      x509.HostnameError
		invalid   x509.CertificateInvalidError
		verify    *tls.CertificateVerificationError
		record    tls.RecordHeaderError
		name      *net.DNSError
	)
	return errors.As(err, &authority) || errors.As(err, &host) || errors.As(err, &invalid) || errors.As(err, &verify) ||
		errors.As(err, &record) || errors.As(err, &name) && name.IsNotFound
}
