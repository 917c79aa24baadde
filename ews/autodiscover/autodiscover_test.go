package autodiscover

import (
	stdcmp "cmp"
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"mailferry/ews"
	"mailferry/ews/ewsauth"
	"mailferry/ews/ewstest"
)

type hosts = map[string]http.Handler

// situation is a state of the world, and what Find makes of it.
type situation struct {
	name     string
	https    hosts
	http     hosts
	certs    map[string]string
	srv      map[string][]string
	confirm  []string // hosts that the user allows
	password string   // "" is the right one, "none" is no login at all
	timeout  time.Duration
	address  string // "" is alice@old.example

	url     string   // found; "" is nothing
	found   string   // address that it was found for, "" the one asked for
	err     string   // what the error must tell
	refused bool     // as a refused login
	asked   []string // in this order, with who got credentials
	wasked  []string // hosts that the user was asked about
}

const record = "_autodiscover._tcp.old.example."

var situations = []situation{
	{
		name:  "the domain itself, by JSON: no login is made",
		https: hosts{"old.example": exchange(ewstest.Autodiscover{})},
		url:   mailURL,
		asked: []string{"GET https://old.example json"},
	},
	{
		name:  "the domain itself, by SOAP",
		https: hosts{"old.example": withLogin("soap", "pox")},
		url:   mailURL,
		asked: []string{"GET https://old.example json", "POST https://old.example soap", "POST https://old.example soap basic"},
	},
	{
		name:  "the domain itself, by POX",
		https: hosts{"old.example": withLogin("pox")},
		url:   mailURL,
		asked: []string{
			"GET https://old.example json", "POST https://old.example soap",
			"POST https://old.example pox", "POST https://old.example pox basic",
		},
	},
	{
		name:  "the host autodiscover, where the domain has a web site",
		https: hosts{"old.example": says("text/html", "<!DOCTYPE html><title>Welcome</title>"), "autodiscover.old.example": withLogin("soap")},
		url:   mailURL,
		asked: []string{
			"GET https://old.example json", "POST https://old.example soap", "POST https://old.example pox",
			"GET https://autodiscover.old.example json", "POST https://autodiscover.old.example soap", "POST https://autodiscover.old.example soap basic",
		},
	},
	{
		name:  "the host autodiscover, where the domain does not exist",
		https: hosts{"autodiscover.old.example": exchange(ewstest.Autodiscover{})},
		url:   mailURL,
		asked: []string{"GET https://autodiscover.old.example json"},
	},
	{
		name:    "an http redirect that the user allows",
		http:    hosts{"autodiscover.old.example": sendsTo("https://mail.hoster.example/autodiscover/autodiscover.xml")},
		https:   hosts{"mail.hoster.example": withLogin("pox")},
		confirm: []string{"mail.hoster.example"},
		url:     mailURL,
		wasked:  []string{"mail.hoster.example"},
		asked: []string{
			"GET http://autodiscover.old.example pox", "GET https://mail.hoster.example json", "POST https://mail.hoster.example soap",
			"POST https://mail.hoster.example pox", "POST https://mail.hoster.example pox basic",
		},
	},
	{
		name:   "an http redirect that the user does not allow: not even asked",
		http:   hosts{"autodiscover.old.example": sendsTo("https://mail.evil.example/autodiscover/autodiscover.xml")},
		https:  hosts{"mail.evil.example": exchange(ewstest.Autodiscover{URL: "https://mail.evil.example/EWS/Exchange.asmx"})},
		err:    "mail.evil.example: not asked: only http://autodiscover.old.example names it",
		wasked: []string{"mail.evil.example"},
		asked:  []string{"GET http://autodiscover.old.example pox"},
	},
	{
		name:  "an http redirect to http is not followed",
		http:  hosts{"autodiscover.old.example": sendsTo("http://mail.old.example/autodiscover/autodiscover.xml"), "mail.old.example": withLogin("pox")},
		err:   "which is not https",
		asked: []string{"GET http://autodiscover.old.example pox"},
	},
	{
		name:  "an http answer that is no redirect is not believed",
		http:  hosts{"autodiscover.old.example": exchange(ewstest.Autodiscover{})},
		err:   "no redirect",
		asked: []string{"GET http://autodiscover.old.example pox"},
	},
	{
		name:    "an http redirect to where we have been needs no question",
		http:    hosts{"autodiscover.old.example": sendsTo("https://autodiscover.old.example/autodiscover/autodiscover.xml")},
		https:   hosts{"autodiscover.old.example": http.NotFoundHandler()},
		err:     "404",
		confirm: []string{},
		asked: []string{
			"GET https://autodiscover.old.example json", "POST https://autodiscover.old.example soap", "POST https://autodiscover.old.example pox",
			"GET http://autodiscover.old.example pox",
		},
	},
	{
		name:    "an SRV record that the user allows",
		srv:     map[string][]string{record: {"0 0 443 mail.old.example."}},
		https:   hosts{"mail.old.example": withLogin("soap")},
		confirm: []string{"mail.old.example"},
		url:     mailURL,
		wasked:  []string{"mail.old.example"},
		asked:   []string{"GET https://mail.old.example json", "POST https://mail.old.example soap", "POST https://mail.old.example soap basic"},
	},
	{
		name:   "an SRV record that the user does not allow",
		srv:    map[string][]string{record: {"0 0 443 mail.evil.example."}},
		https:  hosts{"mail.evil.example": withLogin("soap")},
		err:    "only the DNS record _autodiscover._tcp.old.example names it",
		wasked: []string{"mail.evil.example"},
	},
	{
		name:    "SRV records by priority, one of another port",
		srv:     map[string][]string{record: {"20 0 443 second.old.example.", "10 0 8443 first.old.example."}},
		https:   hosts{"first.old.example:8443": http.NotFoundHandler(), "second.old.example": exchange(ewstest.Autodiscover{})},
		confirm: []string{"first.old.example:8443", "second.old.example"},
		url:     mailURL,
		wasked:  []string{"first.old.example:8443", "second.old.example"},
		asked: []string{
			"GET https://first.old.example:8443 json", "POST https://first.old.example:8443 soap", "POST https://first.old.example:8443 pox",
			"GET https://second.old.example json",
		},
	},
	{
		name: "an SRV record that says there is none",
		srv:  map[string][]string{record: {"0 0 0 ."}},
		err:  "says that there is no such service",
	},
	{
		name:    "a DNS server that does not answer",
		srv:     map[string][]string{record: {"silent"}},
		timeout: time.Second,
		err:     "_autodiscover._tcp.old.example: no answer within 1s",
	},
	{
		name:  "a redirect over TLS, to another host",
		https: hosts{"old.example": sendsTo("https://auto.hoster.example/autodiscover/autodiscover.svc"), "auto.hoster.example": withLogin("soap")},
		url:   mailURL,
		asked: []string{
			"GET https://old.example json", "GET https://auto.hoster.example soap",
			"POST https://old.example soap", "POST https://auto.hoster.example soap", "POST https://auto.hoster.example soap basic",
		},
	},
	{
		name:  "a redirect from https to http is not followed",
		https: hosts{"old.example": sendsTo("http://old.example/autodiscover/autodiscover.xml")},
		http:  hosts{"old.example": withLogin("pox")},
		err:   "which is not https: not followed",
		asked: []string{"GET https://old.example json", "POST https://old.example soap", "POST https://old.example pox"},
	},
	{
		name:  "redirects in a circle",
		https: hosts{"old.example": sendsTo("https://b.example/x"), "b.example": sendsTo("https://old.example/y"), "autodiscover.old.example": sendsTo("https://autodiscover.old.example/autodiscover/autodiscover.xml")},
		err:   "a circle",
		asked: []string{
			"GET https://old.example json", "GET https://b.example /x", "GET https://old.example /y",
			"POST https://old.example soap", "POST https://b.example /x", "POST https://old.example /y",
			"POST https://old.example pox", "POST https://b.example /x", "POST https://old.example /y",
			"GET https://autodiscover.old.example json", "GET https://autodiscover.old.example pox",
			"POST https://autodiscover.old.example soap", "POST https://autodiscover.old.example pox", "POST https://autodiscover.old.example pox",
		},
	},
	{
		name: "a redirect that never ends",
		https: hosts{"old.example": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Location", r.URL.Path+"x")
			w.WriteHeader(http.StatusMovedPermanently)
		})},
		err: "more than 10 redirects",
	},
	{
		name: "SOAP sends us to another URL",
		https: hosts{
			"old.example":         exchange(ewstest.Autodiscover{Without: []string{"json"}, RedirectURL: map[string]string{"alice@old.example": "https://auto.branch.example/autodiscover/autodiscover.svc"}}),
			"auto.branch.example": withLogin("soap"),
		},
		url: mailURL,
		asked: []string{
			"GET https://old.example json", "POST https://old.example soap", "POST https://old.example soap basic",
			"POST https://auto.branch.example soap", "POST https://auto.branch.example soap basic",
		},
	},
	{
		name: "SOAP sends us to a URL without TLS",
		https: hosts{
			"old.example": exchange(ewstest.Autodiscover{Without: []string{"json", "pox"}, RedirectURL: map[string]string{"alice@old.example": "http://auto.branch.example/autodiscover/autodiscover.svc"}}),
		},
		http:  hosts{"auto.branch.example": withLogin("soap")},
		err:   "404",
		asked: []string{"GET https://old.example json", "POST https://old.example soap", "POST https://old.example soap basic", "POST https://old.example pox"},
	},
	{
		name: "SOAP sends us to another address",
		https: hosts{
			"old.example": exchange(ewstest.Autodiscover{Without: []string{"json"}, RedirectTo: map[string]string{"alice@old.example": "alice@new.example"}}),
			"new.example": exchange(ewstest.Autodiscover{URL: "https://mail.new.example/EWS/Exchange.asmx"}),
		},
		url: "https://mail.new.example/EWS/Exchange.asmx", found: "alice@new.example",
		asked: []string{"GET https://old.example json", "POST https://old.example soap", "POST https://old.example soap basic", "GET https://new.example json"},
	},
	{
		name: "POX sends us to another address",
		https: hosts{
			"old.example": exchange(ewstest.Autodiscover{Without: []string{"json", "soap"}, RedirectTo: map[string]string{"alice@old.example": "alice@new.example"}}),
			"new.example": exchange(ewstest.Autodiscover{URL: "https://mail.new.example/EWS/Exchange.asmx"}),
		},
		url: "https://mail.new.example/EWS/Exchange.asmx", found: "alice@new.example",
		asked: []string{
			"GET https://old.example json", "POST https://old.example soap", "POST https://old.example pox", "POST https://old.example pox basic",
			"GET https://new.example json",
		},
	},
	{
		name: "addresses in a circle",
		https: hosts{
			"old.example": exchange(ewstest.Autodiscover{Without: []string{"json"}, RedirectTo: map[string]string{"alice@old.example": "alice@new.example"}}),
			"new.example": exchange(ewstest.Autodiscover{Without: []string{"json"}, RedirectTo: map[string]string{"alice@new.example": "ALICE@old.example"}}),
		},
		err: "came up twice",
		asked: []string{
			"GET https://old.example json", "POST https://old.example soap", "POST https://old.example soap basic",
			"GET https://new.example json", "POST https://new.example soap", "POST https://new.example soap basic",
		},
	},
	{
		name:  "a certificate for another name",
		https: hosts{"old.example": exchange(ewstest.Autodiscover{}), "autodiscover.old.example": exchange(ewstest.Autodiscover{})},
		certs: map[string]string{"old.example": "name"},
		url:   mailURL,
		asked: []string{"GET https://autodiscover.old.example json"},
	},
	{
		name:  "a certificate that has expired",
		https: hosts{"old.example": withLogin("soap")},
		certs: map[string]string{"old.example": "expired"},
		err:   "old.example: its certificate has expired",
	},
	{
		name:  "a certificate of an unknown authority",
		https: hosts{"old.example": withLogin("soap")},
		certs: map[string]string{"old.example": "authority"},
		err:   "old.example: its certificate comes from an authority that is not trusted",
	},
	{
		name:  "no TLS on the port for it",
		https: hosts{"old.example": withLogin("soap")},
		certs: map[string]string{"old.example": "no TLS"},
		err:   "old.example: no TLS there",
		asked: nil,
	},
	{
		name:  "an EWS address without TLS is not taken",
		https: hosts{"old.example": exchange(ewstest.Autodiscover{URL: "http://mail.old.example/EWS/Exchange.asmx"})},
		err:   "names an EWS address that is not https",
		asked: []string{
			"GET https://old.example json", "POST https://old.example soap", "POST https://old.example soap basic",
			"POST https://old.example pox", "POST https://old.example pox basic",
		},
	},
	{
		name:     "a refused login is tried at each host once",
		https:    hosts{"old.example": withLogin("soap", "pox"), "autodiscover.old.example": withLogin("soap", "pox")},
		password: "Wr0ng!",
		err:      "refused the login",
		refused:  true,
		asked: []string{
			"GET https://old.example json", "POST https://old.example soap", "POST https://old.example soap basic", "POST https://old.example pox",
			"GET https://autodiscover.old.example json", "POST https://autodiscover.old.example soap",
			"POST https://autodiscover.old.example soap basic", "POST https://autodiscover.old.example pox",
		},
	},
	{
		name: "a refused login at one host proves nothing",
		https: hosts{
			"old.example": http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("WWW-Authenticate", `Basic realm="web hoster"`)
				w.WriteHeader(http.StatusUnauthorized)
			}),
			"autodiscover.old.example": withLogin("soap"),
		},
		url: mailURL,
		asked: []string{
			"GET https://old.example json", "POST https://old.example soap", "POST https://old.example soap basic", "POST https://old.example pox",
			"GET https://autodiscover.old.example json", "POST https://autodiscover.old.example soap", "POST https://autodiscover.old.example soap basic",
		},
	},
	{
		name:     "nobody to log in as",
		https:    hosts{"old.example": withLogin("soap")},
		password: "none",
		err:      "404",
		asked:    []string{"GET https://old.example json", "POST https://old.example soap", "POST https://old.example pox"},
	},
	{
		name:    "a host that accepts and never answers",
		https:   hosts{"old.example": silent, "autodiscover.old.example": exchange(ewstest.Autodiscover{})},
		timeout: 2 * time.Second,
		url:     mailURL,
		asked:   []string{"GET https://old.example json", "GET https://autodiscover.old.example json"},
	},
	{
		name:    "an answer that never ends, slowly",
		https:   hosts{"old.example": trickling, "autodiscover.old.example": exchange(ewstest.Autodiscover{})},
		timeout: 2 * time.Second,
		url:     mailURL,
		asked:   []string{"GET https://old.example json", "GET https://autodiscover.old.example json"},
	},
	{
		name:  "an answer that never ends, at full speed",
		https: hosts{"old.example": endless},
		err:   "an answer that is too large",
		asked: []string{"GET https://old.example json", "POST https://old.example soap", "POST https://old.example pox"},
	},
	{
		name:  "XML that is another language",
		https: hosts{"old.example": says("text/xml", `<?xml version="1.0"?><clientConfig version="1.1"><emailProvider/></clientConfig>`)},
		err:   "not the language of Autodiscover",
		asked: []string{"GET https://old.example json", "POST https://old.example soap", "POST https://old.example pox"},
	},
	{
		name:    "a mailbox that the server does not know",
		https:   hosts{"old.example": exchange(ewstest.Autodiscover{Without: []string{"json"}})},
		address: "nobody@old.example",
		err:     "The email address can't be found",
		asked: []string{
			"GET https://old.example json", "POST https://old.example soap", "POST https://old.example soap basic",
			"POST https://old.example pox", "POST https://old.example pox basic",
		},
	},
	{
		name:    "what is no address",
		address: "alice@10.0.0.1",
		err:     "no mail address",
	},
}

// Each situation leads to the right server, or to none with the reason; requests
// go where they should, and credentials only to who may have them.
func TestSituations(t *testing.T) {
	for _, c := range situations {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, c)
			var wasked []string
			var steps []Step
			o := Options{
				Address: "alice@old.example", Anonymous: w.transport(), Resolver: resolverAt(w.dnsAt), Timeout: c.timeout, UserAgent: "test", OnStep: func(s Step) { steps = append(steps, s) },
				Confirm: func(_ context.Context, r Redirect) (bool, error) {
					wasked = append(wasked, r.Host)
					return slices.Contains(c.confirm, r.Host), nil
				},
			}
			if c.address != "" {
				o.Address = c.address
			}
			password := "Passw0rd!"
			if c.password != "" {
				password = c.password
			}
			if c.password != "none" {
				o.Login = func() http.RoundTripper { return ewsauth.Basic("svc", ewsauth.NewSecret(password), w.transport()) }
			}
			found, err := Find(t.Context(), o)
			switch {
			case c.url != "" && err != nil:
				t.Errorf("not found: %v", err)
			case c.url != "" && (found.URL != c.url || found.Address != stdcmp.Or(c.found, o.Address)):
				t.Errorf("found %s for %s, want %s for %s", found.URL, found.Address, c.url, stdcmp.Or(c.found, o.Address))
			case c.url == "" && err == nil:
				t.Errorf("found %s, which should not be", found.URL)
			case c.url == "" && !strings.Contains(err.Error(), c.err):
				t.Errorf("the error is %q, want %q in it", err, c.err)
			}
			if _, refused := errors.AsType[*ews.AuthError](err); refused != c.refused {
				t.Errorf("the error is %v; a refused login: %v, want %v", err, refused, c.refused)
			}
			if err != nil && (strings.Contains(err.Error(), password) || strings.ContainsAny(err.Error(), "\r\n")) {
				t.Errorf("the error holds the password, or more than a line: %q", err)
			}
			w.mu.Lock()
			defer w.mu.Unlock()
			if d := cmp.Diff(c.asked, w.asked); d != "" && c.name != "a redirect that never ends" {
				t.Errorf("asked (-want +got):\n%s\nsteps: %+v", d, steps)
			}
			if d := cmp.Diff(c.wasked, wasked); d != "" {
				t.Errorf("the user was asked about (-want +got):\n%s", d)
			}
			if len(w.asked) > 3*maxRedirects+10 {
				t.Errorf("%d requests", len(w.asked))
			}
		})
	}
}

// The whole search has an end, however many hosts keep it waiting.
func TestTotalTime(t *testing.T) {
	w := newWorld(t, situation{https: hosts{"old.example": silent, "autodiscover.old.example": silent}})
	_, err := Find(t.Context(), Options{Address: "alice@old.example", Anonymous: w.transport(), Resolver: resolverAt(w.dnsAt), Total: 300 * time.Millisecond})
	if err == nil || !strings.Contains(err.Error(), "it took longer than 300ms") {
		t.Errorf("error %v", err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	stopped := errors.New("enough")
	cancel(stopped)
	if _, err := Find(ctx, Options{Address: "alice@old.example", Anonymous: w.transport(), Resolver: resolverAt(w.dnsAt)}); !errors.Is(err, stopped) {
		t.Errorf("error %v, want that the caller stopped it", err)
	}
}

// Whatever comes in an answer, reading it ends, and an address is https or none.
func FuzzAnswers(f *testing.F) {
	f.Add([]byte(`{"Protocol":"EWS","Url":"https://a.example/EWS/Exchange.asmx"}`))
	f.Add([]byte(`<Autodiscover><Response><Account><Action>settings</Action><Protocol><Type>EXPR</Type><EwsUrl>https://a.example/</EwsUrl></Protocol></Account></Response></Autodiscover>`))
	f.Add([]byte(`<s:Envelope xmlns:s="` + nsSOAP + `"><s:Body><GetUserSettingsResponseMessage><Response><UserResponses><UserResponse/></UserResponses></Response></GetUserSettingsResponseMessage></s:Body></s:Envelope>`))
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, read := range []func([]byte) (said, error){readJSON, readSOAP, readPOX} {
			s, err := read(body)
			if err != nil {
				continue
			}
			for _, u := range both(s.best()) {
				if u != "" && !strings.HasPrefix(strings.ToLower(u), "https:") {
					t.Errorf("took %q", u)
				}
			}
			if strings.ContainsAny(s.why(), "\r\n") {
				t.Errorf("more than a line: %q", s.why())
			}
		}
	})
}

func both(a, b string) []string { return []string{a, b} }
