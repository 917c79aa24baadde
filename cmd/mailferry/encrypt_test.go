package main

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"filippo.io/age"

	"mailferry/store"
)

// After an encrypted export, of a store for a passphrase and of one for a
// recipient only, nothing that the mailbox holds is found in the store, in the
// log, in status.json, or in temporary files. What to look for comes from an
// export that is not encrypted, in which it is found.
func TestEncryptedExportLeavesNoText(t *testing.T) {
	me, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	for name, init := range map[string][]string{
		"passphrase": {"--passphrase-file", "pp"},
		"recipient":  {"--recipient", me.Recipient().String()},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			j := newJob(t)
			dir := t.TempDir()
			open := filepath.Join(dir, "open")
			run := func(args ...string) {
				t.Helper()
				cmd, out := program(t, t.Context(), args...)
				cmd.Dir = dir
				cmd.Env = append(cmd.Env, "TMPDIR="+filepath.Join(dir, "sealed", "tmp"))
				if err := cmd.Run(); err != nil {
					t.Fatalf("%v: %v\n%s", args, err, out)
				}
			}
			for _, err := range []error{
				os.MkdirAll(filepath.Join(dir, "sealed", "tmp"), 0o700),
				os.WriteFile(filepath.Join(dir, "pp"), []byte("open sesame\n"), 0o600),
			} {
				if err != nil {
					t.Fatal(err)
				}
			}
			sealed := filepath.Join("sealed", "store")
			run("export", killSource, "--url", j.source.url, "--store", open)
			run(append([]string{"store", "init", "--encrypt", "--store", sealed}, init...)...)
			export := []string{"export", killSource, "--url", j.source.url, "--store", sealed, "--log-level", "debug", "--log-file", filepath.Join("sealed", "log")}
			if name == "passphrase" {
				export = append(export, "--passphrase-file", "pp")
			}
			run(export...)
			run(export...) // a second one goes on where the first ended

			texts, bodies := textsOf(t, open)
			found := grep(t, open, texts)
			if len(found) < len(texts)/2 {
				t.Errorf("only %d of %d texts are found in the store that is not encrypted: this looks for the wrong ones", len(found), len(texts))
			}
			if found := grep(t, filepath.Join(dir, "sealed"), append(append(texts, bodies...), "open sesame")); len(found) > 0 {
				t.Errorf("%d texts are found, the first: %.300q", len(found), found)
			}
			t.Logf("%d texts and %d pieces of bodies were looked for", len(texts), len(bodies))
		})
	}
}

// textsOf returns subjects, addresses and folder names of a store, and pieces of
// its blobs that read like text.
func textsOf(t *testing.T, dir string) (texts, bodies []string) {
	t.Helper()
	st, err := store.Open(dir, store.OpenOptions{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	seen := map[string]bool{}
	add := func(all ...string) {
		for _, text := range all {
			if len(text) >= 6 && !seen[text] {
				seen[text] = true
				texts = append(texts, text)
			}
		}
	}
	add(killSource)
	folders, err := st.Folders(killSource)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range folders {
		add(f.Name)
		for it, err := range st.Items(killSource, f.ID) {
			if err != nil {
				t.Fatal(err)
			}
			c := it.Catalogue
			add(c.Subject, c.From, c.FromName, c.Sender, c.MessageID)
			for _, p := range slices.Concat(c.To, c.Cc) {
				add(p.Name, p.Address)
			}
			rc, err := st.OpenBlob(it)
			if err != nil {
				t.Fatal(err)
			}
			blob, err := io.ReadAll(rc)
			rc.Close()
			if err != nil {
				t.Fatal(err)
			}
			bodies = append(bodies, pieces(blob)...)
		}
	}
	return texts, bodies
}

// pieces picks up to 8 runs of 16 characters, in Latin or in UTF-16.
func pieces(blob []byte) (found []string) {
	for _, width := range []int{1, 2} {
		run := 0
		for i := 0; i+width <= len(blob) && len(found) < 4*width; i += width {
			if blob[i] >= ' ' && blob[i] < 0x7f && (width == 1 || blob[i+1] == 0) {
				if run++; run == 16 {
					found = append(found, string(blob[i+width-16*width:i+width]))
					run = 0
				}
			} else {
				run = 0
			}
		}
	}
	return found
}

// grep returns the texts that are in a file below dir, as they are, in UTF-16,
// or as JSON writes them.
func grep(t *testing.T, dir string, texts []string) (found []string) {
	t.Helper()
	var files [][]byte
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		files = append(files, b)
		return err
	})
	if err != nil || len(files) < 4 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, text := range texts {
		var wide bytes.Buffer
		for _, u := range utf16.Encode([]rune(text)) {
			wide.Write([]byte{byte(u), byte(u >> 8)})
		}
		for _, b := range files {
			if bytes.Contains(b, []byte(text)) || bytes.Contains(b, []byte(strings.ReplaceAll(text, `"`, `\"`))) || bytes.Contains(b, wide.Bytes()) {
				found = append(found, text)
				break
			}
		}
	}
	return found
}
