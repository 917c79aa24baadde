package place

import (
	"fmt"
	"slices"
	"strings"

	"mailferry/internal/selection"
	"mailferry/store"
)

// usageError is one line about what a user asked for; it is selection.ErrUsage.
type usageError struct{ text string }

func (e usageError) Error() string        { return e.text }
func (e usageError) Is(target error) bool { return target == selection.ErrUsage }

// Usagef is an error that is selection.ErrUsage.
func Usagef(format string, args ...any) error { return usageError{fmt.Sprintf(format, args...)} }

// defaultClass is the class of folders that have no counterpart at the source.
const defaultClass = "IPF.Note"

// Placement finds for each folder of the source the folder of the target.
type Placement struct {
	tree    *Tree
	source  map[string]*store.Folder // by id
	byPath  map[string]*store.Folder // by path in lower case
	into    *Node                    // nil: in place
	here    bool                     // the target is the source: its folders are known by their ids
	mapped  map[string]*Node         // source folder id -> where a rule puts it
	placed  map[string]*Node         // source folder id -> result
	Notices []string                 // folders that could not keep their name
}

// New reads Into and Map. Nothing is made at the target yet: folders
// that are missing are planned.
func New(t *Tree, folders []store.Folder, into string, rules map[string]string) (*Placement, error) {
	p := &Placement{
		tree: t, source: make(map[string]*store.Folder), byPath: make(map[string]*store.Folder),
		mapped: make(map[string]*Node), placed: make(map[string]*Node),
	}
	for i := range folders {
		f := &folders[i]
		p.source[f.ID] = f
		if key := strings.ToLower(f.Path); p.byPath[key] == nil || !f.Gone {
			p.byPath[key] = f
		}
	}
	if into != "" {
		n, err := p.walk(t.roles[roleVisible], into, defaultClass)
		if err != nil {
			return nil, Usagef("folder %q of the target: %v", into, err)
		}
		p.into = n
	}
	froms := make([]string, 0, len(rules))
	for from := range rules {
		froms = append(froms, from)
	}
	slices.Sort(froms)
	for _, from := range froms {
		f := p.named(from)
		if f == nil {
			return nil, Usagef("map: the store holds no folder %q of this mailbox; 'mailferry ls' shows what there is", from)
		}
		under := p.into
		if under == nil {
			under = t.roles[roleVisible]
		}
		n, err := p.walk(under, rules[from], f.Class)
		if err != nil {
			return nil, Usagef("map: folder %q of the target: %v", rules[from], err)
		}
		if p.mapped[f.ID] != nil {
			return nil, Usagef("map: folder %q is named twice, in other words", from)
		}
		p.mapped[f.ID] = n
	}
	return p, nil
}

// Original places the folders of a mailbox in that mailbox itself: each is where
// its id is, whatever it is called now. One that was deleted since, also to
// Deleted Items, is where its path leads.
func Original(t *Tree, folders []store.Folder) (*Placement, error) {
	p, err := New(t, folders, "", nil)
	if err == nil {
		p.here = true
	}
	return p, err
}

// same is the folder of the target with the id of a folder of the source.
func (p *Placement) same(f *store.Folder) *Node {
	if !p.here {
		return nil
	}
	n := p.tree.byID[f.ID]
	if n != nil && n.Deleted() && !p.wasDeleted(f) {
		return nil
	}
	return n
}

// wasDeleted says that the source had a folder among what was deleted.
func (p *Placement) wasDeleted(f *store.Folder) bool {
	for range len(p.source) + 1 {
		if f == nil || isTrash(f.Distinguished) || f.Root == store.Recoverable {
			return f != nil
		}
		f, _ = p.above(f)
	}
	return false
}

// named finds a source folder by a path or a well-known name.
func (p *Placement) named(text string) *store.Folder {
	if f := p.byPath[strings.ToLower(text)]; f != nil && text != "" {
		return f
	}
	name, rest := selection.CutRoot(text)
	role, ok := selection.WellKnown(name)
	if !ok {
		return nil
	}
	if role == roleRoot {
		role = roleVisible
	}
	for _, f := range p.source {
		if f.Distinguished != role {
			continue
		}
		switch {
		case rest == "":
			return f
		case f.Path == "":
			return p.byPath[strings.ToLower(rest)]
		default:
			return p.byPath[strings.ToLower(f.Path+"/"+rest)]
		}
	}
	return nil
}

// walk follows a path that a user wrote from a folder of the target down, and
// plans what is missing. A well-known name at its beginning is that folder.
func (p *Placement) walk(from *Node, path, class string) (*Node, error) {
	if err := selection.CheckPattern(path); err != nil {
		return nil, err
	}
	if selection.IsGlob(path) {
		return nil, fmt.Errorf("a folder to put things into is named, not chosen by *")
	}
	name, rest := selection.CutRoot(path)
	if name == "" {
		rest = path
	} else {
		role, _ := selection.WellKnown(name)
		if role == roleRoot {
			role = roleVisible
		}
		if from = p.tree.roles[role]; from == nil {
			return nil, fmt.Errorf("this mailbox has no %s folder", name)
		}
	}
	names := selection.SplitPath(rest)
	for i, name := range names {
		if name == "" {
			return nil, fmt.Errorf("a folder needs a name")
		}
		next := from.child(name)
		if next == nil {
			next = from.plan(name, defaultClass)
			if i == len(names)-1 && class != "" {
				next.Class = class
			}
		}
		from = next
	}
	return from, nil
}

// Place returns the target's folder for a folder of the source.
func (p *Placement) Place(f *store.Folder) (*Node, error) {
	return p.resolve(f, make(map[string]bool))
}

func (p *Placement) resolve(f *store.Folder, under map[string]bool) (*Node, error) {
	if n := p.placed[f.ID]; n != nil {
		return n, nil
	}
	n, err := p.find(f, under)
	if err != nil {
		return nil, err
	}
	p.placed[f.ID] = n
	return n, nil
}

func (p *Placement) find(f *store.Folder, under map[string]bool) (*Node, error) {
	if n := p.mapped[f.ID]; n != nil {
		return n, nil
	}
	under[f.ID] = true
	if n := p.same(f); n != nil {
		return n, nil
	}
	if next := p.byPath[strings.ToLower(f.Path)]; p.here && next != nil && !under[next.ID] {
		return p.resolve(next, under) // the folder that came in its place, wherever that is now
	}
	if isRoot(f) {
		return p.base(rootRole(f), f.Root)
	}
	if f.Distinguished != "" && p.into == nil && !p.belowMapped(f) {
		if n := p.tree.roles[f.Distinguished]; n != nil {
			return n, nil
		}
	}
	parent, missing := p.above(f)
	var at *Node
	var err error
	if parent != nil && !under[parent.ID] {
		at, err = p.resolve(parent, under)
	} else {
		at, err = p.base(rootOf(f.Root), f.Root)
	}
	if err != nil {
		return nil, err
	}
	for _, name := range missing {
		at = p.below(at, name, defaultClass)
	}
	return p.below(at, f.Name, f.Class), nil
}

// above finds the folder that f lies in. Where the store does not know all
// folders between, it returns the names of the missing ones.
func (p *Placement) above(f *store.Folder) (parent *store.Folder, missing []string) {
	if parent := p.source[f.ParentID]; parent != nil {
		return parent, nil
	}
	root, rest := "", f.Path
	if f.Root != store.Primary && f.Root != "" {
		root, rest = selection.CutRoot(f.Path)
	}
	names := selection.SplitPath(rest)
	for n := len(names) - 1; n > 0; n-- {
		path := selection.JoinPath(names[:n]...)
		if root != "" {
			path = root + "/" + path
		}
		if parent := p.byPath[strings.ToLower(path)]; parent != nil {
			return parent, names[n : len(names)-1]
		}
	}
	if len(names) > 1 {
		return nil, names[:len(names)-1]
	}
	return nil, nil
}

// belowMapped says that a rule moves a folder above f.
func (p *Placement) belowMapped(f *store.Folder) bool {
	for range len(p.source) {
		parent, _ := p.above(f)
		if parent == nil {
			return false
		}
		if p.mapped[parent.ID] != nil {
			return true
		}
		f = parent
	}
	return false
}

// base is where the tops of a tree go.
func (p *Placement) base(role string, root store.Root) (*Node, error) {
	if p.into != nil {
		switch role {
		case roleArchive, "archiveroot":
			return p.below(p.into, "Archive", defaultClass), nil
		case roleRecoverable:
			return p.below(p.into, "Recoverable Items", defaultClass), nil
		case roleArchiveRecoverable:
			return p.below(p.into, "Archive Recoverable Items", defaultClass), nil
		case roleRoot:
			return p.below(p.into, "Hidden Folders", defaultClass), nil
		case rolePublic:
			return p.below(p.into, "Public Folders", defaultClass), nil
		}
		return p.into, nil
	}
	if n := p.tree.roles[role]; n != nil {
		return n, nil
	}
	return nil, Usagef("the target mailbox has no %s: put these folders elsewhere with --into FOLDER or --map '%s=FOLDER', or leave them out",
		treeName(root), selection.ShortName(role))
}

func treeName(root store.Root) string {
	switch root {
	case store.Archive:
		return "archive"
	case store.Recoverable:
		return "recoverable items"
	case store.Public:
		return "public folders"
	case store.Hidden:
		return "hidden folders"
	}
	return "visible folders"
}

// below returns the folder of this name, planned where it is missing. A folder
// that has a role at the target and none (or another) at the source is not
// taken for it: names of well-known folders differ by language, and mean
// nothing.
func (p *Placement) below(at *Node, name, class string) *Node {
	if name == "" {
		name = "Folder without a name"
	}
	wanted := name
	for i := 1; ; i++ {
		n := at.child(name)
		if n == nil {
			return at.plan(name, class)
		}
		if n.Role == "" {
			return n
		}
		name = fmt.Sprintf("%s (%d)", wanted, i)
		p.Notices = append(p.Notices, fmt.Sprintf("folder %q goes into %q: at the target, the first name is that of a well-known folder of another role", wanted, name))
	}
}

// isRoot says that a folder is the root of a tree.
func isRoot(f *store.Folder) bool {
	switch f.Distinguished {
	case roleVisible, roleRoot, roleArchive, "archiveroot", roleRecoverable, roleArchiveRecoverable, rolePublic:
		return true
	}
	return false
}

func rootRole(f *store.Folder) string {
	if f.Distinguished == "archiveroot" {
		return roleArchive
	}
	return f.Distinguished
}
