package mailbox

import (
	"encoding/hex"
	"strings"
	"time"
)

// Inventory is what a mailbox holds, in the form of the simulator's control
// interface.
type Inventory struct {
	Address string            `json:"address"`
	Folders []InventoryFolder `json:"folders"`
}

// InventoryFolder is a folder of an Inventory. Path are the names joined by
// "/", with "/" and "\" inside a name escaped by "\".
type InventoryFolder struct {
	ID            string          `json:"id"`
	Parent        string          `json:"parent,omitempty"`
	Path          string          `json:"path"`
	Name          string          `json:"name"`
	Class         string          `json:"class"`
	Distinguished string          `json:"distinguished"`
	Hidden        bool            `json:"hidden,omitempty"`
	Search        bool            `json:"search,omitempty"`
	Archive       bool            `json:"archive,omitempty"`
	Items         []InventoryItem `json:"items"`
}

// InventoryItem is an item of an Inventory.
type InventoryItem struct {
	ID         string    `json:"id"`
	ChangeKey  string    `json:"changeKey"`
	Class      string    `json:"class"`
	Subject    string    `json:"subject"`
	Size       int64     `json:"size"`
	Associated bool      `json:"associated"`
	Read       bool      `json:"read"`
	Received   time.Time `json:"received"`
	SearchKey  string    `json:"searchKey"`
	Origin     string    `json:"origin"`
	SHA256     string    `json:"sha256"`  // of the blob uploaded or rendered
	Content    string    `json:"content"` // of the canonical content
}

// IDs writes ids as clients see them.
type IDs interface {
	FolderID(f Folder) string
	ItemID(it *Item) (id, changeKey string)
}

// Inventory lists the mailbox. Without ids they are hex of entry ids and change keys.
func (m *Mailbox) Inventory(ids IDs) (*Inventory, error) {
	if ids == nil {
		ids = hexIDs{m}
	}
	inv := &Inventory{Address: m.address}
	for _, f := range m.Folders() {
		row := InventoryFolder{
			ID: ids.FolderID(f), Path: JoinPath(m.Path(f.ID)), Name: f.Name, Class: f.Class, Distinguished: f.Distinguished,
			Hidden: f.Hidden, Search: f.Search, Archive: f.Archive, Items: []InventoryItem{},
		}
		if parent, ok := m.Folder(f.Parent); ok {
			row.Parent = ids.FolderID(parent)
		}
		if !f.Search {
			for _, it := range m.Items(f.ID) {
				r, err := m.row(it, ids)
				if err != nil {
					return nil, err
				}
				row.Items = append(row.Items, r)
			}
		}
		inv.Folders = append(inv.Folders, row)
	}
	return inv, nil
}

func (m *Mailbox) row(it *Item, ids IDs) (InventoryItem, error) {
	sha, err := m.BlobSHA256(it)
	if err != nil {
		return InventoryItem{}, err
	}
	content, err := m.ContentSum(it)
	if err != nil {
		return InventoryItem{}, err
	}
	id, changeKey := ids.ItemID(it)
	return InventoryItem{
		ID: id, ChangeKey: changeKey, Class: it.Class(), Subject: it.Subject(), Size: it.Size,
		Associated: it.Associated, Read: it.Read, Received: it.Received(), SearchKey: hex.EncodeToString(it.SearchKey),
		Origin: it.Origin, SHA256: hex.EncodeToString(sha[:]), Content: hex.EncodeToString(content[:]),
	}, nil
}

type hexIDs struct{ m *Mailbox }

func (h hexIDs) FolderID(f Folder) string { return hex.EncodeToString(h.m.FolderEntryID(f.ID)) }

func (h hexIDs) ItemID(it *Item) (string, string) {
	return hex.EncodeToString(h.m.EntryID(it)), hex.EncodeToString(h.m.ChangeKey(it))
}

var pathEscaper = strings.NewReplacer(`\`, `\\`, `/`, `\/`)

// JoinPath joins folder names by "/", with "/" and "\" in a name escaped by "\".
func JoinPath(names []string) string {
	escaped := make([]string, len(names))
	for i, n := range names {
		escaped[i] = pathEscaper.Replace(n)
	}
	return strings.Join(escaped, "/")
}
