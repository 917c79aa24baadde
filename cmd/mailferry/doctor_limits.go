package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"mailferry/ews"
)

// probeSizes are the sizes of requests that limits lie between, in bytes, largest
// first: what administrators set, and what versions of Exchange come with (2013 and
// later 64 MiB, 2010 35 MB, 2007 30 MB).
var probeSizes = []int64{2147483647, 268435456, 134217728, 67108864, 35000000, 30000000, 10485760, 4194304, 1048576}

const (
	firstBytes = 1 << 20     // of a probe's body; some servers answer only after some
	quiet      = time.Second // for so long, and a few round trips, a server that refuses would have answered
)

// requestSize finds the largest request that is taken. A server refuses by the
// length that the head of a request tells, so a probe tells one, sends up to 1 MiB of
// white space and breaks off: nothing can be executed.
func (d *doctor) requestSize(ctx context.Context) finding {
	newTransport, err := d.a.login(ctx, d.mailbox.Server, d.p)
	if err != nil {
		return failed(err, "")
	}
	above := int64(0) // refused
	var cut error     // the last probe ended without an answer
	for _, size := range probeSizes {
		status, err := probe(ctx, newTransport(), d.p.URL, size, quiet+4*d.trip)
		switch {
		case ctx.Err() != nil:
			return failed(context.Cause(ctx), "")
		case err != nil: // some refuse by hanging up
			above, cut = size, err
			continue
		case status == http.StatusRequestEntityTooLarge, status == http.StatusNotFound:
			above, cut = size, nil
			continue
		case status == http.StatusUnauthorized:
			return warning("", "it could not be found out: the server asks for another login")
		}
		return sizeFinding(size, above)
	}
	if cut != nil {
		return warning("if uploads fail, look what cuts long requests off before the server", "it could not be found out: %v", cut)
	}
	return failed(fmt.Errorf("the server refuses requests of 1 MiB: %w", errTooSmall), "raise maxAllowedContentLength and maxReceivedMessageSize of EWS, or the limit of the proxy before it")
}

var errTooSmall = errors.New("too little for most mailboxes")

func sizeFinding(size, above int64) finding {
	item := size / 4 * 3 * 98 / 100 // base64, and the envelope
	text := "requests of " + bytesText(size) + " are taken"
	if above > 0 {
		text += ", of " + bytesText(above) + " refused"
	}
	text += ": items up to about " + bytesText(item) + " can be uploaded"
	f := fine("%s", text)
	if size < 67108864 {
		f = warning("raise maxAllowedContentLength and maxReceivedMessageSize of EWS, or the limit of the proxy before it, if the mailbox has larger items", "%s", text)
	}
	return f.with("taken_bytes", size).with("refused_bytes", above).with("item_bytes", item)
}

// probe tells a length and waits for a refusal. The status is 0 where none came.
func probe(ctx context.Context, rt http.RoundTripper, url string, size int64, wait time.Duration) (int, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if c, ok := rt.(interface{ CloseIdleConnections() }); ok {
		defer c.CloseIdleConnections()
	}
	body := &stalling{left: min(firstBytes, size-1), done: ctx.Done(), stalled: make(chan struct{})}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, body)
	if err != nil {
		return 0, err
	}
	req.ContentLength = size
	req.Header.Set("Content-Type", "text/xml; charset=utf-8")
	req.Header.Set("User-Agent", "mailferry/"+buildVersion())
	type outcome struct {
		status int
		err    error
	}
	answered := make(chan outcome, 1)
	go func() {
		resp, err := rt.RoundTrip(req)
		if err != nil {
			answered <- outcome{0, err}
			return
		}
		_ = resp.Body.Close()
		answered <- outcome{resp.StatusCode, nil}
	}()
	stop := func() (int, error) {
		cancel()
		if o := <-answered; o.err == nil {
			return o.status, nil
		}
		return 0, nil // broken off by us
	}
	select {
	case o := <-answered:
		return o.status, o.err
	case <-ctx.Done():
		_, _ = stop()
		return 0, context.Cause(ctx)
	case <-body.stalled:
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case o := <-answered:
		return o.status, o.err
	case <-timer.C:
		return stop()
	}
}

// stalling is a body that begins and does not go on.
type stalling struct {
	left    int64
	done    <-chan struct{}
	stalled chan struct{}
	once    sync.Once
}

func (s *stalling) Read(p []byte) (int, error) {
	if s.left > 0 {
		n := copy(p[:min(int64(len(p)), s.left)], bytes.Repeat([]byte(" "), min(len(p), 64<<10)))
		s.left -= int64(n)
		return n, nil
	}
	s.once.Do(func() { close(s.stalled) })
	<-s.done
	return 0, io.ErrUnexpectedEOF
}

// Close implements [io.Closer].
func (s *stalling) Close() error { return nil }

// throttling tells what the server asked for during the examination: the limits
// themselves can't be asked over EWS.
func (d *doctor) throttling(context.Context) finding {
	limit := 27
	if v := d.client.ServerVersion(); v != (ews.ServerVersion{}) && v.Major < 15 {
		limit = 10
	}
	whose := "each mailbox has a budget of its own by impersonation"
	if d.p.Access == "delegate" {
		whose = "all is charged to the one account, so impersonation would be faster for many mailboxes"
	}
	if len(d.waited) > 0 {
		return warning("raise the account's throttling policy for the time of the job: New-ThrottlingPolicy, Set-ThrottlingPolicyAssociation", "the server asked to wait %s: %s", times(len(d.waited)), d.waited[0]).with("waits", d.waited)
	}
	return fine("the server did not ask to wait; unless its policy says otherwise it takes %d requests at once, and %s", limit, whose)
}

func times(n int) string {
	if n == 1 {
		return "once"
	}
	return number(n) + " times"
}
