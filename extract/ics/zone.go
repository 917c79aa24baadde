package ics

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"mailferry/fts"
	"mailferry/fts/recur"
	"mailferry/internal/contentline"
)

// Properties with a time zone ([MS-OXOCAL] 2.2.1.39 to 2.2.1.43).
const (
	lidZoneStruct      = 0x8233
	lidZoneDescription = 0x8234
	lidZoneStart       = 0x825E
	lidZoneRecur       = 0x8260
)

// zone is the time zone that the item is meant in; nil: it carries none.
type zone struct {
	*recur.Zone
	id string
}

func zoneOf(m *fts.Message) *zone {
	binary := func(lid uint32) []byte { b, _ := fts.NamedValue[[]byte](m.Props, appointment(lid)); return b }
	description, _ := fts.NamedValue[string](m.Props, appointment(lidZoneDescription))
	for _, lid := range []uint32{lidZoneRecur, lidZoneStart, lidZoneStruct} {
		b := binary(lid)
		if len(b) == 0 {
			continue
		}
		parse := recur.ParseDefinition
		if lid == lidZoneStruct {
			parse = recur.ParseZone
		}
		z, err := parse(b)
		if err != nil || len(z.Rules) == 0 || slices.ContainsFunc(z.Rules, odd) {
			continue
		}
		slices.SortStableFunc(z.Rules, func(a, b recur.Rule) int { return cmp.Compare(a.Year, b.Year) })
		z.Rules = slices.CompactFunc(z.Rules, func(a, b recur.Rule) bool { return a.Year == b.Year })
		if len(z.Rules) > maxRules {
			continue
		}
		return &zone{z, identifier(cmp.Or(z.Name, description))}
	}
	return nil
}

const maxRules = 500 // of a time zone: one a year is more than there ever was

// odd says whether a rule can be none of this world.
func odd(r recur.Rule) bool {
	for _, half := range []int{r.StandardBias, r.DaylightBias} {
		if bias := r.Bias + half; bias <= -minutesOfDay || bias >= minutesOfDay {
			return true
		}
	}
	return false
}

// identifier makes a name that is the same as a text and as a parameter.
func identifier(name string) string {
	name = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7F || strings.ContainsRune(`"^\,;`, r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(name, ""))
	return cmp.Or(strings.TrimSpace(name[:min(len(name), 200)]), "Zone of the item")
}

// write writes the VTIMEZONE.
func (z *zone) write(w *contentline.Writer) {
	w.Raw("BEGIN", "VTIMEZONE")
	w.Text("TZID", z.id)
	for i := range z.Rules {
		r := &z.Rules[i]
		first, until := max(r.Year, 1601), time.Time{}
		if i == 0 {
			first = 1601
		}
		if i < len(z.Rules)-1 {
			next := max(z.Rules[i+1].Year, 1601)
			if next <= first {
				continue
			}
			until = time.Date(next, 1, 1, 0, 0, 0, 0, time.UTC)
		}
		standard, daylight := r.Bias+r.StandardBias, r.Bias+r.DaylightBias
		if r.Standard == (recur.Switch{}) || r.Daylight == (recur.Switch{}) {
			observance(w, "STANDARD", time.Date(first, 1, 1, 0, 0, 0, 0, time.UTC), "", standard, standard)
			continue
		}
		if i > 0 { // how the first year begins, as the rule before may have another offset
			at := time.Date(first, 1, 1, 0, 0, 0, 0, time.UTC)
			kind, to := "STANDARD", standard
			if r.Daylight.In(first).After(r.Standard.In(first)) {
				kind, to = "DAYLIGHT", daylight
			}
			observance(w, kind, at, "", to, to)
		}
		observance(w, "STANDARD", r.Standard.In(first), yearly(r.Standard, until, daylight), daylight, standard)
		observance(w, "DAYLIGHT", r.Daylight.In(first), yearly(r.Daylight, until, standard), standard, daylight)
	}
	w.Raw("END", "VTIMEZONE")
}

func observance(w *contentline.Writer, kind string, at time.Time, rrule string, from, to int) {
	w.Raw("BEGIN", kind)
	w.Raw("DTSTART", at.Format(stamp))
	if rrule != "" {
		w.Raw("RRULE", rrule)
	}
	w.Raw("TZOFFSETFROM", offset(from))
	w.Raw("TZOFFSETTO", offset(to))
	w.Raw("END", kind)
}

// yearly is the rule of a switch, which ends before a moment on the wall if there is one.
func yearly(s recur.Switch, until time.Time, bias int) string {
	r := fmt.Sprintf("FREQ=YEARLY;BYMONTH=%d", s.Month)
	if s.Year != 0 {
		r += fmt.Sprintf(";BYMONTHDAY=%d", s.Day)
	} else {
		nth := min(s.Day, 5)
		if nth == 5 {
			nth = -1
		}
		r += fmt.Sprintf(";BYDAY=%d%s", nth, dayNames[s.Weekday])
	}
	if !until.IsZero() {
		r += ";UNTIL=" + until.Add(time.Duration(bias)*time.Minute-time.Second).Format(stamp) + "Z"
	}
	return r
}

// offset writes a bias, which is minutes that are to be added for UTC.
func offset(bias int) string {
	sign := "-"
	if bias <= 0 {
		sign, bias = "+", -bias
	}
	return fmt.Sprintf("%s%02d%02d", sign, bias/60, bias%60)
}
