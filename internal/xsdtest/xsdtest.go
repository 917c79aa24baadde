// Package xsdtest checks SOAP documents against Microsoft's EWS schemas, which
// lie in testdata/xsd. It runs xmllint; a test is skipped where that is missing,
// but not in CI.
package xsdtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"mailferry/internal/sharedtest"
)

// perRun bounds the files given to one run of xmllint.
const perRun = 500

// Validate reports each of docs, whole SOAP envelopes, that the schemas refuse.
func Validate(t testing.TB, docs ...[]byte) {
	t.Helper()
	dir := t.TempDir()
	files := make([]string, len(docs))
	for i, doc := range docs {
		files[i] = filepath.Join(dir, fmt.Sprintf("document-%d.xml", i+1))
		if err := os.WriteFile(files[i], doc, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	ValidateFiles(t, files...)
}

// ValidateFiles does the same for files.
func ValidateFiles(t testing.TB, files ...string) {
	t.Helper()
	for _, refusal := range Refusals(t, files...) {
		t.Error(refusal)
	}
}

// Refusals returns one text for each of files that the schemas refuse, in
// order: the file's name and what xmllint says of it.
func Refusals(t testing.TB, files ...string) []string {
	t.Helper()
	xmllint := sharedtest.Program(t, "xmllint")
	schema := schemaFile(t)
	var refusals []string
	for len(files) > 0 {
		some := files[:min(perRun, len(files))]
		files = files[len(some):]
		args := append([]string{"--noout", "--nonet", "--huge", "--schema", schema}, some...)
		out, err := exec.CommandContext(context.WithoutCancel(t.Context()), xmllint, args...).CombinedOutput()
		refused := refusedOf(string(out), some)
		var exit *exec.ExitError
		// 3 and 4: a document is not valid; 1: it is not XML. All else is about xmllint.
		known := errors.As(err, &exit) && (exit.ExitCode() == 1 || exit.ExitCode() == 3 || exit.ExitCode() == 4)
		if (err != nil) != (len(refused) > 0) || err != nil && !known {
			t.Fatalf("xmllint: %v\n%s", err, out)
		}
		refusals = append(refusals, refused...)
	}
	return refusals
}

// refusedOf takes xmllint's output apart. A valid file has the one line "FILE
// validates"; a message may span lines.
func refusedOf(out string, files []string) []string {
	said := make(map[string]string)
	current := ""
	for line := range strings.Lines(out) {
		for _, file := range files {
			if rest, ok := strings.CutPrefix(line, file); ok && (strings.HasPrefix(rest, ":") || strings.HasPrefix(rest, " ")) {
				current = file
			}
		}
		said[current] += line
	}
	var refused []string
	for _, file := range files {
		if said[file] != file+" validates\n" {
			refused = append(refused, strings.TrimSpace(filepath.Base(file)+" is refused by the schemas:\n"+said[file]))
		}
	}
	return refused
}

// schemaFile finds the entry point of the schemas at the root of the module.
func schemaFile(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return filepath.Join(dir, "testdata", "xsd", "ews.xsd")
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			t.Fatal("no go.mod above the test")
		}
		dir = parent
	}
}
