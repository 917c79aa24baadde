package recur

import (
	"fmt"
	"time"
)

// Zone is a time zone as an item carries it.
type Zone struct {
	Name  string `json:"name,omitempty"` // the key of Windows, such as "W. Europe Standard Time"; a struct has none
	Rules []Rule `json:"rules"`
}

// Rule is what holds in a zone from a year on. Biases are minutes: UTC is local
// time plus Bias plus that of the half of the year.
type Rule struct {
	Year         int    `json:"year,omitempty"`
	Recurring    bool   `json:"recurring,omitempty"` // it is the one that the series was made with
	Effective    bool   `json:"effective,omitempty"`
	Bias         int    `json:"bias"`
	StandardBias int    `json:"standard_bias,omitempty"`
	DaylightBias int    `json:"daylight_bias,omitempty"`
	Standard     Switch `json:"standard,omitzero"` // when standard time begins
	Daylight     Switch `json:"daylight,omitzero"` // when daylight saving begins
}

// Switch is the local time at which a half of the year begins: a weekday of a
// month, or a date where Year is not 0. The zero Switch: there is none.
type Switch struct {
	Year    int          `json:"year,omitempty"`
	Month   time.Month   `json:"month"`
	Weekday time.Weekday `json:"weekday,omitempty"`
	Day     int          `json:"day"` // which Weekday of the month, 5 is the last; of a date the day
	Hour    int          `json:"hour,omitempty"`
	Minute  int          `json:"minute,omitempty"`
}

// ParseZone reads a PidLidTimeZoneStruct. The error is an [*Error].
func ParseZone(b []byte) (*Zone, error) {
	c := &cursor{b: b}
	var r Rule
	c.biases(&r)
	c.u16()
	r.Standard = c.systemTime()
	c.u16()
	r.Daylight = c.systemTime()
	return &Zone{Rules: []Rule{r}}, c.err
}

// ParseDefinition reads a PidLidAppointmentTimeZoneDefinition…. The error is an [*Error].
func ParseDefinition(b []byte) (*Zone, error) {
	c := &cursor{b: b}
	if v := c.u8(); c.err == nil && v != 2 {
		c.at--
		c.fail(fmt.Sprintf("a time zone of the unknown version %d", v))
	}
	c.u8()
	size := int(c.u16())
	begin := c.at
	c.u16()
	z := &Zone{Name: c.wide(int(c.u16()))}
	n := int(c.u16())
	if c.err == nil && size >= c.at-begin {
		c.take(size - (c.at - begin)) // what a later version adds
	}
	for range c.count(uint32(n), 66) {
		z.Rules = append(z.Rules, c.rule())
	}
	return z, c.err
}

func (c *cursor) rule() (r Rule) {
	c.take(4)
	flags := c.u16()
	r.Recurring, r.Effective = flags&1 != 0, flags&2 != 0
	r.Year = int(c.u16())
	c.take(14)
	c.biases(&r)
	r.Standard = c.systemTime()
	r.Daylight = c.systemTime()
	return r
}

func (c *cursor) biases(r *Rule) {
	r.Bias, r.StandardBias, r.DaylightBias = int(int32(c.u32())), int(int32(c.u32())), int(int32(c.u32()))
}

func (c *cursor) systemTime() (s Switch) {
	s.Year, s.Month, s.Weekday, s.Day = int(c.u16()), time.Month(c.u16()), time.Weekday(c.u16()%7), int(c.u16())
	s.Hour, s.Minute = int(c.u16()), int(c.u16())
	c.take(4)
	if s.Month == 0 || s.Month > 12 {
		return Switch{}
	}
	s.Day = min(max(s.Day, 1), 31)
	return s
}

// Rule returns the rule that holds in a year: the last one that begins before
// its end, else the first; nil if there is none.
func (z *Zone) Rule(year int) *Rule {
	var best *Rule
	for i := range z.Rules {
		if r := &z.Rules[i]; best == nil || r.Year <= year && (r.Year >= best.Year || best.Year > year) {
			best = r
		}
	}
	return best
}

// UTC returns the moment at which a clock on the wall shows local. An hour that
// comes twice is the first of the two.
func (z *Zone) UTC(local time.Time) time.Time {
	r := z.Rule(local.Year())
	if r == nil {
		return local
	}
	bias := r.Bias + r.StandardBias
	if r.daylight(local) {
		bias = r.Bias + r.DaylightBias
	}
	return local.Add(time.Duration(bias) * time.Minute)
}

// daylight says whether daylight saving holds at a local time.
func (r *Rule) daylight(local time.Time) bool {
	if r.Standard == (Switch{}) || r.Daylight == (Switch{}) {
		return false
	}
	on, off := r.Daylight.In(local.Year()), r.Standard.In(local.Year())
	if on.Before(off) {
		return !local.Before(on) && local.Before(off)
	}
	return !local.Before(on) || local.Before(off)
}

// In returns when a switch happens in a year, as a clock on the wall shows it.
func (s Switch) In(year int) time.Time {
	if s.Year != 0 {
		return time.Date(year, s.Month, s.Day, s.Hour, s.Minute, 0, 0, time.UTC)
	}
	t := time.Date(year, s.Month, 1, s.Hour, s.Minute, 0, 0, time.UTC)
	t = t.AddDate(0, 0, (int(s.Weekday-t.Weekday())+7)%7+7*(min(s.Day, 5)-1))
	if t.Month() != s.Month { // there are only four
		t = t.AddDate(0, 0, -7)
	}
	return t
}

// Local returns what a clock on the wall shows at a moment. ok is false in an hour
// that comes twice, the second time: [Zone.UTC] takes it for the first.
func (z *Zone) Local(utc time.Time) (local time.Time, ok bool) {
	utc = utc.UTC()
	local = utc
	// At the turn of a year two rules may hold.
	for _, year := range []int{utc.Year(), utc.Year() - 1, utc.Year() + 1} {
		r := z.Rule(year)
		if r == nil {
			return utc, true
		}
		for _, half := range []int{r.StandardBias, r.DaylightBias} {
			at := utc.Add(-time.Duration(r.Bias+half) * time.Minute)
			if z.UTC(at).Equal(utc) {
				return at, true
			}
			if year == utc.Year() && half == r.StandardBias {
				local = at
			}
		}
	}
	return local, false
}
