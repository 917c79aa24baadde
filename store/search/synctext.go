package search

import (
	"context"
	"database/sql"
	"errors"
	"runtime"
	"sync"

	"golang.org/x/sync/errgroup"

	"mailferry/store"
)

// Bounds of the texts that are held before they are written.
const (
	textBatch = 500
	textBytes = 8 << 20
)

// What items.texted says.
const (
	_           = iota // not looked at
	textRead           // what there is of text is in the index
	textDamaged        // the blob can't be read
)

// SyncTexts reads the texts of the items that it was not done for. It can be
// stopped at any time and goes on there. unread is how many items of the store
// have a blob that could not be read. progress, if not nil, is told how many items
// were done.
func (x *Index) SyncTexts(ctx context.Context, progress func(items int)) (unread int, err error) {
	for done := 0; ; {
		page, err := x.untexted(ctx)
		if err != nil {
			return 0, err
		}
		if len(page) == 0 {
			break
		}
		if err := x.textPage(ctx, page); err != nil {
			return 0, err
		}
		if done += len(page); progress != nil {
			progress(done)
		}
	}
	err = x.db.QueryRowContext(ctx, "SELECT count(*) FROM items WHERE texted = ?", textDamaged).Scan(&unread)
	return unread, err
}

// toText is an item whose text is to be read.
type toText struct {
	item        int64
	mailbox, id string
	text        string
	state       int
}

func (x *Index) untexted(ctx context.Context) (page []toText, err error) {
	rows, err := x.db.QueryContext(ctx, "SELECT item, address, id FROM items JOIN mailboxes USING (mailbox) WHERE texted = 0 LIMIT ?", textBatch)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var one toText
		if err := rows.Scan(&one.item, &one.mailbox, &one.id); err != nil {
			return nil, err
		}
		page = append(page, one)
	}
	return page, rows.Err()
}

// textPage reads texts side by side and writes them as they come.
func (x *Index) textPage(ctx context.Context, page []toText) error {
	all, ctx := errgroup.WithContext(ctx)
	todo, texts := make(chan toText, len(page)), make(chan toText)
	for _, one := range page {
		todo <- one
	}
	close(todo)
	var readers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		readers.Add(1)
		all.Go(func() error {
			defer readers.Done()
			for one := range todo {
				if err := x.readText(&one); err != nil {
					return err
				}
				select {
				case texts <- one:
				case <-ctx.Done():
					return context.Cause(ctx)
				}
			}
			return nil
		})
	}
	all.Go(func() error { readers.Wait(); close(texts); return nil })
	all.Go(func() error { return x.writeTexts(ctx, texts) })
	return all.Wait()
}

func (x *Index) readText(one *toText) error {
	item, ok, err := x.store.Item(one.mailbox, one.id)
	if err != nil || !ok {
		one.state = textRead // it is gone: the next Open drops the row
		return err
	}
	one.text, err = Text(x.store, item)
	if one.state = textRead; errors.Is(err, store.ErrDamaged) {
		one.state, err = textDamaged, nil
	}
	return err
}

func (x *Index) writeTexts(ctx context.Context, texts <-chan toText) error {
	var batch []toText
	size := 0
	write := func() error {
		err := x.update(ctx, func(tx *sql.Tx) error {
			for _, one := range batch {
				// A row that another process wrote or dropped meanwhile stays as it is.
				done, err := tx.ExecContext(ctx, "UPDATE items SET texted = ? WHERE item = ? AND texted = 0", one.state, one.item)
				if err != nil {
					return err
				}
				if n, err := done.RowsAffected(); err != nil || n == 0 || one.text == "" {
					if err != nil {
						return err
					}
					continue
				}
				if _, err := tx.ExecContext(ctx, "INSERT INTO texts (rowid, body) VALUES (?, ?)", one.item, one.text); err != nil {
					return err
				}
			}
			return nil
		})
		batch, size = batch[:0], 0
		return err
	}
	for one := range texts {
		batch, size = append(batch, one), size+len(one.text)
		if size >= textBytes {
			if err := write(); err != nil {
				return err
			}
		}
	}
	if len(batch) == 0 {
		return nil
	}
	return write()
}
