package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"mailferry/internal/event"
	"mailferry/store"
	"mailferry/upload"
)

type restoreOptions struct {
	connect connectFlags
	choose  restoreChoice
	running runningFlags
	store   string
	to      string
	under   string // the folder; underDefault: of the default name
	missing bool
	changed bool
	dryRun  bool
}

// underDefault is --under without a folder. No path is so.
const underDefault = "\x00"

func newRestoreCommand(a *app) *cobra.Command {
	var o restoreOptions
	cmd := &cobra.Command{
		Use:   "restore MAILBOX[/FOLDER] --store DIR [--to SERVER:MAILBOX[/FOLDER]] [--under[=FOLDER]]",
		Short: "Put chosen items back: in place, under a folder, or into another mailbox",
		Long: `Put items that the store holds of MAILBOX back into that mailbox, each where it
was: what is missing is made again in its folder, also where that was renamed or
moved, and what was changed since is replaced under the id it has. What the
user moved to another folder is found and left there. Deleted folders are made again. What
lies in Deleted Items does not count as there.

With --under everything goes below a folder of its own, "Restored" and the time
unless one is named, the tree kept. With --to it goes into another mailbox, as
'mailferry upload' does it.

Say what to restore: by a folder in the address or --folder, by --item, --items-from
or --query, by the other flags that choose, or --all. Items that were deleted after
their export are among it. Running the command again restores nothing twice.`,
		Example: `  mailferry restore old:alice@old.example --folder Projects --dry-run --store /backup/alice
  mailferry restore old:alice@old.example --query 'from:bob after:2026-11-01' --store /backup/alice
  mailferry restore old:alice@old.example --items-from ids --under --store /backup/alice
  mailferry restore alice@old.example --items-from ids --to new:bob@new.example --store /backup/alice`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 2 && o.under == underDefault {
				return usagef("write --under=FOLDER, with = before the folder")
			}
			return exactArgs(1, "a mailbox of the store, [SERVER:]user@domain[/Folder]")(nil, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error { return a.restore(cmd.Context(), o, args[0]) },
	}
	fs := cmd.Flags()
	addStoreFlag(fs, &o.store)
	o.connect.addFlags(fs)
	o.choose.addFlags(fs)
	o.running.addFlags(fs, "20MB", 50)
	fs.StringVar(&o.to, "to", "", "put the items into this `[SERVER:]MAILBOX[/FOLDER]` instead")
	fs.StringVar(&o.under, "under", "", "put the items below this `FOLDER`, the tree kept; without one below \"Restored\" and the time of the run")
	fs.Lookup("under").NoOptDefVal = underDefault
	fs.BoolVar(&o.missing, "only-missing", false, "in place: leave items that are there as they are, changed or not")
	fs.BoolVar(&o.changed, "only-changed", false, "in place: leave out items that are missing")
	fs.BoolVar(&o.dryRun, "dry-run", false, "print what would be done with each item; change nothing")
	return cmd
}

// destination is where restored items go.
type destination struct {
	mailboxAddress
	into    string
	inPlace *upload.InPlace // nil: into a folder, or another mailbox
}

// destination reads where to put items of a mailbox.
func (o restoreOptions) destination(from mailboxAddress, now time.Time) (destination, error) {
	d := destination{mailboxAddress: from}
	d.Folder = ""
	inPlace := o.to == "" && o.under == ""
	switch {
	case o.missing && o.changed:
		return d, usagef("--only-missing and --only-changed exclude each other")
	case !inPlace && (o.missing || o.changed):
		return d, usagef("--only-missing and --only-changed are for items that go back in place, without --to and --under")
	case inPlace:
		d.inPlace = &upload.InPlace{OnlyMissing: o.missing, OnlyChanged: o.changed}
		return d, nil
	}
	if o.to != "" {
		targets, err := parseMailboxes([]string{o.to})
		if err != nil {
			return d, err
		}
		d.mailboxAddress, d.into = targets[0], targets[0].Folder
	}
	switch {
	case o.under == "":
	case d.into != "":
		return d, usagef("%s/%s: name the folder in --to or with --under, not both", d.Address, d.into)
	case o.under == underDefault:
		d.into = now.Format("Restored 2006-01-02 15:04")
	default:
		d.into = o.under
	}
	return d, nil
}

func (a *app) restore(ctx context.Context, o restoreOptions, from string) error {
	if err := requireStore(o.store); err != nil {
		return err
	}
	limits, err := o.running.parse()
	if err != nil {
		return err
	}
	st, err := a.openReadable(o.store, store.OpenOptions{ReadOnly: o.dryRun})
	if err != nil {
		return err
	}
	defer st.Close()
	source, err := storedMailbox(st, from)
	if err != nil {
		return err
	}
	started := time.Now()
	to, err := o.destination(source, started)
	if err != nil {
		return err
	}
	choose, err := a.chooseRestored(ctx, st, source, o.choose)
	if err != nil {
		return err
	}
	if o.under == underDefault && !a.global.quiet {
		fmt.Fprintf(a.stderr, "everything goes below %q; to go on after an interruption, give --under='%s'\n", to.into, to.into)
	}
	show := a.newProgress(o.dryRun)
	stop := a.newStopper(limits.stop, show)
	var summaries []event.Summary
	runErr := func() error {
		defer stop.end()
		client, err := a.connect(ctx, o.connect, to.mailboxAddress, limits.workers, show)
		if err != nil {
			return err
		}
		defer client.Close()
		summary, err := upload.Run(ctx, upload.Options{
			Client: client, Store: st, Mailbox: source.Address, Target: to.Address, Into: to.into, InPlace: to.inPlace,
			Selection: choose.Selection, Match: choose.match, Associated: choose.associated, Hidden: choose.hidden, Archive: choose.archive,
			Recoverable: choose.recoverable, Public: choose.public, IncludeDeleted: choose.deleted,
			Workers: limits.workers, BatchItems: limits.batchItems, BatchBytes: limits.batchBytes, LimitRate: limits.rate,
			MaxFailures: limits.maxFailures, DryRun: o.dryRun, Drain: stop.drain, Events: stop.handle, Patience: a.patience.upload,
		})
		if summary.Mailbox != "" {
			summaries = append(summaries, summary)
		}
		if err != nil {
			return fmt.Errorf("restore to %s: %w", to.Address, err)
		}
		return nil
	}()
	return a.conclude(conclusion{
		command: "restore", storeDir: o.store, store: st, started: started.UTC(), show: show,
		summaries: summaries, reports: o.running.reports, stopped: stop.reason(), dryRun: o.dryRun, direction: store.Upload, err: runErr,
	})
}
