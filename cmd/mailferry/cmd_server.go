package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"text/tabwriter"

	"github.com/spf13/cobra"
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
						if err := e.Encode(map[string]any{"server": name, "url": p.URL, "auth": p.Auth, "user": p.account(), "access": p.Access, "password": from}); err != nil {
							return err
						}
						continue
					}
					url := p.URL
					if url == "" {
						url = "(Autodiscover)"
					}
					fmt.Fprintf(t, "%s\t%s\t%s as %s\t%s\t%s\n", oneLine(name), oneLine(url), p.Auth, oneLine(p.account()), p.Access, oneLine(from))
				}
				return nil
			})
		},
	}
}

// passwordSource says where a password comes from, never what it is.
func passwordSource(name string, p profile) string {
	switch {
	case p.Auth == "oauth":
		return p.oauthProfile.source(name)
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
