package main

import (
	"github.com/spf13/pflag"

	"mailferry/internal/pace"
	"mailferry/internal/selection"
	"mailferry/store/query"
)

// mailboxAddress is a mailbox as the command line names it.
type mailboxAddress = selection.Address

func addStoreFlag(fs *pflag.FlagSet, dir *string) {
	fs.StringVar(dir, "store", "", "`DIR` of the store")
}

func requireStore(dir string) error {
	if dir == "" {
		return usagef("say which store: --store DIR, or set MAILFERRY_STORE")
	}
	return nil
}

func parseMailboxes(args []string) ([]mailboxAddress, error) {
	addresses := make([]mailboxAddress, 0, len(args))
	for _, arg := range args {
		address, err := selection.ParseAddress(arg)
		if err != nil {
			return nil, usageError{err}
		}
		addresses = append(addresses, address)
	}
	return addresses, nil
}

// selectionFlags choose items; they are the same on every command that moves
// or lists items.
type selectionFlags struct {
	folders, exclude     []string
	since, until         string
	class                []string
	larger, smaller      string
	query                string
	items                []string
	archive, recoverable bool
	public, hidden       bool
	associated           bool
}

func (s *selectionFlags) addFlags(fs *pflag.FlagSet) {
	fs.StringArrayVar(&s.folders, "folder", nil, "only folders that this `GLOB` names (* within a level, ** across; #inbox, #sent, ...); repeatable")
	fs.StringArrayVar(&s.exclude, "exclude", nil, "no folder that this `GLOB` names; repeatable")
	fs.StringVar(&s.since, "since", "", "only items received (else created) at or after this `DATE`")
	fs.StringVar(&s.until, "until", "", "only items received (else created) before the end of this `DATE`")
	fs.StringArrayVar(&s.class, "class", nil, "only items whose message class matches this `GLOB`, for example 'IPM.Note*'; repeatable")
	fs.StringVar(&s.larger, "larger", "", "only items larger than this `SIZE`")
	fs.StringVar(&s.smaller, "smaller", "", "only items smaller than this `SIZE`")
	fs.StringVar(&s.query, "query", "", "only items that this `EXPR` finds, as 'from:alice has:attachment after:2025-01-01'; 'mailferry find --help' has the language")
	fs.StringArrayVar(&s.items, "item", nil, "only the item with this `ID`; repeatable")
	fs.BoolVar(&s.archive, "archive", false, "the archive mailbox too")
	fs.BoolVar(&s.recoverable, "recoverable", false, "recoverable items (deleted for good, but kept by the server) too")
	fs.BoolVar(&s.public, "public", false, "public folders too")
	fs.BoolVar(&s.hidden, "hidden", false, "hidden folders too")
	fs.BoolVar(&s.associated, "associated", false, "associated items (views, rules, settings) too")
}

// chosen is a parsed selection.
type chosen struct {
	selection.Selection
	query                                            query.Expr // nil: none
	archive, recoverable, public, hidden, associated bool
}

func (s *selectionFlags) parse() (chosen, error) {
	c := chosen{archive: s.archive, recoverable: s.recoverable, public: s.public, hidden: s.hidden, associated: s.associated}
	var err error
	c.Selection, err = selection.Parse(selection.Text{
		Folders: s.folders, Exclude: s.exclude, Since: s.since, Until: s.until,
		Class: s.class, Larger: s.larger, Smaller: s.smaller, Items: s.items,
	})
	if err != nil {
		return chosen{}, usageError{err}
	}
	if c.query, err = parseQuery(s.query); err != nil {
		return chosen{}, err
	}
	// Who asks about something means it.
	c.archive = c.archive || query.Names(c.query, selection.ArchiveRoot)
	c.recoverable = c.recoverable || query.Names(c.query, selection.RecoverableRoot)
	c.public = c.public || query.Names(c.query, selection.PublicRoot)
	c.hidden = c.hidden || query.Names(c.query, selection.HiddenRoot)
	c.associated = c.associated || query.AsksFor(c.query, query.Associated)
	return c, nil
}

// parseQuery reads --query; empty: there is none.
func parseQuery(text string) (query.Expr, error) {
	if text == "" {
		return nil, nil
	}
	x, err := query.Parse(text)
	if err != nil {
		return nil, usagef("--query: %w", err)
	}
	return x, nil
}

// choosesNothing says that no flag chooses: everything is meant.
func (c chosen) choosesNothing() bool { return c.IsZero() && c.query == nil }

// within narrows the selection to the folder that an address names.
func (c chosen) within(address mailboxAddress) (chosen, error) {
	if address.Folder == "" {
		return c, nil
	}
	if len(c.Folders) > 0 {
		return chosen{}, usagef("%s/%s: name the folder in the address or with --folder, not both", address.Address, address.Folder)
	}
	c.Folders = []string{address.Folder, address.Folder + "/**"}
	return c, nil
}

// runningFlags bound how a run goes.
type runningFlags struct {
	workers     int
	batchItems  int
	batchBytes  string
	rate        string
	maxFailures int
	stopAfter   []string
	reports     reportFlags
}

func (r *runningFlags) addFlags(fs *pflag.FlagSet, batchBytes string, batchItems int) {
	fs.IntVar(&r.workers, "workers", 4, "at most this many requests at a time; fewer when the server asks for it")
	fs.IntVar(&r.batchItems, "batch-items", batchItems, "at most this many items in a request")
	fs.StringVar(&r.batchBytes, "batch-bytes", batchBytes, "at most about this `SIZE` in a request; a larger item goes alone")
	fs.StringVar(&r.rate, "limit-rate", "", "at most this `RATE`, for example 10MB/s, or a timetable in local time, as '08:00,512KB/s 18:00,10MB/s 23:00,off' or 'Mon-08:00,1MB/s Fri-18:00,off'")
	fs.IntVar(&r.maxFailures, "max-failures", 0, "stop when more than this many items failed that nobody accepted (0: go on)")
	fs.StringSliceVar(&r.stopAfter, "stop-after", nil, "end after a time or an amount of bytes moved, as `6h`, 50G or 6h,50G: what is under way is finished, the rest is left for the next run (exit code 130)")
	fs.StringArrayVar(&r.reports.files, "report", nil, "write a report to this `FILE` (.json, .csv or .html); repeatable")
}

// limits are parsed runningFlags.
type limits struct {
	workers, batchItems, maxFailures int
	batchBytes                       int64
	rate                             pace.Timetable
	stop                             stopAfter
}

func (r *runningFlags) parse() (limits, error) {
	l := limits{workers: r.workers, batchItems: r.batchItems, maxFailures: r.maxFailures}
	switch {
	case r.workers < 1 || r.workers > 64:
		return limits{}, usagef("--workers %d: use 1 to 64", r.workers)
	case r.batchItems < 1:
		return limits{}, usagef("--batch-items %d: use 1 or more", r.batchItems)
	case r.maxFailures < 0:
		return limits{}, usagef("--max-failures %d: use 0 or more", r.maxFailures)
	}
	var err error
	if l.batchBytes, err = selection.ParseSize(r.batchBytes); err != nil {
		return limits{}, usagef("--batch-bytes: %w", err)
	}
	if r.rate != "" {
		if l.rate, err = pace.ParseTimetable(r.rate); err != nil {
			return limits{}, usagef("--limit-rate: %w", err)
		}
	}
	if l.stop, err = parseStopAfter(r.stopAfter); err != nil {
		return limits{}, err
	}
	return l, r.reports.check()
}
