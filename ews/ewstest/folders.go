package ewstest

import (
	"errors"
	"strings"

	"mailferry/ews/ewstest/ewsid"
	"mailferry/ews/ewstest/mailbox"
	"mailferry/ews/ewstest/schema"
	"mailferry/ews/ewstest/shape"
	"mailferry/ews/ewstest/soap"
)

// mayOpen says whether this call reaches a mailbox.
func (c *call) mayOpen(b *box) bool {
	if c.as != nil {
		return b == c.as
	}
	return c.s.opens(c.user, b)
}

// home is the mailbox that the call speaks of where it names none.
func (c *call) home() *box {
	if c.as != nil {
		return c.as
	}
	return c.s.own(c.user)
}

// open finds the mailbox that an id belongs to.
func (c *call) open(id ewsid.ID) (*box, *soap.Error) {
	b := c.s.boxByGUID(id.Mailbox)
	if b == nil || c.as != nil && b != c.as {
		e := soap.Fail("ErrorNonExistentMailbox", "No mailbox with such guid.")
		e.Values = [][2]string{{"MailboxGuid", id.Mailbox}}
		return nil, e
	}
	if !c.mayOpen(b) {
		return nil, errAccessDenied
	}
	return b, nil
}

// folder resolves a FolderId or DistinguishedFolderId.
func (c *call) folder(n *schema.Node) (*box, mailbox.Folder, *soap.Error) {
	var none mailbox.Folder
	if key, ok := n.Attr("ChangeKey"); ok {
		if _, ok := ewsid.DecodeChangeKey(key); !ok {
			return nil, none, errChangeKey
		}
	}
	id := n.Value("Id")
	switch n.Name {
	case "t:DistinguishedFolderId":
		b := c.home()
		if m := n.Child("t:Mailbox"); m != nil {
			if b = c.s.box(m.ChildText("t:EmailAddress")); b == nil {
				return nil, none, soap.Fail("ErrorNonExistentMailbox", "The SMTP address has no mailbox associated with it.")
			}
		}
		if b == nil {
			return nil, none, soap.Fail("ErrorMissingEmailAddress", "When making a request as an account that does not have a mailbox, you must specify the mailbox primary SMTP address for any distinguished folder Ids.")
		}
		if !c.mayOpen(b) {
			return nil, none, errAccessDenied
		}
		if f, ok := b.Distinguished(id); ok {
			return b, f, nil
		}
		return nil, none, errFolderNotFound
	case "t:AddressListId":
		return nil, none, errFolderNotFound
	}
	if id == "" {
		return nil, none, errIDEmpty
	}
	o, ok := ewsid.Decode(id)
	if !ok {
		return nil, none, errIDMalformed
	}
	b, err := c.open(o)
	if err != nil {
		return nil, none, err
	}
	if !o.Folder {
		return nil, none, soap.Fail("ErrorCannotUseItemIdForFolderId", "Item ID cannot be used as a folder ID.")
	}
	if f, ok := b.Folder(o.N); ok {
		return b, f, nil
	}
	return nil, none, errFolderNotFound
}

func (c *call) getFolder() *soap.Error {
	sh, shapeErr := shape.New(c.req.Operation.Child("m:FolderShape"), "folder")
	return c.batch("GetFolder", "m:Folders", c.req.Operation.Child("m:FolderIds").Children, func(n *schema.Node) (func(), *soap.Error) {
		if shapeErr != nil {
			return nil, shapeErr
		}
		b, f, err := c.folder(n)
		if err != nil {
			return nil, err
		}
		return func() {
			c.Out.Start("m:Folders")
			c.WriteFolder(b.Box, f, sh)
			c.Out.End()
		}, nil
	})
}

func (c *call) createFolder() *soap.Error {
	op := c.req.Operation
	b, parent, parentErr := c.folder(op.Child("m:ParentFolderId").Children[0])
	if parentErr == errFolderNotFound {
		parentErr = soap.Fail("ErrorParentFolderNotFound", "The specified parent folder could not be found.")
	}
	sh := &shape.Shape{}
	return c.batch("CreateFolder", "m:Folders", op.Child("m:Folders").Children, func(n *schema.Node) (func(), *soap.Error) {
		if parentErr != nil {
			return nil, parentErr
		}
		class, name := n.ChildText("t:FolderClass"), n.ChildString("t:DisplayName")
		if n.Name != "t:Folder" {
			if class != "" {
				return nil, soap.Fail("ErrorNoFolderClassOverride", "Folder class cannot be specified for this kind of folder.")
			}
			class = map[string]string{"t:CalendarFolder": "IPF.Appointment", "t:ContactsFolder": "IPF.Contact", "t:TasksFolder": "IPF.Task"}[n.Name]
		}
		if name == "" {
			return nil, soap.Fail("ErrorFolderSavePropertyError", "The folder has no name.")
		}
		if class == "" {
			class = "IPF.Note"
		}
		hidden := false
		for _, p := range n.Children {
			if p.Name == "t:ExtendedProperty" && strings.EqualFold(p.Child("t:ExtendedFieldURI").Value("PropertyTag"), "0x10f4") {
				hidden = p.ChildText("t:Value") == "true" || p.ChildText("t:Value") == "1"
			}
		}
		f, err := b.AddFolder(parent.ID, name, class, hidden)
		if err != nil {
			return nil, storeError(err)
		}
		return func() {
			c.Out.Start("m:Folders")
			c.WriteFolder(b.Box, f, sh)
			c.Out.End()
		}, nil
	})
}

// storeError is the response code for an error of the mailbox.
func storeError(err error) *soap.Error {
	for _, known := range []struct {
		err  error
		code *soap.Error
	}{
		{mailbox.ErrFolderNotFound, errFolderNotFound},
		{mailbox.ErrItemNotFound, errItemNotFound},
		{mailbox.ErrFolderExists, soap.Fail("ErrorFolderExists", "A folder with the specified name already exists.")},
		{mailbox.ErrSearchFolder, soap.Fail("ErrorInvalidParentFolder", "A search folder can't hold items or folders of its own.")},
		{mailbox.ErrQuota, soap.Fail("ErrorQuotaExceeded", "The operation can't be completed because the mailbox is over its quota.")},
		{mailbox.ErrSyncPoint, errSyncState},
	} {
		if errors.Is(err, known.err) {
			return known.code
		}
	}
	return soap.Fail("ErrorCorruptData", "The data is corrupt: "+err.Error())
}

func (c *call) findFolder() *soap.Error {
	op := c.req.Operation
	sh, shapeErr := shape.New(op.Child("m:FolderShape"), "folder")
	return c.batch("FindFolder", "", op.Child("m:ParentFolderIds").Children, func(n *schema.Node) (func(), *soap.Error) {
		if shapeErr != nil {
			return nil, shapeErr
		}
		b, root, err := c.folder(n)
		if err != nil {
			return nil, err
		}
		var all []mailbox.Folder
		if op.Value("Traversal") != "SoftDeleted" {
			below, err := b.Below(root.ID, op.Value("Traversal") == "Deep")
			if err != nil {
				return nil, storeError(err)
			}
			all = below
		}
		if r := op.Child("m:Restriction"); r != nil {
			var kept []mailbox.Folder
			for _, f := range all {
				ok, err := shape.Matches(r.Children[0], func(path *schema.Node) (string, bool) { return c.FolderValue(b.Box, f, path) })
				if err != nil {
					return nil, err
				}
				if ok {
					kept = append(kept, f)
				}
			}
			all = kept
		}
		p, err := c.page(op, len(all), op.Child("m:Restriction") != nil)
		if err != nil {
			return nil, err
		}
		return func() {
			c.Out.Start("m:RootFolder", p.attrs(len(all))...)
			c.Out.Start("t:Folders")
			for _, f := range all[p.from:p.to] {
				c.WriteFolder(b.Box, f, sh)
			}
			c.Out.End()
			c.Out.End()
		}, nil
	})
}

// syncFolderHierarchy answers with all changes at once, as Exchange does.
func (c *call) syncFolderHierarchy() *soap.Error {
	op := c.req.Operation
	sh, shapeErr := shape.New(op.Child("m:FolderShape"), "folder")
	target := op.Child("m:SyncFolderId")
	nodes := []*schema.Node{{Name: "t:DistinguishedFolderId", Attrs: []schema.Attr{{Name: "Id", Value: "msgfolderroot"}}}}
	named := "no root"
	if target != nil {
		nodes, named = target.Children, "root"
	}
	tail := "m:SyncState m:IncludesLastFolderInRange"
	return c.batch("SyncFolderHierarchy", tail, nodes, func(n *schema.Node) (func(), *soap.Error) {
		if shapeErr != nil {
			return nil, shapeErr
		}
		b, root, err := c.folder(n)
		if err != nil {
			return nil, err
		}
		state := syncState{Kind: "folders " + named, Mailbox: b.GUID, Folder: root.ID}
		given := op.ChildText("m:SyncState")
		if err := state.read(given); err != nil || given != "" && c.faults["invalid-sync-state"] != nil {
			return nil, errSyncState
		}
		changes, upTo, e := b.FolderChanges(root.ID, state.Since)
		if e != nil {
			return nil, storeError(e)
		}
		state.Since = upTo
		return func() {
			c.Out.Text("m:SyncState", state.String())
			c.Out.Bool("m:IncludesLastFolderInRange", true)
			c.Out.Start("m:Changes")
			for _, ch := range changes {
				if ch.Kind == mailbox.ChangeDelete {
					c.Out.Start("t:Delete")
					c.Out.Empty("t:FolderId", "Id", c.FolderID(b.Box, ch.Folder.ID), "ChangeKey", ewsid.ChangeKey(ewsid.KeyFolder, b.GUID, ch.Folder.Change))
				} else {
					c.Out.Start(map[mailbox.ChangeKind]string{mailbox.ChangeCreate: "t:Create", mailbox.ChangeUpdate: "t:Update"}[ch.Kind])
					c.WriteFolder(b.Box, ch.Folder, sh)
				}
				c.Out.End()
			}
			c.Out.End()
		}, nil
	})
}
