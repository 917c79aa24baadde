package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mailferry/ews"
)

// A profile is written and taken out without a change to anything else, or the
// file is refused and stays as it is.
func TestSetProfile(t *testing.T) {
	one := &profile{URL: "https://new.example/EWS/Exchange.asmx", User: `NEW\svc`}
	const lines = "[server.new]\nurl = \"https://new.example/EWS/Exchange.asmx\"\nuser = \"NEW\\\\svc\"\n"
	for _, c := range []struct {
		name, old, server string
		set               *profile
		want              string // "" is a refusal
	}{
		{"an empty file", "", "new", one, lines},
		{"at the end", "# mine\n[server.a]\nurl = 'x' # why\n", "new", one, "# mine\n[server.a]\nurl = 'x' # why\n\n" + lines},
		{"no line end at the end", "[server.a]\nurl = 'x'", "new", one, "[server.a]\nurl = 'x'\n\n" + lines},
		{"in place of another", "[server.new]\nurl = 'x'\n# about a\n[server.a]\nurl = 'y'\n", "new", one, "# about a\n[server.a]\nurl = 'y'\n\n" + lines},
		{"taken out of the middle", "[server.a]\nurl = 'x'\n\n[server.new]\nurl = 'y'\n\n# about b\n[server.b]\nurl = 'z'\n", "new", nil, "[server.a]\nurl = 'x'\n\n# about b\n[server.b]\nurl = 'z'\n"},
		{"a header written otherwise", "[ server . \"new\" ] # old\nurl = 'x'\n[server.a]\nurl = 'y'\n", "new", nil, "[server.a]\nurl = 'y'\n"},
		{"a name with a dot", "[server.\"a.b\"]\nurl = 'x'\n[server.a]\nurl = 'y'\n", "a.b", nil, "[server.a]\nurl = 'y'\n"},
		{"line ends of Windows", "[server.a]\r\nurl = 'x'\r\n[server.new]\r\nurl = 'y'\r\n", "new", nil, "[server.a]\r\nurl = 'x'\r\n"},
		{"a list over lines", "[server.new]\npassword-command = [\n\"a\",\n]\n[server.a]\nurl = 'x'\n", "new", nil, "[server.a]\nurl = 'x'\n"},
		{"a list that looks like a header", "[server.new]\npassword-command =\n[\"a\"]\n", "new", nil, ""},
		{"keys with dots", "server.new.url = 'x'\n", "new", nil, ""},
		{"a text over lines that holds a header", "[server.a]\nuser = '''\n[server.new]\n'''\n", "new", nil, ""},
		{"the profile inside of another table", "[server]\nnew = {url = 'x'}\n", "new", one, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "config.toml")
			if err := os.WriteFile(path, []byte(c.old), 0o644); err != nil {
				t.Fatal(err)
			}
			err := (&config{path: path}).setProfile(c.server, c.set)
			got, readErr := os.ReadFile(path)
			if readErr != nil {
				t.Fatal(readErr)
			}
			info, readErr := os.Stat(path)
			if readErr != nil {
				t.Fatal(readErr)
			}
			switch {
			case c.want == "" && err == nil:
				t.Errorf("not refused, it is now\n%s", got)
			case c.want == "" && err != nil && string(got) != c.old:
				t.Errorf("refused, but changed to\n%s", got)
			case c.want != "" && err != nil:
				t.Errorf("refused: %v", err)
			case c.want != "" && string(got) != c.want:
				t.Errorf("it is now\n%s\nwant\n%s", got, c.want)
			}
			if err == nil && info.Mode().Perm() != 0o600 && os.PathSeparator == '/' {
				t.Errorf("others may read it: mode %o", info.Mode().Perm())
			}
			if left, _ := filepath.Glob(filepath.Join(filepath.Dir(path), ".*")); len(left) > 0 {
				t.Errorf("left behind: %s", strings.Join(left, " "))
			}
		})
	}
}

// Servers are named as people know them.
func TestProductNames(t *testing.T) {
	for want, v := range map[string]ews.ServerVersion{
		"Exchange 2007":           {Major: 8, Minor: 3},
		"Exchange 2010 SP3":       {Major: 14, Minor: 3, MajorBuild: 123},
		"Exchange 2013 SP1 (CU4)": {Major: 15, MajorBuild: 847},
		"Exchange 2013 CU23":      {Major: 15, MajorBuild: 1497},
		"Exchange 2016 CU23":      {Major: 15, Minor: 1, MajorBuild: 2507},
		"Exchange 2016":           {Major: 15, Minor: 1, MajorBuild: 225},
		"Exchange 2019":           {Major: 15, Minor: 2, MajorBuild: 999},
		"Exchange 2019 CU15":      {Major: 15, Minor: 2, MajorBuild: 1748},
		"Exchange SE":             {Major: 15, Minor: 2, MajorBuild: 2562},
		"Exchange Online":         {Major: 15, Minor: 20, MajorBuild: 8093},
		"":                        {Major: 99},
	} {
		if got := productName(v); got != want {
			t.Errorf("%v is %q, want %q", v, got, want)
		}
	}
}
