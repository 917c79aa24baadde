package main

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"mailferry/ews"
	"mailferry/ews/autodiscover"
	"mailferry/internal/selection"
)

func newServerCommand(a *app) *cobra.Command {
	const subcommands = "a subcommand: add, list, check or remove"
	cmd := &cobra.Command{
		Use:   "server",
		Short: "Add, list, check and remove the server profiles of the config file",
		Args:  exactArgs(0, subcommands),
		RunE:  func(*cobra.Command, []string) error { return usagef("give %s", subcommands) },
	}
	cmd.AddCommand(newServerAddCommand(a), newServerListCommand(a), newServerCheckCommand(a), newServerRemoveCommand(a))
	return cmd
}

type serverAddOptions struct {
	connect          connectFlags
	address          string
	passwordCommand  string
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
	p := o.connect.over(profile{PasswordCommand: strings.Fields(o.passwordCommand)})
	if err := p.check(); err != nil {
		return fail(err)
	}
	return conf, absoluteFiles(p), address, nil
}

// absoluteFiles makes the file names of flags good from every folder.
func absoluteFiles(p profile) profile {
	v := reflect.ValueOf(&p).Elem()
	for i := range v.NumField() {
		key := v.Type().Field(i).Tag.Get("toml")
		if f := v.Field(i); strings.HasSuffix(key, "file") && f.Kind() == reflect.String && f.String() != "" {
			if full, err := filepath.Abs(f.String()); err == nil {
				f.SetString(full)
			}
		}
	}
	return p
}

// trial is what trying a server has shown.
type trial struct {
	Server   string `json:"server,omitempty"`
	URL      string `json:"url"`
	From     string `json:"autodiscover,omitempty"` // host that told
	Internal string `json:"internal_url,omitempty"` // for clients inside, where that is another
	Known    string `json:"address,omitempty"`      // of the mailbox there, where it is another
	Version  string `json:"version,omitempty"`
	Name     string `json:"product,omitempty"`
	Folders  int    `json:"folders,omitempty"`
	Config   string `json:"config,omitempty"`
}

// try logs in and opens the mailbox.
func (a *app) try(ctx context.Context, p profile, address mailboxAddress, trace string, seen *trial) error {
	newTransport, err := a.login(ctx, address.Server, p)
	if err != nil {
		return err
	}
	client, err := a.newClient(newTransport, p, address.Address, 1, trace, nil)
	if err != nil {
		return err
	}
	defer client.Close()
	results, err := client.GetFolders(ctx, []ews.FolderRef{ews.Distinguished("msgfolderroot")})
	if err == nil && results[0].Err != nil {
		err = results[0].Err
	}
	if err != nil {
		return fmt.Errorf("open %s on %s: %w", address.Address, p.URL, err)
	}
	seen.Version, seen.Name = client.ServerVersion().String(), productName(client.ServerVersion())
	seen.Folders = results[0].Folder.Children
	return nil
}

func (a *app) showTrial(t trial, address mailboxAddress, p profile) error {
	if a.global.json {
		return json.NewEncoder(a.stdout).Encode(t)
	}
	if a.global.quiet {
		return nil
	}
	w := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "server\t%s\n", oneLine(t.URL))
	if t.From != "" {
		fmt.Fprintf(w, "found by\tAutodiscover of %s\n", oneLine(t.From))
	}
	if t.Internal != "" {
		fmt.Fprintf(w, "inside\t%s\n", oneLine(t.Internal))
	}
	if t.Version != "" {
		fmt.Fprintf(w, "version\t%s\n", versionText(t.Name, t.Version))
		fmt.Fprintf(w, "login\t%s as %s\n", p.Auth, p.User)
		fmt.Fprintf(w, "mailbox\t%s, opened by %s\n", oneLine(address.Address), accessText(p))
	}
	if t.Config != "" {
		fmt.Fprintf(w, "profile\t%s in %s\n", t.Server, t.Config)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if t.Config != "" && p.PasswordFile == "" && len(p.PasswordCommand) == 0 {
		fmt.Fprintf(a.stdout, "No password is stored: set %s, or you are asked on each run.\n", passwordVariable(t.Server))
	}
	return nil
}

func accessText(p profile) string {
	if p.Access == "delegate" {
		return "its own or full access"
	}
	return "impersonation"
}

// stepText names a step of Autodiscover for people.
func stepText(s autodiscover.Step) string {
	text := fmt.Sprintf("%s %s", s.Method, oneLine(s.URL))
	if s.Login {
		text += ", with login"
	}
	return text
}

func newServerListCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the profiles of the config file",
		Args:  exactArgs(0, "no argument"),
		RunE: func(*cobra.Command, []string) error {
			conf, err := loadConfig(a.global.config)
			if err != nil {
				return err
			}
			return a.rows("name\turl\tlogin\taccess\tpassword", func(t *tabwriter.Writer, e *json.Encoder) error {
				for _, name := range slices.Sorted(maps.Keys(conf.Server)) {
					p := profile{}.over(conf.Server[name])
					from := passwordSource(name, p)
					if e != nil {
						if err := e.Encode(map[string]any{"server": name, "url": p.URL, "auth": p.Auth, "user": p.User, "access": p.Access, "password": from}); err != nil {
							return err
						}
						continue
					}
					url := p.URL
					if url == "" {
						url = "(Autodiscover)"
					}
					fmt.Fprintf(t, "%s\t%s\t%s as %s\t%s\t%s\n", oneLine(name), oneLine(url), p.Auth, oneLine(p.User), p.Access, oneLine(from))
				}
				return nil
			})
		},
	}
}

// passwordSource says where a password comes from, never what it is.
func passwordSource(name string, p profile) string {
	switch {
	case p.PasswordFile != "":
		return "file " + p.PasswordFile
	case len(p.PasswordCommand) > 0:
		return "command " + p.PasswordCommand[0]
	}
	return "$" + passwordVariable(name) + " or a prompt"
}

func newServerCheckCommand(a *app) *cobra.Command {
	var connect connectFlags
	cmd := &cobra.Command{
		Use:     "check NAME:user@domain",
		Short:   "Log in to a server and open a mailbox; doctor tells more",
		Example: `  mailferry server check old:alice@old.example`,
		Args:    exactArgs(1, "a mailbox, [SERVER:]user@domain"),
		RunE: func(cmd *cobra.Command, args []string) error {
			addresses, err := parseMailboxes(args)
			if err != nil {
				return err
			}
			p, err := a.settings(cmd.Context(), connect, addresses[0])
			if err != nil {
				return err
			}
			seen := trial{Server: addresses[0].Server, URL: p.URL}
			if err := a.try(cmd.Context(), p, addresses[0], connect.trace, &seen); err != nil {
				return err
			}
			return a.showTrial(seen, addresses[0], p)
		},
	}
	connect.addFlags(cmd.Flags())
	return cmd
}

func newServerRemoveCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "remove NAME",
		Short: "Take a profile out of the config file",
		Args:  exactArgs(1, "the name of the profile"),
		RunE: func(_ *cobra.Command, args []string) error {
			conf, err := loadConfig(a.global.config)
			if err != nil {
				return err
			}
			if _, err := conf.profile(args[0]); err != nil || args[0] == "" {
				return usagef("no server %q in config %s", args[0], conf.path)
			}
			return conf.setProfile(args[0], nil)
		},
	}
}
