package ewstest

import (
	"mailferry/ews/ewstest/ewsid"
	"mailferry/ews/ewstest/mailbox"
	"mailferry/ews/ewstest/schema"
	"mailferry/ews/ewstest/shape"
	"mailferry/ews/ewstest/soap"
)

// item resolves an ItemId. Where the item is not there the mailbox and the id
// are returned with the error.
func (c *call) item(n *schema.Node) (*box, *mailbox.Item, ewsid.ID, *soap.Error) {
	if n.Name != "t:ItemId" {
		return nil, nil, ewsid.ID{}, soap.Fail("ErrorCalendarCannotUseIdForOccurrenceId", "Id must be that of an occurrence of a recurring item.")
	}
	b, id, err := c.itemTarget(n)
	if err != nil {
		return nil, nil, id, err
	}
	it, ok := b.Item(id.N)
	if !ok || it.Folder != id.Parent {
		return b, nil, id, errItemNotFound
	}
	return b, it, id, nil
}

// itemTarget reads an ItemId as far as that needs no item.
func (c *call) itemTarget(n *schema.Node) (*box, ewsid.ID, *soap.Error) {
	text := n.Value("Id")
	if text == "" {
		return nil, ewsid.ID{}, errIDEmpty
	}
	id, ok := ewsid.Decode(text)
	if !ok {
		return nil, id, errIDMalformed
	}
	if key, ok := n.Attr("ChangeKey"); ok {
		if _, ok := ewsid.DecodeChangeKey(key); !ok {
			return nil, id, errChangeKey
		}
	}
	b, err := c.open(id)
	if err != nil {
		return nil, id, err
	}
	if id.Folder {
		return b, id, soap.Fail("ErrorCannotUseFolderIdForItemId", "Folder ID cannot be used as an item ID.")
	}
	return b, id, nil
}

func (c *call) getItem() *soap.Error {
	op := c.req.Operation
	sh, shapeErr := shape.New(op.Child("m:ItemShape"), "item")
	return c.batch("GetItem", "m:Items", op.Child("m:ItemIds").Children, func(n *schema.Node) (func(), *soap.Error) {
		if shapeErr != nil {
			return nil, shapeErr
		}
		b, it, _, err := c.item(n)
		if err != nil {
			return nil, err
		}
		if err := c.itemFault(b, it); err != nil {
			return nil, err
		}
		return func() {
			c.Out.Start("m:Items")
			c.WriteItem(b.Box, it, sh, false)
			c.Out.End()
		}, nil
	})
}

// itemFault asks the faults about an item that is read.
func (c *call) itemFault(b *box, it *mailbox.Item) *soap.Error {
	id := ewsid.ID{Mailbox: b.GUID, N: it.ID, Parent: it.Folder}
	if f := c.s.faults.Load().Item(c.op, id.Encode(false), id.Encode(true)); f != nil {
		return f.Error()
	}
	return nil
}

func (c *call) deleteItem() *soap.Error {
	op := c.req.Operation
	kind := map[string]mailbox.DeleteKind{
		"HardDelete": mailbox.HardDelete, "SoftDelete": mailbox.SoftDelete, "MoveToDeletedItems": mailbox.MoveToDeletedItems,
	}[op.Value("DeleteType")]
	return c.batch("DeleteItem", "", op.Child("m:ItemIds").Children, func(n *schema.Node) (func(), *soap.Error) {
		b, it, _, err := c.item(n)
		if err != nil {
			return nil, err
		}
		if shape.Element(it.Class()) == "t:CalendarItem" && op.Value("SendMeetingCancellations") == "" {
			return nil, soap.Fail("ErrorSendMeetingCancellationsRequired", "The SendMeetingCancellations attribute must be set for calendar items.")
		}
		if shape.Element(it.Class()) == "t:Task" && op.Value("AffectedTaskOccurrences") == "" {
			return nil, soap.Fail("ErrorAffectedTaskOccurrencesRequired", "The AffectedTaskOccurrences attribute must be set for tasks.")
		}
		if err := c.itemFault(b, it); err != nil {
			return nil, err
		}
		if err := b.Delete(it.ID, kind); err != nil {
			return nil, storeError(err)
		}
		return nil, nil
	})
}

func (c *call) moveItem() *soap.Error {
	op := c.req.Operation
	to, folder, folderErr := c.folder(op.Child("m:ToFolderId").Children[0])
	if folderErr == errFolderNotFound {
		folderErr = soap.Fail("ErrorToFolderNotFound", "The destination folder could not be found.")
	}
	return c.batch("MoveItem", "m:Items", op.Child("m:ItemIds").Children, func(n *schema.Node) (func(), *soap.Error) {
		if folderErr != nil {
			return nil, folderErr
		}
		b, it, _, err := c.item(n)
		if err != nil {
			return nil, err
		}
		if b != to {
			return nil, soap.Fail("ErrorCrossMailboxMoveCopy", "Items can't be moved to another mailbox.")
		}
		moved, e := b.Move(it.ID, folder.ID)
		if e != nil {
			return nil, storeError(e)
		}
		return func() {
			c.Out.Start("m:Items")
			c.WriteItem(b.Box, moved, &shape.Shape{}, false)
			c.Out.End()
		}, nil
	})
}

// findItem lists a folder. Items come in the order of the sort fields, without
// them newest first.
func (c *call) findItem() *soap.Error {
	op := c.req.Operation
	sh, shapeErr := shape.New(op.Child("m:ItemShape"), "item")
	restriction := op.Child("m:Restriction")
	return c.batch("FindItem", "", op.Child("m:ParentFolderIds").Children, func(n *schema.Node) (func(), *soap.Error) {
		if shapeErr != nil {
			return nil, shapeErr
		}
		if op.Child("m:QueryString") != nil {
			return nil, soap.Fail("ErrorContentIndexingNotEnabled", "The mailbox has no content index.")
		}
		b, f, err := c.folder(n)
		if err != nil {
			return nil, err
		}
		items, err := c.found(b, f, op)
		if err != nil {
			return nil, err
		}
		p, err := c.page(op, len(items), restriction != nil)
		if err != nil {
			return nil, err
		}
		return func() {
			c.Out.Start("m:RootFolder", p.attrs(len(items))...)
			c.Out.Start("t:Items")
			for i, it := range items[p.from:p.to] {
				c.WriteItem(b.Box, it, sh, true)
				if c.faults["duplicate-ids"] != nil && i%3 == 0 {
					c.WriteItem(b.Box, it, sh, true)
				}
			}
			c.Out.End()
			c.Out.End()
		}, nil
	})
}

// found returns the items of a folder that a FindItem asks for, in order.
func (c *call) found(b *box, f mailbox.Folder, op *schema.Node) ([]*mailbox.Item, *soap.Error) {
	if op.Value("Traversal") == "SoftDeleted" {
		// Dumpsters of folders went with Exchange 2010: what is deleted is in
		// the recoverable items folders.
		return nil, nil
	}
	var items []*mailbox.Item
	restriction := op.Child("m:Restriction")
	for _, it := range b.Items(f.ID) {
		if it.Associated != (op.Value("Traversal") == "Associated") {
			continue
		}
		if restriction != nil {
			ok, err := shape.Matches(restriction.Children[0], func(path *schema.Node) (string, bool) { return c.ItemValue(b.Box, it, path) })
			if err != nil {
				return nil, err
			}
			if !ok {
				continue
			}
		}
		items = append(items, it)
	}
	return items, c.SortItems(b.Box, items, op.Child("m:SortOrder"))
}
