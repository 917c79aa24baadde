package export

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"mailferry/ews"
	"mailferry/internal/selection"
	"mailferry/store"
)

// maxDepth bounds the nesting of folders; Exchange allows 300 levels.
const maxDepth = 300

// archiveRecoverable is how the paths of what can be had back from the archive begin.
const archiveRecoverable = selection.ArchiveRoot + "/" + selection.RecoverableRoot

// base is a folder that paths are relative to.
type base struct {
	prefix string // of the paths below
	path   string // its own, should it hold items
	root   store.Root
	hidden bool
}

var bases = map[string]base{
	"msgfolderroot":               {"", "#msgfolderroot", store.Primary, false},
	"root":                        {selection.HiddenRoot, selection.HiddenRoot, store.Hidden, true},
	"recoverableitemsroot":        {selection.RecoverableRoot, selection.RecoverableRoot, store.Recoverable, false},
	"archivemsgfolderroot":        {selection.ArchiveRoot, selection.ArchiveRoot, store.Archive, false},
	"archiverecoverableitemsroot": {archiveRecoverable, archiveRecoverable, store.Recoverable, false},
	"publicfoldersroot":           {selection.PublicRoot, selection.PublicRoot, store.Public, false},
}

// tree is what the server lists.
type tree struct {
	byID    map[string]*node
	order   []*node
	listed  map[string]bool // trees that were listed to their end, by distinguished name
	tooDeep []store.Folder
	base    map[string]base   // by folder id
	roles   map[string]string // folder id -> distinguished name
}

type node struct {
	ews.Folder
	under string // id of the base that it was listed below

	placed bool
	path   string
	root   store.Root
	hidden bool
	depth  int
}

// readTree lists the trees that the options ask for.
func (r *run) readTree(ctx context.Context, roles map[string]ews.Folder) (*tree, error) {
	t := &tree{
		byID: make(map[string]*node), listed: make(map[string]bool),
		base: make(map[string]base), roles: make(map[string]string),
	}
	for _, name := range selection.Roles() {
		f, ok := roles[name]
		if !ok {
			continue
		}
		if _, taken := t.roles[f.ID]; !taken {
			t.roles[f.ID] = name
		}
		if b, ok := bases[name]; ok && t.add(f, f.ID) {
			t.base[f.ID] = b
		}
	}
	if _, ok := roles["msgfolderroot"]; !ok {
		return nil, errors.New("read the folders: the server shows no root of visible folders (msgfolderroot); is this a user's mailbox?")
	}
	type listing struct {
		name   string
		wanted bool
		what   string
	}
	whole := "msgfolderroot"
	if _, ok := roles["root"]; ok && r.o.Hidden {
		whole = "root"
	}
	for _, l := range []listing{
		{whole, true, ""},
		{"recoverableitemsroot", r.o.Recoverable, "recoverable items"},
		{"archivemsgfolderroot", r.o.Archive, "an archive"},
		{"archiverecoverableitemsroot", r.o.Archive && r.o.Recoverable, ""},
	} {
		if !l.wanted {
			continue
		}
		top, ok := roles[l.name]
		if !ok {
			if l.what != "" {
				r.out.warning(fmt.Sprintf("%s has no folders for %s", r.o.Mailbox, l.what))
			}
			continue
		}
		for f, err := range r.client.FindFolders(ctx, ews.FolderByID(top.ID), ews.Deep) {
			if err != nil {
				return nil, fmt.Errorf("list the folders below %s: %w", l.name, err)
			}
			t.add(f, top.ID)
		}
		t.listed[l.name] = true
	}
	t.listed["msgfolderroot"] = true // it is below root
	if r.o.Public {
		if err := r.readPublic(ctx, t); err != nil {
			return nil, err
		}
	}
	for _, n := range t.order {
		t.place(n)
	}
	return t, nil
}

// readPublic lists public folders level by level: Deep is refused there.
func (r *run) readPublic(ctx context.Context, t *tree) error {
	results, err := r.client.GetFolders(ctx, []ews.FolderRef{ews.Distinguished("publicfoldersroot")})
	if err == nil && results[0].Err != nil {
		err = results[0].Err
	}
	if e, ok := errors.AsType[*ews.Error](err); ok {
		r.out.warning(fmt.Sprintf("public folders can't be read: %s", e.Code))
		return nil
	}
	if err != nil {
		return fmt.Errorf("read the public folders: %w", err)
	}
	top := results[0].Folder
	t.base[top.ID] = bases["publicfoldersroot"]
	t.add(top, top.ID)
	level := []string{top.ID}
	for depth := 0; len(level) > 0 && depth <= maxDepth; depth++ {
		var below []string
		for _, id := range level {
			for f, err := range r.client.FindFolders(ctx, ews.FolderByID(id), ews.Shallow) {
				if err != nil {
					return fmt.Errorf("list public folders: %w", err)
				}
				if f.ParentID == "" {
					f.ParentID = id
				}
				if t.add(f, top.ID) && f.Children > 0 {
					below = append(below, f.ID)
				}
			}
		}
		level = below
	}
	t.listed["publicfoldersroot"] = true
	return nil
}

// gone says that a folder of the store is not at the source any more: the tree
// it was in was listed without it.
func (t *tree) gone(f store.Folder) bool {
	if f.Gone || t.byID[f.ID] != nil {
		return false
	}
	for name, b := range bases {
		// Recoverable items have two roots; one alone says nothing of the other.
		if b.root == f.Root && (b.root != store.Recoverable || strings.HasPrefix(f.Path, b.prefix)) {
			return t.listed[name]
		}
	}
	return false
}

// add takes a folder in, once.
func (t *tree) add(f ews.Folder, under string) bool {
	if f.ID == "" || t.byID[f.ID] != nil {
		return false
	}
	n := &node{Folder: f, under: under}
	t.byID[f.ID] = n
	t.order = append(t.order, n)
	return true
}

// place finds out where a folder is: its path and tree are those of its nearest
// ancestor that is known. A folder whose parents lead nowhere or in a circle is
// put below the root that it was listed for.
func (t *tree) place(n *node) {
	var chain []*node
	for at := n; at != nil && !at.placed; at = t.byID[at.ParentID] {
		at.placed = true // also ends a circle
		chain = append(chain, at)
		if _, isBase := t.base[at.ID]; isBase {
			break
		}
	}
	for i := len(chain) - 1; i >= 0; i-- {
		t.placeBelow(chain[i], t.byID[chain[i].ParentID])
	}
}

func (t *tree) placeBelow(n, parent *node) {
	if b, ok := t.base[n.ID]; ok {
		n.path, n.root, n.hidden = b.path, b.root, b.hidden
		return
	}
	prefix := ""
	switch {
	case parent == nil || parent.root == "":
		b := t.base[n.under]
		prefix, n.root, n.hidden, n.depth = b.prefix, b.root, b.hidden, 1
	default:
		n.root, n.hidden, n.depth = parent.root, parent.hidden, parent.depth+1
		prefix = parent.path
		if b, ok := t.base[parent.ID]; ok {
			prefix = b.prefix
		}
	}
	n.hidden = n.hidden || n.Hidden
	switch {
	case n.depth > maxDepth:
		n.path = prefix // left out; a path for each level would grow without bound
	case prefix == "":
		n.path = selection.JoinPath(n.Name)
	default:
		n.path = prefix + "/" + selection.JoinPath(n.Name)
	}
}

// inReach returns the folders that the options ask for, as the store keeps them.
func (t *tree) inReach(o Options) []store.Folder {
	wanted := map[store.Root]bool{
		store.Primary: true, store.Hidden: o.Hidden, store.Recoverable: o.Recoverable, store.Archive: o.Archive, store.Public: o.Public,
	}
	var known []store.Folder
	for _, n := range t.order {
		role := t.roles[n.ID]
		if role == "" {
			role = n.Distinguished
		}
		_, isBase := t.base[n.ID]
		switch {
		case n.Element == "SearchFolder" || !wanted[n.root] || n.hidden && !o.Hidden:
			continue
		case isBase && (n.root == store.Public || n.Total == 0 && !o.Associated):
			continue
		}
		f := store.Folder{
			ID: n.ID, ParentID: n.ParentID, Path: n.path, Name: n.Name, Class: n.Class, Distinguished: role,
			Root: n.root, Hidden: n.hidden, Total: n.Total, Size: n.Size,
		}
		if n.depth > maxDepth {
			t.tooDeep = append(t.tooDeep, f)
			continue
		}
		known = append(known, f)
	}
	return known
}
