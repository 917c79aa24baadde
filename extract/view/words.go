package view

import (
	"fmt"
	"strings"
	"time"

	"mailferry/fts/recur"
)

// Words says how something recurs: "every 2 weeks on Monday and Friday, from
// 2024-03-04, 10 times".
func Words(p *recur.Pattern) string {
	text := rhythm(p)
	switch p.Type {
	case recur.HijriMonth, recur.HijriMonthNth, recur.HijriMonthEnd:
		text += " of the Hijri calendar"
	}
	if p.Sliding {
		text += " after the last one was completed"
	}
	text += ", from " + day(p.Start)
	switch {
	case p.Count == 1:
		text += ", 1 time"
	case p.Count > 0:
		text += fmt.Sprintf(", %d times", p.Count)
	case !p.End.IsZero():
		text += " until " + day(p.End)
	default:
		text += ", without end"
	}
	return text
}

// rhythm is the pattern without its begin and end.
func rhythm(p *recur.Pattern) string {
	const minutesOfDay = 24 * 60
	switch p.Type {
	case recur.ByDay:
		return every(p.Period/minutesOfDay, "day")
	case recur.ByWeek:
		return every(p.Period, "week") + " on " + weekdays(p.Weekdays, "and")
	case recur.ByMonth, recur.HijriMonth:
		if p.Day >= 31 {
			return "on the last day of " + months(p)
		}
		return fmt.Sprintf("on day %d of %s", p.Day, months(p))
	case recur.ByMonthNth, recur.HijriMonthNth:
		nth := map[int]string{1: "first", 2: "second", 3: "third", 4: "fourth", 5: "last"}[p.Nth]
		return fmt.Sprintf("on the %s %s of %s", nth, weekdays(p.Weekdays, "or"), months(p))
	case recur.ByMonthEnd, recur.HijriMonthEnd:
		return "on the last day of " + months(p)
	}
	return string(p.Frequency)
}

func every(n int, unit string) string {
	if n <= 1 {
		return "every " + unit
	}
	return fmt.Sprintf("every %d %ss", n, unit)
}

// months are those of a pattern by months: of one by years, one month in so many years.
func months(p *recur.Pattern) string {
	gregorian := p.Type < recur.HijriMonth
	if p.Frequency == recur.Yearly && p.Period%12 == 0 && gregorian {
		return p.Start.Month().String() + " " + every(p.Period/12, "year")
	}
	return every(p.Period, "month")
}

// weekdays lists a set of days.
func weekdays(set recur.Weekdays, and string) string {
	const all, working, weekend = 0x7F, 0x3E, 0x41
	if and == "or" { // of a month, they have a name together
		switch set {
		case all:
			return "day"
		case working:
			return "working day"
		case weekend:
			return "day of a weekend"
		}
	}
	var names []string
	for i := range 7 {
		if d := time.Weekday((i + 1) % 7); set.Has(d) {
			names = append(names, d.String())
		}
	}
	if n := len(names); n > 1 {
		return strings.Join(names[:n-1], ", ") + " " + and + " " + names[n-1]
	}
	return strings.Join(names, "")
}
