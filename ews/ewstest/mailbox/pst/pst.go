// Package pst reads a PST file into a tree of folders and messages, with every
// MAPI property of messages, recipients and attachments, named ones too.
//
// go-pst finds the nodes and blocks of the file. Its messages know only the
// properties that it has a field for, so the property contexts and tables of
// [MS-PST] are read here.
//
// Strings become UTF-16 properties, also those of an ANSI file. Not taken over
// are error codes, the internal range 0x6600 to 0x67FF, search folders, and
// what Outlook keeps beside the mailbox (views, queues).
package pst

import (
	"fmt"
	"os"
	"strings"

	pst "github.com/mooijtech/go-pst/v6/pkg"

	"mailferry/ews/ewstest/mailbox/tree"
	"mailferry/fts"
)

// Read reads a PST file. Folders whose role is clear become the well-known
// folders of the mailbox.
func Read(name string) (_ *tree.Folder, err error) {
	in, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("read PST: %w", err)
	}
	defer in.Close()
	// go-pst panics on some damaged files.
	defer func() {
		if e := recover(); e != nil {
			err = fmt.Errorf("read PST %s: damaged: %v", name, e)
		}
	}()
	p, err := pst.New(in)
	if err != nil {
		return nil, fmt.Errorf("read PST %s: %w", name, err)
	}
	f := &file{File: p}
	if f.names, err = f.readNames(); err != nil {
		return nil, fmt.Errorf("read PST %s: names of properties: %w", name, err)
	}
	root, err := f.root()
	if err != nil {
		return nil, fmt.Errorf("read PST %s: %w", name, err)
	}
	return root, nil
}

// Node ids and offsets of [MS-PST] 2.4.1 and 2.2.2.1.
const (
	nidStore       pst.Identifier = 0x21
	nidNames       pst.Identifier = 0x61
	nidAttachments pst.Identifier = 0x671
	nidRecipients  pst.Identifier = 0x692
	hierarchy      pst.Identifier = 0x0D - 0x02
	contents       pst.Identifier = 0x0E - 0x02
	associated     pst.Identifier = 0x0F - 0x02
	normalFolder   pst.Identifier = 0x02
)

// Properties that the reader needs itself.
const (
	propClass      = 0x3613
	propName       = 0x3001
	propHidden     = 0x10F4
	propRow        = 0x67F2 // LtpRowId, the node that a row stands for
	propMethod     = 0x3705
	propData       = 0x3701
	propIPMRoot    = 0x35E0
	propOutbox     = 0x35E2
	propDeleted    = 0x35E3
	propSent       = 0x35E4
	methodEmbedded = 5
	maxDepth       = 64 // of folders and of embedded messages
)

// root reads the tree below the folder that Outlook shows.
func (f *file) root() (*tree.Folder, error) {
	store, err := f.node(nidStore)
	if err != nil {
		return nil, fmt.Errorf("message store: %w", err)
	}
	props, _, err := f.properties(store)
	if err != nil {
		return nil, fmt.Errorf("message store: %w", err)
	}
	top := entryNode(props.Bytes(propIPMRoot))
	if top == 0 {
		top = pst.IdentifierRootFolder
	}
	roles := map[pst.Identifier]string{}
	for id, role := range map[uint16]string{propOutbox: "outbox", propDeleted: "deleteditems", propSent: "sentitems"} {
		if nid := entryNode(props.Bytes(id)); nid != 0 {
			roles[nid] = role
		}
	}
	root, err := f.folder(top, roles, 0)
	if err != nil {
		return nil, err
	}
	assignRoles(root)
	return root, nil
}

// entryNode returns the node in an entry id ([MS-PST] 2.4.3.2).
func entryNode(entryID []byte) pst.Identifier {
	if len(entryID) != 24 {
		return 0
	}
	return pst.Identifier(le32(entryID[20:]))
}

// folder reads a folder with all that is in it.
func (f *file) folder(nid pst.Identifier, roles map[pst.Identifier]string, depth int) (*tree.Folder, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("folder %#x: more than %d levels", nid, maxDepth)
	}
	n, err := f.node(nid)
	if err != nil {
		return nil, fmt.Errorf("folder %#x: %w", nid, err)
	}
	props, _, err := f.properties(n)
	if err != nil {
		return nil, fmt.Errorf("folder %#x: %w", nid, err)
	}
	t := &tree.Folder{
		Name: props.String(propName), Class: props.String(propClass),
		Hidden: props.Bool(propHidden), Distinguished: roles[nid],
	}
	for _, table := range []pst.Identifier{contents, associated} {
		rows, err := f.rows(nid + table)
		if err != nil {
			return nil, fmt.Errorf("folder %#x: list of items: %w", nid, err)
		}
		for _, row := range rows {
			m, err := f.topMessage(row)
			if err != nil {
				return nil, fmt.Errorf("item %#x: %w", row, err)
			}
			t.Items = append(t.Items, tree.Item{Message: m, Associated: table == associated})
		}
	}
	rows, err := f.rows(nid + hierarchy)
	if err != nil {
		return nil, fmt.Errorf("folder %#x: list of folders: %w", nid, err)
	}
	for _, row := range rows {
		if row.GetType() != pst.IdentifierTypeNormalFolder {
			continue
		}
		sub, err := f.folder(row, roles, depth+1)
		if err != nil {
			return nil, err
		}
		t.Folders = append(t.Folders, sub)
	}
	return t, nil
}

// rows returns the nodes that the rows of a table stand for; none where there
// is no such table.
func (f *file) rows(nid pst.Identifier) ([]pst.Identifier, error) {
	if _, err := f.GetNodeBTreeNode(nid); err != nil {
		return nil, nil
	}
	n, err := f.node(nid)
	if err != nil {
		return nil, err
	}
	table, err := f.table(n)
	if err != nil {
		return nil, err
	}
	var ids []pst.Identifier
	for _, row := range table {
		if id, ok := row.Int(propRow); ok {
			ids = append(ids, pst.Identifier(uint32(id)))
		}
	}
	return ids, nil
}

func (f *file) topMessage(nid pst.Identifier) (*fts.Message, error) {
	n, err := f.node(nid)
	if err != nil {
		return nil, err
	}
	return f.message(n, 0)
}

// message reads a message with its recipients and attachments.
func (f *file) message(n node, depth int) (*fts.Message, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("more than %d messages inside each other", maxDepth)
	}
	props, _, err := f.properties(n)
	if err != nil {
		return nil, err
	}
	m := &fts.Message{Props: clean(props)}
	if d, err := pst.FindLocalDescriptor(nidRecipients, n.subs); err == nil {
		rows, err := f.subTable(d)
		if err != nil {
			return nil, fmt.Errorf("recipients: %w", err)
		}
		for _, row := range rows {
			m.Recipients = append(m.Recipients, fts.Recipient{Props: clean(row)})
		}
	}
	if d, err := pst.FindLocalDescriptor(nidAttachments, n.subs); err == nil {
		rows, err := f.subTable(d)
		if err != nil {
			return nil, fmt.Errorf("attachments: %w", err)
		}
		for i, row := range rows {
			id, _ := row.Int(propRow)
			a, err := f.attachment(n, pst.Identifier(uint32(id)), depth)
			if err != nil {
				return nil, fmt.Errorf("attachment %d: %w", i, err)
			}
			m.Attachments = append(m.Attachments, a)
		}
	}
	return m, nil
}

func (f *file) subTable(d pst.LocalDescriptor) ([]fts.Props, error) {
	n, err := f.sub(d)
	if err != nil {
		return nil, err
	}
	return f.table(n)
}

// attachment reads an attachment of the message in n.
func (f *file) attachment(n node, nid pst.Identifier, depth int) (fts.Attachment, error) {
	d, err := pst.FindLocalDescriptor(nid, n.subs)
	if err != nil {
		return fts.Attachment{}, err
	}
	in, err := f.sub(d)
	if err != nil {
		return fts.Attachment{}, err
	}
	props, objects, err := f.properties(in)
	if err != nil {
		return fts.Attachment{}, err
	}
	a := fts.Attachment{Props: clean(props)}
	object := objects[propData]
	if object == 0 {
		return a, nil
	}
	if d, err = pst.FindLocalDescriptor(object, in.subs); err != nil {
		return fts.Attachment{}, err
	}
	if method, _ := props.Int(propMethod); method == methodEmbedded {
		inner, err := f.sub(d)
		if err != nil {
			return fts.Attachment{}, err
		}
		a.Embedded, err = f.message(inner, depth+1)
		return a, err
	}
	data, err := f.subData(d)
	if err != nil {
		return fts.Attachment{}, err
	}
	a.Props = append(a.Props, tree.Prop(propData, fts.Object(data)))
	return a, nil
}

// clean leaves out what belongs to the file and not to the message.
func clean(props fts.Props) fts.Props {
	kept := make(fts.Props, 0, len(props))
	for _, p := range props {
		if id := p.Tag.ID(); p.Name == nil && (id >= 0x6600 && id <= 0x67FF || id >= 0x8000) {
			continue
		}
		kept = append(kept, p)
	}
	return kept
}

// roleNames are the names under which Outlook makes its folders, with the class
// that such a folder has.
var roleNames = map[string][2]string{
	"inbox": {"inbox", "IPF.Note"}, "posteingang": {"inbox", "IPF.Note"},
	"outbox": {"outbox", "IPF.Note"}, "postausgang": {"outbox", "IPF.Note"},
	"sent items": {"sentitems", "IPF.Note"}, "gesendete elemente": {"sentitems", "IPF.Note"},
	"deleted items": {"deleteditems", "IPF.Note"}, "gelöschte elemente": {"deleteditems", "IPF.Note"},
	"drafts": {"drafts", "IPF.Note"}, "entwürfe": {"drafts", "IPF.Note"},
	"junk e-mail": {"junkemail", "IPF.Note"}, "junk email": {"junkemail", "IPF.Note"}, "junk-e-mail": {"junkemail", "IPF.Note"},
	"calendar": {"calendar", "IPF.Appointment"}, "kalender": {"calendar", "IPF.Appointment"},
	"contacts": {"contacts", "IPF.Contact"}, "kontakte": {"contacts", "IPF.Contact"},
	"tasks": {"tasks", "IPF.Task"}, "aufgaben": {"tasks", "IPF.Task"},
	"notes": {"notes", "IPF.StickyNote"}, "notizen": {"notes", "IPF.StickyNote"},
	"journal": {"journal", "IPF.Journal"},
}

// assignRoles makes the folders right below the root well-known ones, by their
// name and class. Where those are empty and one other folder has such folders
// below it, that one is a whole mailbox that was imported: it takes the place
// of the root.
func assignRoles(root *tree.Folder) {
	root.Distinguished = "msgfolderroot"
	mailboxes, empty := []*tree.Folder(nil), true
	for _, f := range root.Folders {
		if role(f) == "" && f.Distinguished == "" {
			for _, sub := range f.Folders {
				if role(sub) == "inbox" {
					mailboxes = append(mailboxes, f)
				}
			}
		}
		if len(f.Items) > 0 {
			empty = false
		}
	}
	if empty && len(mailboxes) == 1 {
		inner := mailboxes[0]
		root.Items, root.Folders = append(root.Items, inner.Items...), inner.Folders
	}
	taken := map[string]bool{}
	for _, f := range root.Folders {
		taken[f.Distinguished] = true
	}
	for _, f := range root.Folders {
		if r := role(f); f.Distinguished == "" && !taken[r] {
			f.Distinguished, taken[r] = r, true
		}
	}
}

func role(f *tree.Folder) string {
	r := roleNames[strings.ToLower(f.Name)]
	if f.Class != "" && f.Class != r[1] {
		return ""
	}
	return r[0]
}
