package pace

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"mailferry/internal/selection"
)

// Timetable says how many bytes a second may go by at each time of the week. The
// zero value is no limit at any time.
type Timetable struct {
	slots []slot // by time of the week
}

// slot is a rate from one time of the week until that of the next slot.
type slot struct {
	minute int   // of the week; weeks begin on Sunday at 00:00
	rate   int64 // bytes a second; 0: no limit
}

const (
	minutesOfDay  = 24 * 60
	minutesOfWeek = 7 * minutesOfDay
)

// Constant is the same rate at any time, in bytes a second; 0: no limit.
func Constant(rate int64) Timetable {
	if rate <= 0 {
		return Timetable{}
	}
	return Timetable{[]slot{{0, rate}}}
}

// ParseTimetable reads one rate for any time, "10MB/s" or "off", or times and the
// rates that begin then, with spaces or semicolons between them:
//
//	08:00,512KB/s 18:00,10MB/s 23:00,off
//	Mon-08:00,1MB/s Fri-18:00,off
//
// A time without a weekday is one of each day, unless that day has an entry of
// its own at the same time. A rate holds until the next time, across midnight and
// the end of the week. Clocks go by the local zone of who asks.
func ParseTimetable(text string) (Timetable, error) {
	entries := strings.FieldsFunc(text, func(r rune) bool { return r == ' ' || r == ';' || r == '\t' || r == '\n' })
	if len(entries) == 0 {
		return Timetable{}, badEntry(text)
	}
	if len(entries) == 1 && !strings.Contains(entries[0], ",") {
		rate, err := parseRate(entries[0])
		return Constant(rate), err
	}
	daily, own := make(map[int]int64), make(map[int]int64) // minute -> rate
	for _, entry := range entries {
		at, rateText, ok := strings.Cut(entry, ",")
		if !ok {
			return Timetable{}, badEntry(entry)
		}
		minute, ofDay, err := parseMinute(at)
		if err != nil {
			return Timetable{}, err
		}
		rate, err := parseRate(rateText)
		if err != nil {
			return Timetable{}, err
		}
		table := own
		if !ofDay {
			table = daily
		}
		if _, twice := table[minute]; twice {
			return Timetable{}, fmt.Errorf("%q: the time %s is there twice", text, at)
		}
		table[minute] = rate
	}
	for minute, rate := range daily {
		for day := range 7 {
			at := day*minutesOfDay + minute
			if _, has := own[at]; !has {
				own[at] = rate
			}
		}
	}
	var t Timetable
	for minute, rate := range own {
		t.slots = append(t.slots, slot{minute, rate})
	}
	slices.SortFunc(t.slots, func(a, b slot) int { return cmp.Compare(a.minute, b.minute) })
	return t, nil
}

func badEntry(text string) error {
	return fmt.Errorf("%q is no rate and no timetable; write for example 10MB/s, or '08:00,512KB/s 18:00,10MB/s 23:00,off', or with days 'Mon-08:00,1MB/s Fri-18:00,off'", text)
}

func parseRate(text string) (int64, error) {
	if strings.EqualFold(text, "off") {
		return 0, nil
	}
	return selection.ParseRate(text)
}

// parseMinute reads "18:00" as a minute of any day, or "Mon-18:00" as one of the
// week.
func parseMinute(text string) (minute int, ofDay bool, err error) {
	day, clock, ofDay := strings.Cut(text, "-")
	if !ofDay {
		day, clock = "", text
	}
	at, err := time.Parse("15:04", clock)
	if err != nil {
		return 0, false, fmt.Errorf("%q is no time of day; write 08:00 or Mon-08:00", text)
	}
	minute = at.Hour()*60 + at.Minute()
	if !ofDay {
		return minute, false, nil
	}
	for d := time.Sunday; d <= time.Saturday; d++ {
		if strings.EqualFold(day, d.String()) || strings.EqualFold(day, d.String()[:3]) {
			return int(d)*minutesOfDay + minute, true, nil
		}
	}
	return 0, false, fmt.Errorf("%q: there is no weekday %q; use Mon, Tue, Wed, Thu, Fri, Sat or Sun", text, day)
}

// limits says whether there is a limit at any time.
func (t Timetable) limits() bool {
	return slices.ContainsFunc(t.slots, func(s slot) bool { return s.rate > 0 })
}

// At returns the rate at a time, by the clock of its zone, and until when it
// holds at least; zero: for ever.
func (t Timetable) At(now time.Time) (rate int64, until time.Time) {
	if len(t.slots) == 0 {
		return 0, time.Time{}
	}
	minute := int(now.Weekday())*minutesOfDay + now.Hour()*60 + now.Minute()
	next, exact := slices.BinarySearchFunc(t.slots, minute, func(s slot, m int) int { return cmp.Compare(s.minute, m) })
	if exact {
		next++
	}
	rate = t.slots[(next+len(t.slots)-1)%len(t.slots)].rate
	if len(t.slots) == 1 {
		return rate, time.Time{}
	}
	ahead := 0
	if next == len(t.slots) {
		next, ahead = 0, minutesOfWeek
	}
	ahead += t.slots[next].minute - int(now.Weekday())*minutesOfDay // from the beginning of today
	year, month, day := now.Date()
	until = time.Date(year, month, day, 0, ahead, 0, 0, now.Location())
	if !until.After(now) { // an hour that the clock shows twice, or skips: look again soon
		until = now.Add(time.Minute)
	}
	return rate, until
}

// through returns when n bytes are through that begin to go by at a time.
func (t Timetable) through(from time.Time, n float64) time.Time {
	for {
		rate, until := t.At(from)
		if rate == 0 {
			return from
		}
		whole := time.Duration(min(n/float64(rate)*float64(time.Second), math.MaxInt64/4))
		if until.IsZero() || !from.Add(whole).After(until) {
			return from.Add(whole)
		}
		part := until.Sub(from)
		n -= part.Seconds() * float64(rate)
		from = from.Add(part)
	}
}
