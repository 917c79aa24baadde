package ews

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/segmentio/asm/base64"

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
			return nil, &BlobError{Index: i, Err: errors.New("an upload needs a folder and a blob of at least one byte")}
		}
	}
	r := &request{op: opUpload, blobs: items, write: func(w *xmlWriter) {
		w.open("m:Items")
		for _, u := range items {
			w.upload(u)
		}
		w.close("m:Items")
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
	err = x.each(func(tok xmlstream.Token) error {
		if tok.Name.Local == "ItemId" {
			id = ItemID{ID: tok.Attr("Id"), ChangeKey: tok.Attr("ChangeKey")}
		}
		return x.skip()
	}, func(e *Error) error {
		if len(results) == want {
			return &CountError{Op: opUpload, Want: want, Got: want + 1}
		}
		if e == nil && id.ID == "" {
			return x.odd("an item was uploaded, but its id is missing")
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
	w.open("t:Item", "CreateAction", string(action), "IsAssociated", associated)
	w.empty("t:ParentFolderId", "Id", u.Folder)
	if action != CreateNew {
		w.itemID(u.Item, true)
	}
	w.open("t:Data")
	w.cuts = append(w.cuts, w.Len())
	w.close("t:Data")
	w.close("t:Item")
}

// uploadBody returns what opens the body of an upload: doc with the blobs in
// base64 at its cuts.
func uploadBody(doc []byte, cuts []int, items []Upload) (func() (io.ReadCloser, error), int64, error) {
	size := int64(len(doc))
	for _, u := range items {
		if u.Size > 1<<40 {
			return nil, 0, &BlobError{Err: fmt.Errorf("a blob of %d bytes is too large", u.Size)}
		}
		size += (u.Size + 2) / 3 * 4
	}
	return func() (io.ReadCloser, error) {
		return &uploadReader{doc: doc, cuts: cuts, items: items}, nil
	}, size, nil
}

const rawBlock = 24 << 10 // a multiple of 3

// uploadReader is the body of an upload. The transport may close it while
// another of its goroutines reads.
type uploadReader struct {
	mu    sync.Mutex
	doc   []byte
	cuts  []int
	items []Upload

	item  int // the next or current one
	at    int // how much of doc was given away
	blob  io.ReadCloser
	left  int64  // of the blob
	ready []byte // what is to be given away
	raw   []byte
	text  []byte
	err   error
}

func (u *uploadReader) Read(p []byte) (int, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for len(u.ready) == 0 && u.err == nil {
		u.err = u.advance()
	}
	if len(u.ready) == 0 {
		return 0, u.err
	}
	n := copy(p, u.ready)
	u.ready = u.ready[n:]
	return n, nil
}

// advance makes the next part ready.
func (u *uploadReader) advance() error {
	if u.blob != nil {
		if err := u.encode(); err != nil {
			return &BlobError{Index: u.item, Err: err}
		}
		return nil
	}
	if u.at == len(u.doc) {
		return io.EOF
	}
	to := len(u.doc)
	if u.item < len(u.items) {
		to = u.cuts[u.item]
		blob, err := u.items[u.item].Open()
		if err != nil {
			return &BlobError{Index: u.item, Err: err}
		}
		u.blob, u.left = blob, u.items[u.item].Size
	}
	u.ready, u.at = u.doc[u.at:to], to
	return nil
}

// encode makes the next block of the blob ready. The last one is held back until
// the blob was seen to end there.
func (u *uploadReader) encode() error {
	if u.raw == nil {
		u.raw, u.text = make([]byte, rawBlock), make([]byte, rawBlock/3*4)
	}
	size := u.items[u.item].Size
	raw := u.raw[:min(rawBlock, u.left)]
	n, err := io.ReadFull(u.blob, raw)
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return fmt.Errorf("the blob ends after %d of %d bytes", size-u.left+int64(n), size)
	}
	if err != nil {
		return err
	}
	text := u.text[:(len(raw)+2)/3*4]
	base64.StdEncoding.Encode(text, raw)
	if u.left -= int64(n); u.left == 0 {
		if err := atEnd(u.blob, size); err != nil {
			return err
		}
		err := u.blob.Close()
		u.blob = nil
		if err != nil {
			return err
		}
		u.item++
	}
	u.ready = text
	return nil
}

// atEnd checks that a blob ends. A reader that verifies what it reads may say
// only now that it is damaged.
func atEnd(r io.Reader, size int64) error {
	var one [1]byte
	n, err := io.ReadFull(r, one[:])
	switch {
	case n > 0:
		return fmt.Errorf("the blob is longer than %d bytes", size)
	case err != io.EOF:
		return err
	}
	return nil
}

func (u *uploadReader) Close() error {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.err == nil {
		u.err = errors.New("upload: closed")
	}
	if u.blob != nil {
		_ = u.blob.Close()
		u.blob = nil
	}
	return nil
}
