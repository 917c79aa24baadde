package upload

import (
	"context"
	"io"

	"mailferry/internal/event"
	"mailferry/store"
	"mailferry/upload/place"
)

func (r *run) tell(j *job, action string) { r.Item(action, j.item, j.folder, j.targetID) }

func eventFolder(action string, n *place.Node) event.Event {
	return event.Event{Kind: event.Folder, Action: action, Folder: n.Path(), Class: n.Class}
}

// progressStep is how many bytes go by between two events.
const progressStep = 256 << 10

// blobReader is a blob on its way: it counts and is held back.
type blobReader struct {
	io.ReadCloser
	ctx    context.Context
	r      *run
	untold int64
}

func (r *run) openBlob(ctx context.Context, it store.Item) (io.ReadCloser, error) {
	blob, err := r.o.Store.OpenBlob(it)
	if err != nil {
		return nil, err
	}
	return &blobReader{ReadCloser: blob, ctx: ctx, r: r}, nil
}

func (b *blobReader) Read(p []byte) (int, error) {
	if most := b.r.limit.Piece(); most > 0 && len(p) > most {
		p = p[:most]
	}
	n, err := b.ReadCloser.Read(p)
	if b.untold += int64(n); b.untold >= progressStep {
		b.tell()
	}
	if waitErr := b.r.limit.Wait(b.ctx, n); waitErr != nil && err == nil {
		err = waitErr
	}
	return n, err
}

func (b *blobReader) tell() {
	if b.untold > 0 {
		b.r.Emit(event.Event{Kind: event.Progress, Bytes: b.untold})
		b.untold = 0
	}
}

func (b *blobReader) Close() error {
	b.tell()
	return b.ReadCloser.Close()
}
