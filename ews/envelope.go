package ews

import (
	"bytes"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"mailferry/internal/xmlstream"
)

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
	w.raw(envelopeHead)
	w.open("s:Header")
	w.empty("t:RequestServerVersion", "Version", c.version())
	if c.opt.Access == Impersonate && c.opt.Mailbox != "" {
		w.raw("<t:ExchangeImpersonation><t:ConnectingSID>")
		w.element("t:PrimarySmtpAddress", c.opt.Mailbox)
		w.raw("</t:ConnectingSID></t:ExchangeImpersonation>")
	}
	w.close("s:Header")
	w.open("s:Body")
	w.open("m:"+r.op, r.attrs...)
	if r.write != nil {
		r.write(w)
	}
	w.close("m:" + r.op)
	w.raw(envelopeTail)
	return w.Bytes(), w.cuts
}

// xmlWriter writes small documents.
type xmlWriter struct {
	bytes.Buffer
	delegate bool
	mailbox  string
	cuts     []int // places for blobs
}

func (w *xmlWriter) raw(s string) { w.WriteString(s) }

// open writes a start tag; attributes are names and values in turns. Those with
// an empty value are left out, but for Id.
func (w *xmlWriter) open(name string, attrs ...string) {
	w.tag(name, attrs)
	w.raw(">")
}

func (w *xmlWriter) empty(name string, attrs ...string) {
	w.tag(name, attrs)
	w.raw("/>")
}

func (w *xmlWriter) tag(name string, attrs []string) {
	w.raw("<" + name)
	for i := 0; i+1 < len(attrs); i += 2 {
		if attrs[i+1] != "" || attrs[i] == "Id" {
			w.raw(" " + attrs[i] + `="`)
			w.text(attrs[i+1])
			w.raw(`"`)
		}
	}
}

func (w *xmlWriter) close(name string) { w.raw("</" + name + ">") }

func (w *xmlWriter) element(name, text string) {
	w.open(name)
	w.text(text)
	w.close(name)
}

// text escapes s. Characters that XML can't carry become U+FFFD.
func (w *xmlWriter) text(s string) {
	for _, r := range s {
		switch {
		case r == '&':
			w.raw("&amp;")
		case r == '<':
			w.raw("&lt;")
		case r == '>':
			w.raw("&gt;")
		case r == '"':
			w.raw("&quot;")
		case r == '\t' || r == '\n' || r == '\r':
			w.raw("&#" + strconv.Itoa(int(r)) + ";")
		case r < 0x20 || r == 0xFFFE || r == 0xFFFF:
			w.WriteRune(utf8.RuneError)
		default:
			w.WriteRune(r)
		}
	}
}

// folder writes a reference to a folder.
func (w *xmlWriter) folder(f FolderRef) {
	switch {
	case f.distinguished == "":
		w.empty("t:FolderId", "Id", f.id)
	case w.delegate && w.mailbox != "":
		w.open("t:DistinguishedFolderId", "Id", f.distinguished)
		w.open("t:Mailbox")
		w.element("t:EmailAddress", w.mailbox)
		w.close("t:Mailbox")
		w.close("t:DistinguishedFolderId")
	default:
		w.empty("t:DistinguishedFolderId", "Id", f.distinguished)
	}
}

func (w *xmlWriter) itemIDs(ids []ItemID, withKey bool) {
	w.open("m:ItemIds")
	for _, id := range ids {
		w.itemID(id, withKey)
	}
	w.close("m:ItemIds")
}

func (w *xmlWriter) itemID(id ItemID, withKey bool) {
	if !withKey {
		id.ChangeKey = ""
	}
	w.empty("t:ItemId", "Id", id.ID, "ChangeKey", id.ChangeKey)
}

// outline renders a request for a trace: tags, and the attributes that name
// folders and items; texts are left out.
func outline(doc []byte) string {
	var b strings.Builder
	s := xmlstream.NewScanner(bytes.NewReader(doc))
	for {
		tok, err := s.Next()
		if err != nil {
			return b.String()
		}
		if tok.Kind == xmlstream.End {
			b.WriteString("</" + tok.Name.Local + ">")
			continue
		}
		b.WriteString("<" + tok.Name.Local)
		for _, a := range tok.Attrs {
			b.WriteString(" " + a.Name.Local + "=" + strconv.Quote(a.Value))
		}
		b.WriteString(">")
		if n, _ := io.Copy(io.Discard, s.Text()); n > 0 {
			b.WriteString("[" + strconv.FormatInt(n, 10) + " bytes]")
		}
	}
}
