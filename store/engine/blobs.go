package engine

import (
	"encoding/binary"
	"fmt"

	"mailferry/store/segment"
)

// Blob says where a blob lies.
type Blob struct {
	Loc  segment.Location
	Size int64 // plain bytes
}

const blobSize = 4 + 8 + 8 + 4 + 8

func (r Blob) encode() []byte {
	b := binary.BigEndian.AppendUint32(make([]byte, 0, blobSize+4), r.Loc.Segment)
	b = binary.BigEndian.AppendUint64(b, uint64(r.Loc.Offset))
	b = binary.BigEndian.AppendUint64(b, uint64(r.Loc.Length))
	b = binary.BigEndian.AppendUint32(b, uint32(r.Loc.End))
	return binary.BigEndian.AppendUint64(b, uint64(r.Size))
}

// DecodeBlob reads a row of BucketBlobs.
func DecodeBlob(b []byte) (r Blob, err error) {
	if len(b) < blobSize {
		return r, fmt.Errorf("%w: a blob's row in %s is short", ErrDamaged, IndexName)
	}
	r.Loc = segment.Location{
		Segment: binary.BigEndian.Uint32(b), Offset: int64(binary.BigEndian.Uint64(b[4:])),
		Length: int64(binary.BigEndian.Uint64(b[12:])), End: int32(binary.BigEndian.Uint32(b[20:])),
	}
	r.Size = int64(binary.BigEndian.Uint64(b[24:]))
	return r, nil
}

// Blob returns where the blob with this SHA-256 lies.
func (t *Tx) Blob(sum [32]byte) (b Blob, found bool, err error) {
	v, err := t.Get(BucketBlobs, sum[:])
	if v == nil || err != nil {
		return b, false, err
	}
	b, err = DecodeBlob(v)
	return b, err == nil, err
}

// PutBlob notes a blob, if there is none with its SHA-256 yet, and that the
// segment is committed as far as it.
func (t *Tx) PutBlob(sum [32]byte, b Blob) error {
	_, found, err := t.Blob(sum)
	if found || err != nil {
		return err
	}
	if err := t.Put(BucketBlobs, sum[:], b.encode()); err != nil {
		return err
	}
	return t.GrowSegment(b.Loc)
}
