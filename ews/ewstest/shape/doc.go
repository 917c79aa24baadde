// Package shape writes folders and items of a simulated mailbox as EWS answers
// show them: the properties that a request asks for, in the order of the
// schemas. It evaluates restrictions and sort orders over the same properties.
package shape

import (
	"mailferry/ews/ewstest/ewsid"
	"mailferry/ews/ewstest/mailbox"
	"mailferry/ews/ewstest/soap"
)

// Box is a mailbox and its GUID as ids spell it.
type Box struct {
	*mailbox.Mailbox
	GUID string
}

// Writer writes into one answer.
type Writer struct {
	Out    *soap.Writer
	Packed bool // ids in their other spelling
	Names  bool // folders tell their distinguished names, since Exchange 2013
}

// FolderID returns the id of a folder.
func (w *Writer) FolderID(b Box, id uint64) string {
	return ewsid.ID{Mailbox: b.GUID, Folder: true, N: id}.Encode(w.Packed)
}

// ItemID returns the id of an item.
func (w *Writer) ItemID(b Box, it *mailbox.Item) string {
	return ewsid.ID{Mailbox: b.GUID, N: it.ID, Parent: it.Folder}.Encode(w.Packed)
}

// WriteItemID writes id and change key as an element of that name.
func (w *Writer) WriteItemID(b Box, it *mailbox.Item, name string) {
	w.Out.Empty(name, "Id", w.ItemID(b, it), "ChangeKey", ItemKey(b, it))
}

// ItemKey returns the change key of an item.
func ItemKey(b Box, it *mailbox.Item) string {
	kind := uint32(ewsid.KeyMessage)
	switch Element(it.Class()) {
	case "t:CalendarItem":
		kind = ewsid.KeyCalendar
	case "t:Contact", "t:DistributionList":
		kind = ewsid.KeyContact
	case "t:Task":
		kind = ewsid.KeyTask
	}
	return ewsid.ChangeKey(kind, b.GUID, max(it.Change, it.ReadChange))
}
