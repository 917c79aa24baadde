package upload

import (
	"context"
	"fmt"
	"iter"
	"slices"

	"mailferry/internal/selection"
	"mailferry/store"
)

// choice is what of a mailbox in the store a run is about.
type choice struct {
	selection      selection.Selection
	trees          trees
	associated     bool
	includeDeleted bool
}

// group is one folder of the target and the folders of the source that go
// there.
type group struct {
	node    *node
	sources []store.Folder

	fresh   int // items to look for or to send
	updates int
	folded  bool // associated items are among them
	sent    int  // new items of this run, associated ones not counted
	sentFAI int
}

// trees adds the trees that a folder pattern names.
func (c *choice) namedTrees() {
	c.trees.archive = c.trees.archive || c.selection.Names(selection.ArchiveRoot)
	c.trees.recoverable = c.trees.recoverable || c.selection.Names(selection.RecoverableRoot)
	c.trees.hidden = c.trees.hidden || c.selection.Names(selection.HiddenRoot)
	c.trees.public = c.trees.public || c.selection.Names(selection.PublicRoot)
}

// folder says whether a folder of the source is chosen.
func (c *choice) folder(f store.Folder) bool {
	switch {
	case f.Gone && !c.includeDeleted, f.Hidden && !c.trees.hidden,
		f.Root == store.Archive && !c.trees.archive,
		f.Root == store.Recoverable && !c.trees.recoverable,
		f.Root == store.Hidden && !c.trees.hidden,
		f.Root == store.Public && !c.trees.public:
		return false
	}
	return c.selection.Folder(f.Path, f.Distinguished)
}

// item says whether an item of a chosen folder is chosen.
func (c *choice) item(it store.Item) bool {
	if it.Deleted && !c.includeDeleted || it.Associated && !c.associated {
		return false
	}
	received := it.Catalogue.Received
	if received.IsZero() {
		received = it.Catalogue.Created
	}
	return c.selection.Item(selection.Item{ID: it.ID, Class: it.Catalogue.Class, Size: it.Size, Received: received})
}

// items yields the chosen items of the folders of a group.
func (c *choice) items(st *store.Store, mailbox string, g *group) iter.Seq2[chosenItem, error] {
	return func(yield func(chosenItem, error) bool) {
		for i := range g.sources {
			f := &g.sources[i]
			for it, err := range st.Items(mailbox, f.ID) {
				if err != nil {
					yield(chosenItem{}, fmt.Errorf("read the items of the store: %w", err))
					return
				}
				if c.item(it) && !yield(chosenItem{it, f}, nil) {
					return
				}
			}
		}
	}
}

// chosenItem is an item and the folder it is from.
type chosenItem struct {
	store.Item
	folder *store.Folder
}

// readSource reads the folders of the mailbox in the store and checks the
// selection against them.
func readSource(st *store.Store, mailbox string, c *choice) ([]store.Folder, error) {
	folders, err := st.Folders(mailbox)
	if err != nil {
		return nil, fmt.Errorf("read the folders of the store: %w", err)
	}
	if len(folders) == 0 {
		return nil, usagef("the store holds no folder of %s: run 'mailferry export' first", mailbox)
	}
	names := make([]selection.FolderName, 0, len(folders))
	for _, f := range folders {
		names = append(names, selection.FolderName{Path: f.Path, Distinguished: f.Distinguished})
	}
	return folders, c.selection.Validate(names)
}

// makeGroups places the chosen folders, in the order of their paths.
func makeGroups(p *placement, folders []store.Folder, c *choice, st *store.Store, mailbox string) ([]*group, error) {
	counts, err := st.CountItems(mailbox)
	if err != nil {
		return nil, fmt.Errorf("count the items of the store: %w", err)
	}
	byNode := make(map[*node]*group)
	var groups []*group
	for _, f := range folders {
		if !c.folder(f) {
			continue
		}
		if counts[f.ID].Items == 0 && !c.includeDeleted && f.Root != store.Primary {
			continue // nothing is asked of a tree that the target may not have
		}
		n, err := p.place(&f)
		if err != nil {
			return nil, err
		}
		g := byNode[n]
		if g == nil {
			g = &group{node: n}
			byNode[n] = g
			groups = append(groups, g)
		}
		g.sources = append(g.sources, f)
	}
	slices.SortStableFunc(groups, func(a, b *group) int { return depth(a.node) - depth(b.node) })
	return groups, nil
}

func depth(n *node) int {
	d := 0
	for ; n != nil; n = n.parent {
		d++
	}
	return d
}

// standing is what the journal says about an item.
type standing int

const (
	isNew     standing = iota // nothing, or that it failed
	isDone                    // this version is there
	isChanged                 // an older version is there
	isOpen                    // it was sent, and nobody knows the outcome
)

// stand asks the journal about an item.
func stand(j *store.Journal, it store.Item) (standing, store.JournalEntry, error) {
	e, ok, err := j.Get(it.Mailbox, it.ID)
	switch {
	case err != nil:
		return isNew, e, fmt.Errorf("read the journal: %w", err)
	case !ok:
		return isNew, e, nil
	case e.State == store.StateSent:
		return isOpen, e, nil
	case e.State == store.StateDone && e.Source.ChangeKey == it.ChangeKey && e.SHA256 == it.SHA256:
		return isDone, e, nil
	case e.State == store.StateDone && e.SHA256 == it.SHA256:
		return isDone, e, nil // a new change key, and the same bytes
	case e.TargetID != "":
		return isChanged, e, nil
	}
	return isNew, e, nil
}

// count goes through all chosen items once, so that the work is known.
func (r *run) count(ctx context.Context) error {
	var bytes int64
	items := 0
	for _, g := range r.groups {
		r.sum.Folders += len(g.sources)
		for it, err := range r.choice.items(r.o.Store, r.o.Mailbox, g) {
			if err != nil {
				return err
			}
			if err := ctx.Err(); err != nil {
				return context.Cause(ctx)
			}
			r.sum.Found++
			if it.Problem != "" {
				r.suspects++
			}
			state, _, err := stand(r.journal, it.Item)
			if err != nil {
				return err
			}
			switch state {
			case isDone:
				r.sum.Already++
				if r.o.DryRun {
					r.tell(&job{item: it.Item, folder: it.folder, group: g}, "skip")
				}
				continue
			case isChanged:
				g.updates++
			default:
				g.fresh++
			}
			g.folded = g.folded || it.Associated
			items++
			bytes += it.Size
		}
	}
	r.planned(items, bytes)
	return nil
}
