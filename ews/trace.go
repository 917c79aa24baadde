package ews

import (
	"net/http"
	"net/url"
	"time"

	"mailferry/internal/soap"
)

// shownHeaders are the headers whose values a trace may show. All others could
// hold a login or what stands for one.
var shownHeaders = map[string]bool{
	"Content-Type": true, "Content-Length": true, "Content-Encoding": true, "Transfer-Encoding": true,
	"Accept": true, "Accept-Encoding": true, "User-Agent": true, "Date": true, "Server": true, "Connection": true,
	"Client-Request-Id": true, "Return-Client-Request-Id": true, "Request-Id": true, "X-Anchormailbox": true,
	"X-Feserver": true, "X-Beserver": true, "X-Targetbeserver": true, "X-Calculatedbetarget": true, "X-Diaginfo": true,
	"X-Ms-Diagnostics": true, "X-Caserrorcode": true, "X-Aspnet-Version": true, "X-Powered-By": true, "Retry-After": true,
}

const elided = "[elided]"

func safeHeader(h http.Header) http.Header {
	safe := make(http.Header, len(h))
	for name, values := range h {
		name = http.CanonicalHeaderKey(name)
		for _, v := range values {
			if !shownHeaders[name] {
				v = elided
			}
			safe[name] = append(safe[name], v)
		}
	}
	return safe
}

func safeURL(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return elided
	}
	u.User, u.RawQuery, u.Fragment = nil, "", ""
	return u.String()
}

func (x *exchange) beginTrace(req *http.Request, r *request) {
	if x.c.opt.Trace == nil {
		return
	}
	doc, _ := x.c.envelope(r)
	x.trace = &TraceEvent{
		Time: x.started, Op: r.op, URL: safeURL(x.c.url), RequestID: x.RequestID,
		RequestHeader: safeHeader(req.Header), Request: soap.Outline(doc),
	}
}

func (x *exchange) traceAnswer(resp *http.Response) {
	if x.trace != nil {
		x.trace.Status, x.trace.ResponseHeader = resp.StatusCode, safeHeader(resp.Header)
	}
}

func (x *exchange) endTrace(err error) {
	if x.trace == nil {
		return
	}
	sent, received := x.moved()
	x.trace.Sent, x.trace.Received, x.trace.Elapsed = sent, received, time.Since(x.started)
	if err != nil {
		x.trace.Err = err.Error()
	}
	x.c.opt.Trace(*x.trace)
}

// moved is how many bytes of bodies went by.
func (x *exchange) moved() (sent, received int64) {
	if x.dog == nil {
		return 0, 0
	}
	return x.dog.Sent.Load(), x.dog.Received.Load()
}
