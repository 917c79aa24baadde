package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"mailferry/export"
	"mailferry/internal/event"
	"mailferry/store"
	"mailferry/store/query"
)

type exportOptions struct {
	connect connectFlags
	choose  selectionFlags
	running runningFlags
	store   string
	every   bool
	dryRun  bool
}

func newExportCommand(a *app) *cobra.Command {
	var o exportOptions
	cmd := &cobra.Command{
		Use:   "export [SERVER:]MAILBOX... --store DIR",
		Short: "Copy mailboxes into a store; again = resume and take the changes",
		Long: `Copy whole mailboxes, or what the selection names, into a store. The store is
made when there is none. Run the same command again to go on after an
interruption and to take what changed since: nothing is fetched twice. Folders
that the server's list shows to be unchanged for minutes are not asked for
changes, but at least once a day; --every-folder asks all of them.

Several mailboxes are exported one after the other. One that can't be exported,
for example for want of rights, does not keep the others from it.

--query may ask for what a server lists: folder, class, size, id, when an item
was received, else created, and whether it is associated.

An item counts as exported only when its whole blob was checked and lies on
disk. The source mailbox is only read.`,
		Example: `  mailferry export alice@old.example --store /backup/alice \
      --url https://mail.old.example/EWS/Exchange.asmx --user 'OLD\svc' --password-file pw
  mailferry export old:alice@old.example old:bob@old.example --store /backup/two
  mailferry export old:alice@old.example/Projects --since 2025-01-01 --store /backup/alice`,
		Args: minArgs(1, "at least one mailbox, [SERVER:]user@domain[/Folder]"),
		RunE: func(cmd *cobra.Command, args []string) error { return a.export(cmd.Context(), o, args) },
	}
	fs := cmd.Flags()
	addStoreFlag(fs, &o.store)
	o.connect.addFlags(fs)
	o.choose.addFlags(fs)
	o.running.addFlags(fs, "20MB", 100)
	fs.BoolVar(&o.every, "every-folder", false, "ask for the changes of every folder, also where the server's list of folders shows none")
	fs.BoolVar(&o.dryRun, "dry-run", false, "print what would be exported; fetch and write nothing")
	return cmd
}

// export runs one mailbox after the other. What was moved is kept, whatever
// happens.
func (a *app) export(ctx context.Context, o exportOptions, args []string) error {
	if err := requireStore(o.store); err != nil {
		return err
	}
	sources, err := parseMailboxes(args)
	if err != nil {
		return err
	}
	limits, err := o.running.parse()
	if err != nil {
		return err
	}
	chosen, err := o.choose.parse()
	if err != nil {
		return err
	}
	if err := query.Listed(chosen.query); err != nil {
		return usagef("--query: %w; export takes folder: mailbox: class: after: before: on: larger: smaller: id: and is:associated. "+
			"Export more, and let upload, restore or find choose by any term", err)
	}
	show := a.newProgress(o.dryRun)
	jobs, err := a.exportJobs(ctx, o, sources, chosen, limits.workers, show)
	if err != nil {
		show.stopShowing()
		return err
	}
	var st *store.Store
	if !o.dryRun {
		if st, err = a.openStore(o.store, store.OpenOptions{Create: true}); err != nil {
			show.stopShowing()
			return err
		}
		defer st.Close()
	}
	started := time.Now().UTC()
	stop := a.newStopper(limits.stop, show)
	done, runErr := a.eachMailbox(jobs, stop, func(job exportJob) (event.Summary, error) {
		defer job.client.Close()
		return export.Run(ctx, export.Options{
			Client: job.client, ServerURL: job.url, Store: st, Mailbox: job.mailbox,
			Selection: job.chosen.Selection, Query: job.chosen.query, Associated: job.chosen.associated, Hidden: job.chosen.hidden, Archive: job.chosen.archive,
			Recoverable: job.chosen.recoverable, Public: job.chosen.public,
			Workers: limits.workers, BatchItems: limits.batchItems, BatchBytes: limits.batchBytes, LimitRate: limits.rate,
			MaxFailures: limits.maxFailures, EveryFolder: o.every, DryRun: o.dryRun, Drain: stop.drain, Events: stop.handle, Patience: a.patience.export,
		})
	})
	stop.end()
	return a.conclude(conclusion{
		command: "export", storeDir: o.store, store: st, started: started, show: show,
		summaries: done.summaries, broken: done.broken, reports: o.running.reports, stopped: stop.reason(), dryRun: o.dryRun, direction: store.Export, err: runErr,
	})
}
