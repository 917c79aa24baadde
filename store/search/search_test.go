package search_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"mailferry/fts"
	"mailferry/store"
	"mailferry/store/query"
	"mailferry/store/search"
	"mailferry/store/storetest"
)

var (
	words     = []string{"report", "Report", "q3", "Straße", "strasse", "会議室", "Ünïcode", "alice", "bob", "invoice", "2025", "re", "x"}
	addresses = []string{"alice@old.example", "Bob <bob@new.example>", "carol@sub.old.example", "Ünal@example.com", ""}
	classes   = []string{"IPM.Note", "IPM.Appointment", "IPM.Contact", "IPM.Note.SMIME", ""}
	paths     = []string{"Inbox", "Inbox/2025", "Sent Items", "Junk"}
)

func pick[T any](r *rand.Rand, from []T) T { return from[r.IntN(len(from))] }

func sentence(r *rand.Rand) string {
	var b []string
	for range r.IntN(4) {
		b = append(b, pick(r, words))
	}
	return strings.Join(b, pick(r, []string{" ", ", ", "-"}))
}

func moment(r *rand.Rand) time.Time {
	if r.IntN(4) == 0 {
		return time.Time{}
	}
	return time.Date(2024, 1, 1+r.IntN(700), r.IntN(24), 0, r.IntN(60), r.IntN(1e9), time.UTC)
}

func catalogue(r *rand.Rand) fts.Catalogue {
	people := func() (all []fts.Person) {
		for range r.IntN(3) {
			all = append(all, fts.Person{Name: sentence(r), Address: pick(r, addresses)})
		}
		return all
	}
	c := fts.Catalogue{
		Class: pick(r, classes), Subject: sentence(r), From: pick(r, addresses), FromName: sentence(r), To: people(), Cc: people(), Bcc: people(),
		Received: moment(r), Sent: moment(r), Created: moment(r), Modified: moment(r), Start: moment(r), End: moment(r), Location: sentence(r),
		Flags: uint32(r.IntN(256)), Importance: r.Int32N(3), Sensitivity: r.Int32N(4), FlagStatus: r.Int32N(3), Recurring: r.IntN(2) == 0,
		MessageID: pick(r, []string{"", "<a@b>", "<c@d>"}), DisplayName: sentence(r), Company: sentence(r), Emails: []string{pick(r, addresses)}, Categories: []string{sentence(r), sentence(r)},
	}
	if c.HasAttachments = r.IntN(2) == 0; c.HasAttachments {
		c.Attachments = []fts.AttachmentInfo{{Name: sentence(r) + ".pdf", Hidden: r.IntN(2) == 0}}
	}
	return c
}

// fill puts n items into a mailbox, some of them new versions of older ones.
func fill(t *testing.T, s *store.Store, r *rand.Rand, mailbox string, n int) {
	t.Helper()
	ctx := t.Context()
	must(t, s.PutMailbox(store.Mailbox{Address: mailbox}))
	var folders []store.Folder
	for i, path := range paths {
		f := store.Folder{ID: fmt.Sprint("folder", i), Path: path, Name: path, Root: store.Primary}
		if path == "Junk" {
			f.Distinguished = "junkemail"
		}
		folders = append(folders, f)
	}
	must(t, s.PutFolders(ctx, mailbox, folders))
	w, err := s.NewWriter()
	must(t, err)
	var staged []*store.Staged
	for range n {
		id := fmt.Sprint("item", r.IntN(4*n))
		b, err := w.Begin(store.ItemKey{Mailbox: mailbox, Folder: pick(r, folders).ID, ID: id, ChangeKey: fmt.Sprint(r.Uint64()), Associated: r.IntN(10) == 0})
		must(t, err)
		_, err = b.Write(make([]byte, 1+r.IntN(3000)))
		must(t, err)
		e := store.Entry{Catalogue: catalogue(r)}
		if r.IntN(10) == 0 {
			e.Problem = "cut"
		}
		st, err := b.Finish(e)
		must(t, err)
		if slices.ContainsFunc(staged, func(other *store.Staged) bool { return other.Key().ID == id }) {
			w.Discard(st)
			continue
		}
		staged = append(staged, st)
	}
	must(t, s.Commit(ctx, staged))
	must(t, w.Close())
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// randomQuery writes a query by chance.
func randomQuery(r *rand.Rand, depth int) string {
	if depth > 0 && r.IntN(2) == 0 {
		x, y := randomQuery(r, depth-1), randomQuery(r, depth-1)
		return pick(r, []string{x + " " + y, "(" + x + ") OR (" + y + ")", "-(" + x + ")", "(" + x + " OR " + y + ") " + x})
	}
	text := pick(r, append([]string{`"q3 report"`, "rep*", "example.com", "exam*", "pdf", "会議", "室", "old"}, words...))
	date := pick(r, []string{"2024", "2025", "2024-06", "2025-01-15", "2025-03-01T12:00:00Z"})
	return pick(r, []string{
		"subject:" + text, "from:" + text, "to:" + text, "with:" + text, "attachment:" + text, "category:" + text, "location:" + text, "name:" + text,
		"company:" + text, "email:" + text, "folder:Inbox", "folder:**/2025", "folder:#junk", "mailbox:alice*", "class:IPM.Note*", "has:attachment",
		"is:" + pick(r, []string{"read", "unread", "draft", "flagged", "completed", "private", "recurring", "deleted", "associated", "suspect"}),
		"importance:" + pick(r, []string{"low", "normal", "high"}), "after:" + date, "before:" + date, "on:" + date,
		pick(r, []string{"received:", "sent:", "created:", "modified:", "start:", "end:"}) + pick(r, []string{date, date + "..", ".." + date, "2024.." + date}),
		"larger:" + pick(r, []string{"1K", "2K"}), "smaller:" + pick(r, []string{"1K", "2K"}), "message-id:a@b", "id:item7",
	})
}

// found asks the index.
func found(t *testing.T, x *search.Index, q *query.Query) (keys []string) {
	t.Helper()
	for hit, err := range x.Find(t.Context(), q, search.Options{}) {
		must(t, err)
		keys = append(keys, hit.Mailbox+" "+hit.Folder+" "+hit.ID)
	}
	slices.Sort(keys)
	return keys
}

// matched looks at every item.
func matched(t *testing.T, s *store.Store, q *query.Query) (keys []string) {
	t.Helper()
	mailboxes, err := s.Mailboxes()
	must(t, err)
	for _, m := range mailboxes {
		folders, err := s.Folders(m.Address)
		must(t, err)
		for _, f := range folders {
			for it, err := range s.Items(m.Address, f.ID) {
				must(t, err)
				ok, err := q.Match(&query.Doc{Item: &it})
				must(t, err)
				if ok {
					keys = append(keys, it.Mailbox+" "+it.Folder+" "+it.ID)
				}
			}
		}
	}
	slices.Sort(keys)
	return keys
}

func parse(t *testing.T, s *store.Store, text string) *query.Query {
	t.Helper()
	expr, err := query.Parse(text)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	folders := make(map[string][]store.Folder)
	mailboxes, err := s.Mailboxes()
	must(t, err)
	for _, m := range mailboxes {
		folders[m.Address], err = s.Folders(m.Address)
		must(t, err)
	}
	q, err := query.NewQuery(expr, folders)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return q
}

// The index finds what looking at every item finds, for queries by chance, while
// the store changes under it.
func TestTheIndexFindsWhatIsThere(t *testing.T) {
	t.Parallel()
	s := storetest.New(t)
	r := rand.New(rand.NewPCG(1, 2))
	ctx := t.Context()
	hits, queries := 0, 150
	if testing.Short() {
		queries = 40
	}
	for round := range 4 {
		fill(t, s, r, "alice@old.example", 150)
		if round > 0 {
			fill(t, s, r, "bob@old.example", 100)
			must(t, s.ApplyChanges(ctx, "alice@old.example", "folder1", []store.Change{{Kind: store.Delete, ItemID: anItem(t, s)}}, ""))
		}
		x, err := search.Open(ctx, s, nil)
		must(t, err)
		for range queries {
			text := randomQuery(r, 3)
			q := parse(t, s, text)
			got, want := found(t, x, q), matched(t, s, q)
			if !slices.Equal(got, want) {
				t.Fatalf("round %d, %s: the index finds %d, there are %d\n%v\n%v", round, text, len(got), len(want), got, want)
			}
			hits += len(want)
		}
		must(t, x.Close())
	}
	if hits < 5*queries {
		t.Errorf("only %d hits: this compares nothing with nothing", hits)
	}
}

func anItem(t *testing.T, s *store.Store) string {
	t.Helper()
	for it, err := range s.Items("alice@old.example", "folder1") {
		must(t, err)
		return it.ID
	}
	t.Fatal("the folder is empty")
	return ""
}

// An index that is damaged or of another program is made anew, and one that is
// up to date is not written.
func TestTheIndexIsMadeAnew(t *testing.T) {
	t.Parallel()
	s := storetest.New(t)
	fill(t, s, rand.New(rand.NewPCG(3, 4)), "alice@old.example", 50)
	q := parse(t, s, "is:read")
	want := matched(t, s, q)
	name := filepath.Join(s.Dir(), search.Name)
	for _, damage := range []func([]byte) []byte{
		func([]byte) []byte { return nil },
		func([]byte) []byte { return []byte("no database") },
		func(b []byte) []byte { return b[:len(b)/2] },
		func(b []byte) []byte { return append(make([]byte, 4096), b[4096:]...) },
	} {
		b, err := os.ReadFile(name)
		if err != nil {
			b = make([]byte, 5000)
		}
		must(t, os.WriteFile(name, damage(b), 0o600))
		x, err := search.Open(t.Context(), s, nil)
		must(t, err)
		if got := found(t, x, q); !slices.Equal(got, want) {
			t.Errorf("found %v, want %v", got, want)
		}
		must(t, x.Close())
		x, err = search.Open(t.Context(), s, func(n int) { t.Errorf("%d items were written again", n) })
		must(t, err)
		must(t, x.Close())
	}
}

func TestAnEncryptedStoreHasNoIndex(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	key := store.Key{Passphrase: "open sesame"}
	must(t, store.Init(dir, store.Options{Keys: []store.Key{key}}))
	s, err := store.Open(dir, store.OpenOptions{Unlock: store.Unlock{Passphrase: func() (string, error) { return key.Passphrase, nil }}})
	must(t, err)
	defer s.Close()
	if _, err := search.Open(context.Background(), s, nil); err == nil || !strings.Contains(err.Error(), "seals") {
		t.Errorf("opened: %v", err)
	}
	if _, err := os.Stat(filepath.Join(dir, search.Name)); err == nil {
		t.Error("a file was made")
	}
}
