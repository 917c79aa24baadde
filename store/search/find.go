package search

import (
	"context"
	"iter"

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

// Find yields the keys of the items that a query asks for. The index is as new as
// the last Sync, and knows texts as far as SyncTexts read them.
func (x *Index) Find(ctx context.Context, q *query.Query, o Options) iter.Seq2[store.ItemKey, error] {
	return func(yield func(store.ItemKey, error) bool) {
		if err := x.find(ctx, q, o, func(key store.ItemKey) bool { return yield(key, nil) }); err != nil {
			yield(store.ItemKey{}, err)
		}
	}
}

func (x *Index) find(ctx context.Context, q *query.Query, o Options, yield func(store.ItemKey) bool) error {
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
	c.WriteString("SELECT mailbox, folder, id FROM items WHERE ")
	c.add(q.Expr)
	direction := ""
	if o.Reverse {
		direction = " DESC"
	}
	c.WriteString(" ORDER BY ")
	switch o.Order {
	case BySize:
		c.WriteString("size" + direction)
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
		var id string
		if err := rows.Scan(&mailbox, &folder, &id); err != nil {
			return err
		}
		if !yield(store.ItemKey{Mailbox: mailboxes[mailbox], Folder: folders[folder], ID: id}) {
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
