// Package internal holds the rules of the module's layering, as a test. The
// packages below it are glue that nobody outside the module may import.
package internal

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const (
	module      = "mailferry/"
	maxLines    = 400 // of a file that is not a test
	testsOnly   = "tests"
	everyPlace  = "*"
	simulatorAt = "ews/ewstest"
)

// mayImport says which parts of the module a part may import; a part is a folder
// with what is below it, the longest that fits. A part may import itself.
var mayImport = map[string][]string{
	"cmd/mailferry": {"export", "upload", "extract", "store", "ews", "ews/ewsauth", "fts", "internal", simulatorAt},
	"bench":         {"export", "upload", "store", "ews", "ews/ewsauth", "fts", "internal"},
	"export":        {"ews", "store", "fts", "internal"},
	"upload":        {"ews", "store", "fts", "internal"},
	"extract":       {"store", "fts", "internal"},
	"store":         {"fts", "internal"},
	"ews":           {"internal"},
	"ews/ewsauth":   {},
	simulatorAt:     {"fts", "internal"}, // the simulator checks the client, so they share no code
	"fts":           {},
	"internal":      {},
}

// simulators are the commands that may start the simulator.
var simulators = []string{"cmd_demo", "cmd_simulate"}

// helpers are imported by tests, and by each other, only.
var helpers = []string{"store/storetest", "internal/authtest", "internal/sharedtest", "internal/xsdtest"}

// owners says who may import what comes from elsewhere; the longest prefix that
// fits counts. What is not here is a new dependency: it is added here too.
var owners = map[string][]string{
	"filippo.io/age":                       {"store"},
	"github.com/Azure/go-ntlmssp":          {"ews/ewsauth"},
	"github.com/BurntSushi/toml":           {"cmd/mailferry"},
	"github.com/go-jose/go-jose/v4":        {"ews/ewsauth"},
	"github.com/klauspost/compress":        {"internal/watch", simulatorAt},
	"github.com/klauspost/compress/zstd":   {"store"},
	"github.com/mooijtech/go-pst/v6":       {simulatorAt},
	"github.com/schollz/progressbar/v3":    {"cmd/mailferry"},
	"github.com/segmentio/asm":             {"internal/splice", simulatorAt, "internal/xmlstream"},
	"github.com/spf13/cobra":               {"cmd/mailferry"},
	"github.com/spf13/pflag":               {"cmd/mailferry"},
	"go.etcd.io/bbolt":                     {"store"},
	"golang.org/x/crypto/chacha20poly1305": {"store"},
	"golang.org/x/crypto/md4":              {"ews/ewstest/ntlm"},
	"golang.org/x/oauth2":                  {"ews/ewsauth"},
	"golang.org/x/sync":                    {everyPlace},
	"golang.org/x/term":                    {"cmd/mailferry"},
	"golang.org/x/text":                    {"cmd/mailferry", "extract", "fts", "store/query", "store/search", simulatorAt},
	"modernc.org/sqlite":                   {"store/search"},
	"github.com/google/go-cmp":             {testsOnly},
	"github.com/miekg/dns":                 {testsOnly},
	"github.com/rogpeppe/go-internal":      {testsOnly},
}

type file struct {
	name    string // slashed, from the module's root
	dir     string
	test    bool
	lines   int
	doc     bool
	imports []string
}

func TestImportsFollowTheLayers(t *testing.T) {
	for _, f := range files(t) {
		for _, path := range f.imports {
			if to, ok := strings.CutPrefix(path, module); ok {
				checkOwn(t, f, to)
			} else if first, _, _ := strings.Cut(path, "/"); strings.Contains(first, ".") {
				checkForeign(t, f, path)
			}
		}
	}
}

func checkOwn(t *testing.T, f file, to string) {
	t.Helper()
	from, target := longest(t, f.dir, maps.Keys(mayImport)), longest(t, to, maps.Keys(mayImport))
	isHelper := func(dir string) bool { return slices.Contains(helpers, dir) }
	switch {
	case f.test:
		// Tests look at the whole, but the simulator stands alone in them too.
		if from == simulatorAt && slices.Contains([]string{"export", "upload", "store"}, target) {
			t.Errorf("%s imports %s: the simulator knows nothing of what it tests", f.name, to)
		}
	case isHelper(to) && !isHelper(f.dir):
		t.Errorf("%s imports %s, which is for tests", f.name, to)
	case from != target && !slices.Contains(mayImport[from], target):
		t.Errorf("%s imports %s: %s may import %q of the module", f.name, to, from, mayImport[from])
	case target == simulatorAt && from != simulatorAt && !slices.ContainsFunc(simulators, func(s string) bool { return strings.HasPrefix(path.Base(f.name), s) }):
		t.Errorf("%s imports %s: only tests, demo and simulate may", f.name, to)
	}
}

func checkForeign(t *testing.T, f file, to string) {
	t.Helper()
	owner := owners[longest(t, to, maps.Keys(owners))]
	allowed := f.test || strings.HasPrefix(f.dir, "bench") || slices.ContainsFunc(owner, func(place string) bool {
		return place == everyPlace || place == f.dir || strings.HasPrefix(f.dir, place+"/")
	})
	if !allowed {
		t.Errorf("%s imports %s: only %q may", f.name, to, owner)
	}
}

// longest returns the longest of prefixes that is path or a folder above it.
func longest(t *testing.T, path string, prefixes func(func(string) bool)) string {
	t.Helper()
	found := ""
	for p := range prefixes {
		if (p == path || strings.HasPrefix(path, p+"/")) && len(p) > len(found) {
			found = p
		}
	}
	if found == "" {
		t.Errorf("%s is in no part that layering_test.go knows", path)
	}
	return found
}

func TestEachPackageHasAComment(t *testing.T) {
	documented := make(map[string]bool)
	for _, f := range files(t) {
		if !f.test {
			documented[f.dir] = documented[f.dir] || f.doc
		}
	}
	for dir, ok := range documented {
		if !ok {
			t.Errorf("package %s has no package comment", dir)
		}
	}
}

func TestFilesStayReadable(t *testing.T) {
	for _, f := range files(t) {
		if !f.test && f.lines > maxLines {
			t.Errorf("%s has %d lines, more than %d", f.name, f.lines, maxLines)
		}
	}
}

// files reads the imports of all Go files of the module.
func files(t *testing.T) []file {
	t.Helper()
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	var found []file
	err = filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		base := entry.Name()
		if entry.IsDir() {
			if name != root && (strings.HasPrefix(base, ".") || strings.HasPrefix(base, "_") || base == "testdata") {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(base, ".go") {
			return nil
		}
		f, err := readFile(root, name)
		found = append(found, f)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(found) < 20 {
		t.Fatalf("only %d Go files below %s", len(found), root)
	}
	return found
}

func readFile(root, name string) (file, error) {
	source, err := os.ReadFile(name)
	if err != nil {
		return file{}, err
	}
	parsed, err := parser.ParseFile(token.NewFileSet(), name, source, parser.ImportsOnly|parser.ParseComments)
	if err != nil {
		return file{}, err
	}
	rel, err := filepath.Rel(root, name)
	if err != nil {
		return file{}, err
	}
	rel = filepath.ToSlash(rel)
	f := file{name: rel, dir: path.Dir(rel), test: strings.HasSuffix(rel, "_test.go"), lines: strings.Count(string(source), "\n"), doc: documents(parsed)}
	for _, spec := range parsed.Imports {
		to, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return file{}, err
		}
		f.imports = append(f.imports, to)
	}
	return f, nil
}

func documents(f *ast.File) bool {
	text := f.Doc.Text()
	return strings.HasPrefix(text, "Package "+f.Name.Name+" ") || f.Name.Name == "main" && (strings.HasPrefix(text, "Command ") || strings.HasPrefix(text, "Program "))
}
