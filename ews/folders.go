package ews

import (
	"context"
	"errors"
	"iter"
	"strconv"
	"strings"

	"mailferry/internal/soap"
	"mailferry/internal/xmlstream"
)

// The tags of properties of folders that have no name of their own in EWS.
const (
	tagHidden = 0x10F4 // PR_ATTR_HIDDEN, Boolean
	tagSize   = 0x0E08 // PR_MESSAGE_SIZE_EXTENDED, Long

	tagLastCommit = 0x670A // PidTagLocalCommitTimeMax, SystemTime ([MS-OXCFOLD])
	tagDeleted    = 0x670B // PidTagDeletedCountTotal, Integer ([MS-OXCFOLD])
	tagAssociated = 0x3617 // PidTagAssociatedContentCount, Integer
)

// folderShape asks for what Folder holds.
func (w *xmlWriter) folderShape() {
	w.Raw("<m:FolderShape><t:BaseShape>IdOnly</t:BaseShape><t:AdditionalProperties>")
	for _, f := range []string{"DisplayName", "FolderClass", "ParentFolderId", "TotalCount", "ChildFolderCount", "UnreadCount"} {
		w.Empty("t:FieldURI", "FieldURI", "folder:"+f)
	}
	w.extended(tagHidden, "Boolean")
	w.extended(tagSize, "Long")
	w.extended(tagLastCommit, "SystemTime")
	w.extended(tagDeleted, "Integer")
	w.extended(tagAssociated, "Integer")
	w.Raw("</t:AdditionalProperties></m:FolderShape>")
}

func (w *xmlWriter) extended(tag int, kind string) {
	w.Empty("t:ExtendedFieldURI", "PropertyTag", "0x"+strings.ToUpper(strconv.FormatInt(int64(tag)|0x10000, 16)[1:]), "PropertyType", kind)
}

// folder reads the folder that tok begins.
func (a *answer) folder(tok xmlstream.Token) (Folder, error) {
	f := Folder{Element: tok.Name.Local}
	err := a.Children(func(tok xmlstream.Token) (err error) {
		switch tok.Name.Local {
		case "FolderId":
			f.ID, f.ChangeKey, err = a.id(tok)
		case "ParentFolderId":
			f.ParentID, _, err = a.id(tok)
		case "DisplayName":
			f.Name, err = a.Whole(soap.MaxName)
		case "FolderClass":
			f.Class, err = a.Whole(soap.MaxName)
		case "DistinguishedFolderId":
			f.Distinguished, err = a.Whole(soap.MaxName)
		case "TotalCount":
			f.Total, err = a.count()
		case "ChildFolderCount":
			f.Children, err = a.count()
		case "UnreadCount":
			f.Unread, err = a.count()
		case "ExtendedProperty":
			var tag int
			var value string
			tag, value, err = a.extended()
			switch tag {
			case tagHidden:
				f.Hidden = isTrue(value)
			case tagSize:
				f.Size = number(value)
			case tagLastCommit:
				f.LastCommit = moment(value)
			case tagDeleted:
				f.Deleted = number(value)
			case tagAssociated:
				f.Associated = number(value)
			}
		default:
			err = a.Skip()
		}
		return err
	})
	if err == nil && f.ID == "" {
		err = a.Odd("a folder without id")
	}
	return f, err
}

// id reads an element whose attributes are an id.
func (a *answer) id(tok xmlstream.Token) (id, changeKey string, err error) {
	id, changeKey = tok.Attr("Id"), tok.Attr("ChangeKey")
	if len(id) > soap.MaxID || len(changeKey) > soap.MaxID {
		return "", "", a.Odd("an id that is too long")
	}
	return plainID(id), changeKey, a.Skip()
}

func (a *answer) count() (int, error) {
	s, err := a.Text(soap.MaxName)
	return int(number(s)), err
}

func number(s string) int64 {
	n, err := strconv.ParseInt(strings.TrimSpace(s), 10, 64)
	if err != nil || n < 0 {
		return 0
	}
	return n
}

func isTrue(s string) bool {
	s = strings.TrimSpace(s)
	return s == "true" || s == "1"
}

// extended reads an ExtendedProperty that was asked for by its tag.
func (a *answer) extended() (tag int, value string, err error) {
	err = a.Children(func(tok xmlstream.Token) (err error) {
		switch tok.Name.Local {
		case "ExtendedFieldURI":
			n, _ := strconv.ParseUint(tok.Attr("PropertyTag"), 0, 32)
			tag = int(n & 0xFFFF)
			err = a.Skip()
		case "Value":
			value, err = a.Text(soap.MaxName)
		default:
			err = a.Skip()
		}
		return err
	})
	return tag, value, err
}

// folders reads a list of folders.
func (a *answer) folders(add func(Folder)) error {
	return a.Children(func(tok xmlstream.Token) error {
		f, err := a.folder(tok)
		if err == nil {
			add(f)
		}
		return err
	})
}

// GetFolders reads folders; the answer has as many entries as refs, in their
// order. A folder that is not there has Err with code ErrorFolderNotFound.
func (c *Client) GetFolders(ctx context.Context, refs []FolderRef) ([]FolderResult, error) {
	if len(refs) == 0 {
		return nil, nil
	}
	r := &request{op: opGetFolder, write: func(w *xmlWriter) {
		w.folderShape()
		w.Open("m:FolderIds")
		for _, f := range refs {
			w.folder(f)
		}
		w.Close("m:FolderIds")
	}}
	return retryItems(ctx, c, r, len(refs), func(a *answer) ([]FolderResult, error) {
		return a.folderResults(len(refs))
	}, func(i int, res *FolderResult) *Error {
		if res.Folder.Distinguished == "" && res.Err == nil {
			res.Folder.Distinguished = refs[i].distinguished
		}
		return res.Err
	})
}

func (a *answer) folderResults(want int) (results []FolderResult, err error) {
	var found *Folder
	err = a.Each(func(tok xmlstream.Token) error {
		if tok.Name.Local != "Folders" {
			return a.Skip()
		}
		return a.folders(func(f Folder) { found = &f })
	}, func(e *Error) error {
		switch {
		case len(results) == want:
			return &CountError{Op: a.Op, Want: want, Got: want + 1}
		case e != nil:
			results = append(results, FolderResult{Err: e})
		case found == nil:
			return a.Odd("an answer without a folder")
		default:
			results = append(results, FolderResult{Folder: *found})
		}
		found = nil
		return nil
	})
	if err == nil && len(results) != want {
		err = &CountError{Op: a.Op, Want: want, Got: len(results)}
	}
	return results, err
}

const folderPage = 500

// FindFolders lists the folders below root, search folders included (see
// Folder.Element). It ends at the first error.
func (c *Client) FindFolders(ctx context.Context, root FolderRef, t FolderTraversal) iter.Seq2[Folder, error] {
	return paged(func(offset int) (page[Folder], error) {
		var p page[Folder]
		r := &request{op: opFindFolder, attrs: []string{"Traversal", string(t)}, write: func(w *xmlWriter) {
			w.folderShape()
			w.Empty("m:IndexedPageFolderView", "MaxEntriesReturned", strconv.Itoa(folderPage), "Offset", strconv.Itoa(offset), "BasePoint", "Beginning")
			w.Open("m:ParentFolderIds")
			w.folder(root)
			w.Close("m:ParentFolderIds")
		}}
		err := c.do(ctx, r, func(a *answer) (err error) {
			p, err = readPage(a, offset, "Folders", func(tok xmlstream.Token) (Folder, error) { return a.folder(tok) })
			return err
		})
		return p, err
	})
}

// CreateFolder makes a folder. Where the answer was lost it looks whether the
// folder is there before it asks again.
func (c *Client) CreateFolder(ctx context.Context, parent FolderRef, name, class string) (Folder, error) {
	r := &request{op: opCreateFolder, write: func(w *xmlWriter) {
		w.Open("m:ParentFolderId")
		w.folder(parent)
		w.Close("m:ParentFolderId")
		w.Raw("<m:Folders><t:Folder>")
		if class != "" {
			w.Element("t:FolderClass", class)
		}
		w.Element("t:DisplayName", name)
		w.Raw("</t:Folder></m:Folders>")
	}}
	var made *Folder
	lost := false // an answer was lost: the folder may be there
	err := c.retrying(ctx, opCreateFolder, func() error {
		if lost {
			for f, err := range c.FindFolders(ctx, parent, Shallow) {
				if err != nil {
					return err
				}
				if f.Name == name {
					made = &f
					return nil
				}
			}
		}
		x, err := c.send(ctx, r)
		if err == nil {
			err = x.Single(func(tok xmlstream.Token) error {
				if tok.Name.Local != "Folders" {
					return x.Skip()
				}
				return x.folders(func(f Folder) { made = &f })
			})
			x.finish(err)
		}
		if err != nil && !errors.As(err, new(*Error)) && !errors.As(err, new(*AuthError)) {
			lost = true
		}
		return err
	})
	if err == nil && made == nil {
		err = &ProtocolError{Op: opCreateFolder, Reason: "the folder was made, but its id is missing"}
	}
	if err != nil {
		return Folder{}, err
	}
	f := *made
	if f.Name == "" {
		f.Name, f.Class = name, class
	}
	if f.ParentID == "" {
		f.ParentID = parent.id
	}
	return f, nil
}

// SyncFolders lists what happened to the folders below root since state, in one
// piece. root must be the same each time.
func (c *Client) SyncFolders(ctx context.Context, root FolderRef, state string) (FolderChanges, error) {
	r := &request{op: opSyncFolders, write: func(w *xmlWriter) {
		w.folderShape()
		w.Open("m:SyncFolderId")
		w.folder(root)
		w.Close("m:SyncFolderId")
		if state != "" {
			w.Element("m:SyncState", state)
		}
	}}
	var changes FolderChanges
	err := c.do(ctx, r, func(a *answer) error {
		changes = FolderChanges{}
		err := a.Single(func(tok xmlstream.Token) (err error) {
			switch tok.Name.Local {
			case "SyncState":
				changes.State, err = a.Whole(soap.MaxState)
				return err
			case "Changes":
				return a.Children(func(tok xmlstream.Token) error { return a.folderChange(tok, &changes) })
			}
			return a.Skip()
		})
		if err == nil && changes.State == "" {
			err = a.Odd("a sync state is missing")
		}
		return err
	})
	if err != nil {
		return FolderChanges{}, err
	}
	return changes, nil
}

func (a *answer) folderChange(tok xmlstream.Token, changes *FolderChanges) error {
	switch tok.Name.Local {
	case "Create":
		return a.folders(func(f Folder) { changes.Created = append(changes.Created, f) })
	case "Update":
		return a.folders(func(f Folder) { changes.Updated = append(changes.Updated, f) })
	case "Delete":
		return a.Children(func(tok xmlstream.Token) error {
			id, _, err := a.id(tok)
			changes.Deleted = append(changes.Deleted, id)
			return err
		})
	}
	return a.Skip()
}
