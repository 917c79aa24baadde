package ewstest

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"

	"mailferry/ews/ewstest/mailbox"
	"mailferry/ews/ewstest/schema"
	"mailferry/ews/ewstest/soap"
	"mailferry/ews/ewstest/wire"
	"mailferry/fts"
)

// uploadItems stores items. All is done before the first byte of the answer.
func (c *call) uploadItems() *soap.Error {
	nodes := c.req.Operation.Child("m:Items").Children
	for _, n := range nodes {
		if n.Value("CreateAction") != string(mailbox.CreateNew) && n.Child("t:ItemId") == nil {
			return soap.Fail("ErrorInvalidRequest", "The request is invalid: CreateAction "+n.Value("CreateAction")+" needs an ItemId.")
		}
	}
	if f := c.faults["timeout"]; f != nil {
		// The time was up in the middle: half of the items are there.
		for _, n := range nodes[:len(nodes)/2] {
			_, _, _ = c.uploadItem(n)
		}
		return errTimeout
	}
	for _, n := range nodes {
		if err := c.poisoned(n); err != nil {
			return err
		}
	}
	return c.batch("UploadItems", "", nodes, func(n *schema.Node) (func(), *soap.Error) {
		wire.Pause(c.r.Context(), c.s.policy().ItemTime)
		if c.late() {
			return nil, errTimeout
		}
		b, it, err := c.uploadItem(n)
		if err != nil {
			return nil, err
		}
		return func() { c.WriteItemID(b.Box, it, "m:ItemId") }, nil
	})
}

// blobNames are the names by which faults know an uploaded blob.
func blobNames(n *schema.Node) []string {
	blob, _ := n.Child("t:Data").Data.([]byte)
	sum := sha256.Sum256(blob)
	names := []string{hex.EncodeToString(sum[:])}
	if id := n.Child("t:ItemId"); id != nil {
		names = append(names, id.Value("Id"))
	}
	return names
}

// poisoned says whether an item fails the whole request.
func (c *call) poisoned(n *schema.Node) *soap.Error {
	set := c.s.faults.Load()
	if !set.Has("poison") {
		return nil
	}
	if f := set.Item(c.op, blobNames(n)...); f != nil && f.Kind == "poison" {
		return soap.Fail("ErrorInternalServerError", "An internal server error occurred. The operation failed.")
	}
	return nil
}

// uploadItem stores one item, as section 4 of the protocol reference has it.
func (c *call) uploadItem(n *schema.Node) (*box, *mailbox.Item, *soap.Error) {
	b, folder, err := c.folder(n.Child("t:ParentFolderId"))
	if err != nil {
		return nil, nil, err
	}
	blob, _ := n.Child("t:Data").Data.([]byte)
	up := mailbox.Upload{Action: mailbox.Action(n.Value("CreateAction")), Folder: folder.ID, Blob: bytes.NewReader(blob)}
	associated := n.Value("IsAssociated")
	up.Associated = associated == "true" || associated == "1"
	if up.Action != mailbox.CreateNew { // which ignores an id
		owner, id, err := c.itemTarget(n.Child("t:ItemId"))
		if err != nil {
			return nil, nil, err
		}
		if owner != b {
			return nil, nil, errItemNotFound
		}
		up.Item = id.N
	}
	copies := 1
	if set := c.s.faults.Load(); set.Any() {
		if f := set.Item(c.op, blobNames(n)...); f != nil {
			if e := f.Error(); e != nil {
				return nil, nil, e
			}
			if f.Kind == "server-duplicates" {
				copies = 2
			}
		}
	}
	var it *mailbox.Item
	for range copies {
		up.Blob = bytes.NewReader(blob)
		var e error
		if it, e = b.Upload(up); e != nil {
			return nil, nil, uploadError(e)
		}
	}
	c.s.stats.do(func(st *Stats) { st.Items.Uploaded++ })
	return b, it, nil
}

func uploadError(err error) *soap.Error {
	if _, ok := errors.AsType[*fts.Problem](err); ok {
		return soap.Fail("ErrorCorruptData", "Data is corrupt.")
	}
	return storeError(err)
}
