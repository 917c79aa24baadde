package search

import (
	"context"
	"database/sql"
	"iter"
	"time"

	"mailferry/store"
	"mailferry/store/query"
)

// Order is in which order items are found.
type Order int

// The orders, each with its reverse.
const (
	ByDate Order = iota // received, else created; unknown last
	BySize
	BySubject
	BySender
	ByFolder
)

// Options say what Find gives.
type Options struct {
	Order   Order
	Reverse bool // newest, largest, last first
	Limit   int  // 0: all
}

// Hit is an item that was found, and what a list shows of it.
type Hit struct {
	store.ItemKey           // without its change key
	Date          time.Time // received, else created, to the microsecond; zero: not known
	Size          int64     // bytes of the blob
	From, Subject string    // of long ones the beginning
}

// HitOf is the Hit that an item is.
func HitOf(it *store.Item) Hit {
	return Hit{
		store.ItemKey{Mailbox: it.Mailbox, Folder: it.Folder, ID: it.ID},
		query.TimeOf(it, query.At), it.Size,
		brief(it.Catalogue.From), brief(it.Catalogue.Subject),
	}
}

// Find yields the items that a query asks for. The index is as new as it was when
// opened, and knows texts as far as they were read.
func (x *Index) Find(ctx context.Context, q *query.Query, o Options) iter.Seq2[Hit, error] {
	return func(yield func(Hit, error) bool) {
		if err := x.find(ctx, q, o, func(h Hit) bool { return yield(h, nil) }); err != nil {
			yield(Hit{}, err)
		}
	}
}

// Count counts the items that a query asks for, and the bytes of their blobs.
func (x *Index) Count(ctx context.Context, q *query.Query) (items int, bytes int64, err error) {
	c := condition{q: q}
	if err := x.names(ctx, &c.wide); err != nil {
		return 0, 0, err
	}
	c.WriteString("SELECT count(*), coalesce(sum(size), 0) FROM items WHERE ")
	c.add(q.Expr)
	err = x.db.QueryRowContext(ctx, c.String(), c.args...).Scan(&items, &bytes)
	return items, bytes, err
}

func (x *Index) find(ctx context.Context, q *query.Query, o Options, yield func(Hit) bool) error {
	c := condition{q: q}
	if err := x.names(ctx, &c.wide); err != nil {
		return err
	}
	mailboxes, folders := make(map[int64]string), make(map[int64]string)
	for _, m := range c.mailboxes {
		mailboxes[m.n] = m.name
	}
	for _, f := range c.folders {
		folders[f.n] = f.id
	}
	c.WriteString("SELECT mailbox, folder, id, at, size, shown_sender, shown_subject FROM items WHERE ")
	c.add(q.Expr)
	direction := ""
	if o.Reverse {
		direction = " DESC"
	}
	c.WriteString(" ORDER BY ")
	switch o.Order {
	case BySize:
		c.WriteString("size" + direction)
	case BySubject:
		c.WriteString("subject" + direction)
	case BySender:
		c.WriteString("sender" + direction)
	case ByFolder:
		c.WriteString("mailbox" + direction + ", folder" + direction)
	default:
		c.WriteString("at IS NULL, at" + direction)
	}
	c.WriteString(", item" + direction)
	if o.Limit > 0 {
		c.where(" LIMIT ?", o.Limit)
	}
	rows, err := x.db.QueryContext(ctx, c.String(), c.args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var mailbox, folder int64
		var at sql.NullInt64
		var h Hit
		if err := rows.Scan(&mailbox, &folder, &h.ID, &at, &h.Size, &h.From, &h.Subject); err != nil {
			return err
		}
		if h.Mailbox, h.Folder = mailboxes[mailbox], folders[folder]; at.Valid {
			h.Date = time.UnixMicro(at.Int64).UTC()
		}
		if !yield(h) {
			return nil
		}
	}
	return rows.Err()
}

// names reads what globs choose from.
func (x *Index) names(ctx context.Context, w *wide) (err error) {
	if w.mailboxes, err = x.all(ctx, "SELECT mailbox, address FROM mailboxes"); err != nil {
		return err
	}
	if w.classes, err = x.all(ctx, "SELECT class, name FROM classes"); err != nil {
		return err
	}
	rows, err := x.db.QueryContext(ctx, "SELECT folder, address, id FROM folders JOIN mailboxes USING (mailbox)")
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var f folder
		if err := rows.Scan(&f.n, &f.mailbox, &f.id); err != nil {
			return err
		}
		w.folders = append(w.folders, f)
	}
	return rows.Err()
}

func (x *Index) all(ctx context.Context, query string) (all []named, err error) {
	rows, err := x.db.QueryContext(ctx, query)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var one named
		if err := rows.Scan(&one.n, &one.name); err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return all, rows.Err()
}
