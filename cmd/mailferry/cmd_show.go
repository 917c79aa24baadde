package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"mailferry/extract/jsonitem"
	"mailferry/extract/properties"
	"mailferry/extract/view"
	"mailferry/fts"
	"mailferry/store"
)

type showOptions struct {
	store      string
	mailbox    string
	properties bool
	diff       string
	connect    connectFlags
}

func newShowCommand(a *app) *cobra.Command {
	var o showOptions
	cmd := &cobra.Command{
		Use:   "show ITEM --store DIR",
		Short: "Show one item of a store: as a mail program does, property by property, or against a mailbox",
		Long: `Show one item of a store. ITEM is its id as ls and find print it, or the begin of
one, as long as only one item's id begins so. No server is asked, but by --diff.

Without flags it is shown as a mail program does: people, dates, marks, attachments
and the text, which is taken out of HTML or rich text where there is no plain one.
Appointments have their attendees and, in words, how they recur; contacts,
distribution lists and tasks what these have.

  --properties      each property with its tag, type, name and value; also those of
                    recipients, attachments and messages in them
  --json            the same as one JSON document, binary values whole, as
                    "extract --format json" writes it
  --diff TARGET     how the item that the mailbox [SERVER:]user@domain holds now differs
                    from the stored one, property by property; the exit code is 3 if it
                    does, or is not there. It is found by its id, by what the store wrote
                    down at an upload or restore, else by what it looks like. What a
                    server assigns itself is left out, as on verify.

Whatever a mail holds, nothing of it steers the terminal: control characters, and
those that turn the direction of text around, are shown as \x1b or \u202e.`,
		Example: `  mailferry show AAMkAGI2TG93AAA= --store /backup/alice
  mailferry show AAMkAGI2TG93AAA= --store /backup/alice --properties | less
  mailferry show AAMkAGI2TG93AAA= --store /backup/alice --diff new:alice@new.example`,
		Args: exactArgs(1, "the id of an item, as ls and find print it"),
		RunE: func(cmd *cobra.Command, args []string) error { return a.show(cmd.Context(), o, args[0]) },
	}
	fs := cmd.Flags()
	addStoreFlag(fs, &o.store)
	fs.StringVar(&o.mailbox, "mailbox", "", "look only among the items of this `MAILBOX`")
	fs.BoolVar(&o.properties, "properties", false, "every property with its tag, type and value")
	fs.StringVar(&o.diff, "diff", "", "compare the item with what the mailbox `TARGET` holds of it now")
	o.connect.addFlags(fs)
	return cmd
}

func (a *app) show(ctx context.Context, o showOptions, id string) error {
	if err := requireStore(o.store); err != nil {
		return err
	}
	var target mailboxAddress
	if o.diff != "" {
		if o.properties {
			return usagef("give --properties or --diff, not both")
		}
		var err error
		if target, err = targetOfDiff(o.diff); err != nil {
			return err
		}
	}
	st, err := a.openReadable(o.store, store.OpenOptions{ReadOnly: true})
	if err != nil {
		return err
	}
	defer st.Close()
	it, err := itemByID(ctx, st, o.mailbox, id)
	if err != nil {
		return err
	}
	if o.diff != "" {
		return a.diffItem(ctx, st, it, o.connect, target)
	}
	out := bufio.NewWriterSize(whileRunning{ctx, a.stdout}, 64<<10)
	if err := a.showItem(out, st, it, o.properties); err != nil {
		return fmt.Errorf("show an item: %w", err)
	}
	return out.Flush()
}

// showItem writes an item. Of one whose blob is not whole, people see what can be
// read; programs get an error.
func (a *app) showItem(w io.Writer, st *store.Store, it store.Item, all bool) error {
	open := func() (io.ReadCloser, error) { return st.OpenBlob(it) }
	item, err := fts.OpenItem(open)
	problem, damaged := errors.AsType[*fts.Problem](err)
	if err != nil && (!damaged || a.global.json) {
		return err
	}
	defer item.Close()
	if damaged {
		a.note("warning: the item is not whole, so only what could be read is shown: " + problem.Error())
	}
	switch {
	case a.global.json:
		return jsonitem.Write(w, item)
	case all:
		return properties.Write(w, item)
	}
	about := view.About{Mailbox: it.Mailbox, ID: it.ID, Deleted: it.Deleted, Read: it.Read, Problem: it.Problem}
	if about.Folder, err = folderPath(st, it); err != nil {
		return err
	}
	if about.Catalogue, err = inspected(open); err != nil {
		return err
	}
	return view.Write(w, item, about)
}

// inspected reads what the item says of itself: the catalogue that the store keeps
// may be of a version that knew less.
func inspected(open func() (io.ReadCloser, error)) (fts.Catalogue, error) {
	blob, err := open()
	if err != nil {
		return fts.Catalogue{}, err
	}
	defer blob.Close()
	c, err := fts.Inspect(blob)
	if _, damaged := errors.AsType[*fts.Problem](err); damaged {
		err = nil // said already
	}
	return c, err
}

// whileRunning is where output goes until the run is interrupted.
type whileRunning struct {
	ctx context.Context
	w   io.Writer
}

func (o whileRunning) Write(b []byte) (int, error) {
	if o.ctx.Err() != nil {
		return 0, context.Cause(o.ctx)
	}
	return o.w.Write(b)
}
