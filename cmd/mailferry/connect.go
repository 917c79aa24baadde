package main

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/spf13/pflag"

	"mailferry/ews"
	"mailferry/ews/ewsauth"
	"mailferry/internal/event"
)

// connectFlags say which server a command talks to, and how; they stand above
// the profile that the mailbox names.
type connectFlags struct {
	profile
	trace    string
	discover discoverFlags
}

func (c *connectFlags) addFlags(fs *pflag.FlagSet) {
	fs.StringVar(&c.URL, "url", "", "EWS `URL` of the server, https://HOST/EWS/Exchange.asmx; without it Autodiscover looks for it")
	fs.StringVar(&c.Auth, "auth", "", "how to log in: ntlm (default), basic or oauth")
	fs.StringVar(&c.User, "user", "", `who logs in: 'DOMAIN\name' or name@domain`)
	fs.StringVar(&c.PasswordFile, "password-file", "", "`FILE` whose first line is the password; else $MAILFERRY_PASSWORD, else a prompt")
	fs.StringVar(&c.Access, "access", "", "how to reach the mailbox: impersonate (default) or delegate (own mailbox, or full access)")
	fs.StringVar(&c.CAFile, "ca-file", "", "`FILE` of a private certificate authority (PEM)")
	fs.BoolVar(&c.Insecure, "insecure", false, "don't check the server's certificate (warns on every run)")
	c.reach.addFlags(fs)
	c.oauthProfile.addFlags(fs)
	fs.StringVar(&c.trace, "trace", "", "write requests and answers to this `DIR`, secrets and mail data cut out")
	c.discover.addFlags(fs)
}

// settings says how to reach the server of an address: its profile, the flags
// above it, and where these don't tell the URL, Autodiscover.
func (a *app) settings(ctx context.Context, flags connectFlags, address mailboxAddress) (profile, error) {
	conf, err := loadConfig(a.global.config)
	if err != nil {
		return profile{}, err
	}
	base, err := conf.profile(address.Server)
	if err != nil {
		return profile{}, err
	}
	p := flags.profile.over(base)
	if err := p.check(); err != nil {
		return profile{}, err
	}
	if p.URL == "" {
		if p.URL, err = a.discoverURL(ctx, flags.discover, p, address); err != nil {
			return profile{}, err
		}
	}
	return p, checkURL(p.URL)
}

// connect makes a client for one mailbox of one server. Nothing is sent yet.
func (a *app) connect(ctx context.Context, flags connectFlags, address mailboxAddress, workers int, show *progress) (*ews.Client, error) {
	p, err := a.settings(ctx, flags, address)
	if err != nil {
		return nil, err
	}
	newTransport, err := a.login(ctx, address.Server, p)
	if err != nil {
		return nil, err
	}
	return a.newClient(newTransport, p, address.Address, workers, flags.trace, show)
}

// login prepares the connections to a server. Its password is asked for once in
// a run, however many of the server's mailboxes there are.
func (a *app) login(ctx context.Context, server string, p profile) (func() http.RoundTripper, error) {
	if known := a.logins[server]; known != nil {
		return known, nil
	}
	a.warnInsecure(p)
	options, err := a.loginOptions(ctx, server, p)
	if err != nil {
		return nil, err
	}
	newTransport, err := ewsauth.New(options)
	if err != nil {
		return nil, usageError{err}
	}
	a.logins[server] = newTransport
	return newTransport, nil
}

func (a *app) warnInsecure(p profile) {
	if p.Insecure {
		fmt.Fprintln(a.stderr, "warning: --insecure: the server's certificate is not checked; whoever sits between can read the password and the mail")
	}
}

// loginOptions says how to log in to a server; its password is asked for.
func (a *app) loginOptions(ctx context.Context, server string, p profile) (ewsauth.Options, error) {
	tls, err := p.tls()
	if err != nil {
		return ewsauth.Options{}, err
	}
	if p.Auth == "oauth" {
		tokens, err := a.tokens(ctx, server, p, tls)
		return ewsauth.Options{Scheme: ewsauth.SchemeOAuth, Tokens: tokens, TLS: tls}, err
	}
	secret, err := a.password(ctx, server, p)
	if err != nil {
		return ewsauth.Options{}, err
	}
	return ewsauth.Options{
		Scheme: ewsauth.Scheme(p.Auth), User: p.User, Password: secret, Renew: a.renewal(ctx, server, p),
		TLS: tls, EPA: p.EPA, AllowPlaintext: p.AllowPlaintext,
	}, nil
}

func (a *app) newClient(newTransport func() http.RoundTripper, p profile, mailbox string, workers int, trace string, show *progress) (*ews.Client, error) {
	access := ews.Impersonate
	if p.Access == "delegate" {
		access = ews.Delegate
	}
	options := ews.Options{
		URL: p.URL, Mailbox: mailbox, Access: access, UserAgent: "mailferry/" + buildVersion(),
		NewTransport: newTransport, Workers: workers, Retry: a.patience.retry, StallTimeout: a.patience.stall,
	}
	if show != nil {
		options.OnWait = func(w ews.Wait) {
			show.handle(event.Event{Time: time.Now().UTC(), Kind: event.Wait, Mailbox: mailbox, Text: w.Reason, Wait: w.For})
		}
	}
	if trace != "" {
		tracer, err := newTracer(trace)
		if err != nil {
			return nil, err
		}
		options.Trace = tracer
	}
	client, err := ews.NewClient(options)
	if err != nil {
		return nil, usageError{err}
	}
	return client, nil
}

// checkURL refuses what can't be an EWS address before a password is asked for.
func checkURL(text string) error {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return usagef("--url %q is no address of a server: give https://HOST/EWS/Exchange.asmx", text)
	}
	if u.User != nil {
		return usagef("--url must not hold a user or a password: give --user and --password-file")
	}
	return nil
}
