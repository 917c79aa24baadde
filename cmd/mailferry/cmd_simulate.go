package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"mailferry/ews/ewstest"
	"mailferry/internal/atomicfile"
	"mailferry/internal/selection"
)

type simulateOptions struct {
	listen, addrFile, caOut, auth, epa, version, bandwidth, state, language string
	tls, allowRemote                                                        bool
	users, mailboxes, policy, lose                                          []string
	latency                                                                 time.Duration
	seed                                                                    int64
}

func newSimulateCommand(a *app) *cobra.Command {
	var o simulateOptions
	cmd := &cobra.Command{
		Use:   "simulate",
		Short: "Run a simulated Exchange server, to rehearse against",
		Long: `Run an Exchange server with mailboxes in memory, until it is interrupted. It is
strict where Exchange is, and can be made to fail in every way that Exchange and
networks do: POST faults to /simulator/faults, read what a mailbox holds from
/simulator/mailboxes/ADDRESS, and what was asked from /simulator/stats.

Mailboxes: ADDRESS, ADDRESS=empty, ADDRESS=sample:N[:SEED] (N made-up items of
every kind), ADDRESS=pst:FILE (a real one), ADDRESS=bulk:N:SIZE (for speed).
Policy keys: max-concurrency, budget, recharge, max-request-bytes,
batch-seconds, find-page, sync-page.`,
		Example: `  mailferry simulate --mailbox alice@old.example=sample:400 --mailbox alice@new.example \
      --user 'EXAMPLE\svc:secret' --auth ntlm --addr-file addr`,
		Args: exactArgs(0, "no argument"),
		RunE: func(cmd *cobra.Command, _ []string) error { return a.simulate(cmd.Context(), o) },
	}
	fs := cmd.Flags()
	fs.StringVar(&o.listen, "listen", "127.0.0.1:0", "`ADDRESS` to listen on; port 0 chooses a free one")
	fs.StringVar(&o.addrFile, "addr-file", "", "write the base URL to this `FILE` when ready")
	fs.BoolVar(&o.tls, "tls", false, "serve TLS with a self-signed certificate")
	fs.StringVar(&o.caOut, "ca-out", "", "write the certificate to this `FILE`")
	fs.StringVar(&o.auth, "auth", "basic,ntlm", "login schemes: basic, ntlm, remote-user")
	fs.StringVar(&o.epa, "epa", "off", "Extended Protection of NTLM over TLS: off, allow or require")
	fs.StringArrayVar(&o.users, "user", nil, "who may log in, as `NAME:PASSWORD`; repeatable (default admin:Passw0rd!)")
	fs.StringArrayVar(&o.mailboxes, "mailbox", nil, "a mailbox, as `ADDRESS[=CONTENT]`; repeatable")
	fs.StringVar(&o.language, "language", "en", "language of the folder names: en or de")
	fs.StringVar(&o.version, "version", "2016", "server version: 2010_SP1, 2013_SP1, 2016 or SE")
	fs.DurationVar(&o.latency, "latency", 0, "wait so long before each answer")
	fs.StringVar(&o.bandwidth, "bandwidth", "", "bytes a second of each connection, as `SIZE/s`")
	fs.StringArrayVar(&o.policy, "policy", nil, "a limit, as `KEY=VALUE`; repeatable")
	fs.StringArrayVar(&o.lose, "lose", nil, "silently drop the property with this `TAG` or name from every upload, for example 0x0037001F or Keywords; repeatable")
	fs.StringVar(&o.state, "state", "", "keep the mailboxes in this `FILE` across restarts")
	fs.BoolVar(&o.allowRemote, "allow-remote", false, "serve other machines too")
	fs.Int64Var(&o.seed, "seed", 0, "seed of the faults that come by chance")
	return cmd
}

// options turns the flags into the simulator's options.
func (o simulateOptions) options() (ewstest.Options, error) {
	so := ewstest.Options{
		Auth: strings.Split(o.auth, ","), TLS: o.tls, EPA: o.epa, Version: o.version, Latency: o.latency,
		StateFile: o.state, AllowRemote: o.allowRemote, Seed: o.seed,
	}
	for _, text := range o.users {
		user, err := ewstest.ParseUser(text)
		if err != nil {
			return so, usageError{err}
		}
		so.Users = append(so.Users, user)
	}
	for _, text := range o.mailboxes {
		spec, err := ewstest.ParseMailboxSpec(text)
		if err != nil {
			return so, usageError{err}
		}
		spec.Language = o.language
		so.Mailboxes = append(so.Mailboxes, spec)
	}
	for _, text := range o.lose {
		if tag, err := strconv.ParseUint(text, 0, 32); err == nil {
			so.Lose = append(so.Lose, uint32(tag))
		} else {
			so.LoseNames = append(so.LoseNames, text)
		}
	}
	for _, text := range o.policy {
		key, value, _ := strings.Cut(text, "=")
		if err := so.Policy.Set(key, value); err != nil {
			return so, usagef("--policy: %w", err)
		}
	}
	if o.bandwidth != "" {
		rate, err := selection.ParseRate(o.bandwidth)
		if err != nil {
			return so, usagef("--bandwidth: %w", err)
		}
		so.Bandwidth = rate
	}
	return so, nil
}

func (a *app) simulate(ctx context.Context, o simulateOptions) error {
	so, err := o.options()
	if err != nil {
		return err
	}
	if a.log.Enabled(ctx, slog.LevelInfo) {
		so.Log = a.log
	}
	server, err := ewstest.NewServer(so)
	if err != nil {
		return usageError{err}
	}
	if err := server.Start(o.listen); err != nil {
		return err
	}
	if o.caOut != "" {
		if err := os.WriteFile(o.caOut, server.CAPEM(), 0o644); err != nil {
			server.Close()
			return usagef("--ca-out: %w", err)
		}
	}
	if o.addrFile != "" {
		// Whole or not there at all: others wait for this file.
		if err := atomicfile.Write(o.addrFile, []byte(server.BaseURL()+"\n"), 0o644); err != nil {
			server.Close()
			return usagef("--addr-file: %w", err)
		}
	}
	if !a.global.quiet {
		fmt.Fprintf(a.stdout, "simulating Exchange at %s; interrupt to stop\n", server.URL())
	}
	<-ctx.Done()
	return server.Close()
}
