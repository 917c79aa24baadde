package autodiscover

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"mailferry/ews"
	"mailferry/internal/soap"
)

const (
	maxRedirects = 10 // of addresses and URLs together
	maxRefusals  = 3  // logins; accounts are locked after as few as five
	maxTargets   = 5  // of an SRV record
)

// search is one run of Find.
type search struct {
	Options
	named     map[string]bool // hosts that may get credentials
	refusedBy map[string]bool // hosts that refused a login
	refused   *ews.AuthError  // the first refusal
	seen      map[string]bool // addresses, and what was asked for them
	redirects int
	steps     []Step
	broken    string // why the search ended early
}

// next is what an answer leads to: a server, another address, or nothing.
type next struct {
	found   *Result
	address string
	dead    bool // the host can't be spoken to, so there is no use in other ways to ask it
}

func (n next) decided() bool { return n.found != nil || n.address != "" }

func (s *search) run(ctx context.Context) (*Result, error) {
	address := s.Address
	for {
		domain := domainOf(address)
		if domain == "" {
			s.broken = fmt.Sprintf("%q is no mail address", soap.OneLine(address))
			return nil, nil
		}
		if !s.first("address " + strings.ToLower(address)) {
			s.broken = "the servers send each other's clients round in a circle: " + soap.OneLine(address) + " came up twice"
			return nil, nil
		}
		n, err := s.domain(ctx, address, domain)
		if err != nil || n.address == "" || s.broken != "" {
			return n.found, err
		}
		if !s.redirected() {
			return nil, nil
		}
		address = n.address
	}
}

// domain tries the steps for one address, in order.
func (s *search) domain(ctx context.Context, address, domain string) (next, error) {
	auto := "autodiscover." + domain
	for _, host := range []string{domain, auto} {
		s.named[host] = true
		if n := s.host(ctx, address, host, ""); n.decided() || s.over(ctx) {
			return n, nil
		}
	}
	if to := s.plainRedirect(ctx, auto); to != nil {
		n, err := s.confirmed(ctx, address, Redirect{Method: HTTP, From: "http://" + auto, Host: hostOf(to)}, to.String())
		if err != nil || n.decided() || s.over(ctx) {
			return n, err
		}
	}
	name := "_autodiscover._tcp." + domain
	for _, host := range s.targets(ctx, domain, name) {
		n, err := s.confirmed(ctx, address, Redirect{Method: SRV, From: "the DNS record " + name, Host: host}, "")
		if err != nil || n.decided() || s.over(ctx) {
			return n, err
		}
	}
	return next{}, nil
}

// confirmed asks the user about a host, unless a trusted one named it already.
func (s *search) confirmed(ctx context.Context, address string, r Redirect, pox string) (next, error) {
	if !s.named[r.Host] {
		ok := false
		if s.Confirm != nil {
			var err error
			if ok, err = s.Confirm(ctx, r); err != nil {
				return next{}, err
			}
		}
		if !ok {
			s.step(Step{Method: r.Method, URL: "https://" + r.Host, Outcome: "not asked: only " + r.From + " names it, and nobody confirmed it"})
			return next{}, nil
		}
		s.named[r.Host] = true
	}
	return s.host(ctx, address, r.Host, pox), nil
}

// host asks one host in each way. pox is the POX address where it was told.
func (s *search) host(ctx context.Context, address, host, pox string) next {
	base := "https://" + host + "/autodiscover/autodiscover"
	if pox == "" {
		pox = base + ".xml"
	}
	for _, q := range []question{
		{JSON, base + ".json/v1.0/" + url.PathEscape(address) + "?Protocol=EWS", address},
		{SOAP, base + ".svc", address},
		{POX, pox, address},
	} {
		if n := s.ask(ctx, q); n.decided() || n.dead || s.over(ctx) {
			return n
		}
	}
	return next{}
}

// ask asks a question and follows where the answers lead.
func (s *search) ask(ctx context.Context, q question) next {
	for asked := 0; ; asked++ {
		u, err := url.Parse(q.url)
		if err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil {
			return next{}
		}
		if !s.first(string(q.method) + " " + q.address + " " + u.String()) {
			return next{} // asked before: it leads nowhere or in a circle
		}
		a := s.send(ctx, q, nil)
		if a.status == http.StatusUnauthorized && q.method != JSON { // which knows no login
			if a = s.login(ctx, q, hostOf(u), a); a.status == 0 && a.err == nil {
				return next{}
			}
		}
		if a.err != nil {
			s.tell(q, a, describe(a.err, s.Timeout))
			return next{dead: asked == 0 && (a.status == 0 || errors.Is(a.err, context.DeadlineExceeded))}
		}
		to, n := s.read(q, u, a)
		if to == "" {
			return n
		}
		q.url = to
	}
}

// read tells what an answer says: another URL, or the next step.
func (s *search) read(q question, u *url.URL, a answer) (to string, n next) {
	if location := a.header.Get("Location"); a.status >= 300 && a.status < 400 && location != "" {
		target, err := u.Parse(location)
		if err != nil {
			s.tell(q, a, "a redirect to something that is no address")
			return "", next{}
		}
		return s.follow(q, a, target), next{}
	}
	said, err := q.parse(a)
	switch {
	case err != nil:
		s.tell(q, a, err.Error())
	case said.address != "":
		s.tell(q, a, "sends us to the address "+soap.OneLine(said.address))
		return "", next{address: said.address}
	case said.redirect != "":
		target, err := url.Parse(said.redirect)
		if err != nil {
			s.tell(q, a, "a redirect to something that is no address")
			return "", next{}
		}
		return s.follow(q, a, target), next{}
	default:
		ewsURL, internal := said.best()
		if ewsURL == "" {
			s.tell(q, a, said.why())
			return "", next{}
		}
		s.tell(q, a, "found "+ewsURL)
		return "", next{found: &Result{URL: ewsURL, Internal: internal, Address: q.address, Method: q.method, From: hostOf(u)}}
	}
	return "", next{}
}

// follow decides about a redirect that came over verified TLS: only such a one
// may name a host that gets credentials.
func (s *search) follow(q question, a answer, target *url.URL) string {
	where := soap.OneLine(target.Redacted())
	switch {
	case target.Scheme != "https" || target.Host == "" || target.User != nil:
		s.tell(q, a, "sends us to "+where+", which is not https: not followed")
		return ""
	case s.seen[string(q.method)+" "+q.address+" "+target.String()]:
		s.tell(q, a, "sends us to "+where+", where we have been: a circle")
		return ""
	}
	s.tell(q, a, "sends us to "+where)
	if !s.redirected() {
		return ""
	}
	s.named[hostOf(target)] = true
	return target.String()
}

// login asks again with credentials, if the host may have them.
func (s *search) login(ctx context.Context, q question, host string, asked answer) answer {
	switch {
	case s.Login == nil:
		s.tell(q, asked, "asks for a login, and there is none")
		return answer{}
	case !s.named[host]:
		s.tell(q, asked, "asks for a login, but nobody trustworthy named it")
		return answer{}
	case s.refusedBy[host] || len(s.refusedBy) >= maxRefusals:
		s.tell(q, asked, "asks for a login; none is tried after a refusal, so that the account is not locked")
		return answer{}
	}
	a := s.send(ctx, q, s.Login())
	var refused interface{ LoginRefused() bool }
	switch {
	case errors.As(a.err, &refused) && refused.LoginRefused():
		s.refuse(host, &ews.AuthError{Op: "Autodiscover", Status: a.status, Err: a.err})
		s.tell(q, a, "refused the login")
		return answer{}
	case a.err == nil && a.status == http.StatusUnauthorized:
		e := &ews.AuthError{Op: "Autodiscover", Status: a.status, Reason: host + ": user, password or scheme is wrong"}
		for _, v := range asked.header.Values("WWW-Authenticate") {
			if scheme, _, _ := strings.Cut(strings.TrimSpace(v), " "); scheme != "" {
				e.Offered = append(e.Offered, soap.Short(scheme))
			}
		}
		s.refuse(host, e)
		s.tell(q, a, "refused the login")
		return answer{}
	}
	return a
}

func (s *search) refuse(host string, e *ews.AuthError) {
	s.refusedBy[host] = true
	if s.refused == nil {
		s.refused = e
	}
}

// plainRedirect asks the http side of a host, which may only send us to https.
func (s *search) plainRedirect(ctx context.Context, host string) *url.URL {
	q := question{method: HTTP, url: "http://" + host + "/autodiscover/autodiscover.xml"}
	if !s.first("http " + host) {
		return nil
	}
	a := s.send(ctx, q, nil)
	if a.err != nil {
		s.tell(q, a, describe(a.err, s.Timeout))
		return nil
	}
	location := a.header.Get("Location")
	if a.status < 300 || a.status >= 400 || location == "" {
		s.tell(q, a, "no redirect")
		return nil
	}
	to, err := url.Parse(location)
	switch {
	case err != nil || to.Scheme != "https" || to.Host == "" || to.User != nil:
		s.tell(q, a, "sends us to "+soap.OneLine(location)+", which is not https: not followed")
		return nil
	case !s.redirected():
		return nil
	}
	s.tell(q, a, "sends us to "+soap.OneLine(to.Redacted()))
	return to
}

// targets are the hosts of the SRV record, by priority and weight.
func (s *search) targets(ctx context.Context, domain, name string) []string {
	ctx, cancel := context.WithTimeout(ctx, s.Timeout)
	defer cancel()
	_, records, err := s.Resolver.LookupSRV(ctx, "autodiscover", "tcp", domain)
	if err != nil && len(records) == 0 { // names that are none are left out, with an error
		s.step(Step{Method: SRV, URL: name, Outcome: describe(err, s.Timeout)})
		return nil
	}
	var hosts []string
	for _, r := range records {
		host := strings.ToLower(strings.TrimSuffix(r.Target, "."))
		if host == "" || len(hosts) == maxTargets { // "." says that there is no such service
			continue
		}
		if r.Port != 443 {
			host = net.JoinHostPort(host, strconv.Itoa(int(r.Port)))
		}
		hosts = append(hosts, host)
	}
	outcome := "names " + strings.Join(hosts, ", ")
	if len(hosts) == 0 {
		outcome = "says that there is no such service"
	}
	s.step(Step{Method: SRV, URL: name, Outcome: soap.OneLine(outcome)})
	return hosts
}

// first says whether something is done for the first time.
func (s *search) first(key string) bool {
	if s.seen[key] {
		return false
	}
	s.seen[key] = true
	return true
}

// redirected counts a redirect, and says whether there may be one more.
func (s *search) redirected() bool {
	s.redirects++
	if s.redirects > maxRedirects {
		s.broken = fmt.Sprintf("more than %d redirects", maxRedirects)
	}
	return s.broken == ""
}

func (s *search) over(ctx context.Context) bool { return s.broken != "" || ctx.Err() != nil }

func (s *search) tell(q question, a answer, outcome string) {
	s.step(Step{Method: q.method, URL: q.url, Login: a.login, Status: a.status, Outcome: outcome})
}

func (s *search) step(step Step) {
	s.steps = append(s.steps, step)
	if s.OnStep != nil {
		s.OnStep(step)
	}
}

// hostOf is the host of an URL, with its port where that isn't 443.
func hostOf(u *url.URL) string {
	host := strings.ToLower(u.Hostname())
	if port := u.Port(); port != "" && port != "443" {
		return net.JoinHostPort(host, port)
	}
	return host
}
