package export_test

import (
	"context"
	"encoding/hex"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"mailferry/ews"
	"mailferry/ews/ewsauth"
	"mailferry/ews/ewstest"
	"mailferry/ews/ewstest/mailbox"
	"mailferry/export"
	"mailferry/fts"
	"mailferry/internal/event"
	"mailferry/store"
	"mailferry/store/storetest"
)

const alice = "alice@example.com"

// world is a simulated server with one mailbox, and a store that is opened
// anew for each run and checked after it.
type world struct {
	t      *testing.T
	server *ewstest.Server
	dir    string
	events []event.Event
}

// newWorld fills alice's mailbox; content is as in ewstest.MailboxSpec.
func newWorld(t *testing.T, content string, change ...func(*ewstest.Options)) *world {
	t.Helper()
	t.Parallel() // each has a server and a store of its own, and mostly waits for the disk
	o := ewstest.Options{Mailboxes: []ewstest.MailboxSpec{{Address: alice, Content: content, Archive: true}}}
	for _, c := range change {
		c(&o)
	}
	return &world{t: t, server: ewstest.Start(t, o), dir: filepath.Join(t.TempDir(), "store")}
}

func (w *world) client() *ews.Client {
	w.t.Helper()
	c, err := ews.NewClient(ews.Options{
		URL: w.server.URL(), Mailbox: alice, Workers: 4,
		NewTransport: func() http.RoundTripper {
			return ewsauth.Basic(ewstest.DefaultUser, ewsauth.NewSecret(ewstest.DefaultPassword), ewsauth.NewTransport(ewsauth.TLSOptions{}))
		},
		StallTimeout: 5 * time.Second,
		Retry:        ews.RetryPolicy{Attempts: 3, Base: time.Millisecond, Max: 5 * time.Millisecond},
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return c
}

// try runs an export and closes the store after it.
func (w *world) try(ctx context.Context, change ...func(*export.Options)) (event.Summary, error) {
	w.t.Helper()
	st, err := store.Open(w.dir, store.OpenOptions{Create: true})
	if err != nil {
		w.t.Fatal(err)
	}
	defer func() {
		if err := st.Close(); err != nil {
			w.t.Error(err)
		}
	}()
	client := w.client()
	defer client.Close()
	var mu sync.Mutex
	w.events = nil
	short := []time.Duration{time.Millisecond, 2 * time.Millisecond, 2 * time.Millisecond, 2 * time.Millisecond}
	o := export.Options{
		Client: client, Store: st, Mailbox: alice,
		Patience: export.Patience{Truncated: short, Retry: short},
		Events: func(e event.Event) {
			if !mu.TryLock() {
				w.t.Error("two events at a time")
				mu.Lock()
			}
			defer mu.Unlock()
			w.events = append(w.events, e)
		},
	}
	for _, c := range change {
		c(&o)
	}
	return export.Run(ctx, o)
}

// run runs an export that must succeed.
func (w *world) run(change ...func(*export.Options)) event.Summary {
	w.t.Helper()
	s, err := w.try(w.t.Context(), change...)
	if err != nil {
		w.t.Fatalf("export: %v", err)
	}
	if s.Moved+s.Already+s.Failed+s.Left != s.Found {
		w.t.Errorf("the summary doesn't add up: %+v", s)
	}
	return s
}

// source is what the server holds, by folder and item id.
func (w *world) source(keep func(mailbox.InventoryFolder, mailbox.InventoryItem) bool) map[string]mailbox.InventoryItem {
	w.t.Helper()
	inventory, err := w.server.Inventory(alice)
	if err != nil {
		w.t.Fatal(err)
	}
	all := make(map[string]mailbox.InventoryItem)
	for _, f := range inventory.Folders {
		for _, it := range f.Items {
			if keep(f, it) {
				all[it.ID] = it
			}
		}
	}
	return all
}

// visible are the items that an export without options takes.
func visible(hidden map[string]bool) func(mailbox.InventoryFolder, mailbox.InventoryItem) bool {
	return func(f mailbox.InventoryFolder, it mailbox.InventoryItem) bool {
		return !hidden[f.ID] && !f.Search && !it.Associated
	}
}

// few selects some folders only, so that tests of the way of items don't spend
// their time on the many folders of the sample.
func few(o *export.Options) { o.Selection.Folders = slices.Clone(fewPatterns) }

// fewItems are the items of those folders.
func fewItems(f mailbox.InventoryFolder, it mailbox.InventoryItem) bool {
	return slices.Contains(fewRoles, f.Distinguished) && !it.Associated
}

var (
	fewPatterns = []string{"#inbox", "#sent", "#calendar", "#contacts", "#tasks", "#notes", "#drafts"}
	fewRoles    = []string{"inbox", "sentitems", "calendar", "contacts", "tasks", "notes", "drafts"}
)

// hiddenFolders are those outside the visible tree, hidden in it, or in the archive.
func (w *world) hiddenFolders() map[string]bool {
	w.t.Helper()
	inventory, err := w.server.Inventory(alice)
	if err != nil {
		w.t.Fatal(err)
	}
	byID := make(map[string]mailbox.InventoryFolder)
	for _, f := range inventory.Folders {
		byID[f.ID] = f
	}
	hidden := make(map[string]bool)
	for _, f := range inventory.Folders {
		at, seen := f, false
		for range 400 {
			if at.Hidden || at.Archive {
				break
			}
			if at.Distinguished == "msgfolderroot" {
				seen = true
				break
			}
			at = byID[at.Parent]
		}
		hidden[f.ID] = !seen
	}
	return hidden
}

// stored is what the store holds, without what was deleted since.
func (w *world) stored() map[string]storedItem {
	w.t.Helper()
	st, err := store.Open(w.dir, store.OpenOptions{ReadOnly: true})
	if err != nil {
		w.t.Fatal(err)
	}
	defer st.Close()
	folders, err := st.Folders(alice)
	if err != nil {
		w.t.Fatal(err)
	}
	all := make(map[string]storedItem)
	for _, f := range folders {
		for it, err := range st.Items(alice, f.ID) {
			if err != nil {
				w.t.Fatal(err)
			}
			if it.Deleted {
				continue
			}
			if _, twice := all[it.ID]; twice {
				w.t.Errorf("item %s is in the store twice", it.ID)
			}
			r, err := st.OpenBlob(it)
			if err != nil {
				w.t.Fatal(err)
			}
			content, err := fts.ReadContent(r)
			if err != nil && it.Problem == "" {
				w.t.Errorf("item %s: %v", it.ID, err)
			}
			if e := r.Close(); e != nil {
				w.t.Error(e)
			}
			s := storedItem{Item: it, folder: f}
			if err == nil {
				sum := content.Sum()
				s.content = hex.EncodeToString(sum[:])
			}
			all[it.ID] = s
		}
	}
	return all
}

type storedItem struct {
	store.Item
	folder  store.Folder
	content string
}

// same checks that the store holds exactly these items, content-equal.
func (w *world) same(want map[string]mailbox.InventoryItem) {
	w.t.Helper()
	got := w.stored()
	missing, other, extra := 0, 0, 0
	for id, it := range want {
		have, ok := got[id]
		switch {
		case !ok:
			missing++
		case have.content != it.Content || have.Associated != it.Associated || have.ChangeKey != it.ChangeKey:
			other++
			w.t.Logf("item %s: content equal: %v, associated %v, %v, change key %s, %s", id, have.content == it.Content, have.Associated, it.Associated, have.ChangeKey, it.ChangeKey)
		}
	}
	for id := range got {
		if _, ok := want[id]; !ok {
			extra++
		}
	}
	if missing+other+extra > 0 {
		w.t.Errorf("of %d items %d are missing and %d differ; %d too many", len(want), missing, other, extra)
	}
	storetest.Check(w.t, w.dir)
}

// faults replaces the server's faults.
func (w *world) faults(list ...ewstest.Fault) {
	w.t.Helper()
	if err := w.server.SetFaults(list); err != nil {
		w.t.Fatal(err)
	}
}

// requests says how many requests came since before.
func (w *world) requests(before ewstest.Stats) (all int64, byOp map[string]int64) {
	now := w.server.Stats()
	byOp = make(map[string]int64)
	for op, n := range now.Requests {
		if n -= before.Requests[op]; n > 0 {
			byOp[op] = n
			all += n
		}
	}
	return all, byOp
}

// failures are the failures in the store.
func (w *world) failures() []store.Failure {
	w.t.Helper()
	st, err := store.Open(w.dir, store.OpenOptions{ReadOnly: true})
	if err != nil {
		w.t.Fatal(err)
	}
	defer st.Close()
	var all []store.Failure
	for f, err := range st.Failures(store.FailureFilter{Mailbox: alice}) {
		if err != nil {
			w.t.Fatal(err)
		}
		all = append(all, f)
	}
	return all
}

// apply changes the mailbox as another client would.
func (w *world) apply(c ewstest.Change) []string {
	w.t.Helper()
	ids, err := w.server.Apply(alice, c)
	if err != nil {
		w.t.Fatal(err)
	}
	return ids
}

// kinds counts events by kind and action.
func (w *world) kinds() map[string]int {
	n := make(map[string]int)
	for _, e := range w.events {
		n[strings.TrimSuffix(fmt.Sprintf("%s %s", e.Kind, e.Action), " ")]++
	}
	return n
}

// median is the time of receipt in the middle of items.
func (w *world) median(items map[string]mailbox.InventoryItem) time.Time {
	var times []time.Time
	for _, it := range items {
		times = append(times, it.Received)
	}
	slices.SortFunc(times, time.Time.Compare)
	return times[len(times)/2]
}
