package autodiscover

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
	"time"

	"mailferry/internal/soap"
)

// maxAnswer bounds an answer, in bytes; real ones have a few kB.
const maxAnswer = 1 << 20

var errTooLarge = errors.New("an answer that is too large")

// question is one request.
type question struct {
	method  Method
	url     string
	address string
}

// answer is what came back. err with a status of 0 says that nothing came.
type answer struct {
	status int
	header http.Header
	body   []byte
	login  bool
	err    error
}

// send sends a question, without a login where by is nil. No redirect is followed.
func (s *search) send(ctx context.Context, q question, by http.RoundTripper) (a answer) {
	ctx, cancel := context.WithTimeout(ctx, s.Timeout)
	defer cancel()
	a.login = by != nil
	defer func() {
		if ctx.Err() != nil { // whatever the transport calls it: a cut answer may even look whole
			a.err = ctx.Err()
		}
	}()
	if by == nil {
		by = s.Anonymous
	} else if c, ok := by.(interface{ CloseIdleConnections() }); ok {
		defer c.CloseIdleConnections()
	}
	req, err := q.request(ctx)
	if err != nil {
		a.err = err
		return a
	}
	req.Header.Set("User-Agent", s.UserAgent)
	resp, err := by.RoundTrip(req)
	if err != nil {
		a.err = err
		return a
	}
	defer resp.Body.Close()
	a.status, a.header = resp.StatusCode, resp.Header
	a.body, a.err = io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if a.err == nil && len(a.body) > maxAnswer {
		a.err = errTooLarge
	}
	return a
}

func (q question) request(ctx context.Context) (*http.Request, error) {
	method, body := http.MethodPost, ""
	switch q.method {
	case SOAP:
		body = soapRequest(q.url, q.address)
	case POX:
		body = poxRequest(q.address)
	default:
		method = http.MethodGet
	}
	req, err := http.NewRequestWithContext(ctx, method, q.url, nil)
	if err != nil {
		return nil, err
	}
	if body != "" {
		req.ContentLength = int64(len(body))
		req.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(body)), nil }
		req.Body, _ = req.GetBody()
		req.Header.Set("Content-Type", "text/xml; charset=utf-8")
	}
	if q.method == SOAP {
		req.Header.Set("SOAPAction", `"`+soapAction+`"`)
	}
	return req, nil
}

// parse reads an answer that is no redirect.
func (q question) parse(a answer) (said, error) {
	body := bytes.TrimLeft(bytes.TrimPrefix(a.body, []byte("\xEF\xBB\xBF")), " \t\r\n")
	page := strings.Contains(a.header.Get("Content-Type"), "html") || len(body) > 14 && strings.EqualFold(string(body[:14]), "<!DOCTYPE html")
	switch {
	case a.status == http.StatusInternalServerError && q.method == SOAP && !page: // a fault
	case a.status != http.StatusOK && q.method == JSON && !page && bytes.HasPrefix(body, []byte("{")):
	case a.status != http.StatusOK:
		return said{}, fmt.Errorf("HTTP %d %s", a.status, http.StatusText(a.status))
	case page:
		return said{}, errors.New("a web page")
	}
	var s said
	var err error
	switch q.method {
	case JSON:
		s, err = readJSON(body)
	case SOAP:
		s, err = readSOAP(body)
	default:
		s, err = readPOX(body)
	}
	if err != nil {
		return said{}, errors.New("not the language of Autodiscover")
	}
	return s, nil
}

// describe tells an error of the network in few words.
func describe(err error, timeout time.Duration) string {
	var (
		name        *net.DNSError
		host        x509.HostnameError
		authority   x509.UnknownAuthorityError
		certificate x509.CertificateInvalidError
		record      tls.RecordHeaderError
		timedOut    net.Error
	)
	switch {
	case errors.As(err, &name) && name.IsNotFound:
		return "no such name in the DNS"
	case errors.As(err, &host):
		return "its certificate is not for this name"
	case errors.As(err, &authority):
		return "its certificate comes from an authority that is not trusted"
	case errors.As(err, &certificate) && certificate.Reason == x509.Expired:
		return "its certificate has expired, or is not valid yet"
	case errors.As(err, &certificate):
		return "its certificate is not valid"
	case errors.As(err, &record):
		return "no TLS there"
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded), errors.As(err, &timedOut) && timedOut.Timeout():
		return fmt.Sprintf("no answer within %s", timeout)
	case errors.Is(err, syscall.ECONNREFUSED):
		return "connection refused"
	}
	return soap.OneLine(err.Error())
}
