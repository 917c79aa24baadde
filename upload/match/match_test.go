package match

import (
	"fmt"
	"testing"
	"time"

	"mailferry/ews"
	"mailferry/fts"
	"mailferry/store"
)

var noon = time.Date(2024, 5, 6, 12, 0, 0, 0, time.UTC)

// source is an item of a store, target one of a listing.
func source(class, subject, messageID string, received time.Time) store.Item {
	it := store.Item{}
	it.ID = class + subject + messageID
	it.Catalogue.Class, it.Catalogue.Subject, it.Catalogue.MessageID, it.Catalogue.Received = class, subject, messageID, received
	return it
}

func target(id, class, subject, messageID string, received time.Time) ews.Item {
	return ews.Item{ItemID: ews.ItemID{ID: id}, Class: class, Subject: subject, MessageID: messageID, Received: received}
}

func TestWhatIsTakenForOneItem(t *testing.T) {
	t.Parallel()
	long := func(end string) string { return fmt.Sprintf("%0255d", 0) + end }
	none := time.Time{}
	for name, c := range map[string]struct {
		source store.Item
		target ews.Item
		found  bool
	}{
		"the same":                    {source("IPM.Note", "a", "<1@x>", noon), target("1", "IPM.Note", "a", "<1@x>", noon), true},
		"class in another case":       {source("IPM.Note", "a", "<1@x>", noon), target("1", "ipm.note", "a", "<1@x>", noon), true},
		"another class":               {source("IPM.Note", "a", "<1@x>", noon), target("1", "IPM.Task", "a", "<1@x>", noon), false},
		"id without brackets":         {source("IPM.Note", "a", " <1@x>", noon), target("1", "IPM.Note", "a", "1@x", noon), true},
		"id in another case":          {source("IPM.Note", "a", "<a@x>", noon), target("1", "IPM.Note", "a", "<A@x>", noon), false},
		"rounded down":                {source("IPM.Note", "a", "<1@x>", noon.Add(900*time.Millisecond)), target("1", "IPM.Note", "a", "<1@x>", noon), true},
		"rounded up":                  {source("IPM.Note", "a", "<1@x>", noon.Add(900*time.Millisecond)), target("1", "IPM.Note", "a", "<1@x>", noon.Add(time.Second)), true},
		"two seconds later":           {source("IPM.Note", "a", "<1@x>", noon), target("1", "IPM.Note", "a", "<1@x>", noon.Add(2*time.Second)), false},
		"the target tells a time":     {source("IPM.Contact", "a", "", none), target("1", "IPM.Contact", "a", "", noon), true},
		"the target tells no id":      {source("IPM.Note", "a", "<1@x>", noon), target("1", "IPM.Note", "a", "", noon), true},
		"the source has no id":        {source("IPM.Note", "a", "", noon), target("1", "IPM.Note", "a", "<1@x>", noon), false},
		"subject cut at the target":   {source("IPM.Note", long("end"), "<1@x>", noon), target("1", "IPM.Note", long(""), "<1@x>", noon), true},
		"spaces and control letters":  {source("IPM.Note", " a\t\x01b ", "<1@x>", noon), target("1", "IPM.Note", "ab", "<1@x>", noon), true},
		"another subject":             {source("IPM.Note", "a", "<1@x>", noon), target("1", "IPM.Note", "b", "<1@x>", noon), false},
		"subject in another case":     {source("IPM.Note", "a", "<1@x>", noon), target("1", "IPM.Note", "A", "<1@x>", noon), false},
		"parts don't run into others": {source("IPM.Note", "a", "<b@x>", noon), target("1", "IPM.Note", "ab@x", "", noon), false},
	} {
		wanted := NewWanted()
		wanted.Item(c.source)
		l := NewListing()
		l.Add(c.target, wanted)
		if got := len(l.Find(c.source)) == 1; got != c.found {
			t.Errorf("%s: found %v", name, got)
		}
	}
}

func TestTwinsAreCounted(t *testing.T) {
	t.Parallel()
	const class, id = "IPM.Note", "<1@x>"
	for _, n := range []struct{ wants, there, foreign, found int }{
		{1, 1, 0, 1}, {2, 1, 0, 1}, {1, 2, 0, 1}, {3, 3, 0, 3}, {3, 2, 5, 2}, {0, 2, 0, 0}, {2, 0, 2, 0},
	} {
		wanted := NewWanted()
		for range n.wants {
			wanted.Item(source(class, "a", id, noon))
		}
		l := NewListing()
		for i := range n.there {
			it := target(fmt.Sprint("there", i), class, "a", id, noon)
			l.Add(it, wanted)
			l.Add(it, wanted) // a page may tell it again
		}
		for i := range n.foreign {
			l.Add(target(fmt.Sprint("foreign", i), class, "b", id, noon), wanted)
		}
		c := NewCollector(&Matcher{Listing: l, Rule: Rule{Counts: true}}, wanted)
		found, decided := 0, 0
		places := make(map[int32]bool)
		note := func(ws []*Want, err error) {
			if err != nil {
				t.Fatal(err)
			}
			for _, w := range ws {
				if decided++; w.Found >= 0 {
					found++
					places[w.Found] = true
				}
			}
		}
		for range n.wants {
			note(c.Offer(t.Context(), source(class, "a", id, noon)))
		}
		note(c.Flush(t.Context()))
		if found != n.found || decided != n.wants || len(places) != found {
			t.Errorf("%+v: %d found of %d, in %d places", n, found, decided, len(places))
		}
	}
}

func TestAListingKeepsWhatIsWanted(t *testing.T) {
	t.Parallel()
	wanted := NewWanted()
	wanted.Kin(source("IPM.Note", "a", "", noon))
	wanted.ID("named")
	taken := make(Set)
	taken.Add("ours")
	wanted.Except(taken)
	l := NewListing()
	for _, it := range []ews.Item{
		target("kin", "IPM.Note", "a", "<2@x>", noon), target("ours", "IPM.Note", "a", "", noon),
		target("named", "IPM.Task", "z", "", noon), target("KIN", "IPM.Note", "a", "", noon), target("other", "IPM.Note", "b", "", noon),
	} {
		l.Add(it, wanted)
	}
	for id, want := range map[string]bool{"kin": true, "KIN": true, "named": true, "ours": false, "other": false} {
		if l.Has(id) != want {
			t.Errorf("%s: %v", id, !want)
		}
	}
	if !l.TakeFor("kin", "one") || l.TakeFor("kin", "two") || l.TakeFor("none", "one") {
		t.Error("an item has one owner")
	}
	if !l.TakenFor("kin", "one") || l.TakenFor("kin", "two") || l.TakenFor("KIN", "one") {
		t.Error("the owner is not known")
	}
}

func TestTheNearestPair(t *testing.T) {
	t.Parallel()
	content := func(text string, more ...uint16) compared {
		m := &fts.Message{}
		m.Props.Set(fts.MakeTag(0x1000, fts.String), text)
		for _, id := range more {
			m.Props.Set(fts.MakeTag(id, fts.Integer32), int32(1))
		}
		return compared{content: fts.MessageContent(m), ok: true}
	}
	sources := []compared{content("a", 0x36), content("b", 0x36), {}}
	targets := []compared{content("c"), content("b"), content("a", 0x36, 0x17), {}}
	for name, c := range map[string]struct {
		wants, there []int
		kept         bool
		w, t         int
		ok           bool
	}{
		"fewest differences":             {[]int{0, 1}, []int{0, 1, 2}, false, 0, 2, true},
		"something lost is no change":    {[]int{1}, []int{0, 1}, true, 0, 1, true},
		"something added is no change":   {[]int{0}, []int{0, 2}, true, 0, 1, true},
		"another value is a change":      {[]int{0, 1}, []int{0}, true, 0, 0, false},
		"anything will do":               {[]int{0, 1}, []int{0}, false, 0, 0, true},
		"unknown content":                {[]int{2}, []int{3}, false, 0, 0, true},
		"unknown content proves nothing": {[]int{2}, []int{3}, true, 0, 0, false},
	} {
		rule := pairing{kept: func(int) bool { return c.kept }, may: func(int, int) bool { return true }}
		w, k, ok := nearest(c.wants, c.there, sources, targets, rule)
		if ok != c.ok || ok && (w != c.w || k != c.t) {
			t.Errorf("%s: %d, %d, %v", name, w, k, ok)
		}
	}
}
