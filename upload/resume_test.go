package upload_test

import (
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"mailferry/ews/ewstest"
	"mailferry/ews/ewstest/mailbox"
	"mailferry/internal/event"
	"mailferry/store"
	"mailferry/store/storetest"
	"mailferry/upload"
)

// killer ends a context at one request: before it is sent, or after it was
// answered and before anybody read the answer.
type killer struct {
	next   http.RoundTripper
	count  *atomic.Int64
	at     int64
	after  bool
	cancel context.CancelFunc
}

func (k *killer) RoundTrip(r *http.Request) (*http.Response, error) {
	if k.count.Add(1) != k.at {
		return k.next.RoundTrip(r)
	}
	if !k.after {
		k.cancel()
		if r.Body != nil {
			r.Body.Close()
		}
		return nil, context.Canceled
	}
	// The request arrives whole and is carried out, and then we are gone.
	resp, err := k.next.RoundTrip(r.WithContext(context.WithoutCancel(r.Context())))
	k.cancel()
	if err == nil {
		io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
	}
	return nil, context.Canceled
}

// Killed at every request, before and after it: the next run brings exactly
// what is missing.
func TestKilledAtEveryRequest(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "sample:40")
	want := w.held(alice)
	restore := w.snapshot()
	var requests atomic.Int64
	w.wrap = func(next http.RoundTripper) http.RoundTripper {
		return &killer{next: next, count: &requests, at: -1, cancel: func() {}}
	}
	w.run(func(o *upload.Options) { o.Workers = 2 })
	n := requests.Load()
	if n < 10 {
		t.Fatalf("%d requests", n)
	}
	kills := int64(8)
	if os.Getenv("MAILFERRY_LONG_TESTS") != "" {
		kills = n
	}
	step := max(1, n/kills)
	for at := int64(1); at <= n; at += step {
		for _, after := range []bool{false, true} {
			w.server.Reset()
			restore()
			ctx, cancel := context.WithCancel(t.Context())
			var count atomic.Int64
			w.wrap = func(next http.RoundTripper) http.RoundTripper {
				return &killer{next: next, count: &count, at: at, after: after, cancel: cancel}
			}
			_, err := w.try(ctx, func(o *upload.Options) { o.Workers = 2 })
			cancel()
			if err == nil {
				t.Errorf("killed at request %d (after: %v): no error", at, after)
			}
			w.wrap = nil
			s := w.run()
			if s.Moved+s.Already != s.Found || s.Found != total(want) {
				t.Errorf("killed at request %d (after: %v): %+v", at, after, s)
			}
			w.equal(want, w.held(bob))
			if t.Failed() {
				t.Fatalf("killed at request %d (after: %v)", at, after)
			}
		}
	}
}

// snapshot copies the store, and returns what puts it back.
func (w *world) snapshot() (restore func()) {
	w.t.Helper()
	saved := filepath.Join(w.t.TempDir(), "saved")
	if err := os.CopyFS(saved, os.DirFS(w.dir)); err != nil {
		w.t.Fatal(err)
	}
	return func() {
		w.t.Helper()
		storetest.Check(w.t, w.dir)
		if err := os.RemoveAll(w.dir); err != nil {
			w.t.Fatal(err)
		}
		if err := os.CopyFS(w.dir, os.DirFS(saved)); err != nil {
			w.t.Fatal(err)
		}
	}
}

func TestKilledAgainAndAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "sample:60")
	for at := int64(3); ; at += 2 {
		ctx, cancel := context.WithCancel(t.Context())
		var count atomic.Int64
		w.wrap = func(next http.RoundTripper) http.RoundTripper {
			return &killer{next: next, count: &count, at: at, after: at%4 == 1, cancel: cancel}
		}
		s, err := w.try(ctx, func(o *upload.Options) { o.BatchItems = 3 })
		cancel()
		if err == nil && s.Left == 0 {
			break
		}
		if at > 2000 {
			t.Fatalf("it never ends: %+v, %v", s, err)
		}
	}
	w.wrap = nil
	w.same()
	if s := w.run(); s.Moved != 0 {
		t.Errorf("one more run: %+v", s)
	}
	w.same()
}

func TestDrainLeavesNothingUnknown(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "sample:60")
	drain := make(chan struct{})
	uploaded := 0
	s := w.run(func(o *upload.Options) {
		o.Drain, o.BatchItems, o.Workers = drain, 5, 2
		events := o.Events
		o.Events = func(e event.Event) {
			events(e)
			if e.Action == "uploaded" {
				if uploaded++; uploaded == 7 {
					close(drain)
				}
			}
		}
	})
	if s.Left == 0 || s.Moved == 0 || s.Failed != 0 {
		t.Errorf("drained: %+v", s)
	}
	if total(w.held(bob)) != s.Moved {
		t.Errorf("the target holds %d, moved are %d", total(w.held(bob)), s.Moved)
	}
	w.open(func(st *store.Store) {
		j, err := st.Journal(s.Target)
		if err != nil {
			t.Fatal(err)
		}
		for e, err := range j.Unsettled() {
			t.Errorf("unsettled: %v, %v", e.Source.ID, err)
		}
	})
	w.run()
	w.same()
}

func TestTwinsAllArriveAlsoWhenAnswersAreLost(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "sample:30")
	w.twins(6)
	w.export()
	w.faults(ewstest.Fault{Op: "UploadItems", Kind: "drop-after-commit", Every: 2, Times: 5})
	w.run(func(o *upload.Options) { o.BatchItems = 4 })
	w.same()
	w.faults()
	if s := w.run(); s.Moved != 0 {
		t.Errorf("second run: %+v", s)
	}
	w.nothingDeleted()
	// And again with a store that knows nothing: twins are recognised one by one.
	w.forget()
	if s := w.run(); s.Moved != 0 || s.Already != s.Found {
		t.Errorf("without a journal: %+v", s)
	}
	w.same()
	if r := w.verify(upload.LevelContent); !r.OK() {
		t.Errorf("verify: %+v", r)
	}
}

// twins puts equal items into alice's inbox, and one of them into another folder.
func (w *world) twins(n int) {
	w.t.Helper()
	box := w.server.Mailbox(alice)
	inbox, ok := box.Distinguished("inbox")
	if !ok {
		w.t.Fatal("no inbox")
	}
	items := box.Items(inbox.ID)
	if len(items) == 0 {
		w.t.Fatal("the inbox is empty")
	}
	sent, _ := box.Distinguished("sentitems")
	for i := range n {
		folder := inbox.ID
		if i == 0 {
			folder = sent.ID
		}
		if _, err := box.Add(folder, items[0].Message, mailbox.AddOptions{}); err != nil {
			w.t.Fatal(err)
		}
	}
}

func TestAChangedItemReplacesItsCopy(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "sample:60")
	w.run()
	var ids []string
	for _, f := range w.inventory(alice).Folders {
		if f.Distinguished == "inbox" {
			for _, it := range f.Items {
				if !it.Associated {
					ids = append(ids, it.ID)
				}
			}
		}
	}
	w.apply(alice, ewstest.Change{Do: "update", Item: ids[0], Subject: "changed"})
	w.apply(alice, ewstest.Change{Do: "update", Item: ids[1], Subject: "changed, too"})
	w.export()
	s := w.run()
	if s.Moved != 2 {
		t.Errorf("%+v", s)
	}
	w.same()

	// An answer to an update may be lost as well.
	w.apply(alice, ewstest.Change{Do: "update", Item: ids[0], Subject: "changed again"})
	w.export()
	w.faults(ewstest.Fault{Op: "UploadItems", Kind: "drop-after-commit", Nth: 1})
	if s := w.run(); s.Moved != 1 {
		t.Errorf("%+v", s)
	}
	w.same()

	// A copy that somebody deleted is not made again.
	w.apply(alice, ewstest.Change{Do: "update", Item: ids[1], Subject: "the last change"})
	w.export()
	for _, f := range w.inventory(bob).Folders {
		for _, it := range f.Items {
			if it.Subject == "changed, too" {
				w.apply(bob, ewstest.Change{Do: "delete", Item: it.ID})
			}
		}
	}
	before := total(w.held(bob))
	s = w.run()
	if s.Failed != 1 || s.Moved != 0 || total(w.held(bob)) != before {
		t.Errorf("%+v", s)
	}
	if f := w.failures(); f["ErrorItemNotFound"] != 1 {
		t.Errorf("failures: %v", f)
	}
}

func TestItemsThatAreThereAlready(t *testing.T) {
	t.Parallel()
	for _, mode := range []upload.IfExists{upload.Skip, upload.Copy, upload.Replace} {
		t.Run(string(mode), func(t *testing.T) {
			w := newWorld(t, "sample:60")
			w.run(func(o *upload.Options) { o.Selection.Folders = []string{"#inbox", "#calendar", "#contacts"} })
			there := total(w.held(bob))
			w.forget()
			s := w.run(func(o *upload.Options) { o.IfExists = mode })
			switch mode {
			case upload.Skip:
				if s.Already != there || s.Moved != s.Found-there {
					t.Errorf("%d were there: %+v", there, s)
				}
				w.same()
			case upload.Replace:
				if s.Moved != s.Found {
					t.Errorf("%+v", s)
				}
				w.same()
			case upload.Copy:
				if s.Moved != s.Found || total(w.held(bob)) != s.Found+there {
					t.Errorf("%+v", s)
				}
			}
			before := total(w.held(bob))
			if s := w.run(func(o *upload.Options) { o.IfExists = mode }); s.Moved != 0 || total(w.held(bob)) != before {
				t.Errorf("second run: %+v", s)
			}
		})
	}
}

func TestLostAnswersBesideItemsThatWereThere(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "sample:60")
	w.run()
	there := w.held(bob)
	w.forget()
	w.faults(ewstest.Fault{Op: "UploadItems", Kind: "drop-after-commit", Every: 2, Times: 4})
	w.run(func(o *upload.Options) { o.IfExists = upload.Copy })
	w.nothingDeleted()
	for key, n := range w.held(bob) {
		if n != 2*there[key] {
			t.Errorf("%d of %d: %s", n, 2*there[key], key)
		}
	}
}

func TestDeletedItemsStayBehind(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "sample:60")
	var ids []string
	for _, f := range w.inventory(alice).Folders {
		if f.Distinguished == "inbox" {
			for _, it := range f.Items {
				ids = append(ids, it.ID)
			}
		}
	}
	all := w.held(alice)
	w.apply(alice, ewstest.Change{Do: "delete", Item: ids[0]})
	w.apply(alice, ewstest.Change{Do: "move", Item: ids[1], To: "drafts"})
	w.export()
	s := w.run()
	w.same()
	s2 := w.run(func(o *upload.Options) { o.IncludeDeleted, o.Into = true, "All" })
	if s2.Moved != total(all)+1 || s.Moved != total(all)-1 {
		t.Errorf("%d of %d, with the deleted ones %d", s.Moved, total(all), s2.Moved)
	}
}
