package ews

import (
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"mailferry/internal/gate"
	"mailferry/internal/soap"
)

// note tells the gate how a request, or an item of it, ended.
func (c *Client) note(err error, started time.Time) {
	var e *Error
	switch errors.As(err, &e); {
	case err == nil:
		c.gate.Succeeded()
	case e == nil:
	case e.Cause() == codeMoving || e.Cause() == "ErrorMailboxFailover":
		c.cookies.Add(1)
		c.pool.closeIdle()
		if e.BackOff > 0 {
			c.gate.Throttled(gate.Throttle{Reason: describe(e), BackOff: e.BackOff, Started: started})
		}
	case isThrottle(e):
		t := gate.Throttle{Reason: describe(e), BackOff: e.BackOff, Connections: e.Cause() == codeConnections, Started: started}
		if e.Values[ValuePolicy] == policyConcurrency {
			t.Connections = true
			t.Limit, _ = strconv.Atoi(e.Values[ValueLimit])
		}
		c.gate.Throttled(t)
	}
}

const (
	codeBusy        = "ErrorServerBusy"
	codeConnections = "ErrorExceededConnectionCount"
	codeMoving      = "ErrorMailboxMoveInProgress"

	policyConcurrency = "MaxConcurrency" // requests at once, of an account or of a mailbox
)

// isThrottle says whether a server asks to be left alone for a while.
func isThrottle(e *Error) bool {
	return e.BackOff > 0 || e.Cause() == codeBusy || e.Cause() == codeConnections ||
		e.Scope == ScopeHTTP && (e.HTTPStatus == http.StatusServiceUnavailable || e.HTTPStatus == http.StatusTooManyRequests)
}

// retryAfter reads how long to wait. Where that is a time of day, it is one of
// the server's clock.
func retryAfter(h http.Header) time.Duration {
	v := h.Get("Retry-After")
	if n, err := strconv.Atoi(v); err == nil && n > 0 {
		return time.Duration(min(n, int(soap.MaxBackOff/time.Second))) * time.Second
	}
	if t, err := http.ParseTime(v); err == nil {
		now, err := http.ParseTime(h.Get("Date"))
		if err != nil {
			now = time.Now()
		}
		return max(0, min(t.Sub(now), soap.MaxBackOff))
	}
	return 0
}

func newRequestID() string {
	var b [16]byte
	_, _ = rand.Read(b[:])
	b[6], b[8] = b[6]&0x0F|0x40, b[8]&0x3F|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// describe says why a server throttles, from what it told.
func describe(e *Error) string {
	reason := "the server is busy"
	switch {
	case e.Cause() == codeConnections:
		reason = "the server refuses so many requests at once"
	case e.Cause() == codeMoving:
		reason = "the mailbox is being moved"
	}
	if part := e.Values[ValuePolicy]; part != "" {
		reason += fmt.Sprintf(" (throttling policy %s", part)
		if limit := e.Values[ValueLimit]; limit != "" {
			reason += " " + limit
		}
		reason += ")"
	}
	if e.Code != "" {
		return reason + ": " + e.Cause()
	}
	return fmt.Sprintf("%s: HTTP %d", reason, e.HTTPStatus)
}
