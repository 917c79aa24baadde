package main

import (
	"testing"
	"time"
)

func TestOneLine(t *testing.T) {
	// Folder names and subjects come from whoever wrote the mail.
	for in, want := range map[string]string{
		"two\nlines\tand a tab":       "two lines and a tab",
		"\x1b]0;title\x07\x1b[2Jgone": "\ufffd]0;title\ufffd\ufffd[2Jgone",
		"\u202eexe.txt":               "\ufffdexe.txt",
		"שלום Ünïcödé 📦":              "שלום Ünïcödé 📦",
	} {
		if got := oneLine(in); got != want {
			t.Errorf("oneLine(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestAmounts(t *testing.T) {
	for in, want := range map[int64]string{0: "0 B", 999: "999 B", 1000: "1.0 kB", 999_949: "999.9 kB", 999_950: "1.0 MB", 21_500_000: "21.5 MB"} {
		if got := bytesText(in); got != want {
			t.Errorf("bytesText(%d) = %q, want %q", in, got, want)
		}
	}
	for in, want := range map[time.Duration]string{0: "0 s", 2100 * time.Millisecond: "2.1 s", 42 * time.Second: "42 s", 3 * time.Minute: "3m0s"} {
		if got := durationText(in); got != want {
			t.Errorf("durationText(%v) = %q, want %q", in, got, want)
		}
	}
	if got := counted(2178, "item"); got != "2,178 items" {
		t.Errorf("counted: %q", got)
	}
}
