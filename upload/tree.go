package upload

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"mailferry/ews"
	"mailferry/internal/selection"
	"mailferry/store"
)

// Roles that are roots of trees.
const (
	roleVisible            = "msgfolderroot"
	roleRoot               = "root"
	roleArchive            = "archivemsgfolderroot"
	roleRecoverable        = "recoverableitemsroot"
	roleArchiveRecoverable = "archiverecoverableitemsroot"
	rolePublic             = "publicfoldersroot"
)

// node is a folder of the target, or one that is to be made there.
type node struct {
	id       string // empty: not made yet
	name     string
	class    string // of a folder to be made
	role     string // distinguished name, or empty
	parent   *node  // nil: above it is nothing that we know
	children []*node
	total    int   // items when it was read, associated ones not counted
	fresh    bool  // made by this run
	err      error // why it can't be made
}

// path is for people: the names from the root of the tree down.
func (n *node) path() string {
	var names []string
	for ; n != nil; n = n.parent {
		if n.parent == nil || n.role == roleVisible {
			if n.role != roleVisible {
				names = append(names, selection.ShortName(n.role))
			}
			break
		}
		names = append(names, n.name)
	}
	for i, j := 0, len(names)-1; i < j; i, j = i+1, j-1 {
		names[i], names[j] = names[j], names[i]
	}
	if len(names) == 0 {
		return "#root"
	}
	return selection.JoinPath(names...)
}

// child finds a folder by its name: as written, else without regard to case,
// as Exchange compares names.
func (n *node) child(name string) *node {
	var alike *node
	for _, c := range n.children {
		if c.name == name {
			return c
		}
		if alike == nil && strings.EqualFold(c.name, name) {
			alike = c
		}
	}
	return alike
}

// plan adds a folder that is to be made.
func (n *node) plan(name, class string) *node {
	c := &node{name: name, class: class, parent: n}
	n.children = append(n.children, c)
	return c
}

// tree is what the target has of folders.
type tree struct {
	byID  map[string]*node
	roles map[string]*node
}

// trees says which trees of a mailbox are to be looked at.
type trees struct {
	hidden, archive, recoverable, public bool
}

// readTree reads the folders of the target: all roles in one request, then
// each tree.
func readTree(ctx context.Context, c *ews.Client, want trees) (*tree, error) {
	names := selection.Roles()
	refs := make([]ews.FolderRef, len(names))
	for i, name := range names {
		refs[i] = ews.Distinguished(name)
	}
	results, err := c.GetFolders(ctx, refs)
	if err != nil {
		return nil, fmt.Errorf("read the folders of the target: %w", err)
	}
	t := &tree{byID: make(map[string]*node), roles: make(map[string]*node)}
	parents := make(map[string]string)
	for i, r := range results {
		if r.Err != nil {
			if names[i] == roleVisible {
				return nil, fmt.Errorf("read the folders of the target: %w", r.Err)
			}
			continue
		}
		n := t.byID[r.Folder.ID]
		if n == nil {
			n = &node{id: r.Folder.ID, name: r.Folder.Name, total: r.Folder.Total}
			t.byID[n.id] = n
		}
		if n.role == "" {
			n.role = names[i]
		}
		t.roles[names[i]] = n
		parents[n.id] = r.Folder.ParentID
	}
	roots := []string{roleVisible}
	if want.hidden {
		roots = []string{roleRoot}
	}
	if want.archive {
		roots = append(roots, roleArchive)
	}
	if want.recoverable {
		roots = append(roots, roleRecoverable, roleArchiveRecoverable)
	}
	for _, role := range roots {
		root, ok := t.roles[role]
		if !ok {
			continue
		}
		for f, err := range c.FindFolders(ctx, ews.FolderByID(root.id), ews.Deep) {
			if err != nil {
				return nil, fmt.Errorf("read the folders of the target: %w", err)
			}
			t.add(f, parents)
		}
	}
	if root := t.roles[rolePublic]; want.public && root != nil {
		if err := t.readPublic(ctx, c, root.id, parents); err != nil {
			return nil, fmt.Errorf("read the public folders of the target: %w", err)
		}
	}
	t.link(parents)
	return t, nil
}

// add keeps a folder that was listed.
func (t *tree) add(f ews.Folder, parents map[string]string) {
	if f.Element == "SearchFolder" || f.ID == "" {
		return
	}
	n := t.byID[f.ID]
	if n == nil {
		n = &node{id: f.ID, name: f.Name}
		t.byID[f.ID] = n
	}
	n.name, n.total = f.Name, f.Total
	parents[f.ID] = f.ParentID
}

// readPublic walks the public folders, which can't be listed at one go.
func (t *tree) readPublic(ctx context.Context, c *ews.Client, rootID string, parents map[string]string) error {
	seen := map[string]bool{rootID: true}
	for queue := []string{rootID}; len(queue) > 0; queue = queue[1:] {
		for f, err := range c.FindFolders(ctx, ews.FolderByID(queue[0]), ews.Shallow) {
			if err != nil {
				return err
			}
			if seen[f.ID] {
				continue
			}
			seen[f.ID] = true
			t.add(f, parents)
			parents[f.ID] = queue[0]
			if f.Children > 0 {
				queue = append(queue, f.ID)
			}
		}
	}
	return nil
}

// link gives each folder its parent, and leaves out a link that would close a
// ring.
func (t *tree) link(parents map[string]string) {
	for id, n := range t.byID {
		parent := t.byID[parents[id]]
		if parent == nil || parent == n || n.role == roleVisible || n.role == roleRoot {
			continue
		}
		for up := parent; ; up = up.parent {
			if up == n {
				parent = nil
				break
			}
			if up == nil {
				break
			}
		}
		if parent != nil {
			n.parent = parent
			parent.children = append(parent.children, n)
		}
	}
}

// refreshTotals reads how many items the folders hold now.
func refreshTotals(ctx context.Context, c *ews.Client, nodes []*node) (map[*node]int, error) {
	totals := make(map[*node]int, len(nodes))
	const batch = 100
	for len(nodes) > 0 {
		part := nodes[:min(batch, len(nodes))]
		nodes = nodes[len(part):]
		refs := make([]ews.FolderRef, len(part))
		for i, n := range part {
			refs[i] = ews.FolderByID(n.id)
		}
		results, err := c.GetFolders(ctx, refs)
		if err != nil {
			return nil, fmt.Errorf("count the items of the target's folders: %w", err)
		}
		for i, r := range results {
			if r.Err == nil {
				totals[part[i]] = r.Folder.Total
			}
		}
	}
	return totals, nil
}

// ensure makes a folder and what is above it, where they are missing.
func (r *run) ensure(ctx context.Context, n *node) error {
	if n.id != "" || n.err != nil {
		return n.err
	}
	if n.parent == nil {
		return fmt.Errorf("folder %q has no place at the target", n.name)
	}
	if err := r.ensure(ctx, n.parent); err != nil {
		n.err = err
		return err
	}
	f, err := r.o.Client.CreateFolder(ctx, ews.FolderByID(n.parent.id), n.name, n.class)
	if refused, ok := errors.AsType[*ews.Error](err); ok && refused.Code == "ErrorFolderExists" {
		found, findErr := r.find(ctx, n)
		if findErr != nil {
			return findErr
		}
		if found {
			return nil
		}
	}
	if err != nil {
		n.err = err
		return err
	}
	n.id, n.fresh = f.ID, true
	r.emit(eventFolder("created", n))
	return nil
}

// find looks for a folder that somebody else made meanwhile.
func (r *run) find(ctx context.Context, n *node) (bool, error) {
	alike := ""
	total := 0
	for f, err := range r.o.Client.FindFolders(ctx, ews.FolderByID(n.parent.id), ews.Shallow) {
		if err != nil {
			return false, fmt.Errorf("look for a folder of the target: %w", err)
		}
		if f.Element == "SearchFolder" || !strings.EqualFold(f.Name, n.name) {
			continue
		}
		if alike == "" || f.Name == n.name {
			alike, total = f.ID, f.Total
		}
	}
	n.id, n.total = alike, total
	return alike != "", nil
}

// rootOf returns the role of the root that a tree of the source hangs from.
func rootOf(root store.Root) string {
	switch root {
	case store.Archive:
		return roleArchive
	case store.Recoverable:
		return roleRecoverable
	case store.Hidden:
		return roleRoot
	case store.Public:
		return rolePublic
	}
	return roleVisible
}
