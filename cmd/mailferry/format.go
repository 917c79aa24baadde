package main

import (
	"fmt"
	"time"

	"golang.org/x/text/language"
	"golang.org/x/text/message"
)

// english writes numbers as people read them: 2,178.
var english = message.NewPrinter(language.English)

func number(n int) string { return english.Sprintf("%d", n) }

// counted is a number with its noun: "1 item", "2,178 items".
func counted(n int, noun string) string {
	return number(n) + " " + plural(n, noun, noun+"s")
}

// plural chooses the word that goes with a number.
func plural(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}

// bytesText writes an amount of bytes in units of 1000: 181.2 MB.
func bytesText(n int64) string {
	if n < 1000 {
		return fmt.Sprintf("%d B", n)
	}
	value, units := float64(n), "kMGTPE"
	unit := -1
	for value >= 999.95 && unit < len(units)-1 {
		value /= 1000
		unit++
	}
	return fmt.Sprintf("%.1f %cB", value, units[unit])
}

// durationText writes a duration to the second, or to the tenth below ten.
func durationText(d time.Duration) string {
	switch {
	case d <= 0:
		return "0 s"
	case d < 10*time.Second:
		return fmt.Sprintf("%.1f s", d.Seconds())
	case d < time.Minute:
		return fmt.Sprintf("%d s", int(d.Seconds()))
	}
	return d.Round(time.Second).String()
}

// rateText writes bytes a second.
func rateText(n int64, d time.Duration) string {
	if d <= 0 {
		return "-"
	}
	return bytesText(int64(float64(n)/d.Seconds())) + "/s"
}
