package ews

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// The largest answers of operations that do not stream, in bytes. The tree of
// SyncFolderHierarchy comes in one piece.
const (
	maxAnswer = 64 << 20
	maxTree   = 256 << 20
	maxRefuse = 1 << 20 // an answer that is not 200
)

// exchange is one request and its answer. It holds a connection and a place in
// the gate until finish.
type exchange struct {
	*answer
	c       *Client
	ctx     context.Context
	cancel  context.CancelCauseFunc
	conn    *conn
	release func()
	dog     *watchdog
	body    io.ReadCloser
	started time.Time
	sent    atomic.Int64
	got     atomic.Int64
	bodyErr atomic.Pointer[error] // why the body of the request could not be read
	busy    bool                  // an item was refused because the server is busy
	trace   *TraceEvent
}

// send sends a request once and reads its answer up to the first response
// message. With an error everything is given back already.
func (c *Client) send(ctx context.Context, r *request) (*exchange, error) {
	cn, err := c.pool.get(ctx)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", r.op, err)
	}
	release, err := c.gate.Acquire(ctx)
	if err != nil {
		c.pool.put(cn)
		return nil, fmt.Errorf("%s: %w", r.op, err)
	}
	x := &exchange{c: c, conn: cn, release: release, started: time.Now()}
	x.ctx, x.cancel = context.WithCancelCause(ctx)
	if err := x.roundTrip(r); err != nil {
		x.finish(err)
		return nil, err
	}
	return x, nil
}

func (x *exchange) roundTrip(r *request) error {
	c := x.c
	id := newRequestID()
	x.answer = &answer{op: r.op, requestID: id}
	body, size, err := c.body(r)
	if err != nil {
		return err
	}
	x.dog = newWatchdog(x.cancel, c.opt.StallTimeout, "connecting")
	stall := &stallError{"sending the request", c.opt.StallTimeout}
	wait := &stallError{"waiting for the answer", c.opt.FirstByteTimeout}
	open := func() (io.ReadCloser, error) {
		x.sent.Store(0) // what was read before was not taken
		b, err := body()
		return &sending{ReadCloser: b, dog: x.dog, stall: stall, wait: wait, sent: &x.sent, failed: &x.bodyErr}, err
	}
	first, err := open()
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(x.ctx, http.MethodPost, c.url, first)
	if err != nil {
		return err
	}
	req.ContentLength, req.GetBody = size, open
	c.headers(req, id)
	x.conn.addCookies(req, c.cookies.Load())
	x.beginTrace(req, r)

	resp, err := x.conn.rt.RoundTrip(req)
	if err != nil {
		_ = first.Close()
		return x.failed(r.op, err)
	}
	x.dog.pause()
	x.conn.keepCookies(resp)
	x.body = &receiving{resp.Body, x.ctx, x.dog, &stallError{"reading the answer", c.opt.StallTimeout}, &x.got}
	x.traceAnswer(resp)

	var from io.Reader = x.body
	if strings.EqualFold(resp.Header.Get("Content-Encoding"), "gzip") {
		from = &gunzip{in: x.body, received: &x.got, op: r.op}
	}
	x.answer = newAnswer(r.op, id, resp.StatusCode, from)
	if resp.StatusCode != http.StatusOK {
		return x.refused(resp, &limited{from, maxRefuse, r.op})
	}
	switch r.op {
	case opExport:
	case opSyncFolders:
		x.answer = newAnswer(r.op, id, resp.StatusCode, &limited{from, maxTree, r.op})
	default:
		x.answer = newAnswer(r.op, id, resp.StatusCode, &limited{from, maxAnswer, r.op})
	}
	err = x.begin()
	var odd *ProtocolError
	if errors.As(err, &odd) && strings.Contains(resp.Header.Get("Content-Type"), "html") {
		return &ProtocolError{Op: r.op, Reason: "the server answers with a web page, not with EWS; check the URL, it should end in /EWS/Exchange.asmx"}
	}
	if err == nil || errors.As(err, new(*Error)) {
		c.alive.Store(true)
		c.noteVersion(x.version)
	}
	return err
}

func (c *Client) headers(req *http.Request, id string) {
	h := req.Header
	h.Set("Content-Type", "text/xml; charset=utf-8")
	h.Set("Accept", "text/xml")
	h.Set("Accept-Encoding", "gzip")
	h.Set("User-Agent", c.opt.UserAgent)
	h["client-request-id"] = []string{id} // as the reference spells them
	h["return-client-request-id"] = []string{"true"}
	if c.opt.Mailbox != "" {
		h["X-AnchorMailbox"] = []string{c.opt.Mailbox}
	}
}

// body returns what opens the body of a request, and its length.
func (c *Client) body(r *request) (func() (io.ReadCloser, error), int64, error) {
	doc, cuts := c.envelope(r)
	if r.blobs != nil {
		return uploadBody(doc, cuts, r.blobs)
	}
	return func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(doc)), nil }, int64(len(doc)), nil
}

// failed is for requests that no answer came to.
func (x *exchange) failed(op string, err error) error {
	if cause := context.Cause(x.ctx); cause != nil {
		err = cause
	}
	if e := x.bodyErr.Load(); e != nil {
		return *e
	}
	var refused interface{ LoginRefused() bool }
	switch {
	case errors.As(err, &refused) && refused.LoginRefused():
		return &AuthError{Op: op, Err: err}
	}
	return &TransportError{Op: op, Sent: x.sent.Load() > 0, Err: err}
}

// refused is for answers other than 200.
func (x *exchange) refused(resp *http.Response, body io.Reader) error {
	if resp.StatusCode == http.StatusUnauthorized {
		return x.unauthorized(resp, body)
	}
	head := make([]byte, 8<<10)
	n, _ := io.ReadFull(body, head)
	head = head[:n]
	if looksLikeXML(head) {
		a := newAnswer(x.op, x.requestID, resp.StatusCode, io.MultiReader(bytes.NewReader(head), body))
		err := a.begin()
		var e *Error
		if errors.As(err, &e) {
			x.c.alive.Store(true)
			return err
		}
	}
	_, _ = io.Copy(io.Discard, body) // or the connection can't be used again
	e := x.newError(ScopeHTTP)
	e.Values = map[string]string{}
	for _, name := range []string{"X-CasErrorCode", "x-ms-diagnostics"} {
		if v := resp.Header.Get(name); v != "" {
			e.Values[name] = oneLine(v)
		}
	}
	e.BackOff = retryAfter(resp.Header.Get("Retry-After"))
	text := string(head)
	switch status := resp.StatusCode; {
	case status >= 300 && status < 400:
		x.redirected(e, resp)
	case strings.Contains(text, "The specified server version is invalid"):
		e.Scope, e.Code = ScopeFault, "ErrorInvalidServerVersion"
	case status == http.StatusRequestEntityTooLarge, status == http.StatusNotFound && strings.Contains(text, "404.13"):
		e.Message, e.Values["TooLarge"] = "the request is larger than the server accepts", "true"
	case status == http.StatusNotFound:
		e.Message = "there is no EWS at this address; check the URL, it should end in /EWS/Exchange.asmx"
	case status == http.StatusForbidden, status == 456:
		e.Message = "the server's policy forbids EWS to this account or program"
	case status == http.StatusNotImplemented:
	case status >= 500, e.Values["X-CasErrorCode"] != "":
		e.Values["Transient"] = "true"
	}
	return e
}

func looksLikeXML(head []byte) bool {
	head = bytes.TrimLeft(bytes.TrimPrefix(head, []byte("\xEF\xBB\xBF")), " \t\r\n")
	return bytes.HasPrefix(head, []byte("<?xml")) || bytes.HasPrefix(head, []byte("<")) && bytes.Contains(head[:min(len(head), 512)], []byte(nsSOAP))
}

// redirected never follows: the login would go along.
func (x *exchange) redirected(e *Error, resp *http.Response) {
	to := resp.Header.Get("Location")
	switch lower := strings.ToLower(to); {
	case strings.Contains(lower, "/ews/genericerrorpage.htm"):
		e.Message, e.Values["Transient"] = "the server sent us to its error page", "true"
		return
	case strings.Contains(lower, "/internalsite/"):
		e.Message = "a proxy in front of the server refuses the request"
		return
	}
	e.Message = "the server redirects to another address, which is not followed"
	if u, err := url.Parse(to); err == nil && u.Host != "" {
		e.Message += ", since the login would go along; if you trust " + oneLine(u.Scheme+"://"+u.Host) + ", give its EWS address as the URL"
	}
}

func (x *exchange) unauthorized(resp *http.Response, body io.Reader) error {
	e := &AuthError{Op: x.op, Status: resp.StatusCode, Reason: "user, password or scheme is wrong"}
	text, _ := io.ReadAll(io.LimitReader(body, 64<<10))
	diagnostics := resp.Header.Get("x-ms-diagnostics")
	switch {
	case bytes.Contains(text, []byte("account is currently locked out")):
		e.Reason = "the account is locked out"
	case strings.HasPrefix(diagnostics, "2000"):
		e.Reason = "the token is not accepted: " + oneLine(diagnostics)
	}
	for _, v := range resp.Header.Values("WWW-Authenticate") {
		if scheme, _, _ := strings.Cut(strings.TrimSpace(v), " "); scheme != "" {
			e.Offered = append(e.Offered, short(scheme))
		}
	}
	return e
}

// finish gives back the connection and the place in the gate. It must be called
// once; err is how the request ended.
func (x *exchange) finish(err error) {
	if x.body != nil {
		if err == nil {
			_, err2 := x.body.Read(make([]byte, 1)) // lets the transport see the end
			if err2 != io.EOF {
				x.cancel(nil)
			}
		}
		_ = x.body.Close()
	}
	if x.dog != nil {
		x.dog.pause()
	}
	x.cancel(nil)
	if err != nil || !x.busy {
		x.c.note(err, x.started)
	}
	x.release()
	x.endTrace(err)
	x.c.count(x)
	x.c.pool.put(x.conn)
}

// noteItem tells the gate of an item that failed.
func (x *exchange) noteItem(e *Error) {
	if e != nil && isThrottle(e) || e != nil && e.Cause() == codeMoving {
		x.busy = true
		x.c.note(e, x.started)
	}
}

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
			c.gate.Throttled(Throttle{Reason: describe(e), BackOff: e.BackOff, Started: started})
		}
	case isThrottle(e):
		c.gate.Throttled(Throttle{Reason: describe(e), BackOff: e.BackOff, Connections: e.Cause() == codeConnections, Started: started})
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
		return time.Duration(min(n, int(backOffMax/time.Second))) * time.Second
	}
	if t, err := http.ParseTime(v); err == nil {
		return max(0, min(time.Until(t), backOffMax))
	}
	return 0
}

func newRequestID() string {
	var b [16]byte
	_, _ = rand.Read(b[:])
	b[6], b[8] = b[6]&0x0F|0x40, b[8]&0x3F|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
