package mailbox

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"mailferry/ews/ewstest/mailbox/bulk"
	"mailferry/fts"
)

// Where an item came from.
const (
	Seed     = "seed"   // the mailbox was filled with it
	Uploaded = "upload" // UploadItems
	Created  = "create" // another way: control requests, CreateItem
)

// Item is a snapshot of an item. It and all it points to must not be changed.
type Item struct {
	ID         uint64 // changes when the item moves
	Folder     uint64
	Born       uint64 // change number of its arrival in the folder
	Change     uint64 // change number of the last change of its content; the change key is made of it
	ReadChange uint64 // change number of the last change of Read
	Associated bool
	Read       bool
	Origin     string
	Size       int64 // as the store counts it, bytes; near the size of the blob
	Created    time.Time
	Modified   time.Time
	SearchKey  []byte
	Message    *fts.Message // nil for bulk items, which have no message in memory

	UploadedSize   int64    // bytes of the blob that was uploaded, 0 for others
	UploadedSHA256 [32]byte // of that blob

	bulk   *bulk.Blob
	number int   // of a bulk item
	sums   *sums // of its rendering, shared by snapshots with the same content
}

// AddOptions say what the store knows of an item apart from its message.
type AddOptions struct {
	Associated bool
	SearchKey  []byte
	Origin     string // "" is Created
}

// Items returns the items of a folder, normal and associated ones, in the order
// in which they came. The slice is the caller's.
func (m *Mailbox) Items(folder uint64) []*Item {
	m.mu.RLock()
	defer m.mu.RUnlock()
	f := m.c.folders[folder]
	if f == nil {
		return nil
	}
	if f.Search {
		return m.c.searched()
	}
	return slices.Clone(f.items)
}

// searched returns what the search folders find: all unread items of the
// visible tree.
func (c *content) searched() []*Item {
	var found []*Item
	for _, id := range c.order {
		f := c.folders[id]
		if f.Hidden || f.Search || f.Archive || f.Unread == 0 {
			continue
		}
		for _, it := range f.items {
			if !it.Read && !it.Associated {
				found = append(found, it)
			}
		}
	}
	return found
}

// Item returns an item.
func (m *Mailbox) Item(id uint64) (*Item, bool) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	it := m.c.items[id]
	return it, it != nil
}

// Add puts a message into a folder, as a delivery or another client would do.
// The message belongs to the mailbox from then on.
func (m *Mailbox) Add(folder uint64, msg *fts.Message, o AddOptions) (*Item, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.takes(folder); err != nil {
		return nil, err
	}
	if o.Origin == "" {
		o.Origin = Created
	}
	return m.adopt(folder, msg, o), nil
}

// takes says whether a folder can take items.
func (m *Mailbox) takes(folder uint64) error {
	f := m.c.folders[folder]
	switch {
	case f == nil:
		return ErrFolderNotFound
	case f.Search:
		return ErrSearchFolder
	case m.opt.Quota > 0 && m.c.size >= m.opt.Quota:
		return ErrQuota
	}
	return nil
}

// adopt makes an item of a message that nobody else holds.
func (m *Mailbox) adopt(folder uint64, msg *fts.Message, o AddOptions) *Item {
	it := &Item{Folder: folder, Associated: o.Associated, Origin: o.Origin, SearchKey: o.SearchKey}
	m.assign(it, msg, o.Origin == Seed)
	return m.put(it)
}

// put gives an item an id and its place.
func (m *Mailbox) put(it *Item) *Item {
	c := m.c
	it.ID, it.Born = c.next, c.step()
	it.Change, it.ReadChange = it.Born, it.Born
	c.next++
	if it.SearchKey == nil {
		it.SearchKey = m.searchKey(it.ID)
	}
	c.items[it.ID] = it
	f := c.folders[it.Folder]
	f.items = append(f.items, it)
	m.count(f, it, 1)
	return it
}

// count keeps the sums of a folder.
func (m *Mailbox) count(f *folder, it *Item, n int) {
	if it.Associated {
		f.Associated += n
	} else {
		f.Total += n
		if !it.Read {
			f.Unread += n
		}
	}
	f.Size += int64(n) * it.Size
	m.c.size += int64(n) * it.Size
	f.Folder.Content, f.LastChange = m.c.seq, m.opt.now()
}

// replace puts a new snapshot in the place of the old.
func (m *Mailbox) replace(old, it *Item) *Item {
	f := m.c.folders[it.Folder]
	i, _ := f.at(it.ID)
	f.items[i] = it
	m.c.items[it.ID] = it
	m.count(f, old, -1)
	m.count(f, it, 1)
	return it
}

func (f *folder) at(id uint64) (int, bool) {
	return slices.BinarySearchFunc(f.items, id, func(it *Item, id uint64) int { return cmp.Compare(it.ID, id) })
}

// Update replaces the content of an item. The message belongs to the mailbox
// from then on. The id stays, the change key does not.
func (m *Mailbox) Update(id uint64, msg *fts.Message) (*Item, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	old := m.c.items[id]
	if old == nil {
		return nil, ErrItemNotFound
	}
	it := old.fresh()
	it.UploadedSize, it.UploadedSHA256 = 0, [32]byte{}
	m.assign(it, msg, false)
	it.Created = old.Created
	it.Change = m.c.step()
	return m.replace(old, it), nil
}

// fresh returns a copy that shares nothing of the content.
func (it *Item) fresh() *Item {
	n := *it
	n.bulk, n.number, n.sums, n.Message = nil, 0, nil, nil
	return &n
}

// Edit updates an item by changing a copy of its top-level properties.
func (m *Mailbox) Edit(id uint64, change func(*fts.Message)) (*Item, error) {
	it, ok := m.Item(id)
	if !ok {
		return nil, ErrItemNotFound
	}
	msg, err := m.message(it)
	if err != nil {
		return nil, err
	}
	msg = copyMessage(msg)
	change(msg)
	return m.Update(id, msg)
}

// copyMessage copies a message as far as the store changes it: the list of its
// properties, not the values.
func copyMessage(msg *fts.Message) *fts.Message {
	c := *msg
	c.Props = slices.Clone(msg.Props)
	return &c
}

// SetRead sets or takes away the read flag.
func (m *Mailbox) SetRead(id uint64, read bool) (*Item, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	old := m.c.items[id]
	switch {
	case old == nil:
		return nil, ErrItemNotFound
	case old.Read == read:
		return old, nil
	case old.Message == nil:
		return nil, fmt.Errorf("item %d is a bulk item: its flags stay as they are", id)
	}
	it := *old
	it.sums = new(sums)
	it.Read, it.ReadChange = read, m.c.step()
	it.Message = copyMessage(old.Message)
	setRead(it.Message, read)
	return m.replace(old, &it), nil
}

// Move puts an item into another folder, where it gets a new id.
func (m *Mailbox) Move(id, folder uint64) (*Item, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.move(id, folder)
}

func (m *Mailbox) move(id, folder uint64) (*Item, error) {
	it := m.c.items[id]
	if it == nil {
		return nil, ErrItemNotFound
	}
	to := m.c.folders[folder]
	if to == nil {
		return nil, ErrFolderNotFound
	}
	if to.Search {
		return nil, ErrSearchFolder
	}
	m.remove(it)
	moved := *it
	moved.Folder = folder
	return m.put(&moved), nil
}

// Copy puts a copy of an item into a folder. The search key stays the same, as
// Exchange has it.
func (m *Mailbox) Copy(id, folder uint64) (*Item, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	it := m.c.items[id]
	if it == nil {
		return nil, ErrItemNotFound
	}
	if err := m.takes(folder); err != nil {
		return nil, err
	}
	twin := *it
	twin.Folder = folder
	return m.put(&twin), nil
}

// remove takes an item out of its folder and notes that it is gone.
func (m *Mailbox) remove(it *Item) {
	f := m.c.folders[it.Folder]
	i, _ := f.at(it.ID)
	f.items = slices.Delete(f.items, i, i+1)
	delete(m.c.items, it.ID)
	left := *it.fresh()
	left.SearchKey = nil
	f.gone = append(f.gone, goneItem{item: left, at: m.c.step()})
	f.Deleted++
	m.count(f, it, -1)
}

// DeleteKind is a way of deleting an item.
type DeleteKind int

// The kinds of EWS.
const (
	HardDelete         DeleteKind = iota // gone for good
	SoftDelete                           // to Recoverable Items
	MoveToDeletedItems                   // to Deleted Items
)

// Delete deletes an item.
func (m *Mailbox) Delete(id uint64, kind DeleteKind) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	it := m.c.items[id]
	if it == nil {
		return ErrItemNotFound
	}
	role := map[DeleteKind]string{SoftDelete: "recoverableitemsdeletions", MoveToDeletedItems: "deleteditems"}[kind]
	if from := m.c.folders[it.Folder]; from.Archive && role != "" {
		role = "archive" + role
	}
	if to := m.c.distinguished(role); to != nil && to.ID != it.Folder {
		_, err := m.move(id, to.ID)
		return err
	}
	m.remove(it)
	return nil
}
