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
		c.gate.Throttled(gate.Throttle{Reason: describe(e), BackOff: e.BackOff, Connections: e.Cause() == codeConnections, Started: started})
	}
}

const (
	codeBusy        = "ErrorServerBusy"
	codeConnections = "ErrorExceededConnectionCount"
	codeMoving      = "ErrorMailboxMoveInProgress"
)

// isThrottle says whether a server asks to be left alone for a while.
func isThrottle(e *Error) bool {
	return e.BackOff > 0 || e.Cause() == codeBusy || e.Cause() == codeConnections ||
		e.Scope == ScopeHTTP && (e.HTTPStatus == http.StatusServiceUnavailable || e.HTTPStatus == http.StatusTooManyRequests)
}

func retryAfter(v string) time.Duration {
	if n, err := strconv.Atoi(v); err == nil && n > 0 {
		return time.Duration(min(n, int(soap.MaxBackOff/time.Second))) * time.Second
	}
	if t, err := http.ParseTime(v); err == nil {
		return max(0, min(time.Until(t), soap.MaxBackOff))
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
