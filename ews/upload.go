package ews

import (
	"context"
	"errors"
	"fmt"

	"mailferry/internal/xmlstream"
)

// UploadItems uploads items: one answer for each, by position. The body streams
// from Upload.Open with an exact length.
//
// It is sent again inside only where the server has surely taken nothing: a
// refused login, a fault that refuses up front, a connection that failed before
// a byte of the body was read. After any other failure the error is an
// *UnknownOutcomeError, and the results hold what was answered in whole before
// it: trust them, but look at the target for the rest. When the number of answers
// is wrong, no result is returned, since any could stand in another's place. A
// blob that can't be read, or is not as long as was said, is a *BlobError;
// the end of the request was not sent then, so nothing was taken.
func (c *Client) UploadItems(ctx context.Context, items []Upload) ([]UploadResult, error) {
	if len(items) == 0 {
		return nil, nil
	}
	for i, u := range items {
		if u.Size <= 0 || u.Open == nil || u.Folder == "" {
			return nil, fmt.Errorf("UploadItems: %w", &BlobError{Index: i, Err: errors.New("an upload needs a folder and a blob of at least one byte")})
		}
	}
	r := &request{op: opUpload, blobs: items, write: func(w *xmlWriter) {
		w.Open("m:Items")
		for _, u := range items {
			w.upload(u)
		}
		w.Close("m:Items")
	}}
	var results []UploadResult
	err := c.retrying(ctx, opUpload, func() error {
		results = nil
		x, err := c.send(ctx, r)
		if err == nil {
			results, err = x.readUploads(len(items))
			x.finish(err)
			if errors.As(err, new(*CountError)) {
				results = nil
			}
			if err != nil {
				err = &UnknownOutcomeError{Op: opUpload, Err: err}
			}
			return err
		}
		if outcomeUnknown(err) {
			err = &UnknownOutcomeError{Op: opUpload, Err: err}
		}
		return err
	})
	return results, err
}

// outcomeUnknown says of a request that was not answered item by item whether it
// may have been executed.
func outcomeUnknown(err error) bool {
	var (
		answered  *Error
		transport *TransportError
	)
	switch {
	case errors.As(err, &answered):
		return ActionFor(opUpload, answered).Verb == Unknown
	case errors.As(err, &transport):
		return transport.Sent
	}
	return errors.As(err, new(*TruncatedError)) || errors.As(err, new(*ProtocolError)) || errors.As(err, new(*CountError))
}

func (x *exchange) readUploads(want int) (results []UploadResult, err error) {
	var id ItemID
	err = x.Each(func(tok xmlstream.Token) error {
		if tok.Name.Local == "ItemId" {
			id = ItemID{ID: plainID(tok.Attr("Id")), ChangeKey: tok.Attr("ChangeKey")}
		}
		return x.Skip()
	}, func(e *Error) error {
		if len(results) == want {
			return &CountError{Op: opUpload, Want: want, Got: want + 1}
		}
		if e == nil && id.ID == "" {
			return x.Odd("an item was uploaded, but its id is missing")
		}
		x.noteItem(e)
		if e != nil {
			id = ItemID{}
		}
		results = append(results, UploadResult{ID: id, Err: e})
		id = ItemID{}
		return nil
	})
	if err == nil && len(results) != want {
		err = &CountError{Op: opUpload, Want: want, Got: len(results)}
	}
	return results, err
}

// upload writes one item and cuts the place of its blob.
func (w *xmlWriter) upload(u Upload) {
	action, associated := u.Action, ""
	if action == "" {
		action = CreateNew
	}
	if u.Associated {
		associated = "true"
	}
	w.Open("t:Item", "CreateAction", string(action), "IsAssociated", associated)
	w.Empty("t:ParentFolderId", "Id", u.Folder)
	if action != CreateNew {
		w.itemID(u.Item, true)
	}
	w.Open("t:Data")
	w.cuts = append(w.cuts, w.Len())
	w.Close("t:Data")
	w.Close("t:Item")
}
