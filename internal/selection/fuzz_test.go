package selection_test

import (
	"slices"
	"strings"
	"testing"

	"mailferry/internal/selection"
)

func FuzzPattern(f *testing.F) {
	for _, seed := range [][2]string{
		{"Inbox/**", "Inbox/a"},
		{"#inbox/*", "Posteingang/x"},
		{`a\*\/**/b`, `a*\/b`},
		{strings.Repeat("*a", 200), strings.Repeat("a", 400)},
		{"#archive/**", "#archive/In"},
		{"\\", "\\"},
		{"***", "a/b"},
	} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, pattern, name string) {
		if len(name) > 1000 {
			return
		}
		path := selection.JoinPath(name, "below")
		folders := []selection.FolderName{{Path: path, Distinguished: "inbox"}}
		s := selection.Selection{Folders: []string{pattern}}
		if err := s.Validate(folders); err == nil && selection.CheckPattern(pattern) != nil {
			t.Errorf("a malformed pattern is known: %q", pattern)
		}
		s.Folder(path, "inbox")
		exact := selection.Selection{Folders: []string{strings.ReplaceAll(path, "*", `\*`)}}
		if !exact.Folder(path, "") {
			t.Errorf("%q doesn't match itself", path)
		}
	})
}

func FuzzPath(f *testing.F) {
	f.Add("Inbox", "a/b")
	f.Add(`#x\`, "")
	f.Fuzz(func(t *testing.T, a, b string) {
		names := []string{a, b}
		path := selection.JoinPath(names...)
		if got := selection.SplitPath(path); !slices.Equal(got, names) {
			t.Errorf("%q: %q became %q", names, path, got)
		}
		if root, _ := selection.CutRoot(path); root != "" {
			t.Errorf("%q: a name became the root %q", names, root)
		}
	})
}

func FuzzAddress(f *testing.F) {
	for _, seed := range []string{"old:alice@old.example/#inbox/**", "a@b/c\\/", "@", ":@/"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		a, err := selection.ParseAddress(text)
		if err != nil {
			return
		}
		again, err := selection.ParseAddress(a.String())
		if err != nil || again != a {
			t.Errorf("%q: %+v is read back as %+v, %v", text, a, again, err)
		}
	})
}

func FuzzUnits(f *testing.F) {
	for _, seed := range []string{"25MB", "1.5GiB", "2025-01-01", "2025-01-01T00:00:00+02:00", "10MB/s"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if n, err := selection.ParseSize(text); err == nil && n < 0 {
			t.Errorf("%q: %d", text, n)
		}
		if n, err := selection.ParseRate(text); err == nil && n <= 0 {
			t.Errorf("%q: %d", text, n)
		}
		since, err1 := selection.ParseSince(text)
		until, err2 := selection.ParseUntil(text)
		if (err1 == nil) != (err2 == nil) || err1 == nil && until.Before(since) {
			t.Errorf("%q: %v, %v", text, since, until)
		}
	})
}
