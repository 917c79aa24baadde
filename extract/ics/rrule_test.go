package ics

import (
	"testing"
	"time"

	"mailferry/fts/recur"
)

func TestRule(t *testing.T) {
	t.Parallel()
	start := time.Date(2025, 1, 30, 0, 0, 0, 0, time.UTC)
	for want, p := range map[string]recur.Pattern{
		"FREQ=DAILY;INTERVAL=3;COUNT=4":                              {Frequency: recur.Daily, Type: recur.ByDay, Period: 3 * 1440, Count: 4},
		"FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,FR;WKST=MO;UNTIL=x":         {Frequency: recur.Weekly, Type: recur.ByWeek, Period: 2, Weekdays: 0x22, WeekStart: 1, End: start},
		"FREQ=MONTHLY;BYMONTHDAY=15":                                 {Frequency: recur.Monthly, Type: recur.ByMonth, Period: 1, Day: 15},
		"FREQ=MONTHLY;BYMONTHDAY=28,29,30;BYSETPOS=-1":               {Frequency: recur.Monthly, Type: recur.ByMonth, Period: 1, Day: 30},
		"FREQ=MONTHLY;INTERVAL=2;BYMONTHDAY=-1":                      {Frequency: recur.Monthly, Type: recur.ByMonthEnd, Period: 2, Day: 31},
		"FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1":              {Frequency: recur.Monthly, Type: recur.ByMonthNth, Period: 1, Weekdays: 0x3E, Nth: 5},
		"FREQ=YEARLY;INTERVAL=2;BYMONTH=1;BYMONTHDAY=7":              {Frequency: recur.Yearly, Type: recur.ByMonth, Period: 24, Day: 7},
		"RSCALE=ISLAMIC-CIVIL;FREQ=MONTHLY;INTERVAL=12;BYMONTHDAY=9": {Frequency: recur.Yearly, Type: recur.HijriMonth, Period: 12, Day: 9},
		"RSCALE=HEBREW;FREQ=MONTHLY;BYDAY=SU;BYSETPOS=2":             {Frequency: recur.Monthly, Type: recur.ByMonthNth, Calendar: 8, Period: 1, Weekdays: 1, Nth: 2},
		"RSCALE=ISLAMIC-UMALQURA;FREQ=MONTHLY;BYMONTHDAY=-1;UNTIL=x": {Frequency: recur.Monthly, Type: recur.HijriMonthEnd, Calendar: 23, Period: 1, End: start},
	} {
		p.Start = start
		if got := rule(&p, "x"); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}
