package engine

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// A log record is a list of changes of the index. Its meta data is its number,
// its payload the operations one after the other.

const (
	opPut byte = 1
	opDel byte = 2
)

// maxOp bounds what replay believes about a length.
const maxOp = 16 << 20

// Op is an operation.
type Op struct {
	kind   byte
	bucket string
	key    []byte
	value  []byte
}

func appendOp(b []byte, o Op) []byte {
	b = append(b, o.kind)
	b = binary.AppendUvarint(b, uint64(len(o.bucket)))
	b = append(b, o.bucket...)
	b = binary.AppendUvarint(b, uint64(len(o.key)))
	b = append(b, o.key...)
	if o.kind == opPut {
		b = binary.AppendUvarint(b, uint64(len(o.value)))
		b = append(b, o.value...)
	}
	return b
}

// ReadOps reads the payload of a log record and calls fn for each operation; what it gets is valid during the call.
func ReadOps(r io.Reader, fn func(Op) error) error {
	br := bufio.NewReader(r)
	var buf []byte
	for {
		kind, err := br.ReadByte()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if kind != opPut && kind != opDel {
			return fmt.Errorf("%w: unknown operation %d in the log", ErrDamaged, kind)
		}
		o, parts := Op{kind: kind}, 3
		if kind == opDel {
			parts = 2
		}
		buf = buf[:0]
		var ends [3]int
		for i := range parts {
			n, err := binary.ReadUvarint(br)
			if err == nil && n > maxOp {
				err = errors.New("an entry longer than any")
			}
			if err == nil {
				buf, err = readMore(br, buf, int(n))
			}
			if err != nil {
				return opError(err)
			}
			ends[i] = len(buf)
		}
		o.bucket, o.key = string(buf[:ends[0]]), buf[ends[0]:ends[1]]
		if kind == opPut {
			o.value = buf[ends[1]:ends[2]]
		}
		if o.bucket == "" || len(o.key) == 0 {
			return fmt.Errorf("%w: an operation in the log without a key", ErrDamaged)
		}
		if err := fn(o); err != nil {
			return err
		}
	}
}

// readMore appends n bytes of r, growing no faster than they come.
func readMore(r io.Reader, buf []byte, n int) ([]byte, error) {
	for n > 0 {
		k := min(n, 64<<10)
		at := len(buf)
		buf = append(buf, make([]byte, k)...)
		if _, err := io.ReadFull(r, buf[at:]); err != nil {
			return buf, err
		}
		n -= k
	}
	return buf, nil
}

func opError(err error) error {
	if errors.Is(err, ErrDamaged) {
		return err
	}
	return fmt.Errorf("%w: an operation in the log is cut off (%w)", ErrDamaged, err)
}
