package upload

import (
	"context"
	"errors"
	"fmt"

	"mailferry/ews"
	"mailferry/internal/event"
	"mailferry/store"
)

// verification is a Verify under way.
type verification struct {
	teller
	o        VerifyOptions
	choice   choice
	journal  *store.Journal
	accepted map[string]bool // items whose failure a person accepted
	tally    tally
	compare  *comparer
}

// Verify compares what the store holds of a mailbox with a target mailbox.
// Nothing is changed at the target, and nothing is written to the store. The
// report is as far as it got when there is an error.
func Verify(ctx context.Context, o VerifyOptions) (VerifyReport, error) {
	if err := o.defaults(); err != nil {
		return VerifyReport{}, err
	}
	target := JournalName(o.Target, o.Into)
	v := &verification{
		teller: teller{events: o.Events, mailbox: o.Mailbox, target: target}, o: o,
		choice: choice{
			selection: o.Selection, associated: o.Associated, includeDeleted: o.IncludeDeleted,
			trees: trees{hidden: o.Hidden, archive: o.Archive, recoverable: o.Recoverable, public: o.Public},
		},
		accepted: make(map[string]bool),
		tally:    tally{report: VerifyReport{Level: o.Level}, groups: make(map[string]*Group)},
	}
	err := v.run(ctx, target)
	return v.tally.finish(), err
}

func (o *VerifyOptions) defaults() error {
	if o.Level == "" {
		o.Level = LevelKey
	}
	switch {
	case o.Client == nil || o.Store == nil:
		return errors.New("verify: a client and a store are needed")
	case o.Mailbox == "" || o.Target == "":
		return usagef("verify: name the mailbox in the store and the target mailbox")
	case o.Level != LevelCount && o.Level != LevelKey && o.Level != LevelContent:
		return usagef("level %q: use count, key or content", o.Level)
	case !(o.Sample >= 0 && o.Sample <= 1):
		return usagef("sample: give a share from 0 to 1")
	}
	if o.Workers <= 0 {
		o.Workers = 4
	}
	if o.BatchItems <= 0 {
		o.BatchItems = 50
	}
	if o.BatchBytes <= 0 {
		o.BatchBytes = 20e6
	}
	return nil
}

func (v *verification) run(ctx context.Context, target string) error {
	v.choice.namedTrees()
	folders, err := readSource(v.o.Store, v.o.Mailbox, &v.choice)
	if err != nil {
		return err
	}
	if v.journal, err = v.o.Store.Journal(target); err != nil {
		return fmt.Errorf("open the journal: %w", err)
	}
	for f, err := range v.o.Store.Failures(store.FailureFilter{Mailbox: v.o.Mailbox, Direction: store.Upload, Target: target}) {
		if err != nil {
			return fmt.Errorf("read the failures: %w", err)
		}
		if !f.Accepted.IsZero() {
			v.accepted[f.ItemID] = true
		}
	}
	v.phase("reading the target")
	tree, err := readTree(ctx, v.o.Client, v.choice.trees)
	if err != nil {
		return err
	}
	place, err := newPlacement(tree, folders, v.o.Into, v.o.Map)
	if err != nil {
		return err
	}
	groups, err := makeGroups(place, folders, &v.choice, v.o.Store, v.o.Mailbox)
	if err != nil {
		return err
	}
	counts := make([]folderCount, len(groups))
	for i, g := range groups {
		if counts[i], err = v.count(ctx, g); err != nil {
			return err
		}
		v.tally.report.Folders += len(g.sources)
		v.tally.report.Checked += counts[i].normal + counts[i].associated
	}
	var bytes int64
	for _, c := range counts {
		bytes += c.bytes
	}
	v.planned(v.tally.report.Checked, bytes)
	v.phase("comparing")
	v.compare = newComparer(ctx, v)
	for i, g := range groups {
		if err := v.folder(ctx, g, counts[i]); err != nil {
			return errors.Join(err, v.compare.wait())
		}
	}
	return v.compare.wait()
}

// folderCount is what a folder of the target should hold.
type folderCount struct {
	normal, associated int
	accepted           int // of the normal ones: may be missing
	bytes              int64
}

func (v *verification) count(ctx context.Context, g *group) (folderCount, error) {
	var c folderCount
	for it, err := range v.choice.items(v.o.Store, v.o.Mailbox, g) {
		if err != nil {
			return c, err
		}
		if ctx.Err() != nil {
			return c, context.Cause(ctx)
		}
		c.bytes += it.Size
		if it.Associated {
			c.associated++
			continue
		}
		c.normal++
		if v.accepted[it.ID] {
			c.accepted++
		}
	}
	return c, nil
}

// folder looks at one folder of the target.
func (v *verification) folder(ctx context.Context, g *group, c folderCount) error {
	if c.normal+c.associated == 0 {
		return nil
	}
	if v.o.Level == LevelCount {
		return v.folderCount(ctx, g, c)
	}
	return v.folderKeys(ctx, g, c)
}

// folderCount compares numbers. A folder that holds more than it should may
// hold other things, too, so it is looked at closely.
func (v *verification) folderCount(ctx context.Context, g *group, c folderCount) error {
	associated := 0
	if c.associated > 0 && g.node.id != "" {
		seen := make(idSet)
		for it, err := range v.o.Client.FindItems(ctx, ews.FindItemsRequest{Folder: ews.FolderByID(g.node.id), Traversal: ews.AssociatedItems}) {
			if err != nil {
				return fmt.Errorf("list a folder of the target: %w", err)
			}
			seen.add(it.ID)
		}
		associated = len(seen)
	}
	if g.node.total > c.normal || associated > c.associated {
		return v.folderKeys(ctx, g, c)
	}
	less := c.normal - g.node.total
	accepted := min(less, c.accepted)
	missing := less - accepted + c.associated - associated
	v.tally.mu.Lock()
	v.tally.report.Accepted += accepted
	v.tally.mu.Unlock()
	f := &g.sources[0]
	if missing > 0 {
		what := fmt.Sprintf("the folder holds %d items instead of %d", g.node.total+associated, c.normal+c.associated)
		v.tally.note(Finding{Kind: Missing, Folder: f.Path, What: what, Count: missing}, missing)
	}
	v.emit(event.Event{Kind: event.Folder, Action: "counted", Folder: f.Path, Items: g.node.total + associated})
	return nil
}

// missing notes an item that the target does not have.
func (v *verification) missing(it store.Item, f *store.Folder, what string) {
	v.item("missing", it, f, "")
	if v.accepted[it.ID] {
		v.tally.mu.Lock()
		v.tally.report.Accepted++
		v.tally.mu.Unlock()
		return
	}
	v.tally.note(finding(Missing, it, f, "", what), 1)
}

// folderKeys finds each item, and what is there too often.
func (v *verification) folderKeys(ctx context.Context, g *group, c folderCount) error {
	if g.node.id == "" {
		for it, err := range v.choice.items(v.o.Store, v.o.Mailbox, g) {
			if err != nil {
				return err
			}
			v.missing(it.Item, it.folder, "not there: the target has no such folder")
		}
		return nil
	}
	l, err := v.list(ctx, g, c)
	if err != nil {
		return err
	}
	counts := make(map[uint64]int32)
	for it, err := range v.choice.items(v.o.Store, v.o.Mailbox, g) {
		if err != nil {
			return err
		}
		_, e, err := stand(v.journal, it.Item)
		if err != nil {
			return err
		}
		if e.TargetID == "" || !l.take(e.TargetID) {
			counts[sourcePrint(it.Item).key()]++
		}
	}
	match := &collector{counts: counts, waiting: make(map[uint64][]*want), m: &matcher{
		client: v.o.Client, store: v.o.Store, listing: l,
		rule: rule{lone: true, near: true, counts: v.o.Level != LevelContent},
	}}
	folders := make(map[string]*store.Folder)
	decide := func(ws []*want, err error) error {
		if err != nil {
			return fmt.Errorf("look for items of the store at the target: %w", err)
		}
		for _, w := range ws {
			f := folders[w.item.ID]
			delete(folders, w.item.ID)
			if w.found < 0 {
				v.missing(w.item, f, "not there")
			} else if err := v.there(w.item, f, l.items[w.found].id); err != nil {
				return err
			}
		}
		return nil
	}
	for it, err := range v.choice.items(v.o.Store, v.o.Mailbox, g) {
		if err != nil {
			return err
		}
		_, e, err := stand(v.journal, it.Item)
		if err != nil {
			return err
		}
		if _, listed := l.ids[idKey(e.TargetID)]; e.TargetID != "" && listed {
			if err := v.there(it.Item, it.folder, e.TargetID); err != nil {
				return err
			}
			continue
		}
		folders[it.ID] = it.folder
		if err := decide(match.offer(ctx, it.Item)); err != nil {
			return err
		}
	}
	if err := decide(match.flush(ctx)); err != nil {
		return err
	}
	return v.doubled(ctx, g, l)
}

// list reads the folder: what the journal names, and what may be a copy.
func (v *verification) list(ctx context.Context, g *group, c folderCount) (*listing, error) {
	wanted, named := make(idSet), make(idSet)
	for it, err := range v.choice.items(v.o.Store, v.o.Mailbox, g) {
		if err != nil {
			return nil, err
		}
		wanted[sourcePrint(it.Item).weak()] = struct{}{}
		_, e, err := stand(v.journal, it.Item)
		if err != nil {
			return nil, err
		}
		if e.TargetID != "" {
			named.add(e.TargetID)
		}
	}
	l := newListing()
	traversals := []ews.ItemTraversal{ews.ShallowItems}
	if c.associated > 0 {
		traversals = append(traversals, ews.AssociatedItems)
	}
	for _, t := range traversals {
		for it, err := range v.o.Client.FindItems(ctx, ews.FindItemsRequest{Folder: ews.FolderByID(g.node.id), Traversal: t, Props: listProps}) {
			if err != nil {
				return nil, fmt.Errorf("list a folder of the target: %w", err)
			}
			if named.has(it.ID) {
				l.add(it, nil)
			} else {
				l.add(it, wanted)
			}
		}
	}
	return l, nil
}

// there goes on with an item that was found.
func (v *verification) there(it store.Item, f *store.Folder, targetID string) error {
	if v.o.Level == LevelContent && sampled(it.ID, v.o.Sample) {
		return v.compare.add(pair{it, f, targetID})
	}
	v.item("verified", it, f, targetID)
	return nil
}

// doubled looks at what is left of a folder when each item has been found.
// What is equal in content to an item of the store is there too often.
func (v *verification) doubled(ctx context.Context, g *group, l *listing) error {
	for it, err := range v.choice.items(v.o.Store, v.o.Mailbox, g) {
		if err != nil {
			return err
		}
		left := l.find(sourcePrint(it.Item))
		if len(left) == 0 {
			continue
		}
		_, e, err := stand(v.journal, it.Item)
		if err != nil {
			return err
		}
		m := &matcher{client: v.o.Client, store: v.o.Store, listing: l}
		if _, listed := l.ids[idKey(e.TargetID)]; listed && e.TargetID != "" {
			left = append(left, l.ids[idKey(e.TargetID)]) // a server may have lost the same of both
		}
		contents, err := m.targets(ctx, left, false)
		if err != nil {
			return fmt.Errorf("compare items of the target: %w", err)
		}
		source, err := m.sources([]*want{{item: it.Item}}, false)
		if err != nil {
			return err
		}
		own := contents[len(contents)-1]
		for i, at := range left {
			if l.items[at].taken || !contents[i].ok {
				continue
			}
			if source[0].ok && contents[i].sum == source[0].sum || own.ok && l.items[left[len(left)-1]].taken && contents[i].sum == own.sum {
				l.items[at].taken = true
				v.tally.note(finding(Doubled, it.Item, it.folder, l.items[at].id, "there once more"), 1)
			}
		}
	}
	return nil
}
