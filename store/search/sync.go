package search

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"iter"
	"strings"

	"mailferry/fts"
	"mailferry/store"
	"mailferry/store/query"
)

// batch is how many rows are written in one transaction, and read in one page:
// others wait no longer, and what was done is kept when this is stopped.
const batch = 2000

// sync brings the catalogue in the index up to date with the store. progress, if
// not nil, is told how many items were written.
func (x *Index) sync(ctx context.Context, progress func(items int)) error {
	seq, err := x.store.Written()
	if err != nil {
		return err
	}
	var known int64
	if err := x.db.QueryRowContext(ctx, "SELECT seq FROM state").Scan(&known); err != nil {
		return err
	}
	if known == int64(seq) {
		return nil
	}
	mailboxes, err := x.store.Mailboxes()
	if err != nil {
		return err
	}
	done := 0
	for _, m := range mailboxes {
		w := writer{ctx: ctx, x: x, address: m.Address, folders: make(map[string]int64), classes: make(map[string]int64)}
		w.progress = func(items int) {
			if done += items; progress != nil {
				progress(done)
			}
		}
		if err := w.sync(); err != nil {
			return fmt.Errorf("index of %s: %w", m.Address, err)
		}
	}
	return x.update(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "UPDATE state SET seq = ?", int64(seq))
		return err
	})
}

// writer writes what changed in one mailbox.
type writer struct {
	ctx      context.Context
	x        *Index
	address  string
	mailbox  int64
	folders  map[string]int64
	classes  map[string]int64
	progress func(items int)

	fresh []store.Item
	rows  []store.Row // of fresh
	gone  []int64
}

// sync goes over the rows of the store and of the index side by side: both are
// sorted by key.
func (w *writer) sync() error {
	if err := w.x.update(w.ctx, func(tx *sql.Tx) (err error) {
		w.mailbox, err = number(w.ctx, tx, "mailboxes", "mailbox", "address", w.address)
		return err
	}); err != nil {
		return err
	}
	next, stop := iter.Pull2(w.known())
	defer stop()
	have, err, more := next()
	for row, rowErr := range w.x.store.Rows(w.address) {
		for ; more && err == nil && bytes.Compare(have.key, row.Key[:]) < 0; have, err, more = next() {
			w.gone = append(w.gone, have.item)
		}
		if rowErr != nil || err != nil {
			return first(rowErr, err)
		}
		if more && bytes.Equal(have.key, row.Key[:]) {
			same := have.sum == int64(row.Sum)
			if !same {
				w.gone = append(w.gone, have.item)
			}
			if have, err, more = next(); same {
				continue
			}
		}
		item, err := row.Item()
		if err != nil {
			return err
		}
		w.fresh, w.rows = append(w.fresh, item), append(w.rows, row)
		if len(w.fresh)+len(w.gone) >= batch {
			if err := w.write(); err != nil {
				return err
			}
		}
	}
	for ; more && err == nil; have, err, more = next() {
		w.gone = append(w.gone, have.item)
		if len(w.gone) >= batch {
			if err := w.write(); err != nil {
				return err
			}
		}
	}
	if err != nil {
		return err
	}
	return w.write()
}

// known is a row of the index.
type known struct {
	key  []byte
	item int64
	sum  int64
}

// known yields the rows of the mailbox in the index by key, page by page.
func (w *writer) known() iter.Seq2[known, error] {
	return func(yield func(known, error) bool) {
		after := []byte{}
		for {
			page, err := w.page(after)
			if err != nil {
				yield(known{}, err)
				return
			}
			for _, k := range page {
				if !yield(k, nil) {
					return
				}
			}
			if len(page) < batch {
				return
			}
			after = page[len(page)-1].key
		}
	}
}

func (w *writer) page(after []byte) (page []known, err error) {
	rows, err := w.x.db.QueryContext(w.ctx, "SELECT key, item, sum FROM items WHERE mailbox = ? AND key > ? ORDER BY key LIMIT ?", w.mailbox, after, batch)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var k known
		if err := rows.Scan(&k.key, &k.item, &k.sum); err != nil {
			return nil, err
		}
		page = append(page, k)
	}
	return page, rows.Err()
}

// write writes what was gathered.
func (w *writer) write() error {
	if len(w.fresh)+len(w.gone) == 0 {
		return nil
	}
	err := w.x.update(w.ctx, func(tx *sql.Tx) error {
		for _, statement := range []string{"DELETE FROM items WHERE item = ?", "DELETE FROM words WHERE rowid = ?", "DELETE FROM texts WHERE rowid = ?"} {
			if err := each(w.ctx, tx, statement, w.gone); err != nil {
				return err
			}
		}
		return w.insert(tx)
	})
	w.progress(len(w.fresh))
	w.fresh, w.rows, w.gone = w.fresh[:0], w.rows[:0], w.gone[:0]
	return err
}

func each(ctx context.Context, tx *sql.Tx, statement string, items []int64) error {
	if len(items) == 0 {
		return nil
	}
	s, err := tx.PrepareContext(ctx, statement)
	if err != nil {
		return err
	}
	defer s.Close()
	for _, item := range items {
		if _, err := s.ExecContext(ctx, item); err != nil {
			return err
		}
	}
	return nil
}

func (w *writer) insert(tx *sql.Tx) error {
	items, err := tx.PrepareContext(w.ctx, `INSERT INTO items (mailbox, key, sum, folder, class, size, facts, importance,
		at, received, sent, created, modified, starts, ends, id, message_id, subject, sender, shown_subject, shown_sender) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`)
	if err != nil {
		return err
	}
	defer items.Close()
	words, err := tx.PrepareContext(w.ctx, insertWords())
	if err != nil {
		return err
	}
	defer words.Close()
	for i := range w.fresh {
		it := &w.fresh[i]
		folder, err := w.folder(tx, it.Folder)
		if err != nil {
			return err
		}
		class, err := w.class(tx, it.Catalogue.Class)
		if err != nil {
			return err
		}
		values := []any{w.mailbox, w.rows[i].Key[:], int64(w.rows[i].Sum), folder, class, it.Size, int64(query.FactsOf(it)), it.Catalogue.Importance}
		for f := range times {
			values = append(values, micros(query.TimeOf(it, query.TimeField(f))))
		}
		done, err := items.ExecContext(w.ctx, append(values, it.ID, query.BareMessageID(it.Catalogue.MessageID),
			Sortable(&it.Catalogue, query.Subject), Sortable(&it.Catalogue, query.From), brief(it.Catalogue.Subject), brief(it.Catalogue.From))...)
		if err != nil {
			return err
		}
		id, err := done.LastInsertId()
		if err != nil {
			return err
		}
		values = append(values[:0], id)
		for f := range query.Fields {
			values = append(values, query.WordsOf(&it.Catalogue, f))
		}
		if _, err := words.ExecContext(w.ctx, values...); err != nil {
			return err
		}
	}
	return nil
}

// Sortable is what items are sorted by where that is a text.
func Sortable(c *fts.Catalogue, f query.TextField) string {
	words := query.WordsOf(c, f)
	return strings.ToValidUTF8(words[:min(len(words), 60)], "")
}

// brief is as much of a text as a list shows.
func brief(text string) string { return strings.ToValidUTF8(text[:min(len(text), 300)], "") }

func insertWords() string {
	names, marks := "rowid", "?"
	for f := range query.Fields {
		names, marks = names+", "+column(f), marks+", ?"
	}
	return "INSERT INTO words (" + names + ") VALUES (" + marks + ")"
}

func (w *writer) folder(tx *sql.Tx, id string) (n int64, err error) {
	if n, ok := w.folders[id]; ok {
		return n, nil
	}
	if _, err := tx.ExecContext(w.ctx, "INSERT OR IGNORE INTO folders (mailbox, id) VALUES (?, ?)", w.mailbox, id); err != nil {
		return 0, err
	}
	err = tx.QueryRowContext(w.ctx, "SELECT folder FROM folders WHERE mailbox = ? AND id = ?", w.mailbox, id).Scan(&n)
	w.folders[id] = n
	return n, err
}

// class returns the number of a class. Only some are remembered: there may be as
// many as items.
func (w *writer) class(tx *sql.Tx, name string) (n int64, err error) {
	if n, ok := w.classes[name]; ok {
		return n, nil
	}
	n, err = number(w.ctx, tx, "classes", "class", "name", name)
	if len(w.classes) < 1000 {
		w.classes[name] = n
	}
	return n, err
}

// number returns the key of a row with this text, which is made if need be.
func number(ctx context.Context, tx *sql.Tx, table, key, column, text string) (n int64, err error) {
	if _, err := tx.ExecContext(ctx, "INSERT OR IGNORE INTO "+table+" ("+column+") VALUES (?)", text); err != nil {
		return 0, err
	}
	err = tx.QueryRowContext(ctx, "SELECT "+key+" FROM "+table+" WHERE "+column+" = ?", text).Scan(&n)
	return n, err
}

func first(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
