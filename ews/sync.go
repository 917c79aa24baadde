package ews

import (
	"context"
	"strconv"

	"mailferry/internal/soap"
	"mailferry/internal/xmlstream"
)

// SyncItems lists what happened in a folder since a state, at most Max changes
// at once. It is not supported for public folders, group mailboxes and search
// folders. A state that the server does not accept is ErrorInvalidSyncStateData.
func (c *Client) SyncItems(ctx context.Context, r SyncItemsRequest) (SyncItemsPage, error) {
	most, scope := r.Max, "NormalItems"
	if most <= 0 || most > maxSyncChanges {
		most = maxSyncChanges
	}
	if r.Associated {
		scope = "NormalAndAssociatedItems"
	}
	req := &request{op: opSyncItems, write: func(w *xmlWriter) {
		w.itemShape(r.Props)
		w.Open("m:SyncFolderId")
		w.folder(r.Folder)
		w.Close("m:SyncFolderId")
		if r.State != "" {
			w.Element("m:SyncState", r.State)
		}
		w.Element("m:MaxChangesReturned", strconv.Itoa(most))
		w.Element("m:SyncScope", scope)
	}}
	var p SyncItemsPage
	err := c.do(ctx, req, func(a *answer) error {
		p = SyncItemsPage{}
		err := a.Single(func(tok xmlstream.Token) (err error) {
			switch tok.Name.Local {
			case "SyncState":
				p.State, err = a.Whole(soap.MaxState)
			case "IncludesLastItemInRange":
				p.Last, err = a.bool()
			case "Changes":
				err = a.Children(func(tok xmlstream.Token) error { return a.itemChange(tok, &p) })
			default:
				err = a.Skip()
			}
			return err
		})
		switch {
		case err != nil:
		case p.State == "":
			err = a.Odd("a sync state is missing")
		case !p.Last && len(p.Changes) == 0 && p.State == r.State:
			err = a.Odd("the server says that more has changed, and does not say what")
		}
		return err
	})
	if err != nil {
		return SyncItemsPage{}, err
	}
	return p, nil
}

func (a *answer) itemChange(tok xmlstream.Token, p *SyncItemsPage) error {
	if len(p.Changes) >= maxEntries {
		return a.Odd("more changes than anybody asked for")
	}
	change := ItemChange{}
	switch tok.Name.Local {
	case "Create", "Update":
		change.Kind = ChangeCreate
		if tok.Name.Local == "Update" {
			change.Kind = ChangeUpdate
		}
		return a.Children(func(tok xmlstream.Token) (err error) {
			change.Item, err = a.item(tok)
			p.Changes = append(p.Changes, change)
			return err
		})
	case "Delete", "ReadFlagChange":
		change.Kind = ChangeDelete
		if tok.Name.Local == "ReadFlagChange" {
			change.Kind = ChangeReadFlag
		}
		err := a.Children(func(tok xmlstream.Token) (err error) {
			switch tok.Name.Local {
			case "ItemId":
				change.Item.ID, change.Item.ChangeKey, err = a.id(tok)
			case "IsRead":
				change.Item.Read, err = a.bool()
			default:
				err = a.Skip()
			}
			return err
		})
		if err == nil && change.Item.ID == "" {
			err = a.Odd("a change without id")
		}
		p.Changes = append(p.Changes, change)
		return err
	}
	return a.Skip()
}
