package place

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
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

// Node is a folder of the target, or one that is to be made there.
type Node struct {
	ID    string // empty: not made yet
	Name  string
	Class string // of a folder to be made
	Role  string // distinguished name, or empty
	Total int    // items when it was read, associated ones not counted
	Fresh bool   // made by Make

	parent   *Node // nil: above it is nothing that we know
	children []*Node
	err      error // why it can't be made
}

// Parent returns the folder it lies in, or nil.
func (n *Node) Parent() *Node { return n.parent }

// Depth is the number of folders from the root of the tree down.
func (n *Node) Depth() int {
	d := 0
	for ; n != nil; n = n.parent {
		d++
	}
	return d
}

// isTrash says that what is below a folder of this role was deleted.
func isTrash(role string) bool {
	switch role {
	case "deleteditems", "archivedeleteditems", roleRecoverable, roleArchiveRecoverable:
		return true
	}
	return false
}

// Deleted says that the folder lies in Deleted Items or Recoverable Items.
func (n *Node) Deleted() bool {
	for ; n != nil; n = n.parent {
		if isTrash(n.Role) {
			return true
		}
	}
	return false
}

// Path is for people: the names from the root of the tree down.
func (n *Node) Path() string {
	var names []string
	for ; n != nil; n = n.parent {
		if n.parent == nil || n.Role == roleVisible {
			if n.Role != roleVisible {
				names = append(names, selection.ShortName(n.Role))
			}
			break
		}
		names = append(names, n.Name)
	}
	for i, j := 0, len(names)-1; i < j; i, j = i+1, j-1 {
		names[i], names[j] = names[j], names[i]
	}
	if len(names) == 0 {
		return "#root"
	}
	return selection.JoinPath(names...)
}

// alike says that Exchange takes two names for one: case makes no difference, and
// it trims spaces at the ends.
func alike(a, b string) bool {
	return strings.EqualFold(strings.TrimSpace(a), strings.TrimSpace(b))
}

// child finds a folder by its name: as written, else one that is alike.
func (n *Node) child(name string) *Node {
	var near *Node
	for _, c := range n.children {
		if c.Name == name {
			return c
		}
		if near == nil && alike(c.Name, name) {
			near = c
		}
	}
	return near
}

// plan adds a folder that is to be made.
func (n *Node) plan(name, class string) *Node {
	c := &Node{Name: name, Class: class, parent: n}
	n.children = append(n.children, c)
	return c
}

// Tree is what the target has of folders.
type Tree struct {
	byID  map[string]*Node
	roles map[string]*Node
}

// Node returns the folder with an id, or nil.
func (t *Tree) Node(id string) *Node { return t.byID[id] }

// Live returns the folders of the visible tree, and of the archive where it was
// read, but for those in Deleted Items.
func (t *Tree) Live() []*Node {
	var live []*Node
	for _, n := range t.byID {
		top := n
		for top.Role != roleVisible && top.Role != roleArchive && top.parent != nil {
			top = top.parent
		}
		if (top.Role == roleVisible || top.Role == roleArchive) && !n.Deleted() {
			live = append(live, n)
		}
	}
	slices.SortFunc(live, func(a, b *Node) int { return cmp.Compare(a.ID, b.ID) })
	return live
}

// Trees says which trees of a mailbox are looked at beside the visible one.
type Trees struct {
	Hidden, Archive, Recoverable, Public bool
}

// Read reads the folders of the target: all roles in one request, then
// each tree.
func Read(ctx context.Context, c *ews.Client, want Trees) (*Tree, error) {
	names := selection.Roles()
	refs := make([]ews.FolderRef, len(names))
	for i, name := range names {
		refs[i] = ews.Distinguished(name)
	}
	results, err := c.GetFolders(ctx, refs)
	if err != nil {
		return nil, fmt.Errorf("read the folders of the target: %w", err)
	}
	t := &Tree{byID: make(map[string]*Node), roles: make(map[string]*Node)}
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
			n = &Node{ID: r.Folder.ID, Name: r.Folder.Name, Total: r.Folder.Total}
			t.byID[n.ID] = n
		}
		if n.Role == "" {
			n.Role = names[i]
		}
		t.roles[names[i]] = n
		parents[n.ID] = r.Folder.ParentID
	}
	roots := []string{roleVisible}
	if want.Hidden {
		roots = []string{roleRoot}
	}
	if want.Archive {
		roots = append(roots, roleArchive)
	}
	if want.Recoverable {
		roots = append(roots, roleRecoverable, roleArchiveRecoverable)
	}
	for _, role := range roots {
		root, ok := t.roles[role]
		if !ok {
			continue
		}
		for f, err := range c.FindFolders(ctx, ews.FolderByID(root.ID), ews.Deep) {
			if err != nil {
				return nil, fmt.Errorf("read the folders of the target: %w", err)
			}
			t.add(f, parents)
		}
	}
	if root := t.roles[rolePublic]; want.Public && root != nil {
		if err := t.readPublic(ctx, c, root.ID, parents); err != nil {
			return nil, fmt.Errorf("read the public folders of the target: %w", err)
		}
	}
	t.link(parents)
	return t, nil
}

// add keeps a folder that was listed.
func (t *Tree) add(f ews.Folder, parents map[string]string) {
	if f.Element == "SearchFolder" || f.ID == "" {
		return
	}
	n := t.byID[f.ID]
	if n == nil {
		n = &Node{ID: f.ID, Name: f.Name}
		t.byID[f.ID] = n
	}
	n.Name, n.Total = f.Name, f.Total
	parents[f.ID] = f.ParentID
}

// readPublic walks the public folders, which can't be listed at one go.
func (t *Tree) readPublic(ctx context.Context, c *ews.Client, rootID string, parents map[string]string) error {
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
func (t *Tree) link(parents map[string]string) {
	for id, n := range t.byID {
		parent := t.byID[parents[id]]
		if parent == nil || parent == n || n.Role == roleVisible || n.Role == roleRoot {
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

// Totals reads how many items the folders hold now.
func Totals(ctx context.Context, c *ews.Client, nodes []*Node) (map[*Node]int, error) {
	totals := make(map[*Node]int, len(nodes))
	const batch = 100
	for len(nodes) > 0 {
		part := nodes[:min(batch, len(nodes))]
		nodes = nodes[len(part):]
		refs := make([]ews.FolderRef, len(part))
		for i, n := range part {
			refs[i] = ews.FolderByID(n.ID)
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

// Make makes a folder and what is above it, where they are missing. made is
// told of each. What failed once fails again in the same way.
func (n *Node) Make(ctx context.Context, c *ews.Client, made func(*Node)) error {
	if n.ID != "" || n.err != nil {
		return n.err
	}
	if n.parent == nil {
		return fmt.Errorf("folder %q has no place at the target", n.Name)
	}
	if err := n.parent.Make(ctx, c, made); err != nil {
		n.err = err
		return err
	}
	f, err := c.CreateFolder(ctx, ews.FolderByID(n.parent.ID), n.Name, n.Class)
	if refused, ok := errors.AsType[*ews.Error](err); ok && refused.Code == "ErrorFolderExists" {
		found, findErr := n.find(ctx, c)
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
	n.ID, n.Fresh = f.ID, true
	made(n)
	return nil
}

// find looks for a folder that somebody else made meanwhile.
func (n *Node) find(ctx context.Context, c *ews.Client) (bool, error) {
	id, total := "", 0
	for f, err := range c.FindFolders(ctx, ews.FolderByID(n.parent.ID), ews.Shallow) {
		if err != nil {
			return false, fmt.Errorf("look for a folder of the target: %w", err)
		}
		if f.Element == "SearchFolder" || !alike(f.Name, n.Name) {
			continue
		}
		if id == "" || f.Name == n.Name {
			id, total = f.ID, f.Total
		}
	}
	n.ID, n.Total = id, total
	return id != "", nil
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
