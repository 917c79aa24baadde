package recur

import (
	"fmt"
	"slices"
	"time"
)

// Frequency is how often a series recurs.
type Frequency string

// The frequencies.
const (
	Daily   Frequency = "daily"
	Weekly  Frequency = "weekly"
	Monthly Frequency = "monthly"
	Yearly  Frequency = "yearly"
)

var frequencies = map[uint16]Frequency{0x200A: Daily, 0x200B: Weekly, 0x200C: Monthly, 0x200D: Yearly}

// Type is the shape of a pattern, PatternType of [MS-OXOCAL] 2.2.1.44.1.
type Type uint16

// The types. Those with Hijri count in the Hijri calendar.
const (
	ByDay         Type = 0x0 // every Period minutes, which is whole days
	ByWeek        Type = 0x1 // Weekdays of every Period weeks
	ByMonth       Type = 0x2 // Day of every Period months
	ByMonthNth    Type = 0x3 // Nth of the Weekdays of every Period months
	ByMonthEnd    Type = 0x4 // the last day of every Period months
	HijriMonth    Type = 0xA
	HijriMonthNth Type = 0xB
	HijriMonthEnd Type = 0xC
)

// Pattern is a RecurrencePattern ([MS-OXOCAL] 2.2.1.44.1).
type Pattern struct {
	Frequency Frequency    `json:"frequency"`
	Type      Type         `json:"type"`
	Calendar  uint16       `json:"calendar,omitempty"` // 0 Gregorian, or the default for the item's locale
	First     uint32       `json:"-"`                  // FirstDateTime: minutes, where periods are counted from
	Period    int          `json:"period"`             // of ByDay minutes, of ByWeek weeks, else months
	Sliding   bool         `json:"sliding,omitempty"`  // of tasks: the next one counts from the completion of the last
	Weekdays  Weekdays     `json:"weekdays,omitempty"`
	Day       int          `json:"day,omitempty"`   // of the month; 31 is the last one of each
	Nth       int          `json:"nth,omitempty"`   // 1 to 4, 5 is the last
	Count     int          `json:"count,omitempty"` // of occurrences, 0 if the end is a date or never
	WeekStart time.Weekday `json:"week_start,omitempty"`
	Deleted   []time.Time  `json:"deleted,omitempty"`  // days of occurrences that are not there or were changed
	Modified  []time.Time  `json:"modified,omitempty"` // days of those that were changed, where they are now
	Start     time.Time    `json:"start"`              // day of the first occurrence
	End       time.Time    `json:"end,omitzero"`       // day of the last; zero: it never ends
}

// Weekdays is a set of weekdays: bit 0 is Sunday.
type Weekdays uint8

// Has says whether a day is in the set.
func (w Weekdays) Has(d time.Weekday) bool { return w>>d&1 != 0 }

// Kinds of ends.
const (
	endByDate  = 0x2021
	endByCount = 0x2022
	endNever   = 0x2023
	endNever2  = 0xFFFFFFFF
	dateNever  = 0x5AE980DF
)

// ParsePattern reads a RecurrencePattern, as PidLidTaskRecurrence has it. What
// follows it is ignored. The error is an [*Error].
func ParsePattern(b []byte) (*Pattern, error) {
	c := &cursor{b: b}
	p := c.pattern()
	return &p, c.err
}

func (c *cursor) pattern() (p Pattern) {
	if v := c.u16(); c.err == nil && v != 0x3004 {
		c.at -= 2
		c.fail(fmt.Sprintf("a pattern of the unknown version 0x%04X", v))
	}
	c.u16()
	frequency := c.u16()
	p.Frequency = frequencies[frequency]
	if c.err == nil && p.Frequency == "" {
		c.at -= 2
		c.fail(fmt.Sprintf("the unknown frequency 0x%04X", frequency))
	}
	p.Type = Type(c.u16())
	p.Calendar = c.u16()
	p.First = c.u32()
	p.Period = int(c.u32())
	p.Sliding = c.u32() != 0
	switch p.Type {
	case ByDay:
	case ByWeek:
		p.Weekdays = Weekdays(c.u32() & 0x7F)
	case ByMonth, ByMonthEnd, HijriMonth, HijriMonthEnd:
		p.Day = int(c.u32())
	case ByMonthNth, HijriMonthNth:
		p.Weekdays = Weekdays(c.u32() & 0x7F)
		p.Nth = int(c.u32())
	default:
		c.fail(fmt.Sprintf("a pattern of the unknown type 0x%04X", uint16(p.Type)))
	}
	end := c.u32()
	count := c.u32()
	if end == endByCount {
		p.Count = int(count)
	}
	p.WeekStart = time.Weekday(c.u32() % 7)
	p.Deleted = c.moments()
	p.Modified = c.moments()
	p.Start = c.moment()
	last := c.u32()
	switch {
	case end == endNever || end == endNever2 || last == dateNever:
	case end == endByDate || end == endByCount:
		p.End = moment(last)
	default:
		c.fail(fmt.Sprintf("the unknown kind of end 0x%08X", end))
	}
	return p
}

// Cancelled returns the days of occurrences that were deleted and not merely changed.
func (s *Series) Cancelled() []time.Time {
	changed := map[time.Time]int{}
	for i := range s.Exceptions {
		changed[s.Exceptions[i].Original.Truncate(24*time.Hour)]++
	}
	return slices.DeleteFunc(slices.Clone(s.Deleted), func(d time.Time) bool {
		day := d.Truncate(24 * time.Hour)
		changed[day]--
		return changed[day] >= 0
	})
}
