package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"mailferry/internal/selection"
	"mailferry/store"
)

type lsOptions struct {
	choose  selectionFlags
	store   string
	deleted bool
}

func newLsCommand(a *app) *cobra.Command {
	var o lsOptions
	cmd := &cobra.Command{
		Use:   "ls [MAILBOX[/FOLDER]] --store DIR",
		Short: "List the mailboxes, folders and items of a store",
		Long: `Without an argument the mailboxes of the store are listed; with a mailbox its
folders; with a folder, or with a selection, the items.`,
		Example: `  mailferry ls --store /backup/alice
  mailferry ls alice@old.example --store /backup/alice
  mailferry ls alice@old.example/#inbox --store /backup/alice --since 2025-01-01`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usagef("give at most one mailbox")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return a.list(cmd.Context(), o, args) },
	}
	addStoreFlag(cmd.Flags(), &o.store)
	o.choose.addFlags(cmd.Flags())
	cmd.Flags().BoolVar(&o.deleted, "include-deleted", false, "items that were deleted at the source after their export, too")
	return cmd
}

func (a *app) list(ctx context.Context, o lsOptions, args []string) error {
	if err := requireStore(o.store); err != nil {
		return err
	}
	if _, err := o.choose.parse(); err != nil {
		return err
	}
	st, err := a.openReadable(o.store, store.OpenOptions{ReadOnly: true})
	if err != nil {
		return err
	}
	defer st.Close()
	if len(args) == 0 {
		return a.listMailboxes(st)
	}
	address, err := storedMailbox(st, args[0])
	if err != nil {
		return err
	}
	choose, err := a.chooseStored(ctx, st, address, o.choose)
	if err != nil {
		return err
	}
	if err := choose.Validate(folderNames(choose.folders)); err != nil {
		return err
	}
	if choose.choosesNothing() {
		return a.listFolders(st, address.Address, choose.folders)
	}
	choose.deleted = choose.deleted || o.deleted
	return a.listItems(st, address.Address, choose)
}

func folderNames(folders []store.Folder) []selection.FolderName {
	names := make([]selection.FolderName, 0, len(folders))
	for _, f := range folders {
		names = append(names, selection.FolderName{Path: f.Path, Distinguished: f.Distinguished})
	}
	return names
}

func (a *app) listMailboxes(st *store.Store) error {
	mailboxes, err := st.Mailboxes()
	if err != nil {
		return err
	}
	return a.rows("mailbox\titems\tblobs\tlast export\t", func(t *tabwriter.Writer, e *json.Encoder) error {
		for _, m := range mailboxes {
			counts, err := st.CountItems(m.Address)
			if err != nil {
				return err
			}
			items, size := 0, int64(0)
			for _, c := range counts {
				items, size = items+c.Items, size+c.Bytes
			}
			if e != nil {
				if err := e.Encode(map[string]any{"mailbox": m.Address, "items": items, "bytes": size, "last_run": m.LastRun}); err != nil {
					return err
				}
				continue
			}
			fmt.Fprintf(t, "%s\t%s\t%s\t%s\t\n", m.Address, number(items), bytesText(size), dateText(m.LastRun))
		}
		return nil
	})
}

func (a *app) listFolders(st *store.Store, mailbox string, folders []store.Folder) error {
	counts, err := st.CountItems(mailbox)
	if err != nil {
		return err
	}
	return a.rows("items\tblobs\tclass\trole\tfolder", func(t *tabwriter.Writer, e *json.Encoder) error {
		for _, f := range folders {
			items, size := counts[f.ID].Items, counts[f.ID].Bytes
			if e != nil {
				if err := e.Encode(map[string]any{
					"folder": f.Path, "items": items, "bytes": size, "class": f.Class,
					"distinguished": f.Distinguished, "root": f.Root, "hidden": f.Hidden, "gone": f.Gone, "id": f.ID,
				}); err != nil {
					return err
				}
				continue
			}
			fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\n", number(items), bytesText(size), oneLine(f.Class), f.Distinguished, oneLine(f.Path))
		}
		return nil
	})
}

func (a *app) listItems(st *store.Store, mailbox string, choose storedChoice) error {
	rows := 0
	return a.rows("received\tsize\tclass\tfrom\tsubject\tid", func(t *tabwriter.Writer, e *json.Encoder) error {
		for _, f := range choose.folders {
			if !choose.Folder(f.Path, f.Distinguished) {
				continue
			}
			for item, err := range st.Items(mailbox, f.ID) {
				switch {
				case err != nil:
					return err
				case item.Deleted && !choose.deleted, item.Associated && !choose.associated, !choose.Item(selectedItem(item)):
					continue
				case choose.match != nil:
					if ok, err := choose.match(item); err != nil {
						return err
					} else if !ok {
						continue
					}
				}
				c := item.Catalogue
				if e != nil {
					if err := e.Encode(itemJSON(item, f.Path)); err != nil {
						return err
					}
					continue
				}
				fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\n", dateText(received(item)), bytesText(item.Size), oneLine(c.Class), brief(c.From, 32), brief(c.Subject, 60), item.ID)
				// The writer keeps what it has not aligned yet: a long list is
				// aligned in stretches, so that memory stays flat.
				if rows++; rows%stretch == 0 {
					if err := t.Flush(); err != nil {
						return err
					}
				}
			}
		}
		return nil
	})
}

// received is the time that selections and lists go by: received, else created.
func received(item store.Item) time.Time {
	if !item.Catalogue.Received.IsZero() {
		return item.Catalogue.Received
	}
	return item.Catalogue.Created
}

func selectedItem(item store.Item) selection.Item {
	return selection.Item{ID: item.ID, Class: item.Catalogue.Class, Size: item.Size, Received: received(item)}
}

// stretch is how many rows of a list are aligned together.
const stretch = 500

// rows prints a table for people, or JSON lines through e.
func (a *app) rows(header string, each func(t *tabwriter.Writer, e *json.Encoder) error) error {
	if a.global.json {
		return each(nil, json.NewEncoder(a.stdout))
	}
	out := bufio.NewWriterSize(a.stdout, 64<<10) // a tabwriter writes cell by cell
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	if header != "" {
		fmt.Fprintln(t, header)
	}
	if err := each(t, nil); err != nil {
		return err
	}
	if err := t.Flush(); err != nil {
		return err
	}
	return out.Flush()
}

// brief cuts a text for a column; --json has it whole.
func brief(text string, most int) string {
	runes := []rune(oneLine(text))
	if len(runes) <= most {
		return string(runes)
	}
	return string(runes[:most-1]) + "…"
}

func dateText(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format("2006-01-02 15:04")
}
