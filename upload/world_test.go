package upload_test

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"os"
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
	"mailferry/internal/event"
	"mailferry/store"
	"mailferry/store/storetest"
	"mailferry/upload"
)

const (
	alice = "alice@old.example"
	bob   = "bob@new.example"
)

// world is a simulated server with alice's mailbox, filled, and bob's, and a
// store that holds what was exported of alice. It is opened anew for each run,
// and checked at the end.
type world struct {
	t        *testing.T
	server   *ewstest.Server
	dir      string
	events   []event.Event                             // of the last run
	warnings []event.Event                             // of all runs
	wrap     func(http.RoundTripper) http.RoundTripper // of bob's client; nil: as it is
}

// newWorld exports alice's mailbox; content is as in ewstest.MailboxSpec.
func newWorld(t *testing.T, content string, change ...func(*ewstest.Options)) *world {
	t.Helper()
	o := ewstest.Options{Mailboxes: []ewstest.MailboxSpec{
		{Address: alice, Content: content, Archive: true},
		{Address: bob, Language: "de", Archive: true},
	}}
	for _, c := range change {
		c(&o)
	}
	w := &world{t: t, server: ewstest.Start(t, o), dir: filepath.Join(t.TempDir(), "store")}
	if err := os.CopyFS(w.dir, os.DirFS(exported(t, content))); err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *world) client(address string) *ews.Client {
	w.t.Helper()
	c, err := ews.NewClient(ews.Options{
		URL: w.server.URL(), Mailbox: address, Workers: 4,
		NewTransport: func() http.RoundTripper {
			var rt http.RoundTripper = ewsauth.Basic(ewstest.DefaultUser, ewsauth.NewSecret(ewstest.DefaultPassword), ewsauth.NewTransport(ewsauth.TLSOptions{}))
			if w.wrap != nil && address == bob {
				rt = w.wrap(rt)
			}
			return rt
		},
		StallTimeout: 5 * time.Second,
		Retry:        ews.RetryPolicy{Attempts: 3, Base: time.Millisecond, Max: 5 * time.Millisecond},
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return c
}

// open opens the store for the time of use.
func (w *world) open(use func(*store.Store)) {
	w.t.Helper()
	st, err := store.Open(w.dir, store.OpenOptions{Create: true})
	if err != nil {
		w.t.Fatal(err)
	}
	defer func() {
		if err := st.Close(); err != nil {
			w.t.Errorf("close the store: %v", err)
		}
	}()
	use(st)
}

func (w *world) export() {
	w.t.Helper()
	w.open(func(st *store.Store) {
		client := w.client(alice)
		defer client.Close()
		s, err := export.Run(w.t.Context(), export.Options{
			Client: client, Store: st, Mailbox: alice, Associated: true, Hidden: true, Archive: true, Recoverable: true,
		})
		if err != nil || s.Failed+s.Left > 0 {
			w.t.Fatalf("export: %+v, %v", s, err)
		}
	})
}

// short are pauses for tests.
var short = []time.Duration{time.Millisecond, 2 * time.Millisecond}

// try runs an upload and closes the store after it.
func (w *world) try(ctx context.Context, change ...func(*upload.Options)) (s event.Summary, err error) {
	w.t.Helper()
	w.open(func(st *store.Store) {
		client := w.client(bob)
		defer client.Close()
		var mu sync.Mutex
		w.events = nil
		o := upload.Options{
			Client: client, Store: st, Mailbox: alice, Target: bob, Associated: true, BatchItems: 10,
			Patience: upload.Patience{Retry: short, Quiet: 2 * time.Millisecond},
			Events: func(e event.Event) {
				if !mu.TryLock() {
					w.t.Error("two events at a time")
					mu.Lock()
				}
				defer mu.Unlock()
				w.events = append(w.events, e)
				if e.Kind == event.Warning {
					w.warnings = append(w.warnings, e)
				}
			},
		}
		for _, c := range change {
			c(&o)
		}
		s, err = upload.Run(ctx, o)
	})
	return s, err
}

// run runs an upload that must succeed.
func (w *world) run(change ...func(*upload.Options)) event.Summary {
	w.t.Helper()
	s, err := w.try(w.t.Context(), change...)
	if err != nil {
		w.t.Fatalf("upload: %v", err)
	}
	w.adds(s)
	return s
}

func (w *world) adds(s event.Summary) {
	w.t.Helper()
	if dry := len(w.events) > 0 && s.Moved+s.Left == 0; !dry && s.Moved+s.Already+s.Failed+s.Left != s.Found {
		w.t.Errorf("the summary doesn't add up: %+v", s)
	}
}

func (w *world) verify(level upload.Level, change ...func(*upload.VerifyOptions)) upload.VerifyReport {
	w.t.Helper()
	var report upload.VerifyReport
	w.open(func(st *store.Store) {
		client := w.client(bob)
		defer client.Close()
		o := upload.VerifyOptions{Client: client, Store: st, Mailbox: alice, Target: bob, Level: level, Associated: true, BatchItems: 7}
		for _, c := range change {
			c(&o)
		}
		var err error
		if report, err = upload.Verify(w.t.Context(), o); err != nil {
			w.t.Fatalf("verify: %v", err)
		}
	})
	return report
}

func (w *world) faults(faults ...ewstest.Fault) {
	w.t.Helper()
	if err := w.server.SetFaults(faults); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) apply(address string, c ewstest.Change) []string {
	w.t.Helper()
	ids, err := w.server.Apply(address, c)
	if err != nil {
		w.t.Fatal(err)
	}
	return ids
}

func (w *world) inventory(address string) *mailbox.Inventory {
	w.t.Helper()
	inventory, err := w.server.Inventory(address)
	if err != nil {
		w.t.Fatal(err)
	}
	return inventory
}

// held counts what a mailbox holds in its visible folders: by the role of the
// nearest folder that has one, the names below it, and the content.
func (w *world) held(address string) map[string]int {
	w.t.Helper()
	inventory := w.inventory(address)
	byID := make(map[string]mailbox.InventoryFolder)
	for _, f := range inventory.Folders {
		byID[f.ID] = f
	}
	place := func(f mailbox.InventoryFolder) (string, bool) {
		var names []string
		role := ""
		for range 1000 {
			if f.Hidden || f.Archive || f.Search {
				return "", false
			}
			if f.Distinguished != "" && role == "" {
				role = f.Distinguished
			}
			if f.Distinguished == "msgfolderroot" {
				slices.Reverse(names)
				return role + "/" + strings.Join(names, "/"), true
			}
			if role == "" {
				names = append(names, strings.TrimSpace(f.Name)) // as Exchange does
			}
			parent, ok := byID[f.Parent]
			if !ok {
				break
			}
			f = parent
		}
		return "", false
	}
	held := make(map[string]int)
	for _, f := range inventory.Folders {
		at, visible := place(f)
		if !visible {
			continue
		}
		for _, it := range f.Items {
			held[fmt.Sprintf("%s %v %s %s", at, it.Associated, it.Content, it.Class)]++
		}
	}
	return held
}

// same fails the test unless bob holds what alice holds, as often.
func (w *world) same() {
	w.t.Helper()
	w.equal(w.held(alice), w.held(bob))
}

func (w *world) equal(want, got map[string]int) {
	w.t.Helper()
	n := 0
	for _, key := range slices.Sorted(maps.Keys(want)) {
		if got[key] != want[key] && n < 10 {
			w.t.Errorf("the target holds %d of %d: %s", got[key], want[key], key)
			n++
		}
	}
	for _, key := range slices.Sorted(maps.Keys(got)) {
		if want[key] == 0 && n < 20 {
			w.t.Errorf("the target holds %d that were never sent: %s", got[key], key)
			n++
		}
	}
}

// failures are the recorded failures by code.
func (w *world) failures() map[string]int {
	w.t.Helper()
	codes := make(map[string]int)
	w.open(func(st *store.Store) {
		for f, err := range st.Failures(store.FailureFilter{Mailbox: alice, Direction: store.Upload}) {
			if err != nil {
				w.t.Fatal(err)
			}
			if f.FolderPath == "" || f.Class == "" || f.Text == "" {
				w.t.Errorf("a failure tells too little: %+v", f)
			}
			codes[f.Code]++
		}
	})
	return codes
}

// forget loses the store and exports anew, so that there is no journal.
func (w *world) forget() {
	w.t.Helper()
	storetest.Check(w.t, w.dir)
	if err := os.RemoveAll(w.dir); err != nil {
		w.t.Fatal(err)
	}
	w.export()
}

// folder finds a folder by its path.
func (w *world) folder(address, path string) (mailbox.InventoryFolder, bool) {
	w.t.Helper()
	for _, f := range w.inventory(address).Folders {
		if f.Path == path {
			return f, true
		}
	}
	return mailbox.InventoryFolder{}, false
}

func total(held map[string]int) int {
	n := 0
	for _, c := range held {
		n += c
	}
	return n
}

func (w *world) warned(text string) bool {
	return slices.ContainsFunc(w.events, func(e event.Event) bool { return e.Kind == event.Warning && strings.Contains(e.Text, text) })
}

// only keeps of a count what is wanted.
func only(got, want map[string]int) map[string]int {
	kept := make(map[string]int)
	for key := range want {
		if n, ok := got[key]; ok {
			kept[key] = n
		}
	}
	return kept
}

// damage flips one bit in the middle of the largest segment, and returns how
// many items that hits.
func damage(t *testing.T, w *world) int {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(w.dir, "segments", "*.seg"))
	if err != nil || len(files) == 0 {
		t.Fatalf("segments: %v, %v", files, err)
	}
	largest, size := "", int64(0)
	for _, f := range files {
		if info, err := os.Stat(f); err == nil && info.Size() > size {
			largest, size = f, info.Size()
		}
	}
	data, err := os.ReadFile(largest)
	if err != nil {
		t.Fatal(err)
	}
	data[len(data)*3/5] ^= 0x10
	if err := os.WriteFile(largest, data, 0o600); err != nil {
		t.Fatal(err)
	}
	hit := 0
	w.open(func(st *store.Store) {
		report, err := st.Check(t.Context(), store.CheckOptions{ReadData: true})
		if err != nil {
			t.Fatal(err)
		}
		hit = report.Damaged
	})
	if hit != 1 {
		t.Fatalf("%d items are damaged", hit)
	}
	return hit
}

// nothingDeleted says that no extra copy was ever made and taken away again:
// the search for them must not hide that an item was sent twice.
func (w *world) nothingDeleted() {
	w.t.Helper()
	if n := w.server.Stats().Requests["DeleteItem"]; n > 0 {
		w.t.Errorf("%d requests to delete items", n)
	}
}
