package mailbox

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
)

// replica is what a client knows of a folder.
type replica map[uint64]string

func (r replica) apply(t *testing.T, changes []Change) {
	t.Helper()
	for _, c := range changes {
		switch c.Kind {
		case ChangeDelete:
			delete(r, c.Item.ID)
		case ChangeUpdate, ChangeRead:
			if _, ok := r[c.Item.ID]; !ok {
				t.Errorf("change of item %d, which was never told of", c.Item.ID)
			}
			fallthrough
		default:
			r[c.Item.ID] = fmt.Sprintf("%s %v", c.Item.Subject(), c.Item.Read)
		}
	}
}

func sync1(t *testing.T, m *Mailbox, folder uint64, p SyncPoint, limit int) ([]Change, SyncPoint, bool) {
	t.Helper()
	changes, next, last, err := m.Changes(folder, p, true, limit)
	if err != nil {
		t.Fatal(err)
	}
	text, err := next.MarshalText()
	if err != nil {
		t.Fatal(err)
	}
	var again SyncPoint
	if err := again.UnmarshalText(text); err != nil || again != next {
		t.Fatalf("%s: %v", text, err)
	}
	return changes, again, last
}

func kinds(changes []Change) string {
	s := ""
	for _, c := range changes {
		s += string("cudr"[c.Kind])
	}
	return s
}

func TestChanges(t *testing.T) {
	m := load(t, "", Options{})
	in := inbox(t, m)
	a, b, c := add(t, m, in, "a"), add(t, m, in, "b"), add(t, m, in, "c")
	fai, err := m.Add(in, note("config"), AddOptions{Associated: true})
	if err != nil {
		t.Fatal(err)
	}
	normal, _, last, err := m.Changes(in, SyncPoint{}, false, 512)
	if err != nil || !last || kinds(normal) != "ccc" || normal[0].Item != c {
		t.Fatalf("%s, %v", kinds(normal), err)
	}
	all, p, last := sync1(t, m, in, SyncPoint{}, 512)
	if !last || kinds(all) != "cccc" || all[0].Item != fai {
		t.Fatalf("%s", kinds(all))
	}
	if none, q, last := sync1(t, m, in, p, 512); len(none) > 0 || !last || q.Base < p.Base {
		t.Errorf("nothing happened, but %v", none)
	}
	if _, err := m.SetRead(a.ID, true); err != nil {
		t.Fatal(err)
	}
	if _, err := m.Update(b.ID, note("b2")); err != nil {
		t.Fatal(err)
	}
	drafts, _ := m.Distinguished("drafts")
	if _, err := m.Move(c.ID, drafts.ID); err != nil {
		t.Fatal(err)
	}
	d := add(t, m, in, "d")
	short := add(t, m, in, "short-lived")
	if err := m.Delete(short.ID, HardDelete); err != nil {
		t.Fatal(err)
	}
	got, q, last := sync1(t, m, in, p, 512)
	if !last || kinds(got) != "crud" || got[0].Item.ID != d.ID || got[1].Item.ID != a.ID || got[2].Item.ID != b.ID || got[3].Item.ID != c.ID {
		t.Errorf("got %s", kinds(got))
	}
	if there, _, _ := sync1(t, m, drafts.ID, SyncPoint{Folder: drafts.ID, Base: p.Base}, 512); kinds(there) != "c" {
		t.Errorf("a move is a creation elsewhere, got %s", kinds(there))
	}
	for _, bad := range []SyncPoint{{Folder: drafts.ID, Base: 1}, {Folder: in, Base: q.Base + 99}, {Folder: in, Top: 999}, {Folder: in, Phase: 7}} {
		if _, _, _, err := m.Changes(in, bad, true, 512); !errors.Is(err, ErrSyncPoint) {
			t.Errorf("%+v: %v", bad, err)
		}
	}
	for _, bad := range []string{"", "1.2", "2.1.1.1.1.1", "1.1.1.1.1.x", "1.1.1.1.1.1.1"} {
		if err := new(SyncPoint).UnmarshalText([]byte(bad)); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}

// A client that pages through while others change the folder ends with what is
// there, whatever the order.
func TestChangesConverge(t *testing.T) {
	for seed := range uint64(60) {
		r := rand.New(rand.NewPCG(seed, 1))
		m := load(t, "", Options{})
		in, drafts := inbox(t, m), uint64(0)
		if f, ok := m.Distinguished("drafts"); ok {
			drafts = f.ID
		}
		change := func() {
			items := m.Items(in)
			if len(items) == 0 || r.IntN(3) == 0 {
				add(t, m, in, fmt.Sprint(r.Uint32()))
				return
			}
			it := items[r.IntN(len(items))]
			var err error
			switch r.IntN(4) {
			case 0:
				err = m.Delete(it.ID, HardDelete)
			case 1:
				_, err = m.Move(it.ID, drafts)
			case 2:
				_, err = m.SetRead(it.ID, !it.Read)
			case 3:
				_, err = m.Update(it.ID, note(fmt.Sprint(r.Uint32())))
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		known, p := replica{}, SyncPoint{}
		for range 30 {
			for range r.IntN(12) {
				change()
			}
			changes, next, _ := sync1(t, m, in, p, 1+r.IntN(4))
			known.apply(t, changes)
			p = next
		}
		for last := false; !last || p.Base < m.ChangeNumber(); {
			var changes []Change
			changes, p, last = sync1(t, m, in, p, 3)
			known.apply(t, changes)
		}
		want := replica{}
		for _, it := range m.Items(in) {
			want[it.ID] = fmt.Sprintf("%s %v", it.Subject(), it.Read)
		}
		if fmt.Sprint(known) != fmt.Sprint(want) {
			t.Fatalf("seed %d: client has %v, folder %v", seed, known, want)
		}
	}
}

func TestConcurrentUse(t *testing.T) {
	m := load(t, "sample:20", Options{})
	in := inbox(t, m)
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			for n := range 30 {
				it, err := m.Add(in, note(fmt.Sprint(i, n)), AddOptions{})
				if err != nil {
					t.Error(err)
					return
				}
				_, _ = m.SetRead(it.ID, true)
				_, _ = m.BlobSHA256(it)
				_, _, _, _ = m.Changes(in, SyncPoint{}, true, 10)
				if n%3 == 0 {
					_ = m.Delete(it.ID, SoftDelete)
				}
				_ = m.Folders()
			}
		})
	}
	wg.Go(func() {
		if _, err := m.Inventory(nil); err != nil {
			t.Error(err)
		}
		m.Clone().Reset()
	})
	wg.Wait()
	f, _ := m.Folder(in)
	if got := len(m.Items(in)); got != f.Total+f.Associated {
		t.Errorf("%d items, counted %d", got, f.Total+f.Associated)
	}
}
