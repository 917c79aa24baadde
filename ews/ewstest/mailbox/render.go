package mailbox

import (
	"bufio"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"sync"

	"mailferry/fts"
)

// sums are what is costly to know of an item's content; found when asked for.
type sums struct {
	mu      sync.Mutex
	size    int64
	sha     [32]byte
	content [32]byte
	sized   bool
	hashed  bool
	known   bool
}

// layout says how the store writes a message. What it was filled with looks
// like what Exchange 2016 writes; what was uploaded is laid out in another way
// than any client could guess, the same at each export.
func (m *Mailbox) layout(it *Item) fts.WriteOptions {
	o := fts.WriteOptions{Version: m.opt.Version, Order: fts.OrderAscending}
	if it.UploadedSize > 0 {
		o.Order, o.Seed = fts.OrderShuffled, m.style
		o.BufferSize = 4096 + int(m.style%24000)
		o.WholeElements = m.style&1 == 0
		o.FirstNamedID = 0x8000 + uint16(m.style%0x1000) + 2
	}
	return o
}

// Render returns the size of an item's blob and a function that writes it, any
// number of times.
func (m *Mailbox) Render(it *Item) (int64, func(io.Writer) error, error) {
	size, err := m.BlobSize(it)
	return size, func(w io.Writer) error { return m.WriteBlob(w, it) }, err
}

// WriteBlob writes an item's blob.
func (m *Mailbox) WriteBlob(w io.Writer, it *Item) error {
	if it.bulk != nil {
		return it.bulk.Write(w, it.number)
	}
	if err := fts.WriteMessage(w, it.Message, m.layout(it)); err != nil {
		return fmt.Errorf("render item %d: %w", it.ID, err)
	}
	return nil
}

// WriteBase64 writes an item's blob in base64, without line breaks. Of a bulk
// item next to nothing is computed.
func (m *Mailbox) WriteBase64(w io.Writer, it *Item) error {
	if it.bulk != nil {
		return it.bulk.WriteBase64(w, it.number)
	}
	out := bufio.NewWriterSize(w, 1<<16)
	enc := base64.NewEncoder(base64.StdEncoding, out)
	if err := m.WriteBlob(enc, it); err != nil {
		return err
	}
	if err := enc.Close(); err != nil {
		return err
	}
	return out.Flush()
}

// BlobSize returns the size of an item's blob in bytes.
func (m *Mailbox) BlobSize(it *Item) (int64, error) {
	if it.bulk != nil {
		return it.bulk.Size(), nil
	}
	it.sums.mu.Lock()
	defer it.sums.mu.Unlock()
	if !it.sums.sized {
		var n counting
		if err := m.WriteBlob(&n, it); err != nil {
			return 0, err
		}
		it.sums.size, it.sums.sized = int64(n), true
	}
	return it.sums.size, nil
}

type counting int64

func (c *counting) Write(p []byte) (int, error) {
	*c += counting(len(p))
	return len(p), nil
}

// BlobSHA256 returns the hash of the blob that was uploaded, of other items
// that of the blob which an export gives.
func (m *Mailbox) BlobSHA256(it *Item) ([32]byte, error) {
	if it.UploadedSize > 0 {
		return it.UploadedSHA256, nil
	}
	it.sums.mu.Lock()
	defer it.sums.mu.Unlock()
	if !it.sums.hashed {
		h := sha256.New()
		if err := m.WriteBlob(h, it); err != nil {
			return [32]byte{}, err
		}
		h.Sum(it.sums.sha[:0])
		it.sums.hashed = true
	}
	return it.sums.sha, nil
}

// ContentSum returns the hash of an item's canonical content (see
// [fts.Content]), which does not depend on how its blob is laid out.
func (m *Mailbox) ContentSum(it *Item) ([32]byte, error) {
	it.sums.mu.Lock()
	defer it.sums.mu.Unlock()
	if !it.sums.known {
		if it.Message != nil {
			it.sums.content = fts.MessageContent(it.Message).Sum()
		} else {
			content, err := it.bulk.Content(it.number)
			if err != nil {
				return [32]byte{}, err
			}
			it.sums.content = content.Sum()
		}
		it.sums.known = true
	}
	return it.sums.content, nil
}

// message returns the message of an item, that of a bulk item made anew.
func (m *Mailbox) message(it *Item) (*fts.Message, error) {
	if it.bulk == nil {
		return it.Message, nil
	}
	r, w := io.Pipe()
	go func() { w.CloseWithError(it.bulk.Write(w, it.number)) }()
	defer r.Close()
	return fts.ReadMessage(r)
}
