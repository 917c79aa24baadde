package ews

import (
	"context"
	"strconv"

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
		w.open("m:SyncFolderId")
		w.folder(r.Folder)
		w.close("m:SyncFolderId")
		if r.State != "" {
			w.element("m:SyncState", r.State)
		}
		w.element("m:MaxChangesReturned", strconv.Itoa(most))
		w.element("m:SyncScope", scope)
	}}
	var p SyncItemsPage
	err := c.do(ctx, req, func(a *answer) error {
		p = SyncItemsPage{}
		err := a.single(func(tok xmlstream.Token) (err error) {
			switch tok.Name.Local {
			case "SyncState":
				p.State, err = a.whole(maxState)
			case "IncludesLastItemInRange":
				p.Last, err = a.bool()
			case "Changes":
				err = a.children(func(tok xmlstream.Token) error { return a.itemChange(tok, &p) })
			default:
				err = a.skip()
			}
			return err
		})
		switch {
		case err != nil:
		case p.State == "":
			err = a.odd("a sync state is missing")
		case !p.Last && len(p.Changes) == 0 && p.State == r.State:
			err = a.odd("the server says that more has changed, and does not say what")
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
		return a.odd("more changes than anybody asked for")
	}
	change := ItemChange{}
	switch tok.Name.Local {
	case "Create", "Update":
		change.Kind = ChangeCreate
		if tok.Name.Local == "Update" {
			change.Kind = ChangeUpdate
		}
		return a.children(func(tok xmlstream.Token) (err error) {
			change.Item, err = a.item(tok)
			p.Changes = append(p.Changes, change)
			return err
		})
	case "Delete", "ReadFlagChange":
		change.Kind = ChangeDelete
		if tok.Name.Local == "ReadFlagChange" {
			change.Kind = ChangeReadFlag
		}
		err := a.children(func(tok xmlstream.Token) (err error) {
			switch tok.Name.Local {
			case "ItemId":
				change.Item.ID, change.Item.ChangeKey, err = a.id(tok)
			case "IsRead":
				change.Item.Read, err = a.bool()
			default:
				err = a.skip()
			}
			return err
		})
		if err == nil && change.Item.ID == "" {
			err = a.odd("a change without id")
		}
		p.Changes = append(p.Changes, change)
		return err
	}
	return a.skip()
}
