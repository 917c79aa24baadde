package extract

import (
	"path"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

func TestSafeName(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"Quarterly report":          "Quarterly report",
		"a/b":                       "a_b",
		`..\..\x`:                   "_.._x",
		"../../etc/passwd":          "_.._etc_passwd",
		"..":                        "",
		"CON":                       "_CON",
		"con.txt":                   "_con.txt",
		"COM1":                      "_COM1",
		"LPT².log":                  "_LPT².log",
		"COM10":                     "COM10",
		"console":                   "console",
		"nul .x":                    "_nul .x",
		"trailing. . ":              "trailing",
		".hidden":                   "hidden",
		"-rf":                       "rf",
		"~root":                     "root",
		"line\r\nbreak\tand\x00nul": "line break and_nul",
		"e\u0301":                   "é",
		"\u202egpj.exe":             "gpj.exe",
		"zero\u200bwidth":           "zerowidth",
		"bad\xffutf":                "bad_utf",
		"":                          "",
		"Straße 会議":                 "Straße 会議",
		`what? "now": <1|2>*`:       "what_ _now__ _1_2__",
		strings.Repeat("ä", 200):    strings.Repeat("ä", 60),
	} {
		if got := safeName(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

func TestNamesTellApart(t *testing.T) {
	t.Parallel()
	at := time.Date(2025, 1, 31, 14, 5, 0, 0, time.UTC)
	if got := fileName(at, "Re: a/b", "alice@old.example", "AAMk1"); !strings.HasPrefix(got, "2025-01-31 1405 Re_ a_b [") {
		t.Error(got)
	}
	if fileName(at, "x", "alice@old.example", "AAMk1") == fileName(at, "x", "alice@old.example", "AAMK1") {
		t.Error("two ids give one name")
	}
	if a, b := folderPath("", []string{"Inbox", "a/b"}), folderPath("", []string{"Inbox", "a_b"}); a == b || b != "Inbox/a_b" {
		t.Errorf("%q, %q", a, b)
	}
	if a, b := folderPath("#archive", []string{"x"}), folderPath("", []string{"#archive", "x"}); a != "#archive/x" || a == b {
		t.Errorf("%q, %q", a, b)
	}
	deep := make([]string, 10_000)
	for i := range deep {
		deep[i] = "level"
	}
	other := append([]string(nil), deep...)
	other[9_999] = "other"
	if a, b := folderPath("", deep), folderPath("", other); a == b || len(a) > maxPath+20 || strings.Count(a, "/") > maxDepth {
		t.Errorf("%d bytes, %d levels, same %v", len(a), strings.Count(a, "/"), a == b)
	}
}

func FuzzNames(f *testing.F) {
	for _, seed := range []string{"a/b", `..\..\x`, "CON", "com1.txt", ". .", "\u202ex", "e\u0301\u0302", "\xff\x00", strings.Repeat("x", 300), "Ⅳ", "ﬁ"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, name := range []string{safeName(text), folderName(text), fileName(time.Time{}, text, "m", text) + ".eml"} {
			switch {
			case name == "" && safeName(text) == "" && text != "":
				continue // the caller adds a mark
			case name == "":
				if text != "" {
					t.Errorf("%q: no name", text)
				}
				continue
			}
			if len(name) > maxName+30 || !utf8.ValidString(name) || strings.ContainsAny(name, "/\\<>:\"|?*\x00") || strings.TrimRight(name, ". ") != name ||
				name[0] == '.' || isDevice(name) || !filepath.IsLocal(name) || path.Base(name) != name {
				t.Errorf("%q: %q is not safe", text, name)
			}
			for _, r := range name {
				if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 {
					t.Errorf("%q: %q holds a control character", text, name)
				}
			}
		}
		if again := safeName(safeName(text)); again != safeName(text) {
			t.Errorf("%q: %q, and again %q", text, safeName(text), again)
		}
	})
}
