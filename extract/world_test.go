package extract_test

import (
	"bytes"
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"mailferry/extract"
	"mailferry/fts"
	"mailferry/internal/event"
	"mailferry/store"
	"mailferry/store/storetest"
)

const alice = "alice@example.com"

// must ends the test on an error.
func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// world is a store, and a folder that is written to.
type world struct {
	t      *testing.T
	store  *store.Store
	out    string
	events []event.Event
}

func newWorld(t *testing.T, folders ...string) *world {
	t.Helper()
	t.Parallel()
	w := &world{t: t, store: storetest.New(t), out: t.TempDir()}
	must(t, w.store.PutMailbox(store.Mailbox{Address: alice}))
	var all []store.Folder
	for _, path := range folders {
		all = append(all, store.Folder{ID: "id of " + path, Path: path, Name: path})
	}
	must(t, w.store.PutFolders(t.Context(), alice, all))
	return w
}

// mail is a message with what these tests look at.
func mail(subject, body string) *fts.Message {
	m := &fts.Message{}
	for id, s := range map[uint16]string{0x001A: "IPM.Note", 0x0037: subject, 0x1000: body, 0x0042: "Alice", 0x0064: "SMTP", 0x0065: alice} {
		m.Props.Set(fts.MakeTag(id, fts.StringUpload), s)
	}
	m.Props.Set(fts.MakeTag(0x0E06, fts.Time), fts.FileTimeOf(time.Date(2025, 3, 1, 9, 30, 0, 0, time.UTC)))
	return m
}

// attach adds an attachment.
func attach(m *fts.Message, name, data string) {
	var a fts.Attachment
	a.Props.Set(fts.MakeTag(0x3707, fts.StringUpload), name)
	a.Props.Set(fts.MakeTag(0x3705, fts.Integer32), int32(fts.AttachByValue))
	a.Props.Set(fts.MakeTag(0x3701, fts.Binary), []byte(data))
	m.Attachments = append(m.Attachments, a)
}

// blobOf is a message as the store has it.
func blobOf(t testing.TB, m *fts.Message) []byte {
	t.Helper()
	var b bytes.Buffer
	must(t, fts.WriteMessage(&b, m, fts.WriteOptions{}))
	return b.Bytes()
}

// add puts a blob into the store, as an item with an id.
func (w *world) add(folder, id string, blob []byte) {
	w.t.Helper()
	c, _ := fts.Inspect(bytes.NewReader(blob)) // a damaged one is kept too
	writer, err := w.store.NewWriter()
	must(w.t, err)
	defer writer.Close()
	b, err := writer.Begin(store.ItemKey{Mailbox: alice, Folder: "id of " + folder, ID: id, ChangeKey: id})
	must(w.t, err)
	_, err = b.Write(blob)
	must(w.t, err)
	staged, err := b.Finish(store.Entry{Catalogue: c})
	must(w.t, err)
	must(w.t, w.store.Commit(w.t.Context(), []*store.Staged{staged}))
}

func (w *world) run(format string, change ...func(*extract.Options)) extract.Summary {
	w.t.Helper()
	s, err := w.try(w.t.Context(), format, change...)
	must(w.t, err)
	if s.Left != 0 {
		w.t.Errorf("%d items are left", s.Left)
	}
	return s
}

// try extracts all there is.
func (w *world) try(ctx context.Context, format string, change ...func(*extract.Options)) (extract.Summary, error) {
	w.t.Helper()
	root, err := os.OpenRoot(w.out)
	must(w.t, err)
	defer root.Close()
	f, ok := extract.FormatOf(format)
	if !ok {
		w.t.Fatalf("no format %s", format)
	}
	folders, err := w.store.Folders(alice)
	must(w.t, err)
	paths := make(map[string]string)
	for _, folder := range folders {
		paths[folder.ID] = folder.Path
	}
	w.events = nil
	o := extract.Options{
		Store: w.store, Root: root, Format: f,
		Path: func(key store.ItemKey) string { return paths[key.Folder] },
		Items: func(yield func(store.Item, error) bool) {
			for _, folder := range folders {
				for it, err := range w.store.Items(alice, folder.ID) {
					if !yield(it, err) {
						return
					}
				}
			}
		},
		Events: func(e event.Event) { w.events = append(w.events, e) },
	}
	for _, c := range change {
		c(&o)
	}
	return extract.Run(ctx, o)
}

func mbox(o *extract.Options)    { o.Mbox = true }
func replace(o *extract.Options) { o.Replace = true }

// failures are what was told of items that failed.
func (w *world) failures() (all []string) {
	for _, e := range w.events {
		if e.Kind == event.Failure {
			all = append(all, e.Subject+": "+e.Text)
		}
	}
	return all
}

// files lists what is below a folder.
func files(t testing.TB, dir string) (all []string) {
	t.Helper()
	must(t, filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			name, err = filepath.Rel(dir, name)
			all = append(all, filepath.ToSlash(name))
		}
		return err
	}))
	slices.Sort(all)
	return all
}

// want checks what was counted: written, there already, skipped, failed.
func (w *world) want(s extract.Summary, counts ...int) {
	w.t.Helper()
	if got := []int{s.Written, s.Already, s.Skipped, s.Failed}; !slices.Equal(got, counts) {
		w.t.Errorf("written, already, skipped, failed: %v, want %v; %s", got, counts, strings.Join(w.failures(), "; "))
	}
}
