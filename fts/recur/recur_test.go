package recur

import (
	"encoding/binary"
	"errors"
	"reflect"
	"testing"
	"time"

	"mailferry/internal/memtest"
)

// maker writes structures down as [MS-OXOCAL] has them.
type maker []byte

func (m *maker) u16(ns ...int) *maker {
	for _, n := range ns {
		*m = binary.LittleEndian.AppendUint16(*m, uint16(n))
	}
	return m
}

func (m *maker) u32(ns ...int) *maker {
	for _, n := range ns {
		*m = binary.LittleEndian.AppendUint32(*m, uint32(n))
	}
	return m
}

func (m *maker) text(s string) *maker {
	*m = append(*m, s...)
	return m
}

const monday = 222803 * 1440 // minutes from 1601 to the day of the first occurrence, a Monday

func pattern(m *maker, kind int, specific ...int) *maker {
	m.u16(0x3004, 0x3004, 0x200C, kind, 0).u32(0, 1, 0).u32(specific...)
	return m.u32(0x2023, 10, 1, 2, monday, monday+1440, 1, monday+1440, monday, 0x5AE980DF)
}

// series has one exception with everything.
func series(version int, extended bool) []byte {
	var m maker
	pattern(&m, 3, 0x3E, 5)
	m.u32(0x3006, version, 600, 660).u16(2)
	m.u32(monday+2000, monday+2060, monday+1440+600).u16(0x03FF)
	m.u16(4, 3).text("S\xfcd").u32(1, 30, 1).u16(3, 2).text("R?").u32(2, 1, 1, 7)
	m.u32(monday+3000, monday+3060, monday+600).u16(0)
	m.u32(0)
	if !extended {
		return m
	}
	for i := range 2 {
		if version >= 0x3009 {
			m.u32(4, 0)
		}
		m.u32(2).text("ee")
		if i == 0 {
			m.u32(0, 0, 0).u16(3).text("S\x00\xfc\x00d\x00").u16(2).text("R\x00\xdb\x56").u32(0)
		}
	}
	m.u32(0)
	return m
}

func ptr[T any](v T) *T { return &v }

func TestParse(t *testing.T) {
	for _, version := range []int{0x3008, 0x3009} {
		s, err := Parse(series(version, true), 1252)
		if err != nil {
			t.Fatal(err)
		}
		at := func(minutes int) time.Time { return moment(uint32(monday + minutes)) }
		want := &Series{
			Pattern: Pattern{
				Frequency: Monthly, Type: ByMonthNth, Period: 1, Weekdays: 0x3E, Nth: 5, WeekStart: time.Monday,
				Deleted: []time.Time{at(0), at(1440)}, Modified: []time.Time{at(1440)}, Start: at(0),
			},
			From: 600, To: 660,
			Exceptions: []Exception{
				{
					Original: at(2040), Start: at(2000), End: at(2060), Subject: ptr("Süd"), Location: ptr("R四"), MeetingType: ptr(uint32(1)),
					Reminder: ptr(uint32(30)), ReminderSet: ptr(true), BusyStatus: ptr(uint32(2)), Attachments: ptr(true), AllDay: ptr(true),
					Colour: ptr(uint32(7)), Body: true,
				},
				{Original: at(600), Start: at(3000), End: at(3060)},
			},
		}
		if !reflect.DeepEqual(s, want) {
			t.Errorf("got %+v\nwant %+v", s, want)
		}
		if c := s.Cancelled(); len(c) != 0 {
			t.Errorf("cancelled: %v", c)
		}
		if !s.Weekdays.Has(time.Friday) || s.Weekdays.Has(time.Sunday) {
			t.Error("weekdays")
		}
	}
}

func TestWithoutUnicode(t *testing.T) {
	s, err := Parse(series(0x3009, false), 1252)
	if err != nil || !s.Partial || *s.Exceptions[0].Subject != "Süd" || *s.Exceptions[0].Location != "R?" {
		t.Errorf("%+v, %v", s, err)
	}
}

func TestPatternTypes(t *testing.T) {
	for _, c := range []struct {
		kind     int
		specific []int
		want     Pattern
	}{
		{0, nil, Pattern{Type: ByDay}},
		{1, []int{0x41}, Pattern{Type: ByWeek, Weekdays: 0x41}},
		{2, []int{31}, Pattern{Type: ByMonth, Day: 31}},
		{4, []int{31}, Pattern{Type: ByMonthEnd, Day: 31}},
		{0xB, []int{1, 2}, Pattern{Type: HijriMonthNth, Weekdays: 1, Nth: 2}},
	} {
		var m maker
		p, err := ParsePattern(*pattern(&m, c.kind, c.specific...))
		if err != nil || p.Type != c.want.Type || p.Weekdays != c.want.Weekdays || p.Day != c.want.Day || p.Nth != c.want.Nth || !p.End.IsZero() {
			t.Errorf("type %d: %+v, %v", c.kind, p, err)
		}
	}
}

func TestDamaged(t *testing.T) {
	whole := series(0x3009, true)
	var e *Error
	for n := range len(whole) {
		s, err := Parse(whole[:n], 0)
		if err == nil && !s.Partial && n < len(whole)-8 || err != nil && !errors.As(err, &e) {
			t.Errorf("the first %d bytes: %+v, %v", n, s, err)
		}
	}
	for name, b := range map[string][]byte{
		"version":   *new(maker).u16(0x3003),
		"frequency": *new(maker).u16(0x3004, 0x3004, 0x2000),
		"type":      *pattern(new(maker), 9),
		"count":     *new(maker).u16(0x3004, 0x3004, 0x200A, 0, 0).u32(0, 0, 0, 0x2021, 0, 0, -1),
		"end":       *new(maker).u16(0x3004, 0x3004, 0x200A, 0, 0).u32(0, 0, 0, 7, 0, 0, 0, 0, 0, 0),
	} {
		if _, err := Parse(b, 0); !errors.As(err, &e) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := ParseZone(make([]byte, 47)); !errors.As(err, &e) {
		t.Error(err)
	}
	if _, err := ParseDefinition([]byte{1, 1}); !errors.As(err, &e) {
		t.Error(err)
	}
}

func TestRules(t *testing.T) {
	z := Zone{Rules: []Rule{{Year: 1601, Bias: 1}, {Year: 2007, Bias: 2}, {Year: 2000, Bias: 3}}}
	for year, bias := range map[int]int{1500: 1, 1999: 1, 2003: 3, 2007: 2, 2030: 2} {
		if r := z.Rule(year); r.Bias != bias {
			t.Errorf("%d: %+v", year, r)
		}
	}
	if (&Zone{}).Rule(2000) != nil || !(&Zone{}).UTC(time.Time{}).IsZero() {
		t.Error("a zone without rules")
	}
	// In the south the year begins in summer.
	sydney := Zone{Rules: []Rule{{Bias: -600, DaylightBias: -60, Standard: Switch{Month: 4, Day: 1, Hour: 3}, Daylight: Switch{Month: 10, Day: 1, Hour: 2}}}}
	for local, want := range map[time.Time]int{
		time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC): 1, time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC): 2, time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC): 1,
	} {
		if got := sydney.UTC(local); got.Hour() != want {
			t.Errorf("%v is %v", local, got)
		}
	}
	if on := (Switch{Year: 2026, Month: 2, Day: 30}).In(2026); on.Day() != 2 {
		t.Error(on)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(series(0x3009, true))
	f.Add(series(0x3008, true))
	f.Add(series(0x3009, false))
	f.Fuzz(func(t *testing.T, b []byte) {
		defer memtest.Bound(t, 64<<20)()
		s, err := Parse(b, 932)
		if len(s.Deleted)+len(s.Modified)+len(s.Exceptions) > len(b)/4 {
			t.Fatalf("%d bytes became %d days", len(b), len(s.Deleted)+len(s.Modified)+len(s.Exceptions))
		}
		if p, patternErr := ParsePattern(b); err == nil && (patternErr != nil || !reflect.DeepEqual(*p, s.Pattern)) {
			t.Fatalf("%+v is not %+v: %v", p, s.Pattern, patternErr)
		}
		s.Cancelled()
	})
}

func FuzzZone(f *testing.F) {
	f.Add(make([]byte, 48))
	f.Add(append([]byte{2, 1, 6, 0, 2, 0, 0, 0, 1, 0}, make([]byte, 66)...))
	f.Fuzz(func(t *testing.T, b []byte) {
		defer memtest.Bound(t, 64<<20)()
		for _, parse := range []func([]byte) (*Zone, error){ParseZone, ParseDefinition} {
			z, err := parse(b)
			if err == nil {
				z.UTC(time.Date(2026, 10, 25, 2, 30, 0, 0, time.UTC))
			}
			if len(z.Rules) > 1+len(b)/66 {
				t.Fatalf("%d bytes became %d rules", len(b), len(z.Rules))
			}
		}
	})
}
