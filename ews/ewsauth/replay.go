package ewsauth

import (
	"context"
	"io"
	"net/http"
	"sync"
)

// replay holds the body of a request over several tries: as long as a try has
// not read any of it, the same body serves the next; after that only
// req.GetBody can give another.
type replay struct {
	req  *http.Request
	held io.ReadCloser // not lent to the transport at the moment
	lent *lentBody
}

func newReplay(req *http.Request) *replay {
	return &replay{req: req, held: req.Body}
}

// hasBody says that there is anything that could be sent twice.
func (r *replay) hasBody() bool { return r.req.Body != nil && r.req.Body != http.NoBody }

// lend gives the body to out. When ctx has ended for [errOtherConn] before the
// first byte is read, none will be.
func (r *replay) lend(ctx context.Context, out *http.Request) {
	if !r.hasBody() {
		return
	}
	r.lent = &lentBody{ReadCloser: r.held, ctx: ctx}
	r.held = nil
	out.Body = r.lent
	if out.GetBody = nil; r.req.GetBody != nil {
		// The transport uses it where it wrote nothing to a connection that went.
		out.GetBody = func() (io.ReadCloser, error) {
			again, err := r.req.GetBody()
			if err != nil {
				return nil, err
			}
			return &lentBody{ReadCloser: again, ctx: ctx, settled: true}, nil
		}
	}
}

// takeBack ends a try that failed; an unread body is held again.
func (r *replay) takeBack() {
	if r.lent != nil && r.lent.detach() {
		r.held = r.lent.ReadCloser
	}
	r.lent = nil
}

// keep ends a try that was answered: what was lent stays with the transport.
func (r *replay) keep() {
	if r.lent != nil {
		r.lent.settle()
	}
	r.lent = nil
}

// whole says that the request has a body and that no byte of it has left: so
// the server can not have acted on the request.
func (r *replay) whole() bool { return r.hasBody() && r.held != nil }

// ready says that another try can be made, and gets the body again if it must.
func (r *replay) ready() bool { return !r.hasBody() || r.held != nil || r.rewind() }

// rewind gets the body anew after a try that the transport has seen through.
func (r *replay) rewind() bool {
	if !r.hasBody() {
		return true
	}
	if r.req.GetBody == nil {
		return false
	}
	again, err := r.req.GetBody()
	if err != nil {
		return false
	}
	r.held = again
	return true
}

// close closes what the transport did not get.
func (r *replay) close() {
	if r.held != nil {
		_ = r.held.Close()
	}
}

// lentBody is the body of one try. The transport may close it at any time; as
// long as nothing was read, that waits until the outcome of the try is known.
type lentBody struct {
	io.ReadCloser
	ctx context.Context // of the try

	mu                 sync.Mutex
	read, closed, gone bool // gone: taken back, or closed below
	settled            bool // the transport keeps it
}

func (b *lentBody) Read(p []byte) (int, error) {
	if !b.begin() {
		return 0, errOtherConn
	}
	return b.ReadCloser.Read(p)
}

func (b *lentBody) begin() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed || b.gone || !b.read && b.ctx.Err() != nil {
		return false
	}
	b.read = true
	return true
}

// Close implements [io.Closer].
func (b *lentBody) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	return b.closeBelow()
}

// settle says that there is an answer: nobody takes the body back any more.
func (b *lentBody) settle() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.settled = true
	_ = b.closeBelow()
}

func (b *lentBody) closeBelow() error {
	if b.gone || !b.closed || !b.read && !b.settled {
		return nil
	}
	b.gone = true
	return b.ReadCloser.Close()
}

// detach takes the body away from the transport, unless it has read of it.
func (b *lentBody) detach() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.read || b.gone {
		return false
	}
	b.gone = true
	return true
}
