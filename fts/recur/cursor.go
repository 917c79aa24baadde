package recur

import (
	"encoding/binary"
	"fmt"
	"time"

	"mailferry/fts/internal/text"
)

// Error says why a structure can't be read.
type Error struct {
	Offset int // bytes
	Reason string
}

func (e *Error) Error() string {
	return fmt.Sprintf("recurrence or time zone is damaged at byte %d: %s", e.Offset, e.Reason)
}

// cursor reads a structure. Its first error is kept, and all that follows is zero.
type cursor struct {
	b   []byte
	at  int
	err error
}

func (c *cursor) fail(reason string) {
	if c.err == nil {
		c.err = &Error{c.at, reason}
	}
}

func (c *cursor) take(n int) []byte {
	if c.err == nil && (n < 0 || n > len(c.b)-c.at) {
		c.fail(fmt.Sprintf("%d bytes are missing", n-(len(c.b)-c.at)))
	}
	if c.err != nil {
		return nil
	}
	c.at += n
	return c.b[c.at-n : c.at]
}

func (c *cursor) u8() uint8 {
	if b := c.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (c *cursor) u16() uint16 {
	if b := c.take(2); b != nil {
		return binary.LittleEndian.Uint16(b)
	}
	return 0
}

func (c *cursor) u32() uint32 {
	if b := c.take(4); b != nil {
		return binary.LittleEndian.Uint32(b)
	}
	return 0
}

// count reads a number of elements of at least size bytes each.
func (c *cursor) count(n uint32, size int) int {
	if c.err == nil && int64(n)*int64(size) > int64(len(c.b)-c.at) {
		c.fail(fmt.Sprintf("it announces %d elements and ends before them", n))
	}
	if c.err != nil {
		return 0
	}
	return int(n)
}

// block skips bytes that are reserved.
func (c *cursor) block() { c.take(c.count(c.u32(), 1)) }

// wide reads UTF-16 of a number of units.
func (c *cursor) wide(units int) string { return text.Decode(text.UTF16LE, c.take(2*units)) }

// moment reads minutes since 1601.
func (c *cursor) moment() time.Time { return moment(c.u32()) }

func moment(minutes uint32) time.Time {
	const unixEpoch = 11644473600 // seconds from 1601 to 1970
	return time.Unix(int64(minutes)*60-unixEpoch, 0).UTC()
}

func (c *cursor) moments() []time.Time {
	n := c.count(c.u32(), 4)
	var all []time.Time
	for range n {
		all = append(all, c.moment())
	}
	return all
}
