package ews

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"mailferry/internal/soap"
	"mailferry/internal/xmlstream"
)

// ExportItems asks for the blobs of items; at most 100 are advised. What fails
// before the first answer is tried again inside, unless fewer items would help.
// What fails later is told by the reader, which must be closed.
func (c *Client) ExportItems(ctx context.Context, ids []ItemID) (*ExportReader, error) {
	if len(ids) == 0 {
		return nil, errors.New("ExportItems: no items")
	}
	r := &request{op: opExport, write: func(w *xmlWriter) { w.itemIDs(ids, false) }}
	var reader *ExportReader
	err := c.retrying(ctx, opExport, func() error {
		x, err := c.send(ctx, r)
		if err == nil {
			reader = &ExportReader{x: x, ids: ids, data: xmlstream.NewBase64Reader(nil)}
		}
		return err
	})
	if err != nil {
		return nil, unknownOperation(err)
	}
	return reader, nil
}

// unknownOperation recognises a server that does not know ExportItems.
func unknownOperation(err error) error {
	var e *Error
	if !errors.As(err, &e) || e.Scope != ScopeFault {
		return err
	}
	text := strings.ToLower(e.Message + " " + e.Values["Violation"])
	about := strings.Contains(text, "exportitems") || strings.Contains(text, "unknown operation") ||
		strings.Contains(text, "soapaction") || strings.Contains(text, "not supported")
	switch e.Code {
	case "ErrorInvalidRequest":
		about = true
	case "", "ErrorSchemaValidation", "ErrorInvalidOperation":
	default:
		about = false
	}
	if !about {
		return err
	}
	return fmt.Errorf("%w (%w)", ErrNoExportItems, err)
}

// ExportReader reads the answer of ExportItems item by item. It is not safe for
// use by several goroutines. It holds a connection and a place in the gate until
// the answer has ended or the reader is closed.
type ExportReader struct {
	x    *exchange
	ids  []ItemID
	n    int // answers begun
	data *xmlstream.Base64Reader

	inData bool  // Data has begun and </Data> has not been read
	inItem bool  // the response message has not ended
	dataEr error // why the blob can't be read to its end; the answer goes on
	size   int64
	tail   []byte // the last bytes of the blob
	err    error  // sticky
}

// Next goes to the next item; what is left of the current blob is skipped. It is
// io.EOF only when there were as many answers as ids and the document ended
// well. Else it is a *CountError, a *TruncatedError or a *ProtocolError, and stays so.
func (r *ExportReader) Next() (Exported, error) {
	if r.err != nil {
		return Exported{}, r.err
	}
	item, err := r.next()
	if err != nil {
		r.fail(err)
	}
	return item, err
}

func (r *ExportReader) next() (Exported, error) {
	if r.inItem {
		if err := r.leave(); err != nil {
			var marked *TruncatedError
			if errors.As(r.dataEr, &marked) && marked.Marked {
				err = r.dataEr // why the answer ends here
			}
			return Exported{}, err
		}
	}
	class, ok, err := r.x.Message()
	switch {
	case err != nil:
		return Exported{}, err
	case !ok && r.n == len(r.ids):
		return Exported{}, io.EOF
	case !ok:
		return Exported{}, &CountError{Op: opExport, Want: len(r.ids), Got: r.n}
	case r.n == len(r.ids):
		return Exported{}, &CountError{Op: opExport, Want: len(r.ids), Got: r.n + 1}
	}
	item := Exported{Index: r.n}
	r.n++
	r.dataEr, r.size, r.tail = nil, 0, r.tail[:0]
	e := r.x.NewError(ScopeItem)
	code := CodeNoData
	for {
		tok, ok, err := r.x.Part(e)
		if err != nil {
			return Exported{}, err
		}
		if !ok {
			break
		}
		switch tok.Name.Local {
		case "ItemId":
			item.ID = ItemID{ID: plainID(tok.Attr("Id")), ChangeKey: tok.Attr("ChangeKey")}
			if item.Confirmed, err = r.confirm(item); err == nil {
				err = r.x.Skip()
			}
		case "Data":
			if soap.Outcome(class, e) == nil {
				r.data.Reset(r.x.Data())
				if r.data.Peek() != io.EOF {
					r.inData, r.inItem = true, true
					return item, nil
				}
				code = CodeEmptyData
			}
			err = r.x.Skip()
		default:
			err = r.x.Skip()
		}
		if err != nil {
			return Exported{}, err
		}
	}
	if item.Err = soap.Outcome(class, e); item.Err == nil {
		e.Code, e.Message = code, "the server says success and sends no data"
		item.Err = e
	}
	r.x.noteItem(item.Err)
	return item, nil
}

// confirm compares the answered id with the one asked for. Another spelling is
// legal; the id of another item of the request is not.
func (r *ExportReader) confirm(item Exported) (bool, error) {
	if item.ID.ID == plainID(r.ids[item.Index].ID) {
		return true, nil
	}
	for _, other := range r.ids {
		if plainID(other.ID) == item.ID.ID {
			return false, r.x.Odd(fmt.Sprintf("answer %d is that of another item: the answers are not in order", item.Index))
		}
	}
	return false, nil
}

// leave reads to the end of the current response message.
func (r *ExportReader) leave() error {
	if r.inData {
		r.inData = false
		if err := r.x.Skip(); err != nil {
			return err
		}
	}
	r.inItem = false
	e := r.x.NewError(ScopeItem)
	for {
		_, ok, err := r.x.Part(e)
		if err == nil && ok {
			err = r.x.Skip()
		}
		if err != nil {
			return err
		}
		if !ok {
			break
		}
	}
	if r.x.Marked() {
		return &TruncatedError{Op: opExport, Where: "after the data", Marked: true}
	}
	return nil
}

// Read reads the blob of the current item. It is io.EOF only when </Data> was
// reached with valid base64. A *TruncatedError or *ProtocolError may concern
// this item alone: Next tells.
func (r *ExportReader) Read(p []byte) (int, error) {
	switch {
	case r.err != nil:
		return 0, r.err
	case r.dataEr != nil:
		return 0, r.dataEr
	case !r.inData:
		return 0, io.EOF
	}
	n, err := r.data.Read(p)
	r.keepTail(p[:n])
	if r.size += int64(n); r.size > r.x.c.opt.MaxItemSize {
		err = &ProtocolError{Op: opExport, Offset: r.x.Offset(), Reason: fmt.Sprintf("an item larger than %d bytes: refused", r.x.c.opt.MaxItemSize)}
		r.fail(err)
		return n, err
	}
	if err != nil {
		err = r.ended(err)
	}
	return n, err
}

// ended is for the end of a blob, good or bad.
func (r *ExportReader) ended(err error) error {
	var bad *xmlstream.Base64Error
	switch {
	case err == io.EOF:
		if soap.Marked(string(r.tail)) {
			r.dataEr = &TruncatedError{Op: opExport, Where: "in the data", Marked: true}
			return r.dataEr
		}
		tok, err := r.x.Next()
		if err == nil && tok.Kind != xmlstream.End {
			err = r.x.Odd("an element inside of the data")
		}
		if err != nil {
			r.fail(err)
			return err
		}
		r.inData, r.dataEr = false, io.EOF
		return io.EOF
	case errors.Is(err, xmlstream.ErrTruncated):
		r.dataEr = &TruncatedError{Op: opExport, Where: "in the data", Marked: true}
	case errors.As(err, &bad) && bad.Reason == xmlstream.CutGroup:
		r.dataEr = &TruncatedError{Op: opExport, Where: "in the data", Err: err}
	case errors.As(err, &bad):
		r.dataEr = &ProtocolError{Op: opExport, Reason: "the data is not base64", Err: err}
	default:
		err = r.x.Wrap(err)
		r.fail(err)
		return err
	}
	return r.dataEr
}

func (r *ExportReader) keepTail(p []byte) {
	const n = len(xmlstream.TruncationMark)
	if len(p) >= n {
		r.tail = append(r.tail[:0], p[len(p)-n:]...)
		return
	}
	r.tail = append(r.tail, p...)
	r.tail = r.tail[max(0, len(r.tail)-n):]
}

func (r *ExportReader) fail(err error) {
	r.err = err
	r.inData, r.inItem = false, false
	if err == io.EOF {
		err = nil
	}
	r.x.finish(err)
}

var errClosed = errors.New("ExportItems: the reader is closed")

// Close gives the connection back, or drops it when the answer was not read to
// its end. It may be called more than once.
func (r *ExportReader) Close() error {
	if r.err == nil {
		r.fail(errClosed)
	}
	return nil
}
