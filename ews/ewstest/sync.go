package ewstest

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"io"

	"mailferry/ews/ewstest/ewsid"
	"mailferry/ews/ewstest/mailbox"
	"mailferry/ews/ewstest/schema"
	"mailferry/ews/ewstest/shape"
	"mailferry/ews/ewstest/soap"
)

// syncState is what a client keeps between two calls of Sync*. It is valid for
// one mailbox, one folder and one kind of call.
type syncState struct {
	Kind    string
	Mailbox string
	Folder  uint64
	Since   uint64            `json:",omitempty"`
	Point   mailbox.SyncPoint `json:",omitzero"`
}

// String writes the state as the opaque text that clients see.
func (s *syncState) String() string {
	plain, err := json.Marshal(s)
	if err != nil {
		return ""
	}
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = z.Write(plain)
	_ = z.Close()
	return base64.StdEncoding.EncodeToString(b.Bytes())
}

// read takes up a state that belongs to the same thing; "" is the beginning.
func (s *syncState) read(text string) error {
	if text == "" {
		return nil
	}
	raw, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return errSyncState
	}
	z, err := gzip.NewReader(bytes.NewReader(raw))
	if err != nil {
		return errSyncState
	}
	plain, err := io.ReadAll(io.LimitReader(z, 1<<16))
	if err != nil {
		return errSyncState
	}
	var old syncState
	if err := json.Unmarshal(plain, &old); err != nil || old.Kind != s.Kind || old.Mailbox != s.Mailbox || old.Folder != s.Folder {
		return errSyncState
	}
	*s = old
	return nil
}

// syncFolderItems tells the changes of a folder in pages.
func (c *call) syncFolderItems() *soap.Error {
	op := c.req.Operation
	sh, shapeErr := shape.New(op.Child("m:ItemShape"), "item")
	limit := 512
	if p := c.s.policy().SyncPage; p > 0 {
		limit = p
	}
	limit = min(limit, atoi(op.ChildText("m:MaxChangesReturned")))
	associated := op.ChildText("m:SyncScope") == "NormalAndAssociatedItems"
	tail := "m:SyncState m:IncludesLastItemInRange"
	return c.batch("SyncFolderItems", tail, op.Child("m:SyncFolderId").Children, func(n *schema.Node) (func(), *soap.Error) {
		if shapeErr != nil {
			return nil, shapeErr
		}
		b, f, err := c.folder(n)
		if err == errFolderNotFound {
			err = soap.Fail("ErrorSyncFolderNotFound", "The folder to synchronize could not be found.")
		}
		if err != nil {
			return nil, err
		}
		if f.Search {
			return nil, soap.Fail("ErrorInvalidOperation", "Search folders can't be synchronized.")
		}
		state := syncState{Kind: "items", Mailbox: b.GUID, Folder: f.ID}
		given := op.ChildText("m:SyncState")
		if err := state.read(given); err != nil || given != "" && c.faults["invalid-sync-state"] != nil {
			return nil, errSyncState
		}
		changes, next, last, e := b.Changes(f.ID, state.Point, associated, limit)
		if e != nil {
			return nil, storeError(e)
		}
		state.Point = next
		ignored := map[string]bool{}
		if ign := op.Child("m:Ignore"); ign != nil {
			for _, id := range ign.Children {
				ignored[id.Value("Id")] = true
			}
		}
		return func() {
			c.Out.Text("m:SyncState", state.String())
			c.Out.Bool("m:IncludesLastItemInRange", last)
			c.Out.Start("m:Changes")
			for _, ch := range changes {
				if !ignored[c.ItemID(b.Box, ch.Item)] {
					c.writeChange(b, ch, sh)
				}
			}
			c.Out.End()
		}, nil
	})
}

func (c *call) writeChange(b *box, ch mailbox.Change, s *shape.Shape) {
	switch ch.Kind {
	case mailbox.ChangeCreate:
		c.Out.Start("t:Create")
		c.WriteItem(b.Box, ch.Item, s, true)
	case mailbox.ChangeUpdate:
		c.Out.Start("t:Update")
		c.WriteItem(b.Box, ch.Item, s, true)
	case mailbox.ChangeDelete:
		c.Out.Start("t:Delete")
		id := ewsid.ID{Mailbox: b.GUID, N: ch.Item.ID, Parent: ch.Item.Folder}.Encode(c.Packed)
		c.Out.Empty("t:ItemId", "Id", id, "ChangeKey", ewsid.ChangeKey(ewsid.KeyMessage, b.GUID, max(ch.Item.Change, ch.Item.ReadChange)))
	case mailbox.ChangeRead:
		c.Out.Start("t:ReadFlagChange")
		c.WriteItemID(b.Box, ch.Item, "t:ItemId")
		c.Out.Bool("t:IsRead", ch.Item.Read)
	}
	c.Out.End()
}
