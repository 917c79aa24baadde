// Package search answers queries about a store from an index beside it.
//
// The index is an SQLite file, search.db, that holds the catalogue in columns and
// the words of texts in FTS5 tables. It is never believed over the store: it is
// brought up to date with it before it is asked, can be thrown away at any time,
// and is made anew when it can't be read. An encrypted store has none, and one on
// a read-only disk makes none; there every item is looked at instead.
package search

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"mailferry/store"
	"mailferry/store/query"
)

// Name is the name of the index in the folder of the store.
const Name = "search.db"

// layout is the version of the tables; another one is made anew.
const layout = 1

// Index is an open index of an open store.
type Index struct {
	db    *sql.DB
	store *store.Store
}

// ErrNone says why a store has no index.
var ErrNone = errors.New("no search index")

// Open opens the index of a store and brings its catalogue up to date with it;
// progress, if not nil, is told how many items were written. Errors are ErrNone
// where the store has to be looked through instead.
func Open(ctx context.Context, st *store.Store, progress func(items int)) (*Index, error) {
	if st.Encrypted() {
		return nil, fmt.Errorf("%w: it would tell what the store seals", ErrNone)
	}
	x, err := upToDate(ctx, st, progress)
	if unreadable(err) {
		if err := Remove(st.Dir()); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrNone, err)
		}
		x, err = upToDate(ctx, st, progress)
	}
	var ofIndex *sqlite.Error
	switch {
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case errors.As(err, &ofIndex), errors.Is(err, errLayout):
		return nil, fmt.Errorf("%w: %w", ErrNone, err)
	}
	return x, err
}

func upToDate(ctx context.Context, st *store.Store, progress func(items int)) (*Index, error) {
	x, err := open(ctx, filepath.Join(st.Dir(), Name), st)
	if err != nil {
		return nil, err
	}
	if err := x.sync(ctx, progress); err != nil {
		x.Close()
		return nil, err
	}
	return x, nil
}

// Remove throws the index of the store in dir away.
func Remove(dir string) error {
	for _, suffix := range []string{"-journal", ""} {
		if err := os.Remove(filepath.Join(dir, Name+suffix)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

var errLayout = errors.New("the search index is of another version")

// unreadable says that an index is to be made anew.
func unreadable(err error) bool {
	var e *sqlite.Error
	if errors.As(err, &e) {
		switch e.Code() & 0xff {
		case sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_ERROR, sqlite3.SQLITE_SCHEMA, sqlite3.SQLITE_MISMATCH:
			return true
		}
	}
	return errors.Is(err, errLayout)
}

func open(ctx context.Context, name string, st *store.Store) (*Index, error) {
	// Made here, so that it is as closed to others as the rest of the store.
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNone, err)
	}
	if err := f.Close(); err != nil {
		return nil, err
	}
	db, err := sql.Open("sqlite", dsn(name))
	if err != nil {
		return nil, err
	}
	x := &Index{db, st}
	if err := x.prepare(ctx); err != nil {
		db.Close()
		return nil, err
	}
	return x, nil
}

// dsn is how the driver is told of a file. Of an index that can be made anew a
// power cut may take the last second, but not its being whole.
func dsn(name string) string {
	path := filepath.ToSlash(name)
	if !strings.HasPrefix(path, "/") {
		if abs, err := filepath.Abs(name); err == nil {
			path = filepath.ToSlash(abs)
		}
		if !strings.HasPrefix(path, "/") {
			path = "/" + path // a drive's letter
		}
	}
	pragmas := url.Values{"_pragma": {"busy_timeout(60000)", "journal_mode(TRUNCATE)", "synchronous(NORMAL)", "cache_size(-32000)", "temp_store(MEMORY)"}, "_txlock": {"immediate"}}
	return (&url.URL{Scheme: "file", Path: path, RawQuery: pragmas.Encode()}).String()
}

// prepare makes the tables, or sees that they are those that it would make.
func (x *Index) prepare(ctx context.Context) error {
	return x.update(ctx, func(tx *sql.Tx) error {
		var version, tables int
		if err := tx.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version); err != nil {
			return err
		}
		if err := tx.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_schema").Scan(&tables); err != nil {
			return err
		}
		switch {
		case version == layout:
			return nil
		case tables > 0:
			return errLayout
		}
		var fields []string
		for f := range query.Fields {
			fields = append(fields, column(f))
		}
		for _, statement := range []string{
			`CREATE TABLE state (seq INTEGER NOT NULL)`,
			`INSERT INTO state VALUES (-1)`,
			`CREATE TABLE mailboxes (mailbox INTEGER PRIMARY KEY, address TEXT NOT NULL UNIQUE)`,
			`CREATE TABLE folders (folder INTEGER PRIMARY KEY, mailbox INTEGER NOT NULL, id TEXT NOT NULL, UNIQUE (mailbox, id))`,
			`CREATE TABLE classes (class INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE)`,
			`CREATE TABLE items (
				item INTEGER PRIMARY KEY, mailbox INTEGER NOT NULL, key BLOB NOT NULL, sum INTEGER NOT NULL,
				folder INTEGER NOT NULL, class INTEGER NOT NULL, size INTEGER NOT NULL, facts INTEGER NOT NULL, importance INTEGER NOT NULL,
				at INTEGER, received INTEGER, sent INTEGER, created INTEGER, modified INTEGER, starts INTEGER, ends INTEGER,
				texted INTEGER NOT NULL DEFAULT 0, id TEXT NOT NULL, message_id TEXT NOT NULL,
				subject TEXT NOT NULL, sender TEXT NOT NULL, shown_subject TEXT NOT NULL, shown_sender TEXT NOT NULL)`,
			`CREATE UNIQUE INDEX items_key ON items (mailbox, key)`,
			`CREATE INDEX items_texted ON items (texted) WHERE texted = 0`,
			`CREATE VIRTUAL TABLE words USING fts5(` + strings.Join(fields, ", ") + `, content='', contentless_delete=1, tokenize='ascii')`,
			`CREATE VIRTUAL TABLE texts USING fts5(body, content='', contentless_delete=1, tokenize='ascii')`,
			fmt.Sprintf("PRAGMA user_version = %d", layout),
		} {
			if _, err := tx.ExecContext(ctx, statement); err != nil {
				return err
			}
		}
		return nil
	})
}

func column(f query.TextField) string { return fmt.Sprintf("f%d", f) }

// update runs fn in a transaction that no other process writes beside.
func (x *Index) update(ctx context.Context, fn func(tx *sql.Tx) error) error {
	tx, err := x.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	if err := fn(tx); err != nil {
		return err
	}
	return tx.Commit()
}

// Close closes the index.
func (x *Index) Close() error { return x.db.Close() }
