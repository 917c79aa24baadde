package mailbox

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"mailferry/ews/ewstest/mailbox/tree"
)

// Folder is a snapshot of a folder.
type Folder struct {
	ID, Parent    uint64 // Parent is 0 for the roots of mailbox and archive
	Name          string
	Class         string // as "IPF.Note"; "" has none
	Distinguished string // EWS name, "" for a user's folder
	Hidden        bool
	Search        bool // Items are those of other folders
	Archive       bool // in the archive mailbox
	Born          uint64
	Change        uint64 // of the folder itself: name, parent
	Created       time.Time
	Modified      time.Time

	Total      int // normal items
	Unread     int
	Associated int
	Children   int
	Size       int64  // bytes of normal and associated items
	Content    uint64 // change number of the last change of an item
	Deleted    int    // items that ever left the folder
	LastChange time.Time
}

type folder struct {
	Folder
	items []*Item // in the order of their ids
	gone  []goneItem
}

type goneItem struct {
	item Item // without content
	at   uint64
}

type goneFolder struct {
	folder Folder
	path   []uint64 // ancestors
	at     uint64
}

// Folders returns all folders, parents before their children.
func (m *Mailbox) Folders() []Folder {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.c.below(0, true)
}

// Below returns the folders below root, parents before their children; only
// its children if deep is false.
func (m *Mailbox) Below(root uint64, deep bool) ([]Folder, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if m.c.folders[root] == nil {
		return nil, ErrFolderNotFound
	}
	return m.c.below(root, deep), nil
}

func (c *content) below(root uint64, deep bool) []Folder {
	var found []Folder
	children := c.children()
	var walk func(id uint64)
	walk = func(id uint64) {
		for _, child := range children[id] {
			found = append(found, c.snapshot(c.folders[child]))
			if deep {
				walk(child)
			}
		}
	}
	walk(root)
	return found
}

func (c *content) children() map[uint64][]uint64 {
	children := map[uint64][]uint64{}
	for _, id := range c.order {
		children[c.folders[id].Parent] = append(children[c.folders[id].Parent], id)
	}
	return children
}

// Folder returns a folder.
func (m *Mailbox) Folder(id uint64) (Folder, bool) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	f := m.c.folders[id]
	if f == nil {
		return Folder{}, false
	}
	return m.c.snapshot(f), true
}

// Distinguished returns the folder with that EWS name, as "inbox".
func (m *Mailbox) Distinguished(name string) (Folder, bool) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if f := m.c.distinguished(name); f != nil {
		return m.c.snapshot(f), true
	}
	return Folder{}, false
}

func (c *content) distinguished(name string) *folder {
	for _, id := range c.order {
		if f := c.folders[id]; f.Distinguished == name && name != "" {
			return f
		}
	}
	return nil
}

// snapshot fills in what a search folder finds.
func (c *content) snapshot(f *folder) Folder {
	s := f.Folder
	if s.Search {
		for _, it := range c.searched() {
			s.Total++
			s.Unread++
			s.Size += it.Size
		}
	}
	return s
}

// Path returns the names from below the root of the visible tree (or below the
// root itself, for what lies outside) to the folder.
func (m *Mailbox) Path(id uint64) []string {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.c.path(id)
}

func (c *content) path(id uint64) []string {
	var names []string
	for f := c.folders[id]; f != nil && f.Parent != 0; f = c.folders[f.Parent] {
		if f.Distinguished == "msgfolderroot" || f.Distinguished == "archivemsgfolderroot" {
			if len(names) == 0 {
				names = append(names, f.Name)
			}
			break
		}
		names = append(names, f.Name)
	}
	slices.Reverse(names)
	return names
}

// AddFolder makes a folder.
func (m *Mailbox) AddFolder(parent uint64, name, class string, hidden bool) (Folder, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	p := m.c.folders[parent]
	switch {
	case p == nil:
		return Folder{}, ErrFolderNotFound
	case p.Search:
		return Folder{}, ErrSearchFolder
	case m.c.named(parent, name) != 0:
		return Folder{}, ErrFolderExists
	}
	id := m.c.addFolder(Folder{Parent: parent, Name: name, Class: class, Hidden: hidden, Archive: p.Archive}, m.opt.now())
	return m.c.snapshot(m.c.folders[id]), nil
}

// Child returns the folder of that name in parent; names do not differ by case.
func (m *Mailbox) Child(parent uint64, name string) (Folder, bool) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if id := m.c.named(parent, name); id != 0 {
		return m.c.snapshot(m.c.folders[id]), true
	}
	return Folder{}, false
}

func (c *content) named(parent uint64, name string) uint64 {
	for _, id := range c.order {
		if f := c.folders[id]; f.Parent == parent && strings.EqualFold(f.Name, name) {
			return id
		}
	}
	return 0
}

func (c *content) addFolder(f Folder, now time.Time) uint64 {
	f.ID, f.Born = c.next, c.step()
	f.Change = f.Born
	f.Created, f.Modified, f.LastChange = now, now, now
	c.next++
	c.order = append(c.order, f.ID)
	c.folders[f.ID] = &folder{Folder: f}
	c.adopted(f.Parent, 1)
	return f.ID
}

// adopted counts the children of a folder.
func (c *content) adopted(parent uint64, n int) {
	if p := c.folders[parent]; p != nil {
		p.Children += n
	}
}

// RenameFolder gives a folder another name.
func (m *Mailbox) RenameFolder(id uint64, name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	f := m.c.folders[id]
	if f == nil {
		return ErrFolderNotFound
	}
	if other := m.c.named(f.Parent, name); other != 0 && other != id {
		return ErrFolderExists
	}
	f.Name, f.Change, f.Modified = name, m.c.step(), m.opt.now()
	return nil
}

// MoveFolder puts a folder with all that is in it below another. Ids stay.
func (m *Mailbox) MoveFolder(id, parent uint64) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	f := m.c.folders[id]
	switch {
	case f == nil || m.c.folders[parent] == nil:
		return ErrFolderNotFound
	case f.Distinguished != "":
		return ErrDistinguished
	case slices.Contains(m.c.ancestors(parent), id) || id == parent:
		return fmt.Errorf("move folder %d below %d: it would be inside itself", id, parent)
	case m.c.named(parent, f.Name) != 0:
		return ErrFolderExists
	}
	m.c.adopted(f.Parent, -1)
	m.c.adopted(parent, 1)
	f.Parent, f.Change, f.Modified = parent, m.c.step(), m.opt.now()
	return nil
}

func (c *content) ancestors(id uint64) []uint64 {
	var up []uint64
	for f := c.folders[id]; f != nil && f.Parent != 0; f = c.folders[f.Parent] {
		up = append(up, f.Parent)
	}
	return up
}

// DeleteFolder removes a folder, those below it, and all items in them, for good.
func (m *Mailbox) DeleteFolder(id uint64) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	f := m.c.folders[id]
	if f == nil {
		return ErrFolderNotFound
	}
	if f.Distinguished != "" {
		return ErrDistinguished
	}
	m.c.deleteFolder(id)
	return nil
}

func (c *content) deleteFolder(id uint64) {
	for _, child := range c.children()[id] {
		c.deleteFolder(child)
	}
	f := c.folders[id]
	for _, it := range f.items {
		delete(c.items, it.ID)
		c.size -= it.Size
	}
	c.gone = append(c.gone, goneFolder{folder: f.Folder, path: c.ancestors(id), at: c.step()})
	c.adopted(f.Parent, -1)
	delete(c.folders, id)
	c.order = slices.DeleteFunc(c.order, func(o uint64) bool { return o == id })
}

// plant makes the folders of t below parent, and adds their items.
func (m *Mailbox) plant(parent uint64, t *tree.Folder) error {
	id := parent
	if t.Distinguished != "" {
		f := m.c.distinguished(t.Distinguished)
		if f == nil {
			return nil // a mailbox without an archive has no place for it
		}
		id = f.ID
	} else if t.Name != "" {
		if id = m.c.named(parent, t.Name); id == 0 {
			f := Folder{Parent: parent, Name: t.Name, Class: t.Class, Hidden: t.Hidden, Archive: m.c.folders[parent].Archive}
			id = m.c.addFolder(f, m.opt.now())
		}
	}
	for _, it := range t.Items {
		m.adopt(id, it.Message, AddOptions{Associated: it.Associated, SearchKey: it.SearchKey, Origin: Seed})
	}
	for _, sub := range t.Folders {
		if err := m.plant(id, sub); err != nil {
			return err
		}
	}
	return nil
}
