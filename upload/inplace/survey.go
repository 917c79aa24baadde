package inplace

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"strings"
	"time"

	"mailferry/ews"
	"mailferry/store"
	"mailferry/upload/match"
	"mailferry/upload/place"
	"mailferry/upload/plan"
)

// Kind says how a stored item stands in its mailbox.
type Kind uint8

// How an item stands.
const (
	There        Kind = iota // as the store has it
	Changed                  // another version of it is there
	Missing                  // nowhere
	Moved                    // in another folder
	MovedChanged             // in another folder, and another version
	Same                     // a later export took the copy that a restore made of it, which is chosen itself
	Unreadable               // the server does not say
)

// Standing is how one item stands.
type Standing struct {
	Kind   Kind
	ID     string      // Changed: the item that is there in its place
	Folder string      // Changed: the id of the folder of that item
	Node   *place.Node // Moved, MovedChanged: where it is now
	Err    *ews.Error  // Unreadable: why
}

// Survey looks at the chosen items of a mailbox. All fields are needed.
type Survey struct {
	Client  *ews.Client
	Store   *store.Store
	Journal *store.Journal // of what was put back in place before
	Mailbox string
	Tree    *place.Tree // of the same mailbox, as it is now
	Choice  *plan.Choice
	Groups  []*plan.Group
	// Except leaves out of a listing what journals name: copies that restores
	// made of other items.
	Except func(*match.Wanted) error
	// Presence: whether an item that is there was changed makes no difference, so
	// that no item is read.
	Presence bool

	seed    maphash.Seed
	marks   map[uint64]mark // of all items but those that are There
	errs    map[uint64]*ews.Error
	folders map[string]*plan.Group // of the chosen folders, by id
	begun   []time.Time            // when exports of the mailbox began
	missing count
}

// mark is what is kept of an item's standing.
type mark struct {
	kind Kind
	copy bool // Changed: it is the copy that a restore made
	node *place.Node
}

// count says how many items are missing.
type count struct{ normal, associated int }

// Of returns how an item stands; Run has looked at it.
func (s *Survey) Of(it store.Item) (Standing, error) {
	key := s.key(it.ID)
	m := s.marks[key]
	st := Standing{Kind: m.kind, Node: m.node, Err: s.errs[key]}
	if m.kind != Changed {
		return st, nil
	}
	st.ID, st.Folder = it.ID, it.Folder
	if m.copy {
		e, _, err := s.Journal.Get(it.Mailbox, it.ID)
		if err != nil {
			return st, fmt.Errorf("read the journal: %w", err)
		}
		st.ID, st.Folder = e.TargetID, e.TargetFolder
	}
	return st, nil
}

func (s *Survey) key(id string) uint64 { return maphash.String(s.seed, id) }

// askAtOnce is how many items are asked for in one request.
const askAtOnce = 100

// asked is an item that is asked for: by the id it had, and by that of the copy
// that a restore made of it.
type asked struct {
	item        store.Item
	entry       store.JournalEntry
	own, copied bool // it is asked for by this id
	later       bool // its copy is in the store, and chosen
	found       bool
	key         string // change key of what was found
	err         *ews.Error
}

// Run looks at all chosen items.
func (s *Survey) Run(ctx context.Context) error {
	s.seed, s.marks, s.errs = maphash.MakeSeed(), make(map[uint64]mark), make(map[uint64]*ews.Error)
	s.folders = make(map[string]*plan.Group)
	for _, g := range s.Groups {
		for _, f := range g.Sources {
			s.folders[f.ID] = g
		}
	}
	for run, err := range s.Store.Runs() {
		if err != nil {
			return fmt.Errorf("read the runs of the store: %w", err)
		}
		if run.Kind == "export" && strings.EqualFold(run.Mailbox, s.Mailbox) {
			s.begun = append(s.begun, run.Begun)
		}
	}
	var batch []*asked
	n := 0
	for _, g := range s.Groups {
		for it, err := range s.Choice.Items(s.Store, s.Mailbox, g) {
			if err != nil {
				return err
			}
			a, err := s.ask(g, it.Item)
			if err != nil {
				return err
			}
			batch, n = append(batch, a), n+2
			if n >= askAtOnce {
				if err := s.answer(ctx, batch); err != nil {
					return err
				}
				batch, n = nil, 0
			}
		}
	}
	if err := s.answer(ctx, batch); err != nil {
		return err
	}
	if s.missing == (count{}) {
		return nil
	}
	return s.findMoved(ctx)
}

// ask says by which ids an item is asked for. One in a folder that was moved to
// Deleted Items has kept its id, and does not count as there.
func (s *Survey) ask(g *plan.Group, it store.Item) (*asked, error) {
	e, _, err := s.Journal.Get(it.Mailbox, it.ID)
	if err != nil {
		return nil, fmt.Errorf("read the journal: %w", err)
	}
	counts := func(folder string) bool {
		n := s.Tree.Node(folder)
		return n == nil || n == g.Node || !n.Deleted()
	}
	a := &asked{item: it, entry: e, own: counts(it.Folder)}
	if e.TargetID == "" || e.TargetID == it.ID {
		return a, nil
	}
	if a.later, err = s.chosen(e.TargetID); err != nil {
		return nil, err
	}
	a.copied = !a.later && counts(e.TargetFolder)
	return a, nil
}

// answer asks for a batch and keeps how its items stand.
func (s *Survey) answer(ctx context.Context, batch []*asked) error {
	var ids []ews.ItemID
	for _, a := range batch {
		if a.own {
			ids = append(ids, ews.ItemID{ID: a.item.ID})
		}
		if a.copied {
			ids = append(ids, ews.ItemID{ID: a.entry.TargetID})
		}
	}
	results, err := s.Client.GetItems(ctx, ids, 0)
	if err != nil {
		return fmt.Errorf("look for items in the mailbox: %w", err)
	}
	if len(results) != len(ids) {
		return errors.New("look for items in the mailbox: the server answered for another number of items")
	}
	var doubtful []*asked
	for _, a := range batch {
		for _, copied := range []bool{false, true} {
			if copied && !a.copied || !copied && !a.own {
				continue
			}
			a.take(results[0], copied)
			results = results[1:]
		}
		switch {
		case !a.found && a.err != nil:
			s.marks[s.key(a.item.ID)] = mark{kind: Unreadable}
			s.errs[s.key(a.item.ID)] = a.err
		case !a.found:
			s.gone(a)
		case !s.Presence && !a.unchanged():
			doubtful = append(doubtful, a)
		}
	}
	return s.compare(ctx, doubtful)
}

// take takes an answer for an item; the first that finds it counts.
func (a *asked) take(r ews.ItemResult, copied bool) {
	switch {
	case a.found:
	case r.Err == nil:
		a.found, a.key, a.copied = true, r.Item.ChangeKey, copied
	case !match.IsGone(r.Err):
		a.err = r.Err
	}
}

// unchanged says that a change key proves an item to be as the store has it.
func (a *asked) unchanged() bool {
	if !a.copied && a.key == a.item.ChangeKey && a.key != "" {
		return true
	}
	put := a.item.ID
	if a.copied {
		put = a.entry.TargetID
	}
	return a.entry.State == store.StateDone && a.entry.TargetID == put && a.entry.SHA256 == a.item.SHA256 &&
		a.key == a.entry.TargetChangeKey && a.key != ""
}

// gone marks an item that no id finds.
func (s *Survey) gone(a *asked) {
	kind := Missing
	if a.later {
		kind = Same
	}
	s.mark(a.item, mark{kind: kind})
}

func (s *Survey) mark(it store.Item, m mark) {
	s.marks[s.key(it.ID)] = m
	switch {
	case m.kind != Missing:
	case it.Associated:
		s.missing.associated++
	default:
		s.missing.normal++
	}
}

// chosen says that the store holds an item, and that it is chosen.
func (s *Survey) chosen(id string) (bool, error) {
	it, found, err := s.Store.Item(s.Mailbox, id)
	if err != nil {
		return false, fmt.Errorf("read an item of the store: %w", err)
	}
	if !found || s.folders[it.Folder] == nil {
		return false, nil
	}
	return s.Choice.Chooses(it)
}

// compare marks items that are there and are not as the store has them.
func (s *Survey) compare(ctx context.Context, doubtful []*asked) error {
	ids := make([]string, len(doubtful))
	items := make([]store.Item, len(doubtful))
	for i, a := range doubtful {
		if items[i], ids[i] = a.item, a.item.ID; a.copied {
			ids[i] = a.entry.TargetID
		}
	}
	return s.differ(ctx, items, ids, func(i int, gone bool) error {
		if gone {
			s.gone(doubtful[i])
			return nil
		}
		s.mark(items[i], mark{kind: Changed, copy: doubtful[i].copied})
		return nil
	})
}
