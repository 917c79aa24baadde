package selection

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// ParseSize reads a number of bytes: "25MB" (1000 each step), "10MiB" (1024),
// "100K" (as KB), "1.5G", "4096". Case doesn't matter. Errors are ErrUsage.
func ParseSize(text string) (int64, error) {
	bad := func() (int64, error) {
		return 0, usagef("%q is no size; write for example 25MB, 10MiB, 100K or a number of bytes", text)
	}
	digits := 0
	for digits < len(text) && (text[digits] >= '0' && text[digits] <= '9' || text[digits] == '.') {
		digits++
	}
	if digits == 0 || digits > 30 {
		return bad()
	}
	unit, ok := units[strings.ToLower(strings.TrimSpace(text[digits:]))]
	if !ok {
		return bad()
	}
	if !strings.Contains(text[:digits], ".") {
		n, err := strconv.ParseInt(text[:digits], 10, 64)
		if err != nil || n > math.MaxInt64/unit {
			return bad()
		}
		return n * unit, nil
	}
	f, err := strconv.ParseFloat(text[:digits], 64)
	if err != nil || f*float64(unit) >= math.MaxInt64/2 {
		return bad()
	}
	return int64(f * float64(unit)), nil
}

var units = map[string]int64{
	"": 1, "b": 1,
	"k": 1e3, "kb": 1e3, "ki": 1 << 10, "kib": 1 << 10,
	"m": 1e6, "mb": 1e6, "mi": 1 << 20, "mib": 1 << 20,
	"g": 1e9, "gb": 1e9, "gi": 1 << 30, "gib": 1 << 30,
	"t": 1e12, "tb": 1e12, "ti": 1 << 40, "tib": 1 << 40,
}

// ParseRate reads bytes a second: a size, with or without "/s". Errors are
// ErrUsage.
func ParseRate(text string) (int64, error) {
	size := text
	if n := len(text) - 2; n > 0 && strings.EqualFold(text[n:], "/s") {
		size = text[:n]
	}
	rate, err := ParseSize(size)
	if err != nil || rate == 0 {
		return 0, usagef("%q is no rate; write for example 10MB/s", text)
	}
	return rate, nil
}

// ParseSince reads the time at which a selection begins: a date means the
// beginning of that day in UTC, an RFC 3339 time that instant. Errors are
// ErrUsage.
func ParseSince(text string) (time.Time, error) {
	t, _, err := parseTime(text)
	return t, err
}

// ParseUntil reads the time before which a selection ends: a date means the end
// of that day in UTC, so that the day is still in, an RFC 3339 time that
// instant, which is out. Errors are ErrUsage.
func ParseUntil(text string) (time.Time, error) {
	t, isDate, err := parseTime(text)
	if isDate {
		t = t.AddDate(0, 0, 1)
	}
	return t, err
}

func parseTime(text string) (t time.Time, isDate bool, err error) {
	if t, err := time.Parse(time.DateOnly, text); err == nil {
		return t, true, nil
	}
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return t.UTC(), false, nil
	}
	return time.Time{}, false, usagef("%q is no date; write 2025-01-31 or 2025-01-31T18:00:00Z", text)
}
