package ewstest

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"

	"mailferry/ews/ewstest/mailbox"
	"mailferry/ews/ewstest/schema"
	"mailferry/fts"
)

// uploadItems stores items. All is done before the first byte of the answer.
func (c *call) uploadItems() *codeError {
	nodes := c.req.Operation.Child("m:Items").Children
	for _, n := range nodes {
		if n.Value("CreateAction") != string(mailbox.CreateNew) && n.Child("t:ItemId") == nil {
			return fail("ErrorInvalidRequest", "The request is invalid: CreateAction "+n.Value("CreateAction")+" needs an ItemId.")
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
	return c.batch("UploadItems", "", nodes, func(n *schema.Node) (func(), *codeError) {
		pause(c.r.Context(), c.s.policy().ItemTime)
		if c.late() {
			return nil, errTimeout
		}
		b, it, err := c.uploadItem(n)
		if err != nil {
			return nil, err
		}
		return func() { c.writeItemID(b, it, "m:ItemId") }, nil
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
func (c *call) poisoned(n *schema.Node) *codeError {
	set := c.s.faults.Load()
	if !set.has("poison") {
		return nil
	}
	if f := set.item(c.op, blobNames(n)...); f != nil && f.Kind == "poison" {
		return fail("ErrorInternalServerError", "An internal server error occurred. The operation failed.")
	}
	return nil
}

// uploadItem stores one item, as section 4 of the protocol reference has it.
func (c *call) uploadItem(n *schema.Node) (*box, *mailbox.Item, *codeError) {
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
		up.Item = id.n
	}
	copies := 1
	if set := c.s.faults.Load(); set.any() {
		if f := set.item(c.op, blobNames(n)...); f != nil {
			if e := f.itemError(); e != nil {
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

func uploadError(err error) *codeError {
	if _, ok := errors.AsType[*fts.Problem](err); ok {
		return fail("ErrorCorruptData", "Data is corrupt.")
	}
	return storeError(err)
}
