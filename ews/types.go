package ews

import (
	"io"
	"time"
)

// FolderRef names a folder of a request.
type FolderRef struct {
	id            string
	distinguished string
}

// FolderByID names a folder by its id.
func FolderByID(id string) FolderRef { return FolderRef{id: id} }

// Distinguished names a well-known folder, for example "msgfolderroot". With
// [Delegate] it is that of the client's mailbox.
func Distinguished(name string) FolderRef { return FolderRef{distinguished: name} }

// String is the id or the well-known name.
func (f FolderRef) String() string {
	if f.distinguished != "" {
		return f.distinguished
	}
	return f.id
}

// Folder is a folder as a server lists it.
type Folder struct {
	ID, ChangeKey string
	ParentID      string
	Element       string // its kind on the wire: "Folder", "CalendarFolder", "SearchFolder", ...
	Name          string
	Class         string // "IPF.Note", ...; may be empty
	Distinguished string // well-known name, where the server tells or it was asked for by it
	Total         int    // items, associated ones not counted
	Children      int    // folders directly below
	Hidden        bool
	Size          int64 // bytes of all its items, 0 where the server does not tell

	// What tells whether anything happened in it. LastCommit is when something in
	// it was last written, in whole seconds; zero where the server does not tell.
	LastCommit time.Time
	Deleted    int64 // how many items were ever deleted from it
	Associated int64 // associated items
	Unread     int
}

// FolderResult is one answer of GetFolders.
type FolderResult struct {
	Folder Folder
	Err    *Error
}

// FolderTraversal says which folders below a root are listed.
type FolderTraversal string

// The traversals of folders. Deep is refused for public folders.
const (
	Deep    FolderTraversal = "Deep"
	Shallow FolderTraversal = "Shallow"
)

// FolderChanges is what happened to folders since a sync state. Counts of items
// that changed are not reported.
type FolderChanges struct {
	State   string
	Created []Folder
	Updated []Folder
	Deleted []string // ids
}

// ItemID names a version of an item. ItemIDs are case-sensitive, and change when
// an item is moved. ChangeKey may be empty in requests.
type ItemID struct {
	ID, ChangeKey string
}

// Item is an item as a server lists it. Only what was asked for by [ItemProps]
// and known to the server is set.
type Item struct {
	ItemID
	Element        string // its kind on the wire: "Message", "CalendarItem", ...
	Class          string // "IPM.Note", ...
	Subject        string // mail content; may be cut by the server
	MessageID      string // Internet message id
	From           string // SMTP address; mail content
	Size           int64  // bytes, as the store counts
	Received       time.Time
	Sent           time.Time
	Created        time.Time
	Modified       time.Time
	Read           bool
	Draft          bool
	HasAttachments bool
	Associated     bool
	SearchKey      []byte // PR_SEARCH_KEY: kept by copies, so not unique
}

// ItemProps is a set of properties of items to ask for. Each beyond the id costs
// the server work.
type ItemProps uint

// The properties that can be asked for.
const (
	PropSize ItemProps = 1 << iota
	PropClass
	PropSubject
	PropReceived
	PropSent
	PropCreated
	PropModified
	PropRead
	PropDraft
	PropHasAttachments
	PropIsAssociated
	PropMessageID
	PropFrom
	PropSearchKey
)

// SyncItemsRequest asks for what happened in a folder since State.
type SyncItemsRequest struct {
	Folder     FolderRef
	State      string // "": from the beginning
	Max        int    // changes at most; 0 is 512, the most a server gives
	Associated bool   // associated items too
	Props      ItemProps
}

// ChangeKind is what happened to an item.
type ChangeKind int

// The kinds of changes.
const (
	ChangeCreate ChangeKind = iota
	ChangeUpdate
	ChangeDelete
	ChangeReadFlag // only Item.Read changed
)

// ItemChange is one change. Of a deleted item only the id is known.
type ItemChange struct {
	Kind ChangeKind
	Item Item
}

// SyncItemsPage is one answer of SyncItems. State must be kept when Changes have
// been, and is never that of a failed request.
type SyncItemsPage struct {
	State   string
	Last    bool // nothing more has happened
	Changes []ItemChange
}

// ItemTraversal says which items of a folder are listed.
type ItemTraversal string

// The traversals of items.
const (
	ShallowItems    ItemTraversal = "Shallow"
	AssociatedItems ItemTraversal = "Associated"
	SoftDeleted     ItemTraversal = "SoftDeleted"
)

// FindItemsRequest asks for the items of a folder.
type FindItemsRequest struct {
	Folder    FolderRef
	Traversal ItemTraversal // "" is ShallowItems
	Props     ItemProps
	PageSize  int // 0 is 1000, the most a server gives
}

// ItemResult is one answer of GetItems.
type ItemResult struct {
	Item Item
	Err  *Error
}

// DeleteKind says what becomes of deleted items.
type DeleteKind string

// The kinds of deletion.
const (
	HardDelete         DeleteKind = "HardDelete"
	SoftDelete         DeleteKind = "SoftDelete"
	MoveToDeletedItems DeleteKind = "MoveToDeletedItems"
)

// Exported announces one item of an export.
type Exported struct {
	Index     int    // place in the request
	ID        ItemID // as answered; Exchange may write an id in more than one way
	Confirmed bool   // the answered id equals the one asked for, so the place can't be wrong
	Err       *Error // there is no blob
}

// CreateAction says what an upload does at the target.
type CreateAction string

// The actions of an upload. CreateNew makes a copy each time it is sent.
const (
	CreateNew      CreateAction = "CreateNew"
	Update         CreateAction = "Update"
	UpdateOrCreate CreateAction = "UpdateOrCreate"
)

// Upload is one item to upload.
type Upload struct {
	Action     CreateAction // "" is CreateNew
	Folder     string       // id of the target folder
	Item       ItemID       // for Update and UpdateOrCreate only
	Associated bool
	Size       int64                         // bytes that Open's reader gives, exactly
	Open       func() (io.ReadCloser, error) // called again when the request is sent again
}

// UploadResult is one answer of UploadItems.
type UploadResult struct {
	ID  ItemID
	Err *Error
}
