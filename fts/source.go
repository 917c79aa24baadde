package fts

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// The opcodes of the outer records: calls of the MAPI interface
// IExchangeFastTransfer, written one after the other.
const (
	opConfig         = 1
	opTransferBuffer = 2
	opIsInterfaceOk  = 3
	opPartnerVersion = 4
)

var opcodeNames = map[uint32]string{
	opConfig: "Config", opTransferBuffer: "TransferBuffer", opIsInterfaceOk: "IsInterfaceOk",
	opPartnerVersion: "TellPartnerVersion", 11: "StartMdbEventsImport", 12: "FinishMdbEventsImport",
	13: "AddMdbEvents", 14: "SetWatermarks", 15: "SetReceiveFolder", 16: "SetPerUser", 17: "SetProps",
}

func opcodeName(op uint32) string {
	if n := opcodeNames[op]; n != "" {
		return n
	}
	return fmt.Sprintf("of unknown kind %d", op)
}

// The head of every item blob up to its version.
const (
	transferMethod = 1          // CopyTo
	interfaceFlags = 0x80002400 // BestBody, an unused bit, and Unicode
	minVersion     = 0x0E00     // the first word of Exchange 2010
)

var iidMessage = guid(0x00020307, 0, 0, 0xC000000000000046)

const readSize = 64 << 10

// source undoes the outer framing: it hands out the FastTransfer stream as
// pieces of its own buffer and knows where in the blob each piece lies.
type source struct {
	r       io.Reader
	buf     []byte
	lo, hi  int
	pos     int64 // in the blob, of buf[lo]
	left    int64 // payload bytes left in the current TransferBuffer
	headed  bool  // the records before the first TransferBuffer were read
	buffers int
	version [3]uint16
	inAtom  bool // a border between buffers would cut what must not be cut
	warn    func(off int64, reason string)
}

// errCut is the end of the data in the middle of a TransferBuffer or of the head.
var errCut = errors.New("cut")

// readError wraps an error of the underlying reader.
type readError struct{ err error }

func (e *readError) Error() string { return "read item: " + e.err.Error() }
func (e *readError) Unwrap() error { return e.err }

// fill waits for at least one more byte. It is called with an empty buffer.
// At the end of the data it returns io.EOF.
func (s *source) fill() error {
	for range 100 {
		n, err := s.r.Read(s.buf)
		if n < 0 || n > len(s.buf) {
			return &readError{errors.New("reader returned an impossible count")}
		}
		if n > 0 {
			s.lo, s.hi = 0, n
			return nil // a sticky reader says its error again
		}
		if err == io.EOF {
			return io.EOF
		}
		if err != nil {
			return &readError{err}
		}
	}
	return &readError{io.ErrNoProgress}
}

func (s *source) advance(n int) {
	s.lo += n
	s.pos += int64(n)
}

// raw reads all of p from the blob itself. At the end of the data it returns
// io.EOF if nothing of p was there, else errCut.
func (s *source) raw(p []byte) error {
	for n := 0; n < len(p); {
		if s.lo == s.hi {
			if err := s.fill(); err != nil {
				if err == io.EOF && n > 0 {
					return errCut
				}
				return err
			}
		}
		m := copy(p[n:], s.buf[s.lo:s.hi])
		s.advance(m)
		n += m
	}
	return nil
}

// chunk returns the bytes of the stream that are at hand, at least one. It
// returns io.EOF where the stream ends with a TransferBuffer, and errCut where
// the data ends inside of one.
func (s *source) chunk() ([]byte, error) {
	if s.left == 0 {
		if err := s.nextBuffer(); err != nil {
			return nil, err
		}
	}
	if s.lo == s.hi {
		if err := s.fill(); err != nil {
			if err == io.EOF {
				err = errCut
			}
			return nil, err
		}
	}
	return s.buf[s.lo:min(int64(s.hi), int64(s.lo)+s.left)], nil
}

// consume takes n bytes of what chunk returned.
func (s *source) consume(n int) {
	s.advance(n)
	s.left -= int64(n)
}

func (s *source) nextBuffer() error {
	if !s.headed {
		s.headed = true
		if err := s.head(); err != nil {
			return err
		}
	}
	off := s.pos
	op, size, err := s.record()
	switch {
	case err == io.EOF && s.buffers == 0:
		return &Problem{off, "the data ends before the first TransferBuffer"}
	case err != nil:
		return err
	case op != opTransferBuffer:
		return &Problem{off, "a record " + opcodeName(op) + " where only a TransferBuffer can be"}
	case size == 0:
		return &Problem{off, "an empty TransferBuffer"}
	}
	if s.inAtom {
		s.warn(off, "a TransferBuffer begins inside what must not be cut")
	}
	s.buffers++
	s.left = int64(size)
	return nil
}

func (s *source) record() (op, size uint32, err error) {
	var h [8]byte
	off := s.pos
	if err := s.raw(h[:]); err != nil {
		if err == errCut {
			err = &Problem{s.pos, "the data ends inside the header of a record"}
		}
		return 0, 0, err
	}
	if string(h[:]) == truncationMark {
		return 0, 0, &Problem{off, "the server broke the item off and said so (=== Truncated Data ===)"}
	}
	return binary.LittleEndian.Uint32(h[:]), binary.LittleEndian.Uint32(h[4:]), nil
}

// truncationMark is how the text begins that Exchange puts where it broke off.
const truncationMark = "=== Trun"

// head reads the three records before the first TransferBuffer. Their order and
// size are required; other values than observed ones are warned about.
func (s *source) head() error {
	var p [24]byte
	for _, want := range []struct{ op, size uint32 }{{opConfig, 8}, {opIsInterfaceOk, 24}, {opPartnerVersion, 6}} {
		off := s.pos
		op, size, err := s.record()
		if err == io.EOF {
			return &Problem{off, "the data ends where the record " + opcodeName(want.op) + " should be"}
		}
		if err != nil {
			return err
		}
		if op != want.op {
			return &Problem{off, fmt.Sprintf("a record %s where %s should be", opcodeName(op), opcodeName(want.op))}
		}
		if size != want.size {
			return &Problem{off, fmt.Sprintf("a record %s of %d bytes, not %d", opcodeName(op), size, want.size)}
		}
		off = s.pos
		if err := s.raw(p[:size]); err == io.EOF || err == errCut {
			return &Problem{s.pos, "the data ends inside the record " + opcodeName(op)}
		} else if err != nil {
			return err
		}
		s.checkHead(off, op, p[:size])
	}
	return nil
}

func (s *source) checkHead(off int64, op uint32, p []byte) {
	le := binary.LittleEndian
	switch {
	case op == opConfig && le.Uint64(p) != transferMethod<<32:
		s.warn(off, "flags or transfer method of Config are not the usual ones")
	case op == opIsInterfaceOk && (le.Uint32(p) != transferMethod || GUID(p[4:20]) != iidMessage || le.Uint32(p[20:]) != interfaceFlags):
		s.warn(off, "method, interface or flags of IsInterfaceOk are not the usual ones")
	case op == opPartnerVersion:
		s.version = [3]uint16{le.Uint16(p), le.Uint16(p[2:]), le.Uint16(p[4:])}
		if s.version[0] < minVersion {
			s.warn(off, "the server's version is older than Exchange 2010")
		}
	}
}
