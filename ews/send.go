package ews

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"mailferry/internal/soap"
	"mailferry/internal/splice"
	"mailferry/internal/watch"
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
	dog     *watch.Dog
	body    io.ReadCloser
	started time.Time
	busy    bool // an item was refused because the server is busy
	trace   *TraceEvent
}

// answer adds to the reading of answers what this package reads.
type answer struct{ *soap.Answer }

func newAnswer(op, requestID string, status int, r io.Reader) *answer {
	return &answer{soap.NewAnswer(op, requestID, status, r)}
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
	x.answer = newAnswer(r.op, id, 0, nil)
	body, size, err := c.body(r)
	if err != nil {
		return fmt.Errorf("%s: %w", r.op, err)
	}
	x.dog = watch.New(x.ctx, x.cancel, watch.Limits{Stall: c.opt.StallTimeout, FirstByte: c.opt.FirstByteTimeout})
	open := func() (io.ReadCloser, error) { return x.dog.Sending(body()), nil }
	first, _ := open()
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
	x.conn.keepCookies(resp)
	c.noteClock(resp.Header.Get("Date"), x.started)
	x.body = x.dog.Receiving(resp.Body)
	x.traceAnswer(resp)

	var from io.Reader = x.body
	if strings.EqualFold(resp.Header.Get("Content-Encoding"), "gzip") {
		from = x.dog.Gunzip(x.body)
	}
	x.answer = newAnswer(r.op, id, resp.StatusCode, from)
	if resp.StatusCode != http.StatusOK {
		return x.refused(resp, watch.AtMost(from, maxRefuse))
	}
	switch r.op {
	case opExport:
	case opSyncFolders:
		x.answer = newAnswer(r.op, id, resp.StatusCode, watch.AtMost(from, maxTree))
	default:
		x.answer = newAnswer(r.op, id, resp.StatusCode, watch.AtMost(from, maxAnswer))
	}
	err = x.Begin()
	var odd *ProtocolError
	if errors.As(err, &odd) && strings.Contains(resp.Header.Get("Content-Type"), "html") {
		return &ProtocolError{Op: r.op, Reason: "the server answers with a web page, not with EWS; check the URL, it should end in /EWS/Exchange.asmx"}
	}
	if err == nil || errors.As(err, new(*Error)) {
		c.alive.Store(true)
		c.noteVersion(x.Version)
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
func (c *Client) body(r *request) (func() io.ReadCloser, int64, error) {
	doc, cuts := c.envelope(r)
	if r.blobs == nil {
		return func() io.ReadCloser { return io.NopCloser(bytes.NewReader(doc)) }, int64(len(doc)), nil
	}
	blobs := make([]splice.Blob, len(r.blobs))
	for i, u := range r.blobs {
		blobs[i] = splice.Blob{Size: u.Size, Open: u.Open}
	}
	return splice.New(doc, cuts, blobs)
}

// failed is for requests that no answer came to.
func (x *exchange) failed(op string, err error) error {
	if cause := context.Cause(x.ctx); cause != nil {
		err = cause
	}
	if err := x.dog.BodyError(); err != nil {
		return fmt.Errorf("%s: %w", op, err)
	}
	var refused interface{ LoginRefused() bool }
	switch {
	case errors.As(err, &refused) && refused.LoginRefused():
		return &AuthError{Op: op, Err: err}
	}
	return &TransportError{Op: op, Sent: x.dog.Sent.Load() > 0, Err: err}
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
		a := newAnswer(x.Op, x.RequestID, resp.StatusCode, io.MultiReader(bytes.NewReader(head), body))
		err := a.Begin()
		var e *Error
		if errors.As(err, &e) {
			x.c.alive.Store(true)
			return err
		}
	}
	_, _ = io.Copy(io.Discard, body) // or the connection can't be used again
	e := x.NewError(ScopeHTTP)
	e.Values = map[string]string{}
	for _, name := range []string{"X-CasErrorCode", "x-ms-diagnostics"} {
		if v := resp.Header.Get(name); v != "" {
			e.Values[name] = soap.OneLine(v)
		}
	}
	e.BackOff = retryAfter(resp.Header)
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
		e.Message += ", since the login would go along; if you trust " + soap.OneLine(u.Scheme+"://"+u.Host) + ", give its EWS address as the URL"
	}
}

func (x *exchange) unauthorized(resp *http.Response, body io.Reader) error {
	e := &AuthError{Op: x.Op, Status: resp.StatusCode, Reason: "user, password or scheme is wrong"}
	text, _ := io.ReadAll(io.LimitReader(body, 64<<10))
	diagnostics := resp.Header.Get("x-ms-diagnostics")
	switch {
	case bytes.Contains(text, []byte("account is currently locked out")):
		e.Reason = "the account is locked out"
	case strings.HasPrefix(diagnostics, "2000"):
		e.Reason = "the token is not accepted: " + soap.OneLine(diagnostics)
	}
	for _, v := range resp.Header.Values("WWW-Authenticate") {
		if scheme, _, _ := strings.Cut(strings.TrimSpace(v), " "); scheme != "" {
			e.Offered = append(e.Offered, soap.Short(scheme))
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
		x.dog.Pause()
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
