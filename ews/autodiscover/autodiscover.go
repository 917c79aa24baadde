package autodiscover

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"mailferry/ews"
)

// Options says whose server is looked for, and how. Address and Anonymous are
// needed.
type Options struct {
	Address string // user@domain
	// Anonymous carries what goes without a login. It must not follow redirects.
	Anonymous http.RoundTripper
	// Login makes what logs in, for one host each time; nil: only what needs no
	// login is asked.
	Login func() http.RoundTripper
	// Resolver looks up the SRV record; nil is the system's.
	Resolver *net.Resolver
	// Confirm is asked before a host is spoken to that only an http answer or the
	// DNS named; nil says no.
	Confirm func(context.Context, Redirect) (bool, error)
	// OnStep is told what was asked, as it happens; may be nil.
	OnStep    func(Step)
	UserAgent string
	Timeout   time.Duration // of one request, with its answer; 0 is 15 s
	Total     time.Duration // of all; 0 is 2 minutes
}

// Redirect is a host that nobody vouches for.
type Redirect struct {
	Method Method // HTTP or SRV
	From   string // what named it, for people
	Host   string // host, or host:port where that isn't 443
}

// Method is a way to ask.
type Method string

// The ways to ask.
const (
	JSON Method = "json"
	SOAP Method = "soap"
	POX  Method = "pox"
	HTTP Method = "http" // the plain GET whose only good answer is a redirect
	SRV  Method = "srv"
)

// Step is one thing that was asked, and what came of it.
type Step struct {
	Method  Method
	URL     string // "" of an SRV lookup
	Login   bool   // credentials were sent
	Status  int    // of HTTP, 0 where there was no answer
	Outcome string // one line in plain words
}

// Host is the host that was asked, or the name of the SRV record.
func (s Step) Host() string {
	host := strings.TrimPrefix(strings.TrimPrefix(s.URL, "https://"), "http://")
	host, _, _ = strings.Cut(host, "/")
	return host
}

// Result is a server that was found.
type Result struct {
	URL      string // of EWS, always https
	Internal string // the address for clients inside, where it was told and is another
	Address  string // of the mailbox, another than was asked for where the server said so
	Method   Method // that found it
	From     string // the host that told
	Steps    []Step
}

// NotFoundError says that nobody told an EWS address.
type NotFoundError struct {
	Address string
	Steps   []Step
	Reason  string // where the search was broken off: why
}

// Error is one line: the last that each host said.
func (e *NotFoundError) Error() string {
	text := "autodiscover: no server found for " + e.Address
	if e.Reason != "" {
		return text + ": " + e.Reason
	}
	var hosts []string
	last := make(map[string]string)
	for _, s := range e.Steps {
		name := s.Host()
		if strings.HasPrefix(s.URL, "http://") {
			name = "http://" + name
		}
		if !slices.Contains(hosts, name) {
			hosts = append(hosts, name)
		}
		last[name] = s.Outcome
	}
	parts := make([]string, 0, len(hosts))
	for _, h := range hosts {
		parts = append(parts, h+": "+last[h])
	}
	return text + " (" + strings.Join(parts, "; ") + ")"
}

// Find looks for the server of a mailbox. Where nobody names one the error is a
// [*NotFoundError], or an [*ews.AuthError] if a login was refused on the way.
func Find(ctx context.Context, o Options) (*Result, error) {
	if o.Anonymous == nil {
		return nil, errors.New("autodiscover: Options.Anonymous is missing")
	}
	if o.Resolver == nil {
		o.Resolver = net.DefaultResolver
	}
	if o.Timeout <= 0 {
		o.Timeout = 15 * time.Second
	}
	if o.Total <= 0 {
		o.Total = 2 * time.Minute
	}
	whole, cancel := context.WithTimeout(ctx, o.Total)
	defer cancel()
	s := &search{Options: o, named: make(map[string]bool), refusedBy: make(map[string]bool), seen: make(map[string]bool)}
	found, err := s.run(whole)
	if ctx.Err() != nil {
		return nil, fmt.Errorf("autodiscover: %w", context.Cause(ctx))
	}
	if err != nil {
		return nil, err
	}
	if found != nil {
		found.Steps = s.steps
		return found, nil
	}
	none := &NotFoundError{Address: o.Address, Steps: s.steps, Reason: s.broken}
	if whole.Err() != nil {
		none.Reason = fmt.Sprintf("it took longer than %s", o.Total)
	}
	if s.refused != nil && s.broken == "" {
		return nil, &ews.AuthError{Op: "Autodiscover", Status: s.refused.Status, Offered: s.refused.Offered, Reason: s.refused.Reason, Err: s.refused.Err}
	}
	return nil, none
}

// domainOf returns what stands after the @, in lower case, "" for what is no
// address.
func domainOf(address string) string {
	at := strings.LastIndexByte(address, '@')
	domain := strings.ToLower(address[at+1:])
	if at < 1 || domain == "" || strings.ContainsAny(domain, "/\\:?#@[]% \t\r\n") || strings.HasPrefix(domain, ".") || net.ParseIP(domain) != nil {
		return ""
	}
	return domain
}
