package ics_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"mailferry/ews/ewstest/mailbox"
	"mailferry/extract/ics"
	"mailferry/fts"
	"mailferry/fts/recur"
	"mailferry/internal/memtest"
	"mailferry/internal/sharedtest"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func open(blob []byte) (*fts.Item, error) {
	return fts.OpenItem(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(blob)), nil })
}

// blobs are the items of a class in a mailbox that the simulator makes up.
func blobs(t testing.TB, prefixes ...string) (all [][]byte) {
	t.Helper()
	m, err := mailbox.Load("sample:240", "anna@example.com", mailbox.Options{})
	must(t, err)
	for _, f := range m.Folders() {
		if f.Search {
			continue
		}
		for _, it := range m.Items(f.ID) {
			var blob bytes.Buffer
			must(t, m.WriteBlob(&blob, it))
			item, err := open(blob.Bytes())
			must(t, err)
			for _, p := range prefixes {
				if strings.HasPrefix(item.Class(), p) {
					all = append(all, blob.Bytes())
				}
			}
			item.Close()
		}
	}
	return all
}

type read struct {
	Kind      string  `json:"kind"`
	Summary   string  `json:"summary"`
	Location  string  `json:"location"`
	Start     int64   `json:"start"`
	Method    string  `json:"method"`
	Changed   int     `json:"changed"`
	Instances []int64 `json:"instances"`
}

// TestICalendar has Python's icalendar and dateutil read the calendars of made-up
// items: they understand what the item says, and series come to the moments
// that a walk over their days with [recur.Zone] finds.
func TestICalendar(t *testing.T) {
	t.Parallel()
	sharedtest.PythonModule(t, "icalendar")
	sharedtest.PythonModule(t, "dateutil")
	dir := t.TempDir()
	var files []string
	var wants []read
	series := 0
	for _, blob := range blobs(t, "IPM.Appointment", "IPM.Task", "IPM.Schedule.Meeting") {
		it, err := open(blob)
		must(t, err)
		var b bytes.Buffer
		must(t, ics.Write(&b, it))
		must(t, it.Close())
		file := filepath.Join(dir, fmt.Sprint(len(files)))
		must(t, os.WriteFile(file, b.Bytes(), 0o600))
		want := wanted(t, &it.Message)
		if len(want.Instances) > 0 {
			series++
		}
		files, wants = append(files, file), append(wants, want)
	}
	if len(files) < 20 || series < 3 {
		t.Fatalf("%d calendars, %d series", len(files), series)
	}
	cmd := exec.CommandContext(t.Context(), sharedtest.Python, filepath.Join("..", "..", "testdata", "interop", "read_ical.py"))
	cmd.Stdin, cmd.Stderr = strings.NewReader(strings.Join(files, "\n")), os.Stderr
	out, err := cmd.Output()
	must(t, err)
	d := json.NewDecoder(bytes.NewReader(out))
	for i := range files {
		got := read{}
		must(t, d.Decode(&got))
		if len(got.Instances) == 0 {
			got.Instances = nil
		}
		if diff := cmp.Diff(wants[i], got); diff != "" {
			raw, _ := os.ReadFile(files[i])
			t.Fatalf("%s\n%s", diff, raw)
		}
	}
}

func wanted(t testing.TB, m *fts.Message) read {
	t.Helper()
	appointment := func(lid uint32) fts.Name { return fts.LID(fts.PSETIDAppointment, lid) }
	r := read{Kind: "VEVENT", Summary: m.Subject()}
	if strings.HasPrefix(m.Class(), "IPM.Task") {
		start, _ := fts.NamedValue[fts.FileTime](m.Props, fts.LID(fts.PSETIDTask, 0x8104))
		due, _ := fts.NamedValue[fts.FileTime](m.Props, fts.LID(fts.PSETIDTask, 0x8105))
		r.Kind = "VTODO"
		if !due.Time().Before(start.Time()) { // RFC 5545 has no other order
			r.Start = start.Time().Truncate(24 * time.Hour).Unix()
		}
		return r
	}
	if strings.HasPrefix(m.Class(), "IPM.Schedule.Meeting.Request") {
		r.Method = "REQUEST"
	}
	r.Location, _ = fts.NamedValue[string](m.Props, appointment(0x8208))
	start, ok := fts.NamedValue[fts.FileTime](m.Props, appointment(0x820D))
	if ok {
		r.Start = start.Time().Unix()
	}
	zone := &recur.Zone{}
	if b, ok := fts.NamedValue[[]byte](m.Props, appointment(0x825E)); ok {
		z, err := recur.ParseDefinition(b)
		must(t, err)
		zone = z
	}
	if allDay, _ := fts.NamedValue[bool](m.Props, appointment(0x8215)); allDay {
		local, _ := zone.Local(start.Time())
		r.Start = local.Unix()
	}
	b, recurs := fts.NamedValue[[]byte](m.Props, appointment(0x8216))
	if !recurs {
		return r
	}
	s, err := recur.Parse(b, m.CodePage())
	must(t, err)
	r.Changed = len(s.Exceptions)
	for day := s.Start; len(r.Instances) < 20 && (s.Count == 0 || len(r.Instances) < s.Count) && (s.End.IsZero() || !day.After(s.End)); day = day.AddDate(0, 0, 1) {
		days := int(day.Sub(s.Start).Hours() / 24)
		months := (day.Year()-s.Start.Year())*12 + int(day.Month()-s.Start.Month())
		on := false
		switch s.Type {
		case recur.ByDay:
			on = days%(s.Period/1440) == 0
		case recur.ByWeek:
			on = (days+int(s.Start.Weekday()))/7%s.Period == 0 && s.Weekdays.Has(day.Weekday())
		case recur.ByMonth:
			last := time.Date(day.Year(), day.Month()+1, 0, 0, 0, 0, 0, time.UTC).Day()
			on = months%s.Period == 0 && day.Day() == min(s.Day, last)
		default:
			t.Fatalf("a series of type %d is not walked", s.Type)
		}
		if on {
			// The made-up items have the hour of UTC in their pattern: it is the one that counts.
			r.Instances = append(r.Instances, zone.UTC(day.Add(time.Duration(s.From)*time.Minute)).Unix())
		}
	}
	r.Start = r.Instances[0]
	return r
}

// TestFlat: an attachment costs no memory, whatever its size.
func TestFlat(t *testing.T) {
	m := &fts.Message{}
	m.Props.Set(fts.MakeTag(0x001A, fts.StringUpload), "IPM.Appointment")
	var a fts.Attachment
	a.Props.Set(fts.MakeTag(0x3701, fts.Binary), bytes.Repeat([]byte("p"), 24<<20))
	m.Attachments = append(m.Attachments, a)
	var b bytes.Buffer
	must(t, fts.WriteMessage(&b, m, fts.WriteOptions{}))
	it, err := open(b.Bytes())
	must(t, err)
	defer it.Close()
	done := memtest.Bound(t, 2<<20)
	must(t, ics.Write(io.Discard, it))
	done()
}

// FuzzCalendar gives the writer whatever a blob can hold.
func FuzzCalendar(f *testing.F) {
	for i, b := range blobs(f, "IPM.Appointment", "IPM.Task", "IPM.Schedule.Meeting") {
		if i%8 == 0 && len(b) < 64<<10 {
			f.Add(b)
		}
	}
	f.Fuzz(func(t *testing.T, blob []byte) {
		it, err := open(blob)
		if err != nil {
			return
		}
		defer it.Close()
		defer memtest.Bound(t, 256<<20)()
		var b bytes.Buffer
		if ics.Write(&b, it) != nil {
			return
		}
		s := strings.ReplaceAll(b.String(), "\r\n ", "")
		if strings.Count("\r\n"+s, "\r\nEND:VCALENDAR\r\n") != 1 || strings.ContainsAny(strings.ReplaceAll(s, "\r\n", ""), "\r\n") {
			t.Errorf("%q", s)
		}
	})
}
