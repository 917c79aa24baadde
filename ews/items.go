package ews

import (
	"context"
	"encoding/base64"
	"iter"
	"strconv"
	"strings"
	"time"

	"mailferry/internal/soap"
	"mailferry/internal/xmlstream"
)

// The tags of properties of items that have no name of their own in EWS, or
// only one that lists don't fill.
const (
	tagSearchKey    = 0x300B // PR_SEARCH_KEY, Binary
	tagFrom         = 0x5D02 // PR_SENT_REPRESENTING_SMTP_ADDRESS, String
	tagSender       = 0x5D01 // PR_SENDER_SMTP_ADDRESS, String
	maxEntries      = 10_000 // of one page; servers give 1000 at most
	maxSyncChanges  = 512
	maxItemsPerPage = 1000
)

var itemFields = []struct {
	prop  ItemProps
	field string
}{
	{PropClass, "item:ItemClass"},
	{PropSubject, "item:Subject"},
	{PropSize, "item:Size"},
	{PropReceived, "item:DateTimeReceived"},
	{PropSent, "item:DateTimeSent"},
	{PropCreated, "item:DateTimeCreated"},
	{PropModified, "item:LastModifiedTime"},
	{PropDraft, "item:IsDraft"},
	{PropHasAttachments, "item:HasAttachments"},
	{PropIsAssociated, "item:IsAssociated"},
	{PropRead, "message:IsRead"},
	{PropMessageID, "message:InternetMessageId"},
}

// itemShape asks for properties of items beside the id.
func (w *xmlWriter) itemShape(props ItemProps) {
	w.Raw("<m:ItemShape><t:BaseShape>IdOnly</t:BaseShape>")
	if props != 0 {
		w.Open("t:AdditionalProperties")
		for _, f := range itemFields {
			if props&f.prop != 0 {
				w.Empty("t:FieldURI", "FieldURI", f.field)
			}
		}
		if props&PropSearchKey != 0 {
			w.extended(tagSearchKey, "Binary")
		}
		if props&PropFrom != 0 {
			w.extended(tagFrom, "String")
			w.extended(tagSender, "String")
		}
		w.Close("t:AdditionalProperties")
	}
	w.Raw("</m:ItemShape>")
}

// item reads the item that tok begins.
func (a *answer) item(tok xmlstream.Token) (Item, error) {
	item := Item{Element: tok.Name.Local}
	sender := ""
	err := a.Children(func(tok xmlstream.Token) (err error) {
		switch tok.Name.Local {
		case "ItemId":
			item.ID, item.ChangeKey, err = a.id(tok)
		case "ItemClass":
			item.Class, err = a.Text(soap.MaxName)
		case "Subject":
			item.Subject, err = a.Text(soap.MaxName)
		case "InternetMessageId":
			item.MessageID, err = a.Text(soap.MaxName)
		case "Size":
			item.Size, err = a.long()
		case "DateTimeReceived":
			item.Received, err = a.time()
		case "DateTimeSent":
			item.Sent, err = a.time()
		case "DateTimeCreated":
			item.Created, err = a.time()
		case "LastModifiedTime":
			item.Modified, err = a.time()
		case "IsRead":
			item.Read, err = a.bool()
		case "IsDraft":
			item.Draft, err = a.bool()
		case "HasAttachments":
			item.HasAttachments, err = a.bool()
		case "IsAssociated":
			item.Associated, err = a.bool()
		case "ExtendedProperty":
			var tag int
			var value string
			tag, value, err = a.extended()
			switch tag {
			case tagSearchKey:
				item.SearchKey, _ = base64.StdEncoding.DecodeString(strings.TrimSpace(value))
			case tagFrom:
				item.From = value
			case tagSender:
				sender = value
			}
		default:
			err = a.Skip()
		}
		return err
	})
	if item.From == "" {
		item.From = sender
	}
	if err == nil && item.ID == "" {
		err = a.Odd("an item without id")
	}
	return item, err
}

func (a *answer) long() (int64, error) {
	s, err := a.Text(soap.MaxName)
	return number(s), err
}

func (a *answer) bool() (bool, error) {
	s, err := a.Text(soap.MaxName)
	return isTrue(s), err
}

// time reads a time. One without zone is in UTC; one that is no time is zero.
func (a *answer) time() (time.Time, error) {
	s, err := a.Text(soap.MaxName)
	if err != nil {
		return time.Time{}, err
	}
	return moment(s), nil
}

// moment is the zero time where s is none.
func moment(s string) time.Time {
	s = strings.TrimSpace(s)
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC()
		}
	}
	return time.Time{}
}

// FindItems lists the items of a folder, oldest first, without a restriction:
// that would make the server build search folders. An id may come twice when
// items arrive meanwhile. It ends at the first error.
func (c *Client) FindItems(ctx context.Context, r FindItemsRequest) iter.Seq2[Item, error] {
	traversal, size := r.Traversal, r.PageSize
	if traversal == "" {
		traversal = ShallowItems
	}
	if size <= 0 {
		size = maxItemsPerPage
	}
	return paged(func(offset int) (page[Item], error) {
		var p page[Item]
		req := &request{op: opFindItem, attrs: []string{"Traversal", string(traversal)}, write: func(w *xmlWriter) {
			w.itemShape(r.Props)
			w.Empty("m:IndexedPageItemView", "MaxEntriesReturned", strconv.Itoa(size), "Offset", strconv.Itoa(offset), "BasePoint", "Beginning")
			w.Raw(`<m:SortOrder><t:FieldOrder Order="Ascending"><t:FieldURI FieldURI="item:DateTimeReceived"/></t:FieldOrder></m:SortOrder>`)
			w.Open("m:ParentFolderIds")
			w.folder(r.Folder)
			w.Close("m:ParentFolderIds")
		}}
		err := c.do(ctx, req, func(a *answer) (err error) {
			p, err = readPage(a, offset, "Items", func(tok xmlstream.Token) (Item, error) {
				item, err := a.item(tok)
				item.Associated = item.Associated || traversal == AssociatedItems
				return item, err
			})
			return err
		})
		return p, err
	})
}

// GetItems reads properties of items, by position.
func (c *Client) GetItems(ctx context.Context, ids []ItemID, props ItemProps) ([]ItemResult, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	r := &request{op: opGetItem, write: func(w *xmlWriter) {
		w.itemShape(props)
		w.itemIDs(ids, false)
	}}
	return retryItems(ctx, c, r, len(ids), func(a *answer) (results []ItemResult, err error) {
		var found *Item
		err = a.Each(func(tok xmlstream.Token) error {
			if tok.Name.Local != "Items" {
				return a.Skip()
			}
			return a.Children(func(tok xmlstream.Token) error {
				item, err := a.item(tok)
				found = &item
				return err
			})
		}, func(e *Error) error {
			switch {
			case len(results) == len(ids):
				return &CountError{Op: a.Op, Want: len(ids), Got: len(ids) + 1}
			case e != nil:
				results = append(results, ItemResult{Err: e})
			case found == nil:
				return a.Odd("an answer without an item")
			default:
				results = append(results, ItemResult{Item: *found})
			}
			found = nil
			return nil
		})
		if err == nil && len(results) != len(ids) {
			err = &CountError{Op: a.Op, Want: len(ids), Got: len(results)}
		}
		return results, err
	}, func(_ int, r *ItemResult) *Error { return r.Err })
}

// DeleteItems deletes items, by position; nil is success. An item that is gone
// after an answer was lost counts as deleted.
func (c *Client) DeleteItems(ctx context.Context, ids []ItemID, kind DeleteKind) ([]*Error, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	lost := false
	// Without these, meetings and recurring tasks are refused.
	attrs := []string{"DeleteType", string(kind), "SendMeetingCancellations", "SendToNone", "AffectedTaskOccurrences", "AllOccurrences"}
	r := &request{op: opDeleteItem, attrs: attrs, write: func(w *xmlWriter) { w.itemIDs(ids, true) }}
	results := make([]*Error, len(ids))
	open := make([]int, len(ids)) // positions that have no final answer
	for i := range ids {
		open[i] = i
	}
	all := ids
	err := c.retrying(ctx, opDeleteItem, func() error {
		ids = ids[:0:0]
		for _, i := range open {
			ids = append(ids, all[i])
		}
		x, err := c.send(ctx, r)
		if err == nil {
			var answers []*Error
			answers, err = x.deleted(len(ids))
			x.finish(err)
			if err == nil {
				open, err = settleDeleted(results, open, answers, lost)
			}
		}
		if e := (*Error)(nil); err != nil && !asError(err, &e) {
			lost = true
		}
		return err
	})
	var item *Error
	if asError(err, &item) && item.Scope >= ScopeItem {
		err = nil // it stands in its place
	}
	if err != nil {
		return nil, err
	}
	return results, nil
}

func (x *exchange) deleted(want int) (answers []*Error, err error) {
	err = x.Each(func(xmlstream.Token) error { return x.Skip() }, func(e *Error) error {
		x.noteItem(e)
		answers = append(answers, e)
		if len(answers) > want {
			return &CountError{Op: x.Op, Want: want, Got: len(answers)}
		}
		return nil
	})
	if err == nil && len(answers) != want {
		err = &CountError{Op: x.Op, Want: want, Got: len(answers)}
	}
	return answers, err
}

// settleDeleted puts answers into their places. It returns those that may do
// better in another try, and why.
func settleDeleted(results []*Error, open []int, answers []*Error, lost bool) (again []int, err error) {
	for n, e := range answers {
		i := open[n]
		results[i] = e
		if e == nil {
			continue
		}
		if lost && e.Cause() == "ErrorItemNotFound" {
			results[i] = nil
			continue
		}
		if v := ActionFor(opDeleteItem, e).Verb; v == Retry || v == Resend {
			again = append(again, i)
			if err == nil || v == Retry {
				err = e
			}
		}
	}
	return again, err
}
