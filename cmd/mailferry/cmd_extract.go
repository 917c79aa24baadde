package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"mailferry/extract"
	"mailferry/extract/vcf"
	"mailferry/fts"
	"mailferry/store"
)

type extractOptions struct {
	choose   selectionFlags
	store    string
	format   string
	out      string
	mbox     bool
	vcard    string
	ifExists string
	deleted  bool
}

func newExtractCommand(a *app) *cobra.Command {
	var o extractOptions
	cmd := &cobra.Command{
		Use:   "extract [MAILBOX[/FOLDER]] --store DIR --format FORMAT --out DIR",
		Short: "Write items of a store as files that other programs read, without Exchange",
		Long: `Writes items into files, in folders as they are in the mailbox, below
DIR/MAILBOX. No server is asked. The formats are

` + formatLines() + `
Mail (MIME), vCards and calendars are a rendering, not a backup: they show what a person sees, and
have no place for most properties. Only the store itself is to be restored from; of the
formats only fts and json leave nothing out.

The name of a file begins with the item's date and subject and ends with a mark of
which version of which item it is. Names are safe on Linux, Windows and macOS. A file
that is there already is left alone, so run the command again to go on where it was
stopped. Nothing is ever written outside of DIR.

With --mbox, each folder becomes one file, Folder.mbox, of the form mboxrd.

Items that a format has no place for are counted and named, and are no failure.`,
		Example: `  mailferry extract alice@old.example/#inbox --store /backup/alice --format eml --out /tmp/alice
  mailferry extract --store /backup/alice --format attachments --out /tmp/invoices --query 'attachment:invoice after:2025-01-01'
  mailferry extract alice@old.example --store /backup/alice --format eml --mbox --out /tmp/alice`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usagef("give at most one mailbox")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return a.extract(cmd.Context(), o, args) },
	}
	fs := cmd.Flags()
	addStoreFlag(fs, &o.store)
	fs.StringVar(&o.format, "format", "eml", "how to write items: "+strings.Join(extract.Names(), ", "))
	fs.StringVar(&o.out, "out", "", "write into this `DIR`, which is made if there is none")
	fs.BoolVar(&o.mbox, "mbox", false, "one mbox file for each folder, of --format eml")
	fs.StringVar(&o.vcard, "vcard", string(vcf.V4), "of --format vcf the version: 4.0, or 3.0 for programs that read no other")
	fs.StringVar(&o.ifExists, "if-exists", "skip", "what to do with a file that is there already: skip, or replace it")
	o.choose.addFlags(fs)
	fs.BoolVar(&o.deleted, "include-deleted", false, "items that were deleted at the source after their export, too")
	return cmd
}

func formatLines() string {
	var b strings.Builder
	for _, f := range extract.Formats {
		fmt.Fprintf(&b, "  %-12s %s\n", f.Name, f.About)
	}
	return b.String()
}

func (a *app) extract(ctx context.Context, o extractOptions, args []string) error {
	if err := requireStore(o.store); err != nil {
		return err
	}
	format, known := extract.FormatOf(o.format)
	switch {
	case !known:
		return usagef("--format %q: there are %s", o.format, strings.Join(extract.Names(), ", "))
	case o.out == "":
		return usagef("say where to write: --out DIR")
	case o.mbox && format.Name != "eml":
		return usagef("--mbox is of --format eml, not of %s", format.Name)
	case o.vcard != string(vcf.V3) && o.vcard != string(vcf.V4):
		return usagef("--vcard %q: use 3.0 or 4.0", o.vcard)
	case o.ifExists != "skip" && o.ifExists != "replace":
		return usagef("--if-exists %q: use skip or replace", o.ifExists)
	}
	if format.Name == "vcf" {
		format.Write = func(w io.Writer, it *fts.Item) error { return vcf.WriteVersion(w, it, vcf.Version(o.vcard)) }
	}
	choose, err := o.choose.parse()
	if err != nil {
		return err
	}
	if err := outsideOf(o.out, o.store); err != nil {
		return err
	}
	st, err := a.openReadable(o.store, store.OpenOptions{ReadOnly: true})
	if err != nil {
		return err
	}
	defer st.Close()
	arg := strings.Join(args, "")
	f, err := a.newFinder(st, arg, choose, o.deleted)
	if err != nil {
		return err
	}
	root, err := openOut(o.out)
	if err != nil {
		return err
	}
	defer root.Close()
	show := a.newExtractShow(o.out)
	sum, err := extract.Run(ctx, extract.Options{
		Store: st, Items: f.byFolder(ctx, choose.query != nil), Path: f.path, Root: root, Format: format, Mbox: o.mbox,
		Replace: o.ifExists == "replace", Events: show.handle,
	})
	return show.conclude(sum, err)
}

// outsideOf refuses to write into the store.
func outsideOf(out, dir string) error {
	if dir, err := filepath.EvalSymlinks(dir); err == nil {
		if dir, err = filepath.Abs(dir); err == nil {
			// Of what is not there yet, the folder above may be.
			for at, _ := filepath.Abs(out); ; at = filepath.Dir(at) {
				if real, err := filepath.EvalSymlinks(at); err == nil && real == dir {
					return usagef("--out %s lies in the store: give another folder", out)
				}
				if at == filepath.Dir(at) {
					break
				}
			}
		}
	}
	return nil
}

func openOut(dir string) (*os.Root, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, usagef("--out: %w", err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, usagef("--out: %w", err)
	}
	return root, nil
}
