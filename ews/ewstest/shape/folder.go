package shape

import (
	"strconv"
	"strings"

	"mailferry/ews/ewstest/ewsid"
	"mailferry/ews/ewstest/mailbox"
	"mailferry/ews/ewstest/schema"
)

// folderElement is the element of a folder in answers.
func folderElement(f mailbox.Folder) string {
	class := strings.ToUpper(f.Class)
	switch {
	case f.Search:
		return "t:SearchFolder"
	case strings.HasPrefix(class, "IPF.APPOINTMENT"):
		return "t:CalendarFolder"
	case strings.HasPrefix(class, "IPF.CONTACT"):
		return "t:ContactsFolder"
	case strings.HasPrefix(class, "IPF.TASK"):
		return "t:TasksFolder"
	}
	return "t:Folder"
}

// folderProp is a MAPI property of a folder. DavMail needs the article numbers.
func folderProp(b Box, f mailbox.Folder, tag uint16) (any, bool) {
	switch tag {
	case 0x6751: // next article number
		return int32(b.ChangeNumber() + 1), true
	case 0x6752: // last article number
		return int32(b.ChangeNumber()), true
	case 0x10F3: // name in a URL
		return f.Name, true
	}
	return b.FolderProp(f, tag)
}

// WriteFolder writes a folder in schema order.
func (w *Writer) WriteFolder(b Box, f mailbox.Folder, s *Shape) {
	a := w.Out
	element := folderElement(f)
	a.Start(element)
	a.Empty("t:FolderId", "Id", w.FolderID(b, f.ID), "ChangeKey", ewsid.ChangeKey(ewsid.KeyFolder, b.GUID, f.Change))
	if f.Parent != 0 && s.wants("folder:ParentFolderId", "AllProperties") {
		a.Empty("t:ParentFolderId", "Id", w.FolderID(b, f.Parent), "ChangeKey", "AQAAAA==")
	}
	if f.Class != "" && s.wants("folder:FolderClass", "AllProperties") {
		a.Text("t:FolderClass", f.Class)
	}
	if s.wants("folder:DisplayName", "Default") {
		a.Text("t:DisplayName", f.Name)
	}
	if s.wants("folder:TotalCount", "Default") {
		a.Text("t:TotalCount", strconv.Itoa(f.Total))
	}
	if s.wants("folder:ChildFolderCount", "Default") {
		a.Text("t:ChildFolderCount", strconv.Itoa(f.Children))
	}
	for _, e := range s.extended {
		if e.name == nil {
			v, ok := folderProp(b, f, e.tag)
			writeExtended(a, e, v, ok, 0)
		}
	}
	if s.wants("folder:EffectiveRights", "AllProperties") {
		a.Start("t:EffectiveRights")
		for _, right := range []string{"CreateAssociated", "CreateContents", "CreateHierarchy", "Delete", "Modify", "Read", "ViewPrivateItems"} {
			a.Bool("t:"+right, true)
		}
		a.End()
	}
	if f.Distinguished != "" && s.wants("folder:DistinguishedFolderId", "AllProperties") && w.Names {
		a.Text("t:DistinguishedFolderId", f.Distinguished)
	}
	if element != "t:CalendarFolder" && element != "t:ContactsFolder" && s.wants("folder:UnreadCount", "Default") {
		a.Text("t:UnreadCount", strconv.Itoa(f.Unread))
	}
	a.End()
}

// FolderValue is what a restriction compares.
func (w *Writer) FolderValue(b Box, f mailbox.Folder, path *schema.Node) (string, bool) {
	if path.Name == "t:ExtendedFieldURI" {
		e, err := newExtended(path)
		if err != nil || e.name != nil {
			return "", false
		}
		v, ok := folderProp(b, f, e.tag)
		return first(e.typ, v, ok)
	}
	switch path.Value("FieldURI") {
	case "folder:DisplayName":
		return f.Name, true
	case "folder:FolderClass":
		return f.Class, f.Class != ""
	case "folder:FolderId":
		return w.FolderID(b, f.ID), true
	case "folder:ParentFolderId":
		return w.FolderID(b, f.Parent), f.Parent != 0
	case "folder:TotalCount":
		return strconv.Itoa(f.Total), true
	case "folder:ChildFolderCount":
		return strconv.Itoa(f.Children), true
	case "folder:UnreadCount":
		return strconv.Itoa(f.Unread), true
	case "folder:DistinguishedFolderId":
		return f.Distinguished, f.Distinguished != ""
	}
	return "", false
}

// first is a property's only value as text.
func first(typ string, v any, ok bool) (string, bool) {
	if !ok {
		return "", false
	}
	values, _, ok := texts(typ, v)
	if !ok || len(values) == 0 {
		return "", false
	}
	return values[0], true
}
