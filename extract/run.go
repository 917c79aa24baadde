package extract

import (
	"context"
	"errors"
	"io"
	"iter"
	"os"
	"path"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"mailferry/fts"
	"mailferry/internal/event"
	"mailferry/store"
)

// Options say what to write, and how.
type Options struct {
	Store  *store.Store
	Items  iter.Seq2[store.Item, error] // those of a folder one after the other; iterated twice
	Path   func(store.ItemKey) string   // of the folder of an item
	Root   *os.Root                     // the output folder
	Format Format
	// Mbox writes the items of each folder into one file, instead of each into its own.
	Mbox bool
	// Replace writes what is there already once more. Without it such items are
	// left alone: the name of a file tells the item and its version.
	Replace bool
	Workers int // items written at a time; 0: 4
	Events  func(event.Event)
}

// defaultWorkers is for a disk more than for the processors: each file is made durable.
const defaultWorkers = 4

// The actions of the events of items.
const (
	ActionExtracted = "extracted"
	ActionAlready   = "already"
	ActionSkipped   = "skipped" // Text tells why
)

// Run writes items. An item that can't be written is a Failure event and is
// counted; the error says that the run could not go on.
func Run(ctx context.Context, o Options) (Summary, error) {
	r := &run{
		Options: o, began: time.Now(), tree: newTree(), sum: Summary{Format: o.Format.Name},
		out: &output{root: o.Root, replace: o.Replace, made: make(map[string]bool)},
	}
	if o.Mbox {
		r.sum.Format = "mbox"
	}
	err := r.plan(ctx)
	switch {
	case err != nil:
	case o.Mbox:
		err = r.mboxes(ctx)
	default:
		err = r.files(ctx)
	}
	s := &r.sum
	s.Left = s.Found - s.Written - s.Already - s.Skipped - s.Failed
	s.Elapsed = time.Since(r.began)
	return *s, err
}

type run struct {
	Options
	out   *output
	tree  *tree
	began time.Time
	sets  map[store.ItemKey]string // what each folder's mbox is to hold

	mu  sync.Mutex // of sum, and of Events
	sum Summary
}

func (r *run) tell(e event.Event) {
	if r.Events != nil {
		r.Events(e)
	}
}

// plan counts.
func (r *run) plan(ctx context.Context) error {
	r.tell(event.Event{Kind: event.Phase, Text: "extracting"})
	items, bytes := 0, int64(0)
	folders := make(map[store.ItemKey]*set)
	for it, err := range r.Items {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return err
		}
		items, bytes = items+1, bytes+it.Size
		key := folderOf(it.ItemKey)
		if folders[key] == nil {
			folders[key] = newSet()
		}
		if r.Mbox && r.Format.unfit(&it) == "" {
			folders[key].add(&it)
		}
	}
	r.sets = make(map[store.ItemKey]string, len(folders))
	for key, s := range folders {
		r.sets[key] = s.String()
	}
	r.sum.Found, r.sum.Folders = items, len(folders)
	r.tell(event.Event{Kind: event.Planned, Items: items, Bytes: bytes})
	return nil
}

func folderOf(key store.ItemKey) store.ItemKey {
	return store.ItemKey{Mailbox: key.Mailbox, Folder: key.Folder}
}

// files writes each item into a file of its own, several at a time.
func (r *run) files(ctx context.Context) error {
	workers := r.Workers
	if workers <= 0 {
		workers = defaultWorkers
	}
	g, ctx := errgroup.WithContext(ctx)
	work := make(chan job)
	g.Go(func() error {
		defer close(work)
		for it, err := range r.Items {
			if err != nil {
				return err
			}
			j := job{item: it, folder: r.Path(it.ItemKey)}
			j.dir = r.tree.place(it.ItemKey, j.folder)
			select {
			case work <- j:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		return nil
	})
	for range workers {
		g.Go(func() error {
			for j := range work {
				files, err := r.write(ctx, &j)
				if err := r.done(ctx, &j, files, err); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return g.Wait()
}

// job is an item to be written.
type job struct {
	item   store.Item
	folder string // its path in the mailbox
	dir    string // where it goes
}

// Outcomes that are no errors.
var errAlready = errors.New("it is there already")

type skipped struct{ reason string }

func (s skipped) Error() string { return s.reason }

// write writes an item, and returns how many files it made.
func (r *run) write(ctx context.Context, j *job) (files int, err error) {
	if reason := r.Format.unfit(&j.item); reason != "" {
		return 0, skipped{reason}
	}
	folder := r.Format.Name == attachmentsFormat
	name := path.Join(j.dir, itemName(&j.item)+r.Format.Ext)
	there, err := r.out.there(name, folder)
	switch {
	case err != nil:
		return 0, err
	case there:
		return 0, errAlready
	}
	if err := r.out.mkdir(j.dir); err != nil {
		return 0, err
	}
	if folder {
		return r.attachments(ctx, j, name)
	}
	return 1, r.out.file(ctx, name, func(w io.Writer) error { return r.content(w, &j.item) })
}

// content writes the content of the file of an item.
func (r *run) content(w io.Writer, it *store.Item) error {
	open := func() (io.ReadCloser, error) { return r.Store.OpenBlob(*it) }
	if r.Format.Name == blobFormat {
		blob, err := open()
		if err != nil {
			return err
		}
		defer blob.Close()
		_, err = io.Copy(w, blob)
		return err
	}
	item, err := fts.OpenItem(open)
	if err != nil {
		return err
	}
	defer item.Close()
	return r.Format.Write(w, item)
}

// done counts and tells what became of an item. It returns an error that ends
// the run.
func (r *run) done(ctx context.Context, j *job, files int, err error) error {
	var skip skipped
	switch {
	case ctx.Err() != nil && err != nil:
		return ctx.Err()
	case errors.As(err, new(fatalError)):
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	c := &j.item.Catalogue
	e := event.Event{
		Kind: event.Item, Mailbox: j.item.Mailbox, Folder: j.folder, Item: j.item.ID, Class: c.Class, Subject: c.Subject,
		Bytes: j.item.Size, Action: ActionExtracted,
	}
	switch {
	case err == nil:
		r.sum.Written++
		r.sum.Files += files
		r.sum.Bytes += j.item.Size
	case errors.Is(err, errAlready):
		r.sum.Already++
		e.Action = ActionAlready
	case errors.As(err, &skip):
		r.sum.Skipped++
		e.Action, e.Text = ActionSkipped, skip.reason
	default:
		r.sum.Failed++
		e.Kind, e.Action, e.Text = event.Failure, "", err.Error()
	}
	r.tell(event.Event{Kind: event.Progress, Bytes: j.item.Size})
	r.tell(e)
	return nil
}

// itemName names the file of an item, without extension. Another version of the
// item has another name, so that a file is never taken for what it is not.
func itemName(it *store.Item) string {
	c := &it.Catalogue
	at := c.Received
	for _, other := range []time.Time{c.Sent, c.Start, c.Created} {
		if at.IsZero() {
			at = other
		}
	}
	subject := c.Subject
	if subject == "" {
		subject = c.DisplayName
	}
	return fileName(at, subject, it.Mailbox, it.ID, string(it.SHA256[:]))
}
