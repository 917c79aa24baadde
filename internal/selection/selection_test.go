package selection_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"mailferry/internal/selection"
)

// german is a mailbox whose folders don't have English names.
var german = []selection.FolderName{
	{Path: "Posteingang", Distinguished: "inbox"},
	{Path: "Posteingang/Projekte"},
	{Path: "Posteingang/Projekte/2024"},
	{Path: "Posteingang/Projekte/2025"},
	{Path: "Gesendete Elemente", Distinguished: "sentitems"},
	{Path: "Kalender", Distinguished: "calendar"},
	{Path: `AC\/DC \\ live`},
	{Path: `\#tags`},
	{Path: "a*b"},
	{Path: "ÄRZTE"},
	{Path: "#archive/Inbox", Distinguished: "archiveinbox"},
	{Path: "#archive/Inbox/2019"},
	{Path: "#recoverable/Deletions", Distinguished: "recoverableitemsdeletions"},
	{Path: "#root/Common Views"},
}

func chosen(t *testing.T, s selection.Selection) []string {
	t.Helper()
	if err := s.Validate(german); err != nil {
		t.Fatal(err)
	}
	var paths []string
	for _, f := range german {
		if s.Folder(f.Path, f.Distinguished) {
			paths = append(paths, f.Path)
		}
	}
	return paths
}

func TestFolderPatterns(t *testing.T) {
	for _, c := range []struct{ patterns, exclude, want string }{
		{"Posteingang", "", "Posteingang"},
		{"posteingang/**", "", "Posteingang/Projekte|Posteingang/Projekte/2024|Posteingang/Projekte/2025"},
		{"Posteingang/*", "", "Posteingang/Projekte"},
		{"**/2024", "", "Posteingang/Projekte/2024"},
		{"**/Posteingang", "", "Posteingang"},
		{"Posteingang/**/2025", "", "Posteingang/Projekte/2025"},
		{"Posteingang/**/Projekte", "", "Posteingang/Projekte"},
		{"post**5", "", "Posteingang/Projekte/2025"},
		{"#inbox", "", "Posteingang"},
		{"#INBOX/**", "#inbox/Projekte/202*", "Posteingang/Projekte"},
		{"#sent|#calendar", "", "Gesendete Elemente|Kalender"},
		{`ac\/dc \\ live`, "", `AC\/DC \\ live`},
		{`\#TAGS`, "", `\#tags`},
		{`a\*b`, "", "a*b"},
		{"ärzte", "", "ÄRZTE"},
		{"#archive/**", "", "#archive/Inbox|#archive/Inbox/2019"},
		{"#archiveinbox/**", "", "#archive/Inbox/2019"},
		{"**/Inbox", "", "#archive/Inbox"},
		{"Kalender/**|Kalender", "", "Kalender"},
		{"**", "#archive/**|#root/**|#recoverable/**|#inbox/**|#junk", `Posteingang|Gesendete Elemente|Kalender|AC\/DC \\ live|\#tags|a*b|ÄRZTE`},
	} {
		s := selection.Selection{Folders: strings.Split(c.patterns, "|")}
		if c.exclude != "" {
			s.Exclude = strings.Split(c.exclude, "|")
		}
		if got := strings.Join(chosen(t, s), "|"); got != c.want {
			t.Errorf("%s but %s: got %s, want %s", c.patterns, c.exclude, got, c.want)
		}
	}
	if n := len(chosen(t, selection.Selection{})); n != len(german) {
		t.Errorf("no pattern chose %d folders of %d", n, len(german))
	}
}

func TestUnknownPatternNamesWhatIsNear(t *testing.T) {
	for pattern, want := range map[string]string{
		"Postengang":            `"Posteingang"`,
		"Projekte":              `"Posteingang/Projekte"`,
		"Posteingang/Projekt/*": "names no folder",
		"Zzzzzz":                "names no folder",
		"#junk":                 "no #junk folder",
		"#inbox/Projekt":        `"Posteingang/Projekte"`,
		"#nonsense":             "no such well-known folder",
		"kalendar":              `"Kalender"`,
	} {
		s := selection.Selection{Folders: []string{pattern}}
		err := s.Validate(german)
		if !errors.Is(err, selection.ErrUsage) || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, want %s", pattern, err, want)
		}
	}
	misspelt := selection.Selection{Exclude: []string{"Kalendar"}}
	if err := misspelt.Validate(german); !errors.Is(err, selection.ErrUsage) {
		t.Errorf("misspelt exclusion: %v", err)
	}
	absent := selection.Selection{Exclude: []string{"#junk", "**/nowhere"}}
	if err := absent.Validate(german); err != nil {
		t.Errorf("exclusion of what may not be there: %v", err)
	}
}

func TestNamesAsksForATree(t *testing.T) {
	for _, c := range []struct {
		pattern, root string
		want          bool
	}{
		{"#archive/**", selection.ArchiveRoot, true},
		{"#Archive", selection.ArchiveRoot, true},
		{"#archiveinbox", selection.ArchiveRoot, true},
		{"#recoverableitemspurges", selection.RecoverableRoot, true},
		{"#public", selection.PublicRoot, true},
		{"#root/**", selection.HiddenRoot, true},
		{"#inbox", selection.ArchiveRoot, false},
		{`\#archive`, selection.ArchiveRoot, false},
		{"**", selection.ArchiveRoot, false},
	} {
		s := selection.Selection{Folders: []string{c.pattern}}
		if got := s.Names(c.root); got != c.want {
			t.Errorf("%s names %s: %v", c.pattern, c.root, got)
		}
	}
}

func TestItems(t *testing.T) {
	at := func(text string) time.Time {
		parsed, err := time.Parse(time.RFC3339, text)
		if err != nil {
			t.Fatal(err)
		}
		return parsed
	}
	s, err := selection.Parse(selection.Text{
		Since: "2025-01-01", Until: "2025-01-31", Class: []string{"ipm.note*", "IPM.Task"}, Larger: "1K", Smaller: "1MiB",
	})
	if err != nil {
		t.Fatal(err)
	}
	good := selection.Item{ID: "A", Class: "IPM.Note.SMIME", Size: 5000, Received: at("2025-01-31T23:59:59Z")}
	if !s.Item(good) {
		t.Error("the last second of the last day is out")
	}
	for what, change := range map[string]func(*selection.Item){
		"too late":  func(it *selection.Item) { it.Received = at("2025-02-01T00:00:00Z") },
		"too early": func(it *selection.Item) { it.Received = at("2024-12-31T23:59:59Z") },
		"class":     func(it *selection.Item) { it.Class = "IPM.Task.Other" },
		"too small": func(it *selection.Item) { it.Size = 1000 },
		"too large": func(it *selection.Item) { it.Size = 1 << 20 },
	} {
		it := good
		change(&it)
		if s.Item(it) {
			t.Errorf("%s: chosen", what)
		}
	}
	undated := good
	undated.Received = time.Time{}
	if !s.Item(undated) {
		t.Error("an item without any time is left out")
	}
	byID := selection.Selection{Items: []string{"AAa="}}
	if !byID.Item(selection.Item{ID: "AAa="}) || byID.Item(selection.Item{ID: "AAA="}) {
		t.Error("item ids are case-sensitive")
	}
	if !(selection.Selection{}).IsZero() || s.IsZero() || byID.IsZero() || !byID.ChoosesItems() {
		t.Error("IsZero or ChoosesItems")
	}
}

func TestRefusedText(t *testing.T) {
	for _, text := range []selection.Text{
		{Folders: []string{""}},
		{Folders: []string{"/Inbox"}},
		{Exclude: []string{"Inbox/"}},
		{Folders: []string{"#nosuch"}},
		{Since: "yesterday"},
		{Until: "2025-02-30"},
		{Since: "2025-02-01", Until: "2025-01-01"},
		{Larger: "big"},
		{Smaller: "0"},
		{Larger: "2M", Smaller: "1M"},
		{Class: []string{""}},
		{Items: []string{""}},
	} {
		if _, err := selection.Parse(text); !errors.Is(err, selection.ErrUsage) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%+v: %v", text, err)
		}
	}
	if _, err := selection.Parse(selection.Text{Since: "2025-01-01", Until: "2025-01-01"}); err != nil {
		t.Errorf("one day: %v", err)
	}
}

func TestSizes(t *testing.T) {
	for text, want := range map[string]int64{
		"0": 0, "4096": 4096, "25MB": 25e6, "25mb": 25e6, "10MiB": 10 << 20, "100K": 1e5, "100 KB": 1e5,
		"1.5G": 15e8, "2TiB": 2 << 40, "7b": 7, "0.5Ki": 512,
	} {
		if got, err := selection.ParseSize(text); err != nil || got != want {
			t.Errorf("%s: %d, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "MB", "-1", "1XB", "9999999999999999999", "9999999TB", "1.2.3M", "1e9", "0x10", "١"} {
		if got, err := selection.ParseSize(text); !errors.Is(err, selection.ErrUsage) {
			t.Errorf("%s: %d, %v", text, got, err)
		}
	}
	if rate, err := selection.ParseRate("10MB/s"); err != nil || rate != 1e7 {
		t.Errorf("rate: %d, %v", rate, err)
	}
	for _, text := range []string{"", "0", "/s", "10MB/h"} {
		if _, err := selection.ParseRate(text); !errors.Is(err, selection.ErrUsage) {
			t.Errorf("rate %s: %v", text, err)
		}
	}
}

func TestAddresses(t *testing.T) {
	for text, want := range map[string]selection.Address{
		"alice@old.example":               {Address: "alice@old.example"},
		"old:alice@old.example":           {Server: "old", Address: "alice@old.example"},
		"alice@old.example/":              {Address: "alice@old.example"},
		"o-1:A.B+c@old.example/#inbox/**": {Server: "o-1", Address: "A.B+c@old.example", Folder: "#inbox/**"},
		"alice@old.example/In@b:ox":       {Address: "alice@old.example", Folder: "In@b:ox"},
		`alice@old.example/a\/`:           {Address: "alice@old.example", Folder: `a\/`},
		`alice@old.example/a\\/`:          {Address: "alice@old.example", Folder: `a\\`},
	} {
		if got, err := selection.ParseAddress(text); err != nil || got != want {
			t.Errorf("%s: %+v, %v", text, got, err)
		}
	}
	for _, text := range []string{
		"", "alice", "@old.example", "alice@", "old:@x", ":alice@x", "a b@x", "alice@x@y", "o/ld:alice@x",
		"alice@old..example", "<alice@x>", "alice@x//Inbox", "alice@x/#nosuch", "https://mail/EWS:a@x", "a@x\n",
	} {
		if got, err := selection.ParseAddress(text); !errors.Is(err, selection.ErrUsage) {
			t.Errorf("%q: %+v, %v", text, got, err)
		}
	}
}

func TestPaths(t *testing.T) {
	for want, names := range map[string][]string{
		"Inbox/Sub":   {"Inbox", "Sub"},
		`AC\/DC/a\\b`: {"AC/DC", `a\b`},
		`\#x/#y`:      {"#x", "#y"},
		"a*b":         {"a*b"},
	} {
		got := selection.JoinPath(names...)
		if got != want || strings.Join(selection.SplitPath(got), "\x00") != strings.Join(names, "\x00") {
			t.Errorf("%q: %q", names, got)
		}
	}
	if root, rest := selection.CutRoot("#archive/Inbox/Sub"); root != "#archive" || rest != "Inbox/Sub" {
		t.Errorf("CutRoot: %q %q", root, rest)
	}
	if root, rest := selection.CutRoot(`\#archive/Inbox`); root != "" || rest != `\#archive/Inbox` {
		t.Errorf("CutRoot: %q %q", root, rest)
	}
}

func TestWellKnown(t *testing.T) {
	for name, want := range map[string]string{
		"#inbox": "inbox", "#Sent": "sentitems", "#deleted": "deleteditems", "#junk": "junkemail", "#root": "root",
		"#archive": "archivemsgfolderroot", "#recoverable": "recoverableitemsroot", "#public": "publicfoldersroot",
		"#conversationhistory": "conversationhistory",
	} {
		if got, ok := selection.WellKnown(name); !ok || got != want {
			t.Errorf("%s: %q", name, got)
		}
	}
	for _, name := range []string{"inbox", "#", "#posteingang"} {
		if got, ok := selection.WellKnown(name); ok {
			t.Errorf("%s: %q", name, got)
		}
	}
	if selection.ShortName("sentitems") != "#sent" || selection.ShortName("inbox") != "#inbox" {
		t.Error("ShortName")
	}
}
