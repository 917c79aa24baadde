package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"

	"github.com/spf13/pflag"
	"golang.org/x/term"

	"mailferry/ews/autodiscover"
	"mailferry/ews/ewsauth"
)

// discoverFlags say how a server that nobody named is looked for.
type discoverFlags struct {
	trust []string
	dns   string
}

func (d *discoverFlags) addFlags(fs *pflag.FlagSet) {
	fs.StringArrayVar(&d.trust, "trust-redirect", nil, "log in at this `HOST` if an http redirect or a DNS record of Autodiscover names it, without asking; repeatable")
	fs.StringVar(&d.dns, "dns-server", "", "ask this DNS server, `HOST:PORT`, for the SRV record of Autodiscover")
}

func (d *discoverFlags) check() error {
	if d.dns == "" {
		return nil
	}
	if host, port, err := net.SplitHostPort(d.dns); err != nil || host == "" || port == "" {
		return usagef("--dns-server %q: give HOST:PORT, for example 192.0.2.1:53", d.dns)
	}
	return nil
}

// resolver asks the server that the flag names; nil is the system's way.
func (d *discoverFlags) resolver() *net.Resolver {
	if d.dns == "" {
		return nil
	}
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, d.dns)
	}}
}

// discoverURL finds the EWS address of a mailbox, once in a run.
func (a *app) discoverURL(ctx context.Context, flags discoverFlags, p profile, address mailboxAddress) (string, error) {
	key := address.Server + ":" + strings.ToLower(address.Address)
	if url := a.discovered[key]; url != "" {
		return url, nil
	}
	found, err := a.discover(ctx, flags, p, address, nil)
	if err != nil {
		return "", err
	}
	a.discovered[key] = found.URL
	if !a.global.quiet {
		fmt.Fprintf(a.stderr, "the server of %s is %s, says Autodiscover of %s\n", address.Address, oneLine(found.URL), oneLine(found.From))
	}
	return found.URL, nil
}

// discover looks for the server of a mailbox. onStep may be nil.
func (a *app) discover(ctx context.Context, flags discoverFlags, p profile, address mailboxAddress, onStep func(autodiscover.Step)) (*autodiscover.Result, error) {
	if err := flags.check(); err != nil {
		return nil, err
	}
	tls, err := p.tls()
	if err != nil {
		return nil, err
	}
	login, err := a.login(ctx, address.Server, p)
	if err != nil {
		return nil, err
	}
	anonymous := ewsauth.NewTransport(tls)
	defer anonymous.CloseIdleConnections()
	var doubtful []string // hosts that nobody confirmed
	found, err := autodiscover.Find(ctx, autodiscover.Options{
		Address: address.Address, Anonymous: anonymous, Login: login, Resolver: flags.resolver(),
		UserAgent: "mailferry/" + buildVersion(), OnStep: onStep,
		Confirm: func(_ context.Context, r autodiscover.Redirect) (bool, error) {
			if slices.ContainsFunc(flags.trust, func(host string) bool { return strings.EqualFold(host, r.Host) }) {
				return true, nil
			}
			ok, err := a.confirm(fmt.Sprintf("%s says that the server of %s is %s. Nobody vouches for that: whoever sits between could have said it.\nLog in at %s?",
				r.From, address.Address, r.Host, r.Host))
			if !ok {
				doubtful = append(doubtful, r.Host)
			}
			return ok, err
		},
	})
	if none, ok := errors.AsType[*autodiscover.NotFoundError](err); ok {
		if len(doubtful) > 0 {
			return nil, fmt.Errorf("%w; if you trust %s, give --trust-redirect %s", none, oneLine(doubtful[0]), oneLine(doubtful[0]))
		}
		return nil, fmt.Errorf("%w; give the address of the server with --url https://HOST/EWS/Exchange.asmx", none)
	}
	return found, err
}

// confirm asks a question on a terminal; anywhere else the answer is no.
func (a *app) confirm(question string) (bool, error) {
	in, ok := a.stdin.(*os.File)
	if !ok || !term.IsTerminal(int(in.Fd())) {
		return false, nil
	}
	fmt.Fprintf(a.stderr, "%s [y/N] ", question)
	line, err := bufio.NewReader(in).ReadString('\n')
	if err != nil && line == "" {
		return false, fmt.Errorf("read the answer: %w", err)
	}
	line = strings.ToLower(strings.TrimSpace(line))
	return line == "y" || line == "yes", nil
}
