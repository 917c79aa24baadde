package main

import (
	"errors"
	"fmt"
	"io"
)

// table prints one line a measurement, with its bound where there is one, and
// remembers whether all bounds held.
type table struct {
	out    io.Writer
	missed int
}

func (t *table) header() {
	fmt.Fprintf(t.out, "%-62s %16s %10s  %s\n", "measurement", "value", "bound", "")
}

// value prints a measurement without a bound.
func (t *table) value(what, value string) {
	fmt.Fprintf(t.out, "%-62s %16s %10s\n", what, value, "")
}

// atMost prints a measurement that must not be above bound.
func (t *table) atMost(what string, value, bound float64, format string) {
	word := "holds"
	if !(value <= bound) { // also when it is not a number
		word = "MISSED"
		t.missed++
	}
	fmt.Fprintf(t.out, "%-62s %16s %10s  %s\n", what, fmt.Sprintf(format, value), "<= "+fmt.Sprintf(format, bound), word)
}

// atLeast prints a measurement that must not be below bound.
func (t *table) atLeast(what string, value, bound float64, format string) {
	word := "holds"
	if !(value >= bound) { // also when it is not a number
		word = "MISSED"
		t.missed++
	}
	fmt.Fprintf(t.out, "%-62s %16s %10s  %s\n", what, fmt.Sprintf(format, value), ">= "+fmt.Sprintf(format, bound), word)
}

// notMeasured says why a line is missing.
func (t *table) notMeasured(what, why string) {
	fmt.Fprintf(t.out, "%-62s %16s %10s  not measured: %s\n", what, "-", "", why)
}

func (t *table) verdict() error {
	if t.missed > 0 {
		return fmt.Errorf("%d of the bounds were missed", t.missed)
	}
	_, err := fmt.Fprintln(t.out, "all bounds hold")
	return err
}

var errNotThere = errors.New("not installed")
