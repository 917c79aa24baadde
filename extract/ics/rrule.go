package ics

import (
	"fmt"
	"strings"
	"time"

	"mailferry/fts/recur"
)

const (
	minutesOfDay = 24 * 60
	stamp        = "20060102T150405"
	dayStamp     = "20060102"
)

// scales are the calendars that are not Gregorian ([MS-OXOCAL] 2.2.1.44.1), by
// the names of RFC 7529.
var scales = map[uint16]string{6: "ISLAMIC-CIVIL", 8: "HEBREW", 14: "CHINESE", 23: "ISLAMIC-UMALQURA"}

// rule writes a pattern as an RRULE (RFC 5545, 3.3.10). until is the end, of the
// form that the start has; it is left out where the pattern counts or never ends.
func rule(p *recur.Pattern, until string) string {
	var b strings.Builder
	scale := scales[p.Calendar]
	if p.Type >= recur.HijriMonth && scale == "" {
		scale = scales[6]
	}
	if scale != "" {
		b.WriteString("RSCALE=" + scale + ";")
	}
	months := func() {
		// A year of another calendar may have more months: there months are counted.
		if p.Frequency == recur.Yearly && p.Period > 0 && p.Period%12 == 0 && scale == "" {
			every(&b, "YEARLY", p.Period/12)
			fmt.Fprintf(&b, ";BYMONTH=%d", p.Start.Month())
			return
		}
		every(&b, "MONTHLY", p.Period)
	}
	switch p.Type {
	case recur.ByWeek:
		every(&b, "WEEKLY", p.Period)
		b.WriteString(";BYDAY=" + weekdays(p.Weekdays, p.Start) + ";WKST=" + dayNames[p.WeekStart%7])
	case recur.ByMonth, recur.HijriMonth:
		months()
		b.WriteString(monthDay(p.Day, p.Start))
	case recur.ByMonthEnd, recur.HijriMonthEnd:
		months()
		b.WriteString(";BYMONTHDAY=-1")
	case recur.ByMonthNth, recur.HijriMonthNth:
		months()
		nth := min(max(p.Nth, 1), 5)
		if nth == 5 {
			nth = -1
		}
		fmt.Fprintf(&b, ";BYDAY=%s;BYSETPOS=%d", weekdays(p.Weekdays, p.Start), nth)
	default:
		every(&b, "DAILY", p.Period/minutesOfDay)
	}
	switch {
	case p.Count > 0:
		fmt.Fprintf(&b, ";COUNT=%d", p.Count)
	case !p.End.IsZero():
		b.WriteString(";UNTIL=" + until)
	}
	return b.String()
}

func every(b *strings.Builder, frequency string, n int) {
	b.WriteString("FREQ=" + frequency)
	if n > 1 {
		fmt.Fprintf(b, ";INTERVAL=%d", n)
	}
}

var dayNames = [...]string{"SU", "MO", "TU", "WE", "TH", "FR", "SA"}

func weekdays(set recur.Weekdays, start time.Time) string {
	var all []string
	for d := range time.Weekday(7) {
		if set.Has(d) {
			all = append(all, dayNames[d])
		}
	}
	if len(all) == 0 {
		return dayNames[start.Weekday()]
	}
	return strings.Join(all, ",")
}

// monthDay is a day of the month. Where a month has no such day it is the last one
// ([MS-OXOCAL] 2.2.1.44.1.4), which a plain BYMONTHDAY would skip.
func monthDay(day int, start time.Time) string {
	if day < 1 || day > 31 {
		day = start.Day()
	}
	switch {
	case day == 31:
		return ";BYMONTHDAY=-1"
	case day > 28:
		s := ";BYMONTHDAY=28"
		for d := 29; d <= day; d++ {
			s += fmt.Sprintf(",%d", d)
		}
		return s + ";BYSETPOS=-1"
	}
	return fmt.Sprintf(";BYMONTHDAY=%d", day)
}
