package recur_test

import (
	"bytes"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"mailferry/fts"
	"mailferry/fts/recur"
	"mailferry/internal/sharedtest"
)

// named returns a named binary property of an independent stream.
func named(t *testing.T, name string, lid uint32) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(sharedtest.Dir(t, "testdata/fts/independent"), name+".blob"))
	if err != nil {
		t.Fatal(err)
	}
	m, err := fts.ReadMessage(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	p, _ := m.Named(fts.Name{Set: fts.PSETIDAppointment, LID: lid})
	v, ok := p.Value.([]byte)
	if !ok {
		t.Fatalf("%s has no property %04x", name, lid)
	}
	return v
}

func day(y int, m time.Month, d, hour int) time.Time {
	return time.Date(y, m, d, hour, 0, 0, 0, time.UTC)
}

// The values come from the fields beside the blob and from what made the item.
func TestIndependentSeries(t *testing.T) {
	s, err := recur.Parse(named(t, "0107", 0x8216), 0)
	if err != nil {
		t.Fatal(err)
	}
	subject, set := "Weekly stand-up (moved)", false
	want := &recur.Series{
		Pattern: recur.Pattern{
			Frequency: recur.Weekly, Type: recur.ByWeek, First: s.First, Period: 1, Weekdays: 1 << time.Monday, Count: 10,
			Deleted: []time.Time{day(2025, 1, 13, 8), day(2025, 1, 27, 0)}, Modified: []time.Time{day(2025, 1, 13, 14)},
			Start: day(2025, 1, 6, 0), End: day(2025, 3, 10, 0),
		},
		From: 9 * 60, To: 9*60 + 30,
		Exceptions: []recur.Exception{{
			Original: day(2025, 1, 13, 8), Start: day(2025, 1, 13, 14), End: day(2025, 1, 13, 15), Subject: &subject, ReminderSet: &set,
		}},
	}
	if !reflect.DeepEqual(s, want) {
		t.Errorf("got %+v, want %+v", s, want)
	}
	if got := s.Cancelled(); !reflect.DeepEqual(got, []time.Time{day(2025, 1, 27, 0)}) {
		t.Errorf("cancelled: %v", got)
	}
	if s, err = recur.Parse(named(t, "0108", 0x8216), 0); err != nil {
		t.Fatal(err)
	}
	want = &recur.Series{
		Pattern: recur.Pattern{
			Frequency: recur.Weekly, Type: recur.ByWeek, First: s.First, Period: 2, Weekdays: 1<<time.Monday | 1<<time.Friday, Count: 5,
			WeekStart: time.Monday, Start: day(2026, 11, 30, 0), End: day(2026, 12, 28, 0),
		},
		From: 9 * 60, To: 10 * 60,
	}
	if !reflect.DeepEqual(s, want) {
		t.Errorf("got %+v, want %+v", s, want)
	}
}

func TestIndependentZones(t *testing.T) {
	z, err := recur.ParseDefinition(named(t, "0107", 0x825E))
	rule := recur.Rule{
		Year: 1601, Effective: true, Bias: -60, DaylightBias: -60,
		Standard: recur.Switch{Month: 10, Day: 5, Hour: 3}, Daylight: recur.Switch{Month: 3, Day: 5, Hour: 2},
	}
	if want := (&recur.Zone{Name: "Europe/Berlin", Rules: []recur.Rule{rule}}); err != nil || !reflect.DeepEqual(z, want) {
		t.Errorf("%+v, %v, want %+v", z, err, want)
	}
	z, err = recur.ParseZone(named(t, "0107", 0x8233))
	rule.Year, rule.Effective = 0, false
	if want := (&recur.Zone{Rules: []recur.Rule{rule}}); err != nil || !reflect.DeepEqual(z, want) {
		t.Errorf("%+v, %v, want %+v", z, err, want)
	}
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Skip(err)
	}
	for hour := range 365 * 24 {
		at := time.Date(2026, 1, 1, hour, 30, 0, 0, berlin).UTC()
		l := at.In(berlin)
		local := time.Date(l.Year(), l.Month(), l.Day(), l.Hour(), l.Minute(), 0, 0, time.UTC)
		if got := z.UTC(local); !got.Equal(at) && !(local.Month() == 10 && local.Day() == 25 && local.Hour() == 2) {
			t.Fatalf("%v in Berlin is %v, want %v", local, got, at)
		}
	}
}
