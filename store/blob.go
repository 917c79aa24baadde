package store

import (
	"errors"
	"fmt"
	"io"
	"os"

	"mailferry/internal/fault"
	"mailferry/store/segment"
)

// OpenBlob opens the blob of an item. The last Read returns ErrDamaged instead
// of io.EOF when the blob is not what was written.
func (s *Store) OpenBlob(it Item) (io.ReadCloser, error) {
	var row blobRow
	err := s.view(func(t *tx) error {
		v, err := t.get(bucketBlobs, it.SHA256[:])
		if err != nil {
			return err
		}
		if v == nil {
			return fmt.Errorf("%w: the blob of the item is not in the index", ErrDamaged)
		}
		row, err = decodeBlobRow(v)
		return err
	})
	if err != nil {
		return nil, err
	}
	return s.openBlob(row, it.SHA256)
}

func (s *Store) openBlob(row blobRow, sum [32]byte) (io.ReadCloser, error) {
	f, err := s.openSegment(row.loc.Segment)
	if err != nil {
		return nil, err
	}
	r := segment.NewReader(f, row.loc.Offset, row.loc.Offset+row.loc.Length)
	if err := r.Next(); err != nil {
		f.Close()
		return nil, inSegment(row.loc.Segment, err)
	}
	return &blobReader{r: r, f: f, row: row, sum: sum}, nil
}

// openSegment opens a segment for reading.
func (s *Store) openSegment(number uint32) (fault.File, error) {
	f, _, err := segment.OpenFile(s.fsys, s.segments.dir, number, s.id, os.O_RDONLY)
	if notExist(err) {
		return nil, fmt.Errorf("%w: %s is missing", ErrDamaged, segment.Name(number))
	}
	return f, err
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
	row blobRow
	sum [32]byte
}

func (b *blobReader) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	switch {
	case err == nil:
		return n, nil
	case !errors.Is(err, io.EOF):
		return n, inSegment(b.row.loc.Segment, err)
	case b.r.Kind != segment.BlobRecord || b.r.SHA256 != b.sum || b.r.Size != b.row.size:
		return n, fmt.Errorf("%w: %s holds another blob at byte %d than %s says", ErrDamaged, segment.Name(b.row.loc.Segment), b.row.loc.Offset, indexName)
	}
	return n, io.EOF
}

func (b *blobReader) Close() error { return b.f.Close() }
