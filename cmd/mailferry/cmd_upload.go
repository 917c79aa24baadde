package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"mailferry/internal/event"
	"mailferry/internal/selection"
	"mailferry/store"
	"mailferry/upload"
)

// placeFlags say where items go in the target mailbox.
type placeFlags struct {
	into string
	maps []string
}

func (p *placeFlags) addFlags(fs *pflag.FlagSet) {
	fs.StringVar(&p.into, "into", "", "put the whole tree under this `FOLDER` of the target")
	fs.StringArrayVar(&p.maps, "map", nil, "put folder From (and what is below) into folder To, as `From=To`; repeatable")
}

// parse reads the mapping and joins --into with a folder in the address.
func (p *placeFlags) parse(target mailboxAddress) (into string, mapping map[string]string, err error) {
	into = p.into
	if target.Folder != "" {
		if into != "" {
			return "", nil, usagef("%s/%s: name the folder in the address or with --into, not both", target.Address, target.Folder)
		}
		into = target.Folder
	}
	mapping = make(map[string]string, len(p.maps))
	for _, m := range p.maps {
		from, to, ok := strings.Cut(m, "=")
		if !ok || from == "" || to == "" {
			return "", nil, usagef("--map %q: write it as From=To", m)
		}
		if _, twice := mapping[from]; twice {
			return "", nil, usagef("--map: %q is mapped twice", from)
		}
		mapping[from] = to
	}
	return into, mapping, nil
}

type uploadOptions struct {
	connect  connectFlags
	choose   selectionFlags
	running  runningFlags
	place    placeFlags
	store    string
	ifExists string
	deleted  bool
	dryRun   bool
}

func newUploadCommand(a *app) *cobra.Command {
	var o uploadOptions
	cmd := &cobra.Command{
		Use:   "upload MAILBOX [SERVER:]TARGET[/FOLDER] --store DIR",
		Short: "Put what the store holds of a mailbox into another mailbox; again = only what is missing",
		Long: `Put what the store holds of MAILBOX into the target mailbox. Well-known folders
go by their role, never by their name: an English Inbox goes into a German
Posteingang. Missing folders are made with their class.

Run the same command again after an interruption: an item whose fate is not
known is looked for in the target before anything is sent again, so nothing is
doubled. Items that the source's users deleted after they were exported are
left out, unless --include-deleted, --item or is:deleted in --query asks for
them.`,
		Example: `  mailferry upload alice@old.example new:alice@new.example --store /backup/alice
  mailferry upload alice@old.example new:bob@new.example/From-Alice --store /backup/alice
  mailferry upload alice@old.example new:alice@new.example --map '#sent=Old/Sent' --dry-run --store /backup/alice`,
		Args: exactArgs(2, "a mailbox of the store and the target, [SERVER:]user@domain[/Folder]"),
		RunE: func(cmd *cobra.Command, args []string) error { return a.upload(cmd.Context(), o, args[0], args[1]) },
	}
	fs := cmd.Flags()
	addStoreFlag(fs, &o.store)
	o.connect.addFlags(fs)
	o.choose.addFlags(fs)
	o.running.addFlags(fs, "20MB", 50)
	o.place.addFlags(fs)
	fs.StringVar(&o.ifExists, "if-exists", "skip", "what to do with an item that the target has already: skip, copy or replace")
	fs.BoolVar(&o.deleted, "include-deleted", false, "items that were deleted at the source after their export, too")
	fs.BoolVar(&o.dryRun, "dry-run", false, "print the whole plan; send nothing that changes the target")
	return cmd
}

// storedMailbox finds a mailbox of the store by the address a user typed, with
// or without the server it came from.
func storedMailbox(st *store.Store, arg string) (mailboxAddress, error) {
	address, err := selection.ParseAddress(arg)
	if err != nil {
		return address, usageError{err}
	}
	mailboxes, err := st.Mailboxes()
	if err != nil {
		return address, err
	}
	known := make([]string, 0, len(mailboxes))
	for _, m := range mailboxes {
		if strings.EqualFold(m.Address, address.Address) {
			address.Address = m.Address
			return address, nil
		}
		known = append(known, m.Address)
	}
	if len(known) == 0 {
		return address, usagef("the store holds no mailbox yet: run 'mailferry export' first")
	}
	return address, usagef("the store holds no mailbox %s; it holds %s", address.Address, strings.Join(known, ", "))
}

func (a *app) upload(ctx context.Context, o uploadOptions, from, to string) error {
	if err := requireStore(o.store); err != nil {
		return err
	}
	targets, err := parseMailboxes([]string{to})
	if err != nil {
		return err
	}
	target := targets[0]
	into, mapping, err := o.place.parse(target)
	if err != nil {
		return err
	}
	limits, err := o.running.parse()
	if err != nil {
		return err
	}
	mode := upload.IfExists(o.ifExists)
	if mode != upload.Skip && mode != upload.Copy && mode != upload.Replace {
		return usagef("unknown --if-exists %q: use skip, copy or replace", o.ifExists)
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
	choose, err := a.chooseStored(ctx, st, source, o.choose)
	if err != nil {
		return err
	}
	show := a.newProgress(o.dryRun)
	started := time.Now().UTC()
	stop := a.newStopper(limits.stop, show)
	var summaries []event.Summary
	runErr := func() error {
		defer stop.end()
		client, err := a.connect(ctx, o.connect, target, limits.workers, show)
		if err != nil {
			return err
		}
		defer client.Close()
		summary, err := upload.Run(ctx, upload.Options{
			Client: client, Store: st, Mailbox: source.Address, Target: target.Address, Into: into, Map: mapping, IfExists: mode,
			Selection: choose.Selection, Match: choose.match, Associated: choose.associated, Hidden: choose.hidden, Archive: choose.archive,
			Recoverable: choose.recoverable, Public: choose.public, IncludeDeleted: o.deleted || choose.deleted,
			Workers: limits.workers, BatchItems: limits.batchItems, BatchBytes: limits.batchBytes, LimitRate: limits.rate,
			MaxFailures: limits.maxFailures, DryRun: o.dryRun, Drain: stop.drain, Events: stop.handle, Patience: a.patience.upload,
		})
		if summary.Mailbox != "" {
			summaries = append(summaries, summary)
		}
		if err != nil {
			return fmt.Errorf("upload to %s: %w", target.Address, err)
		}
		return nil
	}()
	return a.conclude(conclusion{
		command: "upload", storeDir: o.store, store: st, started: started, show: show,
		summaries: summaries, reports: o.running.reports, stopped: stop.reason(), dryRun: o.dryRun, direction: store.Upload, err: runErr,
	})
}
