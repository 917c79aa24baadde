package extract

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"path"
	"strings"

	"mailferry/fts"
	"mailferry/internal/event"
	"mailferry/store"
)

// set stands for the items that an mbox holds: who finds one knows whether it is
// the one that he would write.
type set struct{ h hash.Hash }

func newSet() *set { return &set{sha256.New()} }

func (s *set) add(it *store.Item) {
	fmt.Fprintf(s.h, "%s\x00%x\x00%v\x00", it.ID, it.SHA256, read(it))
}

func (s *set) String() string { return hex.EncodeToString(s.h.Sum(nil)[:16]) }

// setField is in the first message of an mbox, with the set and whether all of
// it is there.
const (
	setField = "X-Mailferry-Mbox: "
	allOf    = " all"
	partOf   = " not"
)

// mboxes writes the items of each folder into one file.
func (r *run) mboxes(ctx context.Context) error {
	var box *mbox
	defer func() {
		if box != nil {
			box.abort()
		}
	}()
	for it, err := range r.Items {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return err
		}
		if box == nil || box.key != folderOf(it.ItemKey) {
			if err := box.commit(); err != nil {
				return err
			}
			folder := r.Path(it.ItemKey)
			box = &mbox{run: r, key: folderOf(it.ItemKey), folder: folder, name: r.tree.place(it.ItemKey, folder) + ".mbox"}
		}
		j := job{item: it, folder: box.folder}
		if err := r.done(ctx, &j, 0, box.add(ctx, &it)); err != nil {
			return err
		}
	}
	err := box.commit()
	box = nil
	return err
}

// mbox is the file of a folder, in the form that is called mboxrd.
type mbox struct {
	run    *run
	key    store.ItemKey
	folder string
	name   string
	file   *file
	items  int   // that are in it
	bytes  int64 // of their blobs
	lost   bool  // an item that should be in it is not
	stated int64 // where it says so
	state  error // why nothing is written: errAlready, or an error
}

func (b *mbox) add(ctx context.Context, it *store.Item) error {
	if reason := b.run.Format.unfit(it); reason != "" {
		return skipped{reason}
	}
	if b.file == nil && b.state == nil {
		b.state = b.begin(ctx)
	}
	if b.state != nil {
		return b.state
	}
	start, err := b.file.offset()
	if err == nil {
		err = b.message(it, start == 0)
	}
	if err == nil {
		b.items, b.bytes = b.items+1, b.bytes+it.Size
		return nil
	}
	if b.file.failed != nil {
		return fatal(b.file.failed)
	}
	b.lost = true
	if err := b.file.rewind(start); err != nil {
		return fatal(err)
	}
	return err
}

func (b *mbox) begin(ctx context.Context) error {
	there, err := b.run.out.there(b.name, false)
	if err == nil && there {
		err = b.compare()
	}
	if err == nil {
		err = b.run.out.mkdir(path.Dir(b.name))
	}
	if err == nil {
		b.file, err = b.run.out.create(ctx, b.name)
	}
	return err
}

// compare looks whether the file that is there was written for the same items.
func (b *mbox) compare() error {
	f, err := b.run.out.root.Open(b.name)
	if err != nil {
		return outputError(err)
	}
	defer f.Close()
	head, err := io.ReadAll(io.LimitReader(f, 1<<10))
	if err != nil {
		return err
	}
	first, rest, _ := strings.Cut(string(head), "\n")
	second, _, _ := strings.Cut(rest, "\n")
	const anew = "; --if-exists replace writes it anew"
	switch want := setField + b.run.sets[b.key]; {
	case strings.HasPrefix(first, separator) && second == want+allOf:
		return errAlready
	case strings.HasPrefix(first, separator) && second == want+partOf:
		return errors.New(b.name + " is there already, without items that failed" + anew)
	}
	return errors.New(b.name + " is there already and holds something else" + anew)
}

// message writes one message with what stands before and after it.
func (b *mbox) message(it *store.Item, first bool) error {
	c := &it.Catalogue
	sender := cmp.Or(c.Sender, c.From)
	if !strings.Contains(sender, "@") || strings.ContainsFunc(sender, func(r rune) bool { return r <= ' ' || r > '~' }) {
		sender = "MAILER-DAEMON"
	}
	at := c.Received
	if at.IsZero() {
		at = c.Sent
	}
	if at.IsZero() {
		at = c.Created
	}
	head := separator + sender + " " + at.UTC().Format("Mon Jan _2 15:04:05 2006") + "\n"
	if first {
		head += setField + b.run.sets[b.key]
		b.stated = int64(len(head))
		head += allOf + "\n"
	}
	if read(it) {
		head += "Status: RO\n"
	}
	if _, err := io.WriteString(b.file, head); err != nil {
		return err
	}
	q := &mboxWriter{w: b.file, start: true}
	if err := b.run.content(q, it); err != nil {
		return err
	}
	return q.end()
}

// read says whether the owner of a mailbox had read an item.
func read(it *store.Item) bool {
	if it.Read != nil {
		return *it.Read
	}
	return it.Catalogue.Flags&fts.FlagRead != 0
}

// commit ends the file; b may be nil.
func (b *mbox) commit() error {
	if b == nil || b.file == nil {
		return nil
	}
	f := b.file
	b.file = nil
	if end, err := f.offset(); err == nil && end == 0 {
		return f.abort(nil) // all failed
	}
	if b.lost {
		f.amend(partOf, b.stated)
	}
	if err := f.commit(); err != nil {
		b.forget()
		return fatal(err)
	}
	b.run.mu.Lock()
	defer b.run.mu.Unlock()
	b.run.sum.Files++
	b.run.tell(event.Event{Kind: event.Folder, Mailbox: b.key.Mailbox, Folder: b.folder, Action: ActionExtracted, Text: b.name})
	return nil
}

func (b *mbox) abort() {
	if b.file != nil {
		_ = b.file.abort(nil)
		b.file = nil
		b.forget()
	}
}

// forget takes back what was counted: the file is not there after all.
func (b *mbox) forget() {
	b.run.mu.Lock()
	defer b.run.mu.Unlock()
	b.run.sum.Written -= b.items
	b.run.sum.Bytes -= b.bytes
}
