// Package bulk makes any number of items of one exact size out of a single blob,
// for measuring: nothing is computed while they are served, and they take no
// memory. The items differ in subject, message id and received time, and so in
// every hash.
package bulk

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"time"
	"unicode/utf16"

	"mailferry/ews/ewstest/mailbox/tree"
	"mailferry/fts"
)

// Blob is the one blob of which all items are made. What they differ in, a number
// and a time, lies in a short head; what follows is kept in base64 only.
type Blob struct {
	size int64
	head []byte // a multiple of 3 bytes
	tail []byte // the rest, in base64
	at   []int  // where in head the number stands, in digits of UTF-16
	time int    // where in head the received time stands
}

const (
	digitCount  = 9
	placeholder = "987654321"
)

var epoch = time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)

// New makes a blob of exactly that size.
func New(size int64) (*Blob, error) {
	// With full buffers of one size, some sizes of blobs do not exist: one byte
	// more than a full buffer brings the head of the next.
	for _, buffer := range []int{31680, 31000} {
		o := fts.WriteOptions{BufferSize: buffer}
		empty, err := sizeOf(0, o)
		if err != nil {
			return nil, err
		}
		if size < empty {
			return nil, fmt.Errorf("bulk items of %d bytes: %d is the least", size, empty)
		}
		data := size - empty
		for range 4 {
			got, err := sizeOf(data, o)
			if err != nil {
				return nil, err
			}
			if got == size {
				return build(size, data, o)
			}
			if data += size - got; data < 0 {
				break
			}
		}
	}
	return nil, fmt.Errorf("bulk items of %d bytes: no message is of that size; try one byte more", size)
}

func sizeOf(data int64, o fts.WriteOptions) (int64, error) {
	var n counter
	err := fts.WriteMessage(&n, message(make([]byte, data)), o)
	return int64(n), err
}

func build(size, data int64, o fts.WriteOptions) (*Blob, error) {
	b := &Blob{size: size}
	var out bytes.Buffer
	out.Grow(base64.StdEncoding.EncodedLen(int(size)))
	enc := base64.NewEncoder(base64.StdEncoding, &out)
	if err := fts.WriteMessage(enc, message(content(data)), o); err != nil {
		return nil, err
	}
	if err := enc.Close(); err != nil {
		return nil, err
	}
	all := out.Bytes()
	head := min(len(all), 4096)
	raw, err := base64.StdEncoding.DecodeString(string(all[:head]))
	if err != nil {
		return nil, err
	}
	mark := utf16Bytes(placeholder)
	for from := 0; ; {
		i := bytes.Index(raw[from:], mark)
		if i < 0 {
			break
		}
		b.at = append(b.at, from+i)
		from += i + len(mark)
	}
	b.time = bytes.Index(raw, fileTimeBytes(epoch))
	if len(b.at) != 2 || b.time < 0 {
		return nil, fmt.Errorf("bulk items of %d bytes: found %d of 2 places for the number", size, len(b.at))
	}
	end := max(b.at[1]+len(mark), b.time+8)
	end = min((end+2)/3*3, len(raw))
	b.head, b.tail = slices.Clone(raw[:end]), all[(end+2)/3*4:]
	return b, nil
}

// content makes the bytes of an attachment. Three quarters do not compress, as
// those of the attachments that people send.
func content(size int64) []byte {
	data := make([]byte, size)
	random := rand.NewChaCha8([32]byte{1})
	words := bytes.Repeat([]byte("the quick brown fox jumps over the lazy dog; "), 1500)
	for rest, i := data, 0; len(rest) > 0; i++ {
		part := rest[:min(len(rest), 1<<16)]
		if i%4 == 1 {
			copy(part, words)
		} else {
			_, _ = random.Read(part)
		}
		rest = rest[len(part):]
	}
	return data
}

// message makes a mail with one attachment.
func message(data []byte) *fts.Message {
	return &fts.Message{
		Props: append(properties(placeholder, epoch), tree.Prop(0x1013, []byte("<p>bulk</p>"))),
		Recipients: []fts.Recipient{{Props: fts.Props{
			tree.Prop(0x0C15, 1), tree.Prop(0x3001, "Bulk Reader"), tree.Prop(0x3002, "SMTP"),
			tree.Prop(0x3003, "reader@example.com"), tree.Prop(0x39FE, "reader@example.com"),
		}}},
		Attachments: []fts.Attachment{{Props: fts.Props{
			tree.Prop(0x3705, 1), tree.Prop(0x3707, "data.bin"), tree.Prop(0x370E, "application/octet-stream"),
			tree.Prop(0x3701, data),
		}}},
	}
}

// properties are the properties that differ, and others that a list shows.
func properties(digits string, received time.Time) fts.Props {
	return fts.Props{
		tree.Prop(0x001A, "IPM.Note"),
		tree.Prop(0x0037, "Bulk item "+digits),
		tree.Prop(0x1035, "<"+digits+"@bulk.example.com>"),
		tree.Prop(0x0E06, received),
		tree.Prop(0x0E07, 0x01|0x10),
		tree.Prop(0x0042, "Bulk Writer"),
		tree.Prop(0x5D02, "writer@example.com"),
		tree.Prop(0x3FDE, 65001),
		tree.Prop(0x0039, epoch.Add(-time.Hour)),
	}
}

// Props returns the top-level properties of the nth item that a list shows.
func (b *Blob) Props(n int) fts.Props {
	return properties(fmt.Sprintf("%0*d", digitCount, n), Received(n))
}

// Received returns when the nth item was received.
func Received(n int) time.Time { return epoch.Add(time.Duration(n) * time.Minute) }

func fileTimeBytes(t time.Time) []byte {
	return binary.LittleEndian.AppendUint64(nil, uint64(fts.FileTimeOf(t)))
}

func utf16Bytes(s string) []byte {
	var b []byte
	for _, u := range utf16.Encode([]rune(s)) {
		b = binary.LittleEndian.AppendUint16(b, u)
	}
	return b
}

// patched returns the head of the nth item.
func (b *Blob) patched(n int) []byte {
	head := slices.Clone(b.head)
	digits := utf16Bytes(fmt.Sprintf("%0*d", digitCount, n))
	for _, at := range b.at {
		copy(head[at:], digits)
	}
	copy(head[b.time:], fileTimeBytes(Received(n)))
	return head
}

// Write writes the nth item's blob.
func (b *Blob) Write(w io.Writer, n int) error {
	if _, err := w.Write(b.patched(n)); err != nil {
		return err
	}
	_, err := io.CopyBuffer(struct{ io.Writer }{w}, base64.NewDecoder(base64.StdEncoding, bytes.NewReader(b.tail)), make([]byte, 1<<16))
	return err
}

// WriteBase64 writes the same in base64, in pieces that lie ready.
func (b *Blob) WriteBase64(w io.Writer, n int) error {
	if _, err := w.Write(base64.StdEncoding.AppendEncode(nil, b.patched(n))); err != nil {
		return err
	}
	for part := range slices.Chunk(b.tail, 1<<18) {
		if _, err := w.Write(part); err != nil {
			return err
		}
	}
	return nil
}

// Content returns the canonical content of the nth item.
func (b *Blob) Content(n int) (*fts.Content, error) {
	r, w := io.Pipe()
	defer r.Close()
	go func() { w.CloseWithError(b.Write(w, n)) }()
	return fts.ReadContent(r)
}

// Size returns the size of each item's blob.
func (b *Blob) Size() int64 { return b.size }

type counter int64

func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}
