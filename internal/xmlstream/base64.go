package xmlstream

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/segmentio/asm/base64"
)

// ErrTruncated says that Exchange's own mark of a cut answer stands in the
// text: "=== Truncated Data ===".
var ErrTruncated = errors.New("the server marks its data as truncated")

// TruncationMark is what Exchange writes where it gave up in the middle of an
// answer. Microsoft does not document where exactly.
const TruncationMark = "=== Truncated Data ==="

// CutGroup is the reason of a Base64Error where the text ends too early.
const CutGroup = "the text ends inside of a group"

// Base64Error tells where text is not base64.
type Base64Error struct {
	Offset int64 // bytes of text before the place, blank space included
	Reason string
}

// Error implements error.
func (e *Base64Error) Error() string {
	return fmt.Sprintf("base64, offset %d: %s", e.Offset, e.Reason)
}

const (
	blockText = 32 << 10
	blockRead = 4 << 10 // a block may be this short, so that a slow sender is not waited for
	tailText  = 256     // text looked at behind an error
)

// Base64Reader decodes base64 strictly: the standard alphabet and blank space,
// padding where it belongs, nothing after it, no stray bits before it.
type Base64Reader struct {
	r     io.Reader
	in    []byte
	out   []byte
	ready []byte // decoded and not given away, part of out
	err   error  // sticky, told when ready is empty

	offset int64        // text decoded
	acc    uint32       // bits of the group that is not whole
	group  int          // characters of it, padding included
	pads   int          // padding of it, or of the last group
	broken bool         // there is blank space: go character by character
	bad    *Base64Error // the error, until tail has shown what it is
	tail   []byte       // text from the error on
}

// NewBase64Reader returns a reader of what r holds in base64. Errors are a
// *Base64Error, ErrTruncated, or r's own.
func NewBase64Reader(r io.Reader) *Base64Reader {
	return &Base64Reader{r: r, in: make([]byte, blockText), out: make([]byte, blockText/4*3+6)}
}

// Reset begins anew with r and keeps the buffers.
func (b *Base64Reader) Reset(r io.Reader) {
	*b = Base64Reader{r: r, in: b.in, out: b.out, tail: b.tail[:0]}
}

// Read implements io.Reader. It is io.EOF only after the whole text was valid.
func (b *Base64Reader) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if err := b.Peek(); err != nil {
		return 0, err
	}
	n := copy(p, b.ready)
	b.ready = b.ready[n:]
	return n, nil
}

// Peek returns nil where there is something to read, else what Read will return.
func (b *Base64Reader) Peek() error {
	for len(b.ready) == 0 && b.err == nil {
		b.decode()
	}
	if len(b.ready) > 0 {
		return nil
	}
	return b.err
}

// WriteTo implements io.WriterTo.
func (b *Base64Reader) WriteTo(w io.Writer) (int64, error) {
	var n int64
	for {
		if err := b.Peek(); err != nil {
			if err == io.EOF {
				err = nil
			}
			return n, err
		}
		written, err := w.Write(b.ready)
		n += int64(written)
		b.ready = b.ready[written:]
		if err != nil {
			return n, err
		}
	}
}

// decode reads and decodes a block.
func (b *Base64Reader) decode() {
	n, readErr := 0, error(nil)
	for n < blockRead && readErr == nil { // not io.ReadAtLeast: it renames the end
		var m int
		m, readErr = b.r.Read(b.in[n:])
		n += m
	}
	text, out, i := b.in[:n], b.out[:0], 0
	for i < len(text) && b.group != 0 && b.bad == nil {
		out = b.step(out, text[i])
		i++
	}
	if b.bad == nil && b.pads == 0 && !b.broken {
		whole := text[i : i+(len(text)-i)/4*4]
		if n := len(whole); n > 0 && whole[n-1] == '=' {
			whole = whole[:n-4] // the last group is not for the fast path
		}
		m, err := base64.StdEncoding.Decode(b.out[len(out):], whole)
		if err == nil && m == len(whole)/4*3 { // neither blank space nor padding
			out, i = b.out[:len(out)+m], i+len(whole)
			b.offset += int64(len(whole))
		} else {
			b.broken = true
		}
	}
	for i < len(text) && b.bad == nil {
		out = b.step(out, text[i])
		i++
	}
	b.ready = out
	if b.bad != nil {
		if len(b.tail) == 0 && i > 0 {
			i-- // the character that is wrong belongs to the tail
		}
		b.tail = append(b.tail, text[i:min(len(text), i+tailText-len(b.tail))]...)
		if len(b.tail) >= tailText || readErr != nil {
			b.judge(readErr)
		}
		return
	}
	switch {
	case readErr == nil:
	case readErr != io.EOF:
		b.err = readErr
	case b.group != 0:
		b.err = &Base64Error{Offset: b.offset, Reason: CutGroup}
	default:
		b.err = io.EOF
	}
}

// step takes one character.
func (b *Base64Reader) step(out []byte, c byte) []byte {
	class := alphabet[c]
	switch {
	case class < 64 && b.pads == 0:
		b.acc = b.acc<<6 | uint32(class)
		if b.group++; b.group == 4 {
			out = append(out, byte(b.acc>>16), byte(b.acc>>8), byte(b.acc))
			b.group, b.acc = 0, 0
		}
	case class == isBlank:
	case class == isPad && b.group >= 2:
		b.pads++
		if b.group++; b.group < 4 {
			break
		}
		b.acc <<= 6 * b.pads
		last := [3]byte{byte(b.acc >> 16), byte(b.acc >> 8), byte(b.acc)}
		if last[2] != 0 || b.pads == 2 && last[1] != 0 {
			b.fail("stray bits before the padding")
			break
		}
		out = append(out, last[:3-b.pads]...)
		b.group, b.acc = 0, 0
	case b.pads > 0:
		b.fail("characters after the padding")
	case class == isPad:
		b.fail("padding where none belongs")
	default:
		b.fail(fmt.Sprintf("the character %#02x", c))
	}
	b.offset++
	return out
}

func (b *Base64Reader) fail(reason string) {
	b.bad = &Base64Error{Offset: b.offset, Reason: reason}
}

// judge tells whether what is wrong is Exchange's mark of a cut answer. Its
// first characters may have passed for padding.
func (b *Base64Reader) judge(readErr error) {
	switch {
	case bytes.Contains(b.tail, []byte("= Truncated Data")):
		b.err = ErrTruncated
	case readErr != nil && readErr != io.EOF:
		b.err = readErr
	default:
		b.err = b.bad
	}
}

const (
	isBlank = 64 + iota
	isPad
	isGarbage
)

var alphabet = func() (t [256]byte) {
	for i := range t {
		t[i] = isGarbage
	}
	const chars = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	for i := range len(chars) {
		t[chars[i]] = byte(i)
	}
	t[' '], t['\t'], t['\r'], t['\n'], t['='] = isBlank, isBlank, isBlank, isBlank, isPad
	return t
}()
