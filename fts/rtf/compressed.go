package rtf

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
)

// Error says why compressed RTF can't be read.
type Error struct {
	Offset int64 // in the compressed data
	Reason string
}

func (e *Error) Error() string {
	return fmt.Sprintf("compressed RTF is damaged at byte %d: %s", e.Offset, e.Reason)
}

// The numbers of [MS-OXRTFCP] 2.1.3.
const (
	headerSize   = 16
	compressed   = 0x75465A4C // "LZFu"
	uncompressed = 0x414C454D // "MELA"
	dictSize     = 4096
	restOfHeader = headerSize - 4 // the part that the size in the header counts
)

// dictionary is what the dictionary holds before the first byte, [MS-OXRTFCP] 2.1.2.1.
const dictionary = `{\rtf1\ansi\mac\deff0\deftab720{\fonttbl;}{\f0\fnil \froman \fswiss \fmodern \fscript \fdecor ` +
	`MS Sans SerifSymbolArialTimes New RomanCourier{\colortbl\red0\green0\blue0` + "\r\n" +
	`\par \pard\plain\f0\fs20\b\i\u\tab\tx`

// Reader gives the RTF that is in the value of a PidTagRtfCompressed.
type Reader struct {
	in     *bufio.Reader
	kind   uint32
	left   int64 // compressed bytes that follow
	used   int64 // bytes read
	size   int64 // what the header says of the RTF's size
	got    int64 // bytes of RTF given out
	crc    uint32
	sum    uint32
	dict   [dictSize]byte
	write  int
	from   int // what a reference copies
	copy   int
	flags  byte
	nflags int
	ended  bool
	err    error
}

// NewReader returns a Reader of r, which reads the header first. A header that is
// none is an [*Error] of the first Read. The checksum and the size are checked
// at the end: io.EOF means that both were right.
func NewReader(r io.Reader) *Reader {
	z := &Reader{in: bufio.NewReaderSize(r, 4<<10)}
	z.err = z.header()
	z.write = copy(z.dict[:], dictionary)
	return z
}

func (z *Reader) header() error {
	var h [headerSize]byte
	n, err := io.ReadFull(z.in, h[:])
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return &Error{int64(n), "it ends inside the header"}
	}
	if err != nil {
		return err
	}
	le := binary.LittleEndian
	z.used = headerSize
	z.left = int64(le.Uint32(h[0:])) - restOfHeader
	z.size = int64(le.Uint32(h[4:]))
	z.kind = le.Uint32(h[8:])
	z.crc = le.Uint32(h[12:])
	switch {
	case z.kind != compressed && z.kind != uncompressed:
		return &Error{8, "neither compressed nor uncompressed RTF"}
	case z.left < 0:
		return &Error{0, "its size is less than that of the header"}
	}
	return nil
}

// Read reads RTF.
func (z *Reader) Read(p []byte) (int, error) {
	if z.err != nil {
		return 0, z.err
	}
	if len(p) == 0 {
		return 0, nil
	}
	if z.kind == uncompressed {
		return z.plain(p)
	}
	n := 0
	for n < len(p) {
		if z.copy == 0 && !z.next() {
			break
		}
		for z.copy > 0 && n < len(p) {
			c := z.dict[z.from]
			z.from = (z.from + 1) % dictSize
			z.put(c)
			p[n] = c
			n++
			z.copy--
		}
	}
	z.got += int64(n)
	if z.err == nil && z.ended && z.copy == 0 {
		z.err = z.finish()
	}
	if n > 0 {
		return n, nil
	}
	return 0, z.err
}

func (z *Reader) put(c byte) {
	z.dict[z.write] = c
	z.write = (z.write + 1) % dictSize
}

// next finds out what to copy next; a literal is copied too, from where it was
// just read to. It returns false at the end and on errors.
func (z *Reader) next() bool {
	if z.ended {
		return false
	}
	if z.nflags == 0 {
		if z.left == 0 {
			// Some writers leave out the reference that marks the end.
			z.ended = true
			return false
		}
		c, ok := z.byte()
		if !ok {
			return false
		}
		z.flags, z.nflags = c, 8
	}
	reference := z.flags&1 != 0
	if !reference && z.left == 0 {
		z.ended = true
		return false
	}
	z.flags >>= 1
	z.nflags--
	hi, ok := z.byte()
	if !ok {
		return false
	}
	if !reference {
		// put moves write on, so the literal stands for itself.
		z.dict[z.write] = hi
		z.from, z.copy = z.write, 1
		return true
	}
	lo, ok := z.byte()
	if !ok {
		return false
	}
	ref := int(hi)<<8 | int(lo)
	if z.from = ref >> 4; z.from == z.write {
		z.ended = true
		return false
	}
	z.copy = ref&0x0F + 2
	return true
}

// byte reads a byte of the compressed part.
func (z *Reader) byte() (byte, bool) {
	if z.left == 0 {
		z.err = &Error{z.used, "it ends inside a run"}
		return 0, false
	}
	c, err := z.in.ReadByte()
	if err == io.EOF {
		err = &Error{z.used, fmt.Sprintf("%d bytes are missing at the end", z.left)}
	}
	if err != nil {
		z.err = err
		return 0, false
	}
	z.left--
	z.used++
	z.sum = checksum(z.sum, c)
	return c, true
}

var table = crc32.MakeTable(crc32.IEEE)

// checksum is CRC-32 that begins with 0 and is not inverted ([MS-OXRTFCP] 2.1.3.2).
func checksum(sum uint32, c byte) uint32 { return table[byte(sum)^c] ^ sum>>8 }

// finish reads what follows the end of the RTF, which the checksum counts too.
func (z *Reader) finish() error {
	for z.left > 0 {
		if _, ok := z.byte(); !ok {
			return z.err
		}
	}
	switch {
	case z.sum != z.crc:
		return &Error{12, "the checksum does not match"}
	case z.got != z.size:
		return &Error{4, fmt.Sprintf("it holds %d bytes of RTF, and says %d", z.got, z.size)}
	}
	return io.EOF
}

// plain reads RTF that is not compressed. Its checksum is 0 by definition.
func (z *Reader) plain(p []byte) (int, error) {
	n, err := z.in.Read(p[:min(int64(len(p)), z.size-z.got)])
	z.got += int64(n)
	z.used += int64(n)
	if z.got == z.size {
		err = io.EOF
	} else if err == io.EOF {
		err = &Error{z.used, fmt.Sprintf("%d bytes are missing at the end", z.size-z.got)}
	}
	z.err = err
	if n > 0 {
		return n, nil
	}
	return 0, err
}
