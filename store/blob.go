package store

import (
	"errors"
	"fmt"
	"io"

	"mailferry/internal/fault"
	"mailferry/store/engine"
	"mailferry/store/segment"
)

// OpenBlob opens the blob of an item. The last Read returns ErrDamaged instead
// of io.EOF when the blob is not what was written.
func (s *Store) OpenBlob(it Item) (io.ReadCloser, error) {
	var row engine.Blob
	err := s.view(func(t *tx) error {
		var found bool
		var err error
		row, found, err = t.Blob(it.SHA256)
		if err == nil && !found {
			err = fmt.Errorf("%w: the blob of the item is not in %s", ErrDamaged, engine.IndexName)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return s.openBlob(row, it.SHA256)
}

func (s *Store) openBlob(row engine.Blob, sum [32]byte) (io.ReadCloser, error) {
	f, _, err := s.e.OpenSegment(row.Loc.Segment)
	if err != nil {
		return nil, err
	}
	r := segment.NewReader(f, row.Loc.Offset, row.Loc.Offset+row.Loc.Length, s.e.Keys())
	if err := r.Next(); err != nil {
		f.Close()
		return nil, inSegment(row.Loc.Segment, err)
	}
	if r.Blind {
		f.Close()
		return nil, ErrKeyNeeded
	}
	return &blobReader{r: r, f: f, row: row, sum: sum}, nil
}

func inSegment(number uint32, err error) error {
	if errors.Is(err, io.EOF) {
		err = ErrDamaged
	}
	return fmt.Errorf("%s: %w", segment.Name(number), err)
}

// blobReader reads one blob and holds it against what the index says of it.
type blobReader struct {
	r   *segment.Reader
	f   fault.File
	row engine.Blob
	sum [32]byte
}

func (b *blobReader) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	switch {
	case err == nil:
		return n, nil
	case !errors.Is(err, io.EOF):
		return n, inSegment(b.row.Loc.Segment, err)
	case b.r.Kind != segment.BlobRecord || b.r.SHA256 != b.sum || b.r.Size != b.row.Size:
		return n, fmt.Errorf("%w: %s holds another blob at byte %d than %s says", ErrDamaged, segment.Name(b.row.Loc.Segment), b.row.Loc.Offset, engine.IndexName)
	}
	return n, io.EOF
}

func (b *blobReader) Close() error { return b.f.Close() }
