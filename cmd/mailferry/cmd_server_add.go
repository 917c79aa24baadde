package main

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"mailferry/ews/autodiscover"
	"mailferry/internal/selection"
)

type serverAddOptions struct {
	connect          connectFlags
	address          string
	passwordCommand  string
	secretCommand    string
	tokenCommand     string
	noCheck, replace bool
}

func newServerAddCommand(a *app) *cobra.Command {
	var o serverAddOptions
	cmd := &cobra.Command{
		Use:   "add NAME --address user@domain",
		Short: "Find a server, try the login, and keep both as a profile",
		Long: `Find the server of a mailbox by Autodiscover, or take the one that --url names,
log in, open the mailbox, and write a profile into the config file: from then on
NAME:user@domain says where a mailbox is. Other profiles and comments stay as
they are, and the file can be read by you alone.

Autodiscover asks the domain, the host autodiscover of the domain, its http
redirect and the SRV record. What an http answer or a DNS record names gets no
password before you agree, here or with --trust-redirect.

No password is stored: --password-file or --password-command say where it comes
from, else $MAILFERRY_NAME_PASSWORD, else you are asked on each run.`,
		Example: `  mailferry server add old --address alice@old.example --user 'OLD\svc' --password-file old.pw
  mailferry server add new --address alice@new.example --url https://mail.new.example/EWS/Exchange.asmx \
      --user 'NEW\svc' --password-command 'pass show exchange/new'`,
		Args: exactArgs(1, "the name of the profile"),
		RunE: func(cmd *cobra.Command, args []string) error { return a.serverAdd(cmd.Context(), o, args[0]) },
	}
	fs := cmd.Flags()
	o.connect.addFlags(fs)
	fs.StringVar(&o.address, "address", "", "a mailbox of the server, `user@domain`: its server is looked for, and it is opened as a trial")
	fs.StringVar(&o.passwordCommand, "password-command", "", "`COMMAND` that prints the password, its arguments parted by spaces")
	fs.StringVar(&o.secretCommand, "client-secret-command", "", "oauth: `COMMAND` that prints the client secret, its arguments parted by spaces")
	fs.StringVar(&o.tokenCommand, "token-command", "", "oauth: `COMMAND` that prints an access token, its arguments parted by spaces; run again when the token ends")
	fs.BoolVar(&o.noCheck, "no-check", false, "don't log in; needs --url")
	fs.BoolVar(&o.replace, "replace", false, "replace a profile of this name")
	return cmd
}

func (a *app) serverAdd(ctx context.Context, o serverAddOptions, name string) error {
	conf, p, address, err := a.newProfile(o, name)
	if err != nil {
		return err
	}
	var seen trial
	if p.URL == "" {
		onStep := func(s autodiscover.Step) {
			if !a.global.quiet && !a.global.json {
				fmt.Fprintf(a.stderr, "  %s: %s\n", stepText(s), oneLine(s.Outcome))
			}
		}
		found, err := a.discover(ctx, o.connect.discover, p, address, onStep)
		if err != nil {
			return err
		}
		p.URL, seen.From, seen.Internal = found.URL, found.From, found.Internal
		if !strings.EqualFold(found.Address, address.Address) {
			seen.Known, address.Address = found.Address, found.Address
		}
	}
	if err := checkURL(p.URL); err != nil {
		return err
	}
	seen.Server, seen.URL = name, p.URL
	if !o.noCheck {
		if err := a.try(ctx, p, address, o.connect.trace, &seen); err != nil {
			return err
		}
	}
	if err := conf.setProfile(name, &p); err != nil {
		return err
	}
	seen.Config = conf.path
	return a.showTrial(seen, address, p)
}

// newProfile checks all that can be checked before anything is sent.
func (a *app) newProfile(o serverAddOptions, name string) (*config, profile, mailboxAddress, error) {
	fail := func(err error) (*config, profile, mailboxAddress, error) {
		return nil, profile{}, mailboxAddress{}, err
	}
	if o.address == "" && (o.connect.URL == "" || !o.noCheck) {
		return fail(usagef("say which mailbox the server has: --address user@domain (or give --url and --no-check)"))
	}
	if o.noCheck && o.connect.URL == "" {
		return fail(usagef("--no-check needs --url: Autodiscover logs in, too"))
	}
	if o.passwordCommand != "" && o.connect.PasswordFile != "" {
		return fail(usagef("--password-file and --password-command exclude each other"))
	}
	if strings.Contains(o.address, ":") {
		return fail(usagef("--address %q: give user@domain alone", o.address))
	}
	trial := o.address
	if trial == "" {
		trial = "nobody@invalid"
	}
	address, err := selection.ParseAddress(name + ":" + trial)
	switch {
	case err != nil:
		return fail(usageError{err})
	case address.Folder != "":
		return fail(usagef("--address %q: give user@domain alone", o.address))
	}
	conf, err := loadConfigToChange(a.global.config)
	if err != nil {
		return fail(err)
	}
	if _, there := conf.Server[name]; there && !o.replace {
		return fail(usagef("config %s has a server %q already: give another name, or --replace", conf.path, name))
	}
	o.connect.ClientSecretCommand, o.connect.TokenCommand = strings.Fields(o.secretCommand), strings.Fields(o.tokenCommand)
	if o.secretCommand != "" && o.connect.ClientSecretFile != "" {
		return fail(usagef("--client-secret-file and --client-secret-command exclude each other"))
	}
	p := o.connect.over(profile{PasswordCommand: strings.Fields(o.passwordCommand)})
	if err := p.check(); err != nil {
		return fail(err)
	}
	if p.proxyPassword() {
		return fail(usagef("no password is stored, and the address of the proxy holds one: leave it to HTTPS_PROXY, or write it into the profile yourself"))
	}
	return conf, p.withFiles(absolute), address, nil
}

// absolute makes the file name of a flag good from every folder.
func absolute(name string) string {
	if full, err := filepath.Abs(name); err == nil {
		return full
	}
	return name
}

// stepText names a step of Autodiscover for people.
func stepText(s autodiscover.Step) string {
	text := fmt.Sprintf("%s %s", s.Method, oneLine(s.URL))
	if s.Login {
		text += ", with login"
	}
	return text
}
