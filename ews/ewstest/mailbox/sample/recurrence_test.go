package sample

import (
	"encoding/binary"
	"testing"

	"mailferry/ews/ewstest/mailbox/tree"
	"mailferry/fts"
)

// cursor reads a structure as [MS-OXOCAL] writes it down.
type cursor struct {
	t *testing.T
	b []byte
}

func (c *cursor) take(n int) []byte {
	c.t.Helper()
	if n > len(c.b) {
		c.t.Fatalf("%d bytes left, want %d", len(c.b), n)
	}
	b := c.b[:n]
	c.b = c.b[n:]
	return b
}

func (c *cursor) u16() int { return int(binary.LittleEndian.Uint16(c.take(2))) }
func (c *cursor) u32() int { return int(binary.LittleEndian.Uint32(c.take(4))) }

func (c *cursor) want(name string, got int, want ...int) {
	c.t.Helper()
	for _, w := range want {
		if got == w {
			return
		}
	}
	c.t.Errorf("%s is %#x, want one of %#x", name, got, want)
}

// readRecurrence walks an AppointmentRecurrencePattern ([MS-OXOCAL] 2.2.1.44.5)
// to its last byte and returns the number of exceptions.
func readRecurrence(t *testing.T, raw []byte) int {
	t.Helper()
	c := &cursor{t, raw}
	c.want("reader version", c.u16(), 0x3004)
	c.want("writer version", c.u16(), 0x3004)
	frequency := c.u16()
	c.want("frequency", frequency, 0x200A, 0x200B, 0x200C)
	pattern := c.u16()
	c.want("pattern type", pattern, 0, 1, 2)
	c.want("calendar type", c.u16(), 0)
	first, period := c.u32(), c.u32()
	if frequency == 0x200A && (period%1440 != 0 || first >= period) {
		t.Errorf("daily: first %d, period %d", first, period)
	}
	c.want("sliding", c.u32(), 0)
	if pattern > 0 {
		c.u32()
	}
	c.want("end type", c.u32(), 0x2021, 0x2022, 0x2023)
	c.u32() // occurrences
	c.want("first day of the week", c.u32(), 0)
	deleted := c.u32()
	for range deleted {
		c.want("midnight", c.u32()%1440, 0)
	}
	modified := c.u32()
	for range modified {
		c.want("midnight", c.u32()%1440, 0)
	}
	if modified > deleted {
		t.Errorf("%d modified, %d deleted: each modified one counts as deleted", modified, deleted)
	}
	if start, end := c.u32(), c.u32(); start > end || start%1440 != 0 {
		t.Errorf("start date %d, end date %d", start, end)
	}
	c.want("reader version 2", c.u32(), 0x3006)
	c.want("writer version 2", c.u32(), 0x3009)
	if from, to := c.u32(), c.u32(); from > to || from >= 1440 {
		t.Errorf("start %d, end %d", from, to)
	}
	exceptions := c.u16()
	c.want("exceptions", exceptions, modified)
	flags := make([]int, exceptions)
	for i := range exceptions {
		if from, to := c.u32(), c.u32(); from > to {
			t.Error("an exception ends before it starts")
		}
		c.u32()
		flags[i] = c.u16()
		for _, bit := range []int{1, 0x10} {
			if flags[i]&bit != 0 {
				with, without := c.u16(), c.u16()
				c.want("length", with, without+1)
				c.take(without)
			}
		}
	}
	c.take(c.u32())
	for _, f := range flags {
		c.want("change highlight", c.u32(), 4)
		c.take(4)
		c.take(c.u32())
		if f&0x11 == 0 {
			continue
		}
		c.take(12)
		for _, bit := range []int{1, 0x10} {
			if f&bit != 0 {
				c.take(2 * c.u16())
			}
		}
		c.take(c.u32())
	}
	c.take(c.u32())
	if len(c.b) > 0 {
		t.Errorf("%d bytes after the end", len(c.b))
	}
	return exceptions
}

func TestRecurrence(t *testing.T) {
	series, changed, frequencies := 0, 0, map[byte]bool{}
	var walk func(f *tree.Folder)
	walk = func(f *tree.Folder) {
		for _, it := range f.Items {
			p, ok := it.Message.Named(fts.Name{Set: fts.PSETIDAppointment, LID: 0x8216})
			if !ok {
				continue
			}
			series++
			frequencies[p.Value.([]byte)[4]] = true
			n := readRecurrence(t, p.Value.([]byte))
			changed += n
			if n != len(it.Message.Attachments) {
				t.Errorf("%d exceptions, %d attachments", n, len(it.Message.Attachments))
			}
		}
		for _, sub := range f.Folders {
			walk(sub)
		}
	}
	walk(Build(Options{Items: 400}))
	if series < 10 || changed < 10 || len(frequencies) != 3 {
		t.Errorf("%d series with %d exceptions of %d frequencies", series, changed, len(frequencies))
	}
	if len(berlinStruct) != 48 {
		t.Errorf("a time zone structure of %d bytes, want 48", len(berlinStruct))
	}
	c := &cursor{t, berlinDefinition}
	c.want("version", c.u16(), 0x0102)
	header := c.u16()
	c.want("reserved", c.u16(), 2)
	key := c.u16()
	c.take(2 * key)
	c.want("rules", c.u16(), 1)
	c.want("header", header, 6+2*key)
	c.want("rule version", c.u16(), 0x0102)
	c.want("rule size", c.u16(), 0x3E)
	if len(c.b) != 0x3E {
		t.Errorf("a rule of %d bytes, want 62", len(c.b))
	}
}
