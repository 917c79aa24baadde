package mailbox

import (
	"crypto/sha256"
	"errors"
	"maps"
	"strings"
	"sync"
	"time"

	"mailferry/fts"
)

// The states in which an operation finds the mailbox. Errors of this package
// wrap them.
var (
	ErrFolderNotFound = errors.New("the folder is not in the mailbox")
	ErrItemNotFound   = errors.New("the item is not in the mailbox")
	ErrFolderExists   = errors.New("a folder of that name is already there")
	ErrDistinguished  = errors.New("a distinguished folder stays where it is")
	ErrSearchFolder   = errors.New("a search folder holds no items of its own")
	ErrQuota          = errors.New("the mailbox is full")
	ErrSyncPoint      = errors.New("the sync point is not of this folder and mailbox")
)

// Options say how a mailbox is made. The zero value is an English mailbox
// without an archive.
type Options struct {
	Language      string    // of folder names: "en" (also ""), "de"
	Archive       bool      // with an archive mailbox
	NoRecoverable bool      // without Recoverable Items
	Version       [3]uint16 // of the server, as the head of a blob tells it; zero is 15.2.1544.4
	Lose          []uint32  // properties that an upload silently drops: see [ParseLoss]
	LoseNames     []string  // the same, as text
	Quota         int64     // bytes; more is refused with ErrQuota. 0 is no limit
	// Salt makes the mailbox's GUID, and so its ids, another one than that of a
	// mailbox with the same address elsewhere.
	Salt string
	Now  func() time.Time // nil is time.Now
}

func (o Options) now() time.Time {
	if o.Now != nil {
		return o.Now().UTC().Truncate(100)
	}
	return time.Now().UTC().Truncate(100)
}

// Mailbox is a mailbox. Its methods may be called by several goroutines.
type Mailbox struct {
	address string
	guid    fts.GUID
	opt     Options
	lose    []Loss
	style   uint64 // how this store lays out what it renders

	mu   sync.RWMutex
	c    *content
	seed *content // what Reset goes back to
}

// content is all that Reset puts back.
type content struct {
	seq     uint64 // change number of the last change
	next    uint64 // id of the next folder or item
	size    int64
	order   []uint64 // folders in the order in which they were made
	folders map[uint64]*folder
	items   map[uint64]*Item
	gone    []goneFolder
}

// New makes a mailbox with its well-known folders and no items.
func New(address string, o Options) (*Mailbox, error) {
	lose, err := losses(o)
	if err != nil {
		return nil, err
	}
	address = strings.ToLower(address)
	sum := sha256.Sum256([]byte("mailbox\x00" + address + "\x00" + o.Salt))
	m := &Mailbox{
		address: address, opt: o, lose: lose,
		guid:  fts.GUID(sum[:16]),
		style: uint64(sum[16]) | uint64(sum[17])<<8,
		c:     newContent(),
	}
	m.c.fill(o)
	m.Mark()
	return m, nil
}

func newContent() *content {
	return &content{next: 1, folders: map[uint64]*folder{}, items: map[uint64]*Item{}}
}

// Address returns the mailbox's address in lower case.
func (m *Mailbox) Address() string { return m.address }

// GUID returns the identity of the mailbox, which is part of every id in it.
func (m *Mailbox) GUID() fts.GUID { return m.guid }

// Language returns the language of the folder names.
func (m *Mailbox) Language() string {
	if m.opt.Language == "" {
		return "en"
	}
	return m.opt.Language
}

// ChangeNumber returns the number of the last change.
func (m *Mailbox) ChangeNumber() uint64 {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.c.seq
}

// Size returns the sum of the sizes of all items, in bytes.
func (m *Mailbox) Size() int64 {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.c.size
}

// Mark makes the present content the one that Reset goes back to.
func (m *Mailbox) Mark() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.seed = m.c.clone()
}

// Reset puts the content back to where Mark was called last, by Load for one.
// Sync points taken since are no longer valid.
func (m *Mailbox) Reset() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.c = m.seed.clone()
}

// Clone returns a mailbox with the same identity and content, independent of m.
func (m *Mailbox) Clone() *Mailbox {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return &Mailbox{
		address: m.address, guid: m.guid, opt: m.opt, lose: m.lose, style: m.style,
		c: m.c.clone(), seed: m.seed, // seed is never changed, only replaced
	}
}

func (c *content) clone() *content {
	d := *c
	d.order = append([]uint64(nil), c.order...)
	d.gone = append([]goneFolder(nil), c.gone...)
	d.items = maps.Clone(c.items)
	d.folders = make(map[uint64]*folder, len(c.folders))
	for id, f := range c.folders {
		g := *f
		g.items = append([]*Item(nil), f.items...)
		g.gone = append([]goneItem(nil), f.gone...)
		d.folders[id] = &g
	}
	return &d
}

// step returns the next change number.
func (c *content) step() uint64 {
	c.seq++
	return c.seq
}
