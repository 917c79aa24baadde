package pace

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func at(t *testing.T, zone *time.Location, text string) time.Time {
	t.Helper()
	when, err := time.ParseInLocation("Mon 2006-01-02 15:04:05", text, zone)
	if err != nil {
		t.Fatal(err)
	}
	return when
}

func TestTimetable(t *testing.T) {
	t.Parallel()
	const (
		daily = "08:00,512KB/s 18:00,10MB/s; 23:00,off"
		weeks = "Mon-08:00,1MB/s friday-18:00,off"
		mixed = "08:00,1KB/s 20:00,2KB/s sat-08:00,off Sun-12:00,3KB"
	)
	const layout = "Mon 2006-01-02 15:04:05"
	for _, c := range []struct {
		table, now string
		rate       int64
		until      string // empty: for ever
	}{
		{"10MB/s", "Wed 2026-03-04 12:00:00", 10e6, ""},
		{"off", "Wed 2026-03-04 12:00:00", 0, ""},
		{"Tue-01:00,5", "Mon 2026-03-02 12:00:00", 5, ""},
		{daily, "Wed 2026-03-04 07:59:59", 0, "Wed 2026-03-04 08:00:00"},
		{daily, "Wed 2026-03-04 08:00:00", 512e3, "Wed 2026-03-04 18:00:00"},
		{daily, "Wed 2026-03-04 22:59:59", 10e6, "Wed 2026-03-04 23:00:00"},
		{daily, "Sat 2026-02-28 23:30:00", 0, "Sun 2026-03-01 08:00:00"},
		{weeks, "Mon 2026-03-02 07:00:00", 0, "Mon 2026-03-02 08:00:00"},
		{weeks, "Thu 2026-03-05 03:00:00", 1e6, "Fri 2026-03-06 18:00:00"},
		{weeks, "Sat 2026-12-26 03:00:00", 0, "Mon 2026-12-28 08:00:00"},
		{weeks, "Thu 2026-12-31 03:00:00", 1e6, "Fri 2027-01-01 18:00:00"},
		{mixed, "Fri 2026-03-06 21:00:00", 2e3, "Sat 2026-03-07 08:00:00"},
		{mixed, "Sat 2026-03-07 08:00:00", 0, "Sat 2026-03-07 20:00:00"},
		{mixed, "Sun 2026-03-08 13:00:00", 3e3, "Sun 2026-03-08 20:00:00"},
	} {
		table, err := ParseTimetable(c.table)
		if err != nil {
			t.Errorf("%q: %v", c.table, err)
			continue
		}
		rate, until := table.At(at(t, time.UTC, c.now))
		text := ""
		if !until.IsZero() {
			text = until.Format(layout)
		}
		if rate != c.rate || text != c.until {
			t.Errorf("%q at %s: %d until %q", c.table, c.now, rate, text)
		}
	}
}

// Where the clock is put forward a time may not be there, and where it is put
// back it may come twice.
func TestTimetableWhereTheClockJumps(t *testing.T) {
	t.Parallel()
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Skip("there is no time zone database here")
	}
	table, err := ParseTimetable("01:00,100 02:30,200 04:00,300")
	if err != nil {
		t.Fatal(err)
	}
	for _, night := range []string{"Sun 2026-03-29 00:00:00", "Sun 2026-10-25 00:00:00"} {
		from := at(t, berlin, night)
		var passed time.Duration
		for now := from; now.Sub(from) < 8*time.Hour; {
			rate, until := table.At(now)
			clock := now.Hour()*60 + now.Minute()
			want := int64(300)
			if clock >= 60 && clock < 4*60 {
				if want = 100; clock >= 150 {
					want = 200
				}
			}
			if rate != want || !until.After(now) {
				t.Fatalf("at %v: %d until %v", now, rate, until)
			}
			passed += until.Sub(now)
			now = until
		}
		if passed < 8*time.Hour {
			t.Errorf("%v", passed)
		}
	}
}

func TestTimetablesThatCannotBeMeant(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                                  "timetable",
		" ; ":                               "timetable",
		"fast":                              "no rate",
		"0":                                 "no rate",
		"10MB/s 20MB/s":                     "no timetable",
		"08:00":                             "no rate",
		"08:00,":                            "no rate",
		"25:00,1MB/s":                       "no time of day",
		"8,1MB/s":                           "no time of day",
		"08:60,1MB/s":                       "no time of day",
		"Mo-08:00,1MB/s":                    "no weekday",
		"Mon-,1MB/s":                        "no time of day",
		"Mon-08:00,1MB/s,2MB/s":             "no rate",
		"08:00,1KB 8:00,2KB":                "twice",
		"Mon-08:00,1 mon-08:00,2 09:00,off": "twice",
	} {
		if _, err := ParseTimetable(text); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// A switch counts while bytes wait: they go by as fast as each part of the wait
// allows.
func TestARateChangesWhileBytesGoBy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		now := time.Now()
		clock := func(after time.Duration) string { return now.Add(after).Format("15:04") }
		table, err := ParseTimetable(fmt.Sprintf("%s,1KB/s %s,4KB/s %s,off", clock(0), clock(time.Minute), clock(2*time.Minute)))
		if err != nil {
			t.Fatal(err)
		}
		l := New(table)
		took := func(n int) time.Duration {
			began := time.Now()
			if err := l.Wait(t.Context(), n); err != nil {
				t.Error(err)
			}
			return time.Since(began)
		}
		if d := took(30_000); d < 29*time.Second || d > 30*time.Second {
			t.Errorf("30 kB at 1 kB/s: %v", d)
		}
		// 30 s are left at 1 kB/s, then 40 kB go at 4 kB/s.
		if d := took(70_000); d < 39*time.Second || d > 40*time.Second {
			t.Errorf("30 kB at 1 kB/s and 40 kB at 4 kB/s: %v", d)
		}
		if l.Piece() != 1<<10 {
			t.Errorf("a piece at 4 kB/s: %d", l.Piece())
		}
		if d := took(1_000_000_000); d < 49*time.Second || d > 51*time.Second {
			t.Errorf("the limit ends while a gigabyte waits: %v", d)
		}
		if d := took(1_000_000_000); d != 0 || l.Piece() != 0 {
			t.Errorf("without a limit: %v", d)
		}
		// Until the limit begins again, a moment before midnight and after it.
		<-time.After(time.Until(now.Add(24*time.Hour - 100*time.Millisecond)))
		if d := took(1_000_000_000); d != 0 {
			t.Errorf("just before the limit: %v", d)
		}
		<-time.After(200 * time.Millisecond)
		if d := took(10_000); d < 9*time.Second || d > 10*time.Second {
			t.Errorf("just after the limit began: %v", d)
		}
	})
}

func FuzzTimetable(f *testing.F) {
	for _, seed := range []string{"10MB/s", "off", "08:00,512KB/s 18:00,10MB/s 23:00,off", "Mon-08:00,1MB/s;Fri-18:00,off", "0:0,1", "-08:00,1", "08:00,1 08:00,2", ",", "sunday-23:59,9223372036854775807"} {
		f.Add(seed, int64(1_772_600_000))
	}
	f.Fuzz(func(t *testing.T, text string, unix int64) {
		table, err := ParseTimetable(text)
		if err != nil {
			if err.Error() == "" {
				t.Error("an error without a word")
			}
			return
		}
		now := time.Unix(unix%(1<<36), 0).UTC()
		rate, until := table.At(now)
		if rate < 0 || !until.IsZero() && (!until.After(now) || until.Sub(now) > 8*24*time.Hour) {
			t.Errorf("%q at %v: %d until %v", text, now, rate, until)
		}
		if table.through(now, 1000).Before(now) {
			t.Errorf("%q at %v: through before it begins", text, now)
		}
		if limiter := New(table); limiter != nil && limiter.Piece() < 0 {
			t.Errorf("%q: %d", text, limiter.Piece())
		}
	})
}
