package ews

import (
	"context"
	"errors"
	"iter"
)

// Client speaks with one server about one mailbox.
type Client struct {
	opt Options
}

var errNothing = errors.New("ews: nothing sent")

// NewClient checks the options. Nothing is sent before the first request.
func NewClient(o Options) (*Client, error) { return &Client{opt: o.withDefaults()}, nil }

// Close closes the connections that are not in use. Requests under way go on.
func (c *Client) Close() error { return nil }

// ServerVersion is what the last answer told, zero before the first.
func (c *Client) ServerVersion() ServerVersion { return ServerVersion{} }

// Stats counts what the client did so far.
func (c *Client) Stats() Stats { return Stats{} }

// Gate returns the gate that the client obeys.
func (c *Client) Gate() *Gate { return c.opt.Gate }

// GetFolders reads folders; the answer has as many entries as refs, in their
// order. A folder that is not there has Err with code ErrorFolderNotFound.
func (c *Client) GetFolders(ctx context.Context, refs []FolderRef) ([]FolderResult, error) {
	return nil, errNothing
}

// FindFolders lists the folders below root, search folders included (see
// Folder.Element). It ends at the first error.
func (c *Client) FindFolders(ctx context.Context, root FolderRef, t FolderTraversal) iter.Seq2[Folder, error] {
	return func(yield func(Folder, error) bool) { yield(Folder{}, errNothing) }
}

// CreateFolder makes a folder. Where the answer was lost it looks whether the
// folder is there before it asks again.
func (c *Client) CreateFolder(ctx context.Context, parent FolderRef, name, class string) (Folder, error) {
	return Folder{}, errNothing
}

// SyncFolders lists what happened to the folders below root since state.
func (c *Client) SyncFolders(ctx context.Context, root FolderRef, state string) (FolderChanges, error) {
	return FolderChanges{}, errNothing
}

// SyncItems lists what happened in a folder since a state.
func (c *Client) SyncItems(ctx context.Context, r SyncItemsRequest) (SyncItemsPage, error) {
	return SyncItemsPage{}, errNothing
}

// FindItems lists the items of a folder, oldest first, without a restriction.
// An id may come twice when items arrive meanwhile. It ends at the first error.
func (c *Client) FindItems(ctx context.Context, r FindItemsRequest) iter.Seq2[Item, error] {
	return func(yield func(Item, error) bool) { yield(Item{}, errNothing) }
}

// GetItems reads properties of items, by position.
func (c *Client) GetItems(ctx context.Context, ids []ItemID, props ItemProps) ([]ItemResult, error) {
	return nil, errNothing
}

// DeleteItems deletes items, by position; nil is success.
func (c *Client) DeleteItems(ctx context.Context, ids []ItemID, kind DeleteKind) ([]*Error, error) {
	return nil, errNothing
}

// ExportItems asks for blobs. The reader must be closed.
func (c *Client) ExportItems(ctx context.Context, ids []ItemID) (*ExportReader, error) {
	return nil, errNothing
}

// ExportReader reads the answer of ExportItems item by item.
type ExportReader struct{}

// Next goes to the next item; what is left of the current blob is skipped. It is
// io.EOF only when there were as many answers as ids and the document ended well.
func (r *ExportReader) Next() (Exported, error) { return Exported{}, errNothing }

// Read reads the blob of the current item. It is io.EOF only when its end was
// reached with valid base64.
func (r *ExportReader) Read(p []byte) (int, error) { return 0, errNothing }

// Close gives the connection back, or drops it when the answer was not read to its end.
func (r *ExportReader) Close() error { return nil }

// UploadItems uploads items, one answer for each, by position.
func (c *Client) UploadItems(ctx context.Context, items []Upload) ([]UploadResult, error) {
	return nil, errNothing
}
