package ews

import "mailferry/internal/soap"

// The namespaces. In requests they have the prefixes s, t and m.
const (
	nsSOAP     = "http://schemas.xmlsoap.org/soap/envelope/"
	nsTypes    = "http://schemas.microsoft.com/exchange/services/2006/types"
	nsMessages = "http://schemas.microsoft.com/exchange/services/2006/messages"
)

// The operations.
const (
	opGetFolder    = "GetFolder"
	opFindFolder   = "FindFolder"
	opCreateFolder = "CreateFolder"
	opSyncFolders  = "SyncFolderHierarchy"
	opSyncItems    = "SyncFolderItems"
	opFindItem     = "FindItem"
	opGetItem      = "GetItem"
	opDeleteItem   = "DeleteItem"
	opExport       = "ExportItems"
	opUpload       = "UploadItems"
)

// request is one operation. What write makes stands inside of m:Op; blobs go to
// the places that it cuts.
type request struct {
	op    string
	attrs []string           // name and value, in turns
	write func(w *xmlWriter) // may be called more than once
	blobs []Upload
}

const (
	envelopeHead = `<?xml version="1.0" encoding="utf-8"?>` + "\n" +
		`<s:Envelope xmlns:s="` + nsSOAP + `" xmlns:t="` + nsTypes + `" xmlns:m="` + nsMessages + `">`
	envelopeTail = `</s:Body></s:Envelope>`
)

// envelope writes a whole request but for blobs, and tells where those go.
func (c *Client) envelope(r *request) (doc []byte, cuts []int) {
	w := &xmlWriter{delegate: c.opt.Access == Delegate, mailbox: c.opt.Mailbox}
	w.Raw(envelopeHead)
	w.Open("s:Header")
	w.Empty("t:RequestServerVersion", "Version", c.version())
	if c.opt.Access == Impersonate && c.opt.Mailbox != "" {
		w.Raw("<t:ExchangeImpersonation><t:ConnectingSID>")
		w.Element("t:PrimarySmtpAddress", c.opt.Mailbox)
		w.Raw("</t:ConnectingSID></t:ExchangeImpersonation>")
	}
	w.Close("s:Header")
	w.Open("s:Body")
	w.Open("m:"+r.op, r.attrs...)
	if r.write != nil {
		r.write(w)
	}
	w.Close("m:" + r.op)
	w.Raw(envelopeTail)
	return w.Bytes(), w.cuts
}

// xmlWriter writes what stands inside of an operation.
type xmlWriter struct {
	soap.Writer
	delegate bool
	mailbox  string
	cuts     []int // places for blobs
}

// folder writes a reference to a folder.
func (w *xmlWriter) folder(f FolderRef) {
	switch {
	case f.distinguished == "":
		w.Empty("t:FolderId", "Id", f.id)
	case w.delegate && w.mailbox != "":
		w.Open("t:DistinguishedFolderId", "Id", f.distinguished)
		w.Open("t:Mailbox")
		w.Element("t:EmailAddress", w.mailbox)
		w.Close("t:Mailbox")
		w.Close("t:DistinguishedFolderId")
	default:
		w.Empty("t:DistinguishedFolderId", "Id", f.distinguished)
	}
}

func (w *xmlWriter) itemIDs(ids []ItemID, withKey bool) {
	w.Open("m:ItemIds")
	for _, id := range ids {
		w.itemID(id, withKey)
	}
	w.Close("m:ItemIds")
}

func (w *xmlWriter) itemID(id ItemID, withKey bool) {
	if !withKey {
		id.ChangeKey = ""
	}
	w.Empty("t:ItemId", "Id", id.ID, "ChangeKey", id.ChangeKey)
}
