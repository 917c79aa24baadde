package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"mailferry/ews"
	"mailferry/ews/autodiscover"
	"mailferry/ews/ewsauth"
)

// way is what the first request met on its way: it goes as all later ones will,
// proxy included, but without a login.
type way struct {
	mu        sync.Mutex
	proxy     *url.URL
	addresses []string
	nameErr   error
	connected string // address of the other end
	dialErr   error
	state     *tls.ConnectionState
	tlsErr    error
	status    int
	header    http.Header
	err       error // of the request
}

func (d *doctor) address(ctx context.Context) finding {
	if d.p.URL != "" {
		from := "--url"
		if d.o.connect.URL == "" {
			from = "the profile " + d.mailbox.Server
		}
		return fine("%s, from %s", d.p.URL, from).with("url", d.p.URL)
	}
	var steps []string
	found, err := d.a.discover(ctx, d.o.connect.discover, d.p, d.mailbox, func(s autodiscover.Step) {
		steps = append(steps, stepText(s)+": "+s.Outcome)
	})
	if err != nil {
		return failed(err, "give the address with --url https://HOST/EWS/Exchange.asmx; if Autodiscover should work, look at the DNS names and certificates of the hosts named here").with("asked", steps)
	}
	d.p.URL = found.URL
	return fine("%s, from Autodiscover of %s (%s)", found.URL, found.From, found.Method).with("url", found.URL).with("asked", steps)
}

// resolve sends the first request, and tells of the first thing it met: the name.
func (d *doctor) resolve(ctx context.Context) finding {
	u, err := url.Parse(d.p.URL)
	if err != nil {
		return failed(err, "give the address with --url")
	}
	d.walk(ctx)
	host := u.Hostname()
	switch {
	case d.way.proxy != nil && d.way.nameErr == nil:
		return fine("%s is looked up by the proxy %s", host, d.way.proxy.Redacted()).with("proxy", d.way.proxy.Redacted())
	case d.way.nameErr != nil:
		return failed(fmt.Errorf("the name can't be looked up: %w", d.way.nameErr), "check the host in the URL, and the DNS servers of this machine")
	case net.ParseIP(host) != nil:
		return fine("%s is an address already", host)
	}
	return fine("%s is %s", host, strings.Join(d.way.addresses, ", ")).with("addresses", d.way.addresses)
}

// walk makes the first request.
func (d *doctor) walk(ctx context.Context) {
	w := &d.way
	options, err := d.p.tls()
	if err != nil {
		w.err = err
		return
	}
	transport := ewsauth.NewTransport(options)
	defer transport.CloseIdleConnections()
	trace := &httptrace.ClientTrace{
		DNSDone: func(i httptrace.DNSDoneInfo) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.nameErr = i.Err
			for _, a := range i.Addrs {
				w.addresses = append(w.addresses, a.String())
			}
		},
		ConnectDone: func(_, addr string, err error) {
			w.mu.Lock()
			defer w.mu.Unlock()
			if err == nil {
				w.connected, w.dialErr = addr, nil
			} else if w.connected == "" && !errors.Is(err, context.Canceled) {
				w.dialErr = err
			}
		},
		TLSHandshakeDone: func(state tls.ConnectionState, err error) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.state, w.tlsErr = &state, err
		},
	}
	req, err := http.NewRequestWithContext(httptrace.WithClientTrace(ctx, trace), http.MethodPost, d.p.URL, http.NoBody)
	if err != nil {
		w.err = err
		return
	}
	if transport.Proxy != nil {
		w.proxy, _ = transport.Proxy(req)
	}
	req.Header.Set("User-Agent", "mailferry/"+buildVersion())
	began := time.Now()
	resp, err := transport.RoundTrip(req)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err = err; err != nil {
		return
	}
	d.trip = time.Since(began)
	w.status, w.header = resp.StatusCode, resp.Header
	_ = resp.Body.Close()
}

func (d *doctor) connection(context.Context) finding {
	w := &d.way
	switch {
	case w.connected == "" && w.dialErr != nil:
		return failed(w.dialErr, "check the port in the URL, firewalls between, and whether the server runs")
	case w.connected == "" && w.err != nil:
		return failed(w.err, "check the proxy's address, and whether it lets through to this host")
	case w.proxy != nil && w.err != nil && w.state == nil && w.tlsErr == nil && strings.HasPrefix(d.p.URL, "https:"):
		return failed(fmt.Errorf("the proxy %s does not let us through: %w", w.proxy.Redacted(), w.err), "have the proxy let this host and port through, or go around it: set NO_PROXY, or give --proxy direct")
	case w.proxy != nil:
		return fine("connected, through the proxy %s", w.proxy.Redacted())
	}
	return fine("connected to %s", w.connected)
}

// soonDays is how many days before its end a certificate is warned about.
const soonDays = 21

func (d *doctor) tls(context.Context) finding {
	w := &d.way
	if strings.HasPrefix(d.p.URL, "http:") {
		return warning("use https, or make sure that nobody can listen on the way", "not used: mail goes over the network in the clear")
	}
	if w.tlsErr != nil || w.state == nil || !w.state.HandshakeComplete {
		err := w.tlsErr
		if err == nil {
			err = w.err
		}
		if err == nil {
			err = errors.New("no TLS connection")
		}
		return failed(fmt.Errorf("TLS: %w", err), tlsAdvice(err, d.p))
	}
	leaf := w.state.PeerCertificates[0]
	left := int(time.Until(leaf.NotAfter).Hours() / 24)
	text := fmt.Sprintf("%s, certificate for %s from %s, until %s (%s)", tls.VersionName(w.state.Version), strings.Join(leaf.DNSNames, ", "),
		issuer(leaf), leaf.NotAfter.UTC().Format(time.DateOnly), counted(left, "day"))
	f := fine("%s", text)
	switch {
	case d.p.Insecure:
		f = warning("leave --insecure out, and give the certificate of the authority with --ca-file", "%s; it is not checked", text)
	case left < soonDays:
		f = warning("have the certificate renewed before a long job begins", "%s", text)
	}
	return f.with("names", leaf.DNSNames).with("issuer", issuer(leaf)).with("until", leaf.NotAfter.UTC()).with("version", tls.VersionName(w.state.Version))
}

func issuer(c *x509.Certificate) string {
	if c.Issuer.CommonName != "" {
		return c.Issuer.CommonName
	}
	return c.Issuer.String()
}

func tlsAdvice(err error, p profile) string {
	var (
		authority x509.UnknownAuthorityError
		name      x509.HostnameError
		invalid   x509.CertificateInvalidError
		record    tls.RecordHeaderError
	)
	switch {
	case errors.As(err, &authority):
		return "if it comes from an authority of your own, give its certificate with --ca-file, or as ca-file in the profile"
	case errors.As(err, &name):
		return "use a name that the certificate holds in --url: " + strings.Join(name.Certificate.DNSNames, ", ")
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return "have the certificate renewed; it was good from " + invalid.Cert.NotBefore.UTC().Format(time.DateOnly) + " to " + invalid.Cert.NotAfter.UTC().Format(time.DateOnly) + "; if that is not over, set the clock of this machine"
	case errors.As(err, &record):
		return "there is something else than TLS at this port: check the port in the URL"
	case p.Insecure:
		return "the server may want a TLS version older than 1.2, which is not spoken here, or a client certificate"
	}
	return "look at the server's certificate and its TLS versions; 1.2 or newer is needed"
}

func (d *doctor) schemes(context.Context) finding {
	w := &d.way
	if w.err != nil {
		return failed(w.err, "the server took the connection but gave no answer: look whether a proxy or load balancer drops it")
	}
	var offered []string
	for _, value := range w.header.Values("WWW-Authenticate") {
		for part := range strings.SplitSeq(value, ",") {
			name, _, _ := strings.Cut(strings.TrimSpace(part), " ")
			if name != "" && !strings.Contains(name, "=") && len(name) <= 20 && !slices.Contains(offered, name) {
				offered = append(offered, name)
			}
		}
	}
	has := func(names ...string) bool {
		return slices.ContainsFunc(offered, func(o string) bool {
			return slices.ContainsFunc(names, func(n string) bool { return strings.EqualFold(o, n) })
		})
	}
	wanted := map[string][]string{"ntlm": {"NTLM", "Negotiate"}, "basic": {"Basic"}, "kerberos": {"Negotiate", "Kerberos"}, "oauth": {"Bearer"}}[d.p.Auth]
	text := strings.Join(offered, ", ")
	switch {
	case w.status == http.StatusUnauthorized && has(wanted...):
		return fine("the server offers %s", text).with("offered", offered)
	case w.status == http.StatusUnauthorized && len(offered) == 0:
		return failed(errors.New("the server asks for a login, but names no way to log in"), "turn on Windows or Basic authentication for the EWS virtual directory: Set-WebServicesVirtualDirectory")
	case w.status == http.StatusUnauthorized:
		return failed(&ews.AuthError{Op: "doctor", Status: w.status, Offered: offered, Reason: d.p.Auth + " is not offered"}, "choose one that is offered with --auth, or turn this one on for the EWS virtual directory").with("offered", offered)
	case w.status == http.StatusNotFound:
		return failed(fmt.Errorf("HTTP %d: there is no EWS at this address", w.status), "check the path of the URL; it should end in /EWS/Exchange.asmx")
	case w.status >= 300 && w.status < 400:
		return failed(fmt.Errorf("HTTP %d: the server sends us to %s", w.status, oneLine(w.header.Get("Location"))), "give the address of EWS itself with --url; a redirect is not followed, since the login would go along")
	case w.status == http.StatusForbidden:
		return failed(fmt.Errorf("HTTP %d: the server forbids it", w.status), "look whether the server demands TLS, a client certificate, or blocks EWS (EwsApplicationAccessPolicy)")
	case w.status >= 500:
		return warning("if the login fails too, look at the server: its EWS application may be stopped", "the server says HTTP %d to a request without a login", w.status)
	}
	return warning("if this is not meant, look what stands before the server", "the server asks for no login (HTTP %d)", w.status)
}
