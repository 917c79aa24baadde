package plan

import (
	"fmt"
	"iter"
	"slices"

	"mailferry/internal/selection"
	"mailferry/store"
	"mailferry/upload/place"
)

// Choice is what of a mailbox in the store a run is about.
type Choice struct {
	Selection  selection.Selection
	Trees      place.Trees
	Associated bool
	Deleted    bool // items too that were deleted at the source since
	// Match chooses among the items that the rest chooses; nil: all of them.
	Match func(store.Item) (bool, error)
}

// Group is one folder of the target and the folders of the source that go
// there.
type Group struct {
	Node    *place.Node
	Sources []store.Folder
}

// NamedTrees adds the trees that a folder pattern names.
func (c *Choice) NamedTrees() {
	c.Trees.Archive = c.Trees.Archive || c.Selection.Names(selection.ArchiveRoot)
	c.Trees.Recoverable = c.Trees.Recoverable || c.Selection.Names(selection.RecoverableRoot)
	c.Trees.Hidden = c.Trees.Hidden || c.Selection.Names(selection.HiddenRoot)
	c.Trees.Public = c.Trees.Public || c.Selection.Names(selection.PublicRoot)
}

// Folder says whether a folder of the source is chosen.
func (c *Choice) Folder(f store.Folder) bool {
	switch {
	case f.Gone && !c.Deleted, f.Hidden && !c.Trees.Hidden,
		f.Root == store.Archive && !c.Trees.Archive,
		f.Root == store.Recoverable && !c.Trees.Recoverable,
		f.Root == store.Hidden && !c.Trees.Hidden,
		f.Root == store.Public && !c.Trees.Public:
		return false
	}
	return c.Selection.Folder(f.Path, f.Distinguished)
}

// WholeFolders says that folders are chosen with all that is in them.
func (c *Choice) WholeFolders() bool { return !c.Selection.ChoosesItems() && c.Match == nil }

// Chooses says whether an item of a chosen folder is chosen.
func (c *Choice) Chooses(it store.Item) (bool, error) {
	if !c.selects(it) || c.Match == nil {
		return c.selects(it), nil
	}
	return c.Match(it)
}

func (c *Choice) selects(it store.Item) bool {
	if it.Deleted && !c.Deleted || it.Associated && !c.Associated {
		return false
	}
	received := it.Catalogue.Received
	if received.IsZero() {
		received = it.Catalogue.Created
	}
	return c.Selection.Item(selection.Item{ID: it.ID, Class: it.Catalogue.Class, Size: it.Size, Received: received})
}

// Items yields the chosen items of the folders of a group.
func (c *Choice) Items(st *store.Store, mailbox string, g *Group) iter.Seq2[Item, error] {
	return func(yield func(Item, error) bool) {
		for i := range g.Sources {
			f := &g.Sources[i]
			for it, err := range st.Items(mailbox, f.ID) {
				if err != nil {
					yield(Item{}, fmt.Errorf("read the items of the store: %w", err))
					return
				}
				chosen, err := c.Chooses(it)
				if err != nil {
					yield(Item{}, err)
					return
				}
				if chosen && !yield(Item{it, f}, nil) {
					return
				}
			}
		}
	}
}

// Item is an item and the folder it is from.
type Item struct {
	store.Item
	Folder *store.Folder
}

// Source reads the folders of the mailbox in the store and checks the
// selection against them.
func Source(st *store.Store, mailbox string, c *Choice) ([]store.Folder, error) {
	folders, err := st.Folders(mailbox)
	if err != nil {
		return nil, fmt.Errorf("read the folders of the store: %w", err)
	}
	if len(folders) == 0 {
		return nil, place.Usagef("the store holds no folder of %s: run 'mailferry export' first", mailbox)
	}
	names := make([]selection.FolderName, 0, len(folders))
	for _, f := range folders {
		names = append(names, selection.FolderName{Path: f.Path, Distinguished: f.Distinguished})
	}
	return folders, c.Selection.Validate(names)
}

// Groups places the chosen folders, in the order of their paths.
func Groups(p *place.Placement, folders []store.Folder, c *Choice, st *store.Store, mailbox string) ([]*Group, error) {
	counts, err := st.CountItems(mailbox)
	if err != nil {
		return nil, fmt.Errorf("count the items of the store: %w", err)
	}
	byNode := make(map[*place.Node]*Group)
	var groups []*Group
	for _, f := range folders {
		if !c.Folder(f) {
			continue
		}
		if counts[f.ID].Items == 0 && !c.Deleted && f.Root != store.Primary {
			continue // nothing is asked of a tree that the target may not have
		}
		n, err := p.Place(&f)
		if err != nil {
			return nil, err
		}
		g := byNode[n]
		if g == nil {
			g = &Group{Node: n}
			byNode[n] = g
			groups = append(groups, g)
		}
		g.Sources = append(g.Sources, f)
	}
	slices.SortStableFunc(groups, func(a, b *Group) int { return a.Node.Depth() - b.Node.Depth() })
	return groups, nil
}

// Standing is what the journal says about an item.
type Standing int

const (
	IsNew     Standing = iota // nothing, or that it failed
	IsDone                    // this version is there
	IsChanged                 // an older version is there
	IsOpen                    // it was sent, and nobody knows the outcome
)

// Stand asks the journal about an item.
func Stand(j *store.Journal, it store.Item) (Standing, store.JournalEntry, error) {
	e, ok, err := j.Get(it.Mailbox, it.ID)
	switch {
	case err != nil:
		return IsNew, e, fmt.Errorf("read the journal: %w", err)
	case !ok:
		return IsNew, e, nil
	case e.State == store.StateSent:
		return IsOpen, e, nil
	case e.State == store.StateDone && e.Source.ChangeKey == it.ChangeKey && e.SHA256 == it.SHA256:
		return IsDone, e, nil
	case e.State == store.StateDone && e.SHA256 == it.SHA256:
		return IsDone, e, nil // a new change key, and the same bytes
	case e.TargetID != "":
		return IsChanged, e, nil
	}
	return IsNew, e, nil
}
