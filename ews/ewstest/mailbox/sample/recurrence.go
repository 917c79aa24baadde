package sample

import (
	"encoding/binary"
	"fmt"
	"time"
)

// The frequencies of [MS-OXOCAL] 2.2.1.44.1.
const (
	daily   = 0x200A
	weekly  = 0x200B
	monthly = 0x200C
)

// recurrence is what an AppointmentRecurrencePattern tells ([MS-OXOCAL]
// 2.2.1.44.5). Times are taken as they are for local ones.
type recurrence struct {
	frequency int
	start     time.Time
	length    time.Duration
	period    int
	count     int // 0 never ends
	deleted   []time.Time
	changed   []exception
}

// exception is an occurrence that was changed. It keeps its subject and its
// location where they are "".
type exception struct {
	original, start, end time.Time
	subject, location    string
}

// never is the end date of a series that does not end.
const never = 0x5AE980DF

// last returns the day of the last occurrence; of a series that does not end a
// day far off.
func (r recurrence) last() time.Time {
	switch {
	case r.count == 0:
		return time.Date(4500, 8, 31, 0, 0, 0, 0, time.UTC)
	case r.frequency == daily:
		return r.start.AddDate(0, 0, r.period*(r.count-1))
	case r.frequency == weekly:
		return r.start.AddDate(0, 0, 7*r.period*(r.count-1))
	}
	return r.start.AddDate(0, r.period*(r.count-1), 0)
}

func (r recurrence) text() string {
	return fmt.Sprintf("every %d. %s from %s", r.period, map[int]string{daily: "day", weekly: "week", monthly: "month"}[r.frequency],
		r.start.Format("15:04"))
}

// minutes since 1601.
func minutes(t time.Time) uint32 { return uint32((t.Unix() + 11644473600) / 60) }

func midnight(t time.Time) uint32 { return minutes(t.Truncate(24 * time.Hour)) }

type blob []byte

func (b *blob) u16(ns ...int) {
	for _, n := range ns {
		*b = binary.LittleEndian.AppendUint16(*b, uint16(n))
	}
}

func (b *blob) u32(ns ...uint32) {
	for _, n := range ns {
		*b = binary.LittleEndian.AppendUint32(*b, n)
	}
}

// bytes writes the whole structure.
func (r recurrence) bytes() []byte {
	var b blob
	b.pattern(r)
	b.u32(0x3006, 0x3009)
	start := minutes(r.start) - midnight(r.start)
	b.u32(start, start+uint32(r.length/time.Minute))
	b.u16(len(r.changed))
	for _, e := range r.changed {
		b.u32(minutes(e.start), minutes(e.end), minutes(e.original))
		b.u16(e.flags())
		for _, s := range e.texts() {
			ansi := narrow(s)
			b.u16(len(ansi)+1, len(ansi))
			b = append(b, ansi...)
		}
	}
	b.u32(0) // reserved
	for _, e := range r.changed {
		b.u32(4, 0) // change highlight
		b.u32(0)    // reserved
		if texts := e.texts(); len(texts) > 0 {
			b.u32(minutes(e.start), minutes(e.end), minutes(e.original))
			for _, s := range texts {
				w := wide(s)
				b.u16(len(w) / 2)
				b = append(b, w...)
			}
			b.u32(0) // reserved
		}
	}
	b.u32(0) // reserved
	return b
}

// pattern writes the RecurrencePattern ([MS-OXOCAL] 2.2.1.44.1).
func (b *blob) pattern(r recurrence) {
	first, last, kind := midnight(r.start), midnight(r.last()), r.frequency-daily
	b.u16(0x3004, 0x3004, r.frequency, kind, 0)
	switch r.frequency {
	case daily:
		period := uint32(r.period * 24 * 60)
		b.u32(first%period, period, 0)
	case weekly:
		sunday := midnight(r.start.AddDate(0, 0, -int(r.start.Weekday())))
		b.u32(sunday%uint32(r.period*7*24*60), uint32(r.period), 0, 1<<r.start.Weekday())
	case monthly:
		b.u32(0, uint32(r.period), 0, uint32(r.start.Day()))
	}
	if r.count == 0 {
		last = never
		b.u32(0x2023, 10)
	} else {
		b.u32(0x2022, uint32(r.count))
	}
	b.u32(0) // the week begins on Sunday
	// A changed occurrence counts as deleted and as modified.
	b.u32(uint32(len(r.deleted) + len(r.changed)))
	for _, d := range r.deleted {
		b.u32(midnight(d))
	}
	for _, e := range r.changed {
		b.u32(midnight(e.original))
	}
	b.u32(uint32(len(r.changed)))
	for _, e := range r.changed {
		b.u32(midnight(e.start))
	}
	b.u32(first, last)
}

func (e exception) flags() int {
	flags := 0
	if e.subject != "" {
		flags |= 0x0001
	}
	if e.location != "" {
		flags |= 0x0010
	}
	return flags
}

func (e exception) texts() []string {
	var all []string
	for _, s := range []string{e.subject, e.location} {
		if s != "" {
			all = append(all, s)
		}
	}
	return all
}

// narrow writes what is not ASCII as "?".
func narrow(s string) []byte {
	var b []byte
	for _, r := range s {
		if r > 126 {
			r = '?'
		}
		b = append(b, byte(r))
	}
	return b
}

// systemTime is a SYSTEMTIME of a rule: a month, a day of the week, which one,
// and an hour.
func (b *blob) systemTime(month, weekday, which, hour int) {
	b.u16(0, month, weekday, which, hour, 0, 0, 0)
}

// The time zone of Berlin, in the two forms that calendar items carry
// ([MS-OXOCAL] 2.2.1.39 and 2.2.1.41).
var (
	berlinStruct     = makeStruct()
	berlinDefinition = makeDefinition()
)

// minusHour is a bias of -60 minutes.
const minusHour = ^uint32(60) + 1

func makeStruct() []byte {
	var b blob
	b.u32(minusHour, 0, minusHour)
	b.u16(0)
	b.systemTime(10, 0, 5, 3)
	b.u16(0)
	b.systemTime(3, 0, 5, 2)
	return b
}

func makeDefinition() []byte {
	const key = "W. Europe Standard Time"
	b := blob{2, 1}
	b.u16(6+2*len(key), 2, len(key))
	b = append(b, wide(key)...)
	b.u16(1)
	b = append(b, 2, 1)
	b.u16(0x3E, 2, 1601)
	b = append(b, make([]byte, 14)...)
	b.u32(minusHour, 0, minusHour)
	b.systemTime(10, 0, 5, 3)
	b.systemTime(3, 0, 5, 2)
	return b
}
