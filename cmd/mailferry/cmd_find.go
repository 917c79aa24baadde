package main

import (
	"cmp"
	"context"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"mailferry/fts"
	"mailferry/store"
	"mailferry/store/query"
	"mailferry/store/search"
)

type findOptions struct {
	choose  selectionFlags
	store   string
	sort    string
	reverse bool
	limit   int
	format  string
	count   bool
	deleted bool
	reindex bool
}

var sortOrders = map[string]search.Order{"date": search.ByDate, "size": search.BySize, "subject": search.BySubject, "from": search.BySender, "folder": search.ByFolder}

func newFindCommand(a *app) *cobra.Command {
	var o findOptions
	cmd := &cobra.Command{
		Use:   "find [MAILBOX[/FOLDER]] --store DIR --query EXPR",
		Short: "Find items in a store, without Exchange",
		Long: `Looks in the catalogue of a store and in the texts of its items; no server is asked.

Terms side by side must all hold; OR, - (not) and parentheses are understood:

  WORD                                    anywhere, also in the text of items and attachments
  subject: from: to: cc: bcc: with:       words of these; with: is any of the people
  attachment: category: location:         name of an attachment, a category, a place
  name: company: email:                   of contacts
  body:                                   text of the item and its text-like attachments
  folder: mailbox: class:                 a glob, as in --folder and --class
  has:attachment                          one that a mail program shows
  is:                                     read unread draft flagged completed private
                                          recurring deleted associated suspect
  importance:                             low normal high
  after: before: on:                      received, else created: 2025, 2025-01, 2025-01-31
  received: sent: created: modified:      a date, FROM..TO, FROM.. or ..TO
  start: end:                             the same, of appointments and tasks
  larger: smaller:                        25MB, 10MiB
  id: message-id:                         exactly

Words are whole words, without regard to case and accents; "q3 report" is those words in that
order, and report* what begins so. --query means the same on the other commands that have it.

The first search reads the store into an index beside it (search.db), later ones what is new. It can
be deleted at any time. An encrypted store gets none: there, each item is looked at.`,
		Example: `  mailferry find --store /backup/alice --query 'from:bob subject:"q3 report" has:attachment after:2025-01-01 -folder:#junk'
  mailferry find alice@old.example/#sent --store /backup/alice --query 'to:example.com' --sort size --reverse --limit 20
  mailferry find --store /backup/alice --query 'is:unread' --count`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usagef("give at most one mailbox")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return a.find(cmd.Context(), o, args) },
	}
	fs := cmd.Flags()
	addStoreFlag(fs, &o.store)
	o.choose.addFlags(fs)
	fs.StringVar(&o.sort, "sort", "date", "sort by date, size, subject, from or folder")
	fs.BoolVar(&o.reverse, "reverse", false, "the last, largest or newest first")
	fs.IntVar(&o.limit, "limit", 0, "at most this many items (0: all)")
	fs.StringVar(&o.format, "format", "table", "table or csv; --json gives JSON lines with all that is known")
	fs.BoolVar(&o.count, "count", false, "print only how many there are, and their bytes")
	fs.BoolVar(&o.deleted, "include-deleted", false, "items that were deleted at the source after their export, too")
	fs.BoolVar(&o.reindex, "reindex", false, "throw the search index away and make it anew")
	return cmd
}

func (a *app) find(ctx context.Context, o findOptions, args []string) error {
	if err := requireStore(o.store); err != nil {
		return err
	}
	choose, err := o.choose.parse()
	if err != nil {
		return err
	}
	order, ok := sortOrders[o.sort]
	switch {
	case !ok:
		return usagef("--sort %q: there are %s", o.sort, strings.Join(slices.Sorted(maps.Keys(sortOrders)), ", "))
	case o.format != "table" && o.format != "csv":
		return usagef("--format %q: write table or csv", o.format)
	case o.format == "csv" && a.global.json:
		return usagef("give --format csv or --json, not both")
	case o.limit < 0:
		return usagef("--limit %d: give a number above 0, or 0 for all", o.limit)
	}
	st, err := a.openReadable(o.store, store.OpenOptions{ReadOnly: true})
	if err != nil {
		return err
	}
	defer st.Close()
	arg := ""
	if len(args) > 0 {
		arg = args[0]
	}
	f, err := a.newFinder(st, arg, choose, o.deleted)
	if err != nil {
		return err
	}
	f.reindex = o.reindex
	hits := f.find(ctx, search.Options{Order: order, Reverse: o.reverse, Limit: o.limit})
	switch {
	case o.count:
		return f.writeCount(ctx)
	case a.global.json:
		return f.writeJSON(f.items(hits))
	case o.format == "csv":
		return f.writeCSV(f.items(hits))
	}
	return f.writeTable(hits)
}

func (f *finder) writeCount(ctx context.Context) error {
	n, size, err := f.count(ctx)
	switch {
	case err != nil:
		return err
	case f.a.global.json:
		return json.NewEncoder(f.a.stdout).Encode(map[string]any{"items": n, "bytes": size})
	}
	_, err = fmt.Fprintf(f.a.stdout, "%s, %s\n", counted(n, "item"), bytesText(size))
	return err
}

// path is the path of a folder that is looked at.
func (f *finder) path(key store.ItemKey) string {
	return f.folders[store.ItemKey{Mailbox: key.Mailbox, Folder: key.Folder}].Path
}

func (f *finder) writeTable(hits iter.Seq2[search.Hit, error]) error {
	rows := 0
	return f.a.rows("date\tsize\tfrom\tsubject\tmailbox\tfolder\tid", func(t *tabwriter.Writer, _ *json.Encoder) error {
		for hit, err := range hits {
			if err != nil {
				return err
			}
			fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", dateText(hit.Date), bytesText(hit.Size),
				brief(hit.From, 32), brief(hit.Subject, 60), hit.Mailbox, brief(f.path(hit.ItemKey), 40), hit.ID)
			if rows++; rows%stretch == 0 {
				if err := t.Flush(); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

func (f *finder) writeJSON(items iter.Seq2[store.Item, error]) error {
	e := json.NewEncoder(f.a.stdout)
	for item, err := range items {
		if err != nil {
			return err
		}
		if err := e.Encode(itemJSON(item, f.path(item.ItemKey))); err != nil {
			return err
		}
	}
	return nil
}

// itemJSON is all that is known of an item in the store.
func itemJSON(item store.Item, path string) map[string]any {
	return map[string]any{
		"mailbox": item.Mailbox, "folder": path, "id": item.ID, "size": item.Size, "sha256": hex.EncodeToString(item.SHA256[:]),
		"associated": item.Associated, "deleted": item.Deleted, "problem": item.Problem, "catalogue": item.Catalogue,
	}
}

func (f *finder) writeCSV(items iter.Seq2[store.Item, error]) error {
	w := csv.NewWriter(f.a.stdout)
	if err := w.Write([]string{"mailbox", "folder", "date", "sent", "class", "from", "to", "cc", "subject", "size", "attachments", "message_id", "id", "sha256"}); err != nil {
		return err
	}
	for item, err := range items {
		if err != nil {
			return err
		}
		c := item.Catalogue
		names := make([]string, 0, len(c.Attachments))
		for _, a := range c.Attachments {
			names = append(names, a.Name)
		}
		if err := w.Write([]string{
			cell(item.Mailbox), cell(f.path(item.ItemKey)), csvTime(query.TimeOf(&item, query.At)), csvTime(c.Sent), cell(c.Class), cell(c.From), cell(people(c.To)),
			cell(people(c.Cc)), cell(c.Subject), strconv.FormatInt(item.Size, 10), cell(strings.Join(names, "; ")), cell(c.MessageID),
			item.ID, hex.EncodeToString(item.SHA256[:]),
		}); err != nil {
			return err
		}
	}
	w.Flush()
	return w.Error()
}

func csvTime(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

// people lists addresses, or names where there is none.
func people(all []fts.Person) string {
	texts := make([]string, 0, len(all))
	for _, p := range all {
		texts = append(texts, cmp.Or(p.Address, p.Name))
	}
	return strings.Join(texts, "; ")
}
