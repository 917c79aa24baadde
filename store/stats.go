package store

import (
	"os"
	"path/filepath"

	"mailferry/store/engine"
)

// Stats are the sizes of a store.
type Stats struct {
	Mailboxes    int   `json:"mailboxes"`
	Folders      int   `json:"folders"`
	Items        int   `json:"items"`   // current, not deleted at the source
	Deleted      int   `json:"deleted"` // deleted at the source since
	Old          int   `json:"old"`     // superseded versions
	Suspect      int   `json:"suspect"` // items whose blob was not understood
	Pending      int   `json:"pending"`
	Blobs        int   `json:"blobs"`
	ItemBytes    int64 `json:"item_bytes"`   // what the items would take without sharing blobs
	BlobBytes    int64 `json:"blob_bytes"`   // plain bytes of the distinct blobs
	StoredBytes  int64 `json:"stored_bytes"` // what they take in the segments
	Segments     int   `json:"segments"`
	SegmentBytes int64 `json:"segment_bytes"`
	IndexBytes   int64 `json:"index_bytes"`
}

// Stats counts.
func (s *Store) Stats() (st Stats, err error) {
	info, err := os.Stat(filepath.Join(s.Dir(), engine.IndexName))
	if err != nil {
		return st, err
	}
	err = s.view(func(t *tx) error {
		st = Stats{IndexBytes: info.Size()}
		if err := t.countBlobs(&st); err != nil {
			return err
		}
		boxes, err := t.Names(bucketBoxes)
		for _, mailbox := range boxes {
			if err == nil {
				err = t.countBox(mailbox, &st)
			}
		}
		return err
	})
	return st, err
}

func (t *tx) count(p string, n *int) error {
	return t.Scan(p, nil, nil, func(_, _ []byte) (bool, error) {
		*n++
		return true, nil
	})
}

func (t *tx) countBlobs(st *Stats) error {
	if err := t.count(bucketMailboxes, &st.Mailboxes); err != nil {
		return err
	}
	err := t.Scan(engine.BucketSegments, nil, nil, func(_, v []byte) (bool, error) {
		_, n, err := engine.DecodeSegment(v)
		st.Segments++
		st.SegmentBytes += n
		return true, err
	})
	if err != nil {
		return err
	}
	return t.Scan(engine.BucketBlobs, nil, nil, func(_, v []byte) (bool, error) {
		r, err := engine.DecodeBlob(v)
		st.Blobs++
		st.BlobBytes += r.Size
		st.StoredBytes += r.Loc.Length
		return true, err
	})
}

func (t *tx) countBox(mailbox string, st *Stats) error {
	for _, c := range []struct {
		bucket string
		n      *int
	}{{boxFolders, &st.Folders}, {boxPending, &st.Pending}, {boxOld, &st.Old}} {
		if err := t.count(box(mailbox, c.bucket), c.n); err != nil {
			return err
		}
	}
	return t.Scan(box(mailbox, boxItems), nil, nil, func(_, v []byte) (bool, error) {
		flags, size, _, err := itemHead(v)
		if flags&itemDeleted != 0 {
			st.Deleted++
			return true, err
		}
		if flags&itemSuspect != 0 {
			st.Suspect++
		}
		st.Items++
		st.ItemBytes += size
		return true, err
	})
}
