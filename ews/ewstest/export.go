package ewstest

import (
	"bytes"
	"io"

	"mailferry/ews/ewstest/ewsid"
	"mailferry/ews/ewstest/mailbox"
	"mailferry/ews/ewstest/soap"
	"mailferry/ews/ewstest/wire"
)

const truncatedMark = "=== Truncated Data ==="

// exported is one item of an ExportItems answer.
type exported struct {
	b     *box
	it    *mailbox.Item
	err   *soap.Error
	where string // of the truncation, "" is none
}

// exportItems streams items. What goes wrong is known before the first byte of
// the answer, but for the time limit.
func (c *call) exportItems() *soap.Error {
	nodes := c.req.Operation.Child("m:ItemIds").Children
	items := make([]exported, len(nodes))
	stopped := false
	for i, n := range nodes {
		x := &items[i]
		if stopped {
			x.err = errStopped
			continue
		}
		x.b, x.it, _, x.err = c.item(n)
		if x.err == nil {
			if err := c.exportFault(x); err != nil {
				return err
			}
		}
		stopped = x.err != nil && stopsBatch[x.err.Code]
	}
	if c.faults["timeout"] != nil {
		return errTimeout
	}
	for _, x := range items {
		if x.it != nil && x.it.Message == nil {
			c.wire.Plain = true // compressing what doesn't compress would cost all the speed
		}
	}
	c.Out.Begin("ExportItemsResponse")
	c.Out.Start("m:ResponseMessages")
	for i := range items[:c.answered(len(items))] {
		x := &items[i]
		wire.Pause(c.r.Context(), c.s.policy().ItemTime)
		if x.err == nil && c.late() {
			x.err = errTimeout
		}
		c.messageError("ExportItems", "", x.err)
		if x.err == nil {
			c.WriteItemID(x.b.Box, x.it, "m:ItemId")
			if !c.writeData(x) {
				return nil // the client went away
			}
			c.s.stats.do(func(st *Stats) { st.Items.Exported++ })
		}
		c.Out.End()
	}
	return nil
}

// exportFault asks the faults about one item; what it returns fails the batch.
func (c *call) exportFault(x *exported) *soap.Error {
	id := ewsid.ID{Mailbox: x.b.GUID, N: x.it.ID, Parent: x.it.Folder}
	f := c.s.faults.Load().Item(c.op, id.Encode(false), id.Encode(true))
	if f == nil {
		return nil
	}
	switch f.Kind {
	case "poison":
		return soap.Fail("ErrorInternalServerError", "An internal server error occurred. The operation failed.")
	case "truncated":
		x.where = f.Where
		if x.where == "" {
			x.where = "data"
		}
		if x.where == "after-xml" {
			c.afterXML = truncatedMark
			x.where = ""
		}
	default:
		x.err = f.Error()
	}
	return nil
}

// writeData writes the blob, streamed. It says whether the client took it.
func (c *call) writeData(x *exported) bool {
	a := c.Out
	a.Start("m:Data")
	switch x.where {
	case "data", "cut":
		n, err := x.b.BlobSize(x.it)
		if err != nil {
			return false
		}
		cut := &limited{w: a.W, n: (n/2/3*4 + 4)}
		_ = x.b.WriteBase64(cut, x.it)
		if x.where == "data" {
			a.Raw(truncatedMark)
		}
	default:
		// Blank space inside Data is legal, so one style has lines. Bulk items
		// are spared the work.
		var w io.Writer = a.W
		if a.Style().Lines && x.it.Message != nil {
			w = &lines{w: a.W}
		}
		if err := x.b.WriteBase64(w, x.it); err != nil {
			return false
		}
	}
	a.End()
	if x.where == "after-data" {
		a.Raw(truncatedMark)
	}
	return true
}

// limited lets only the first n bytes through.
type limited struct {
	w io.Writer
	n int64
}

func (l *limited) Write(p []byte) (int, error) {
	q := p[:min(int64(len(p)), l.n)]
	l.n -= int64(len(q))
	if _, err := l.w.Write(q); err != nil {
		return 0, err
	}
	return len(p), nil
}

// lines breaks text into lines of 76 characters, the first of them empty.
type lines struct {
	w  io.Writer
	at int
}

func (l *lines) Write(p []byte) (int, error) {
	for rest := p; len(rest) > 0; {
		if l.at == 0 {
			if _, err := io.WriteString(l.w, "\r\n"); err != nil {
				return 0, err
			}
		}
		n := min(len(rest), 76-l.at)
		if _, err := l.w.Write(rest[:n]); err != nil {
			return 0, err
		}
		rest, l.at = rest[n:], (l.at+n)%76
	}
	return len(p), nil
}

// readData keeps the blob of an upload until the whole request has been
// checked: nothing may be done before.
func (c *call) readData(r io.Reader) (any, error) {
	var b bytes.Buffer
	_, err := b.ReadFrom(r)
	return b.Bytes(), err
}

// trailing is what stands behind the answer.
func (c *call) trailing() string { return c.afterXML }
