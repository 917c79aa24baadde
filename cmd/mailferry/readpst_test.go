package main

import (
	"encoding/base64"
	"fmt"
	"io"
	"io/fs"
	"mime"
	"mime/multipart"
	"net/mail"
	"os"
	"os/exec"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"mailferry/internal/sharedtest"
	"mailferry/store"
)

// What the store holds is what readpst, another implementation, makes of the
// PST file: each message in its folder, with subject, text and attachments.
func TestExportIsWhatReadpstReads(t *testing.T) {
	program := sharedtest.Program(t, "readpst")
	f, pst := exportedPST(t)
	dir := t.TempDir()
	// One process: several leave a few messages of this file out.
	if out, err := exec.CommandContext(t.Context(), program, "-j", "0", "-e", "-D", "-o", dir, pst).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	want := map[string]int{}
	err := fs.WalkDir(os.DirFS(dir), ".", func(name string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			want[readEML(t, os.DirFS(dir), name)]++
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	messages := 0
	f.stored(func(st *store.Store, folder store.Folder, it store.Item) {
		messages++
		m := storedMessage(t, st, it)
		var attachments []string
		for i := range m.Attachments {
			data, _ := m.Attachments[i].Data()
			b, _ := data.Value.([]byte)
			attachments = append(attachments, m.Attachments[i].Name()+" "+digest(b))
		}
		key := essence(path.Base(folder.Path), m.Subject(), m.Props.String(0x1000), attachments)
		if want[key]--; want[key] < 0 {
			t.Errorf("readpst does not read %.300q", key)
		}
	})
	for key, n := range want {
		if n > 0 {
			t.Errorf("only readpst reads %.300q", key)
		}
	}
	equal(t, "the store", "number of messages", realMessages, messages)
}

// essence puts together what is compared. readpst writes line ends of its own,
// ends a text with an empty line, and repeats the headers of transport, where
// long subjects are folded and dates are those of transport.
func essence(folder, subject, text string, attachments []string) string {
	slices.Sort(attachments)
	text = strings.TrimSpace(strings.ReplaceAll(text, "\r\n", "\n"))
	return fmt.Sprintf("%s %q %q text %s", folder, strings.Join(strings.Fields(subject), " "), attachments, digest([]byte(text)))
}

var fileName = regexp.MustCompile(`filename="([^"]*)"`)

// readEML reads a message that readpst wrote.
func readEML(t *testing.T, dir fs.FS, name string) string {
	t.Helper()
	file, err := dir.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	m, err := mail.ReadMessage(file)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	subject, err := new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject"))
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	_, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	var text string
	var attachments []string
	parts := multipart.NewReader(m.Body, params["boundary"])
	for {
		part, err := parts.NextRawPart()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		body := io.Reader(part)
		if part.Header.Get("Content-Transfer-Encoding") == "base64" {
			body = base64.NewDecoder(base64.StdEncoding, part)
		}
		b, err := io.ReadAll(body)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		// Some names come in two ways at once, which mime refuses.
		if name := fileName.FindStringSubmatch(part.Header.Get("Content-Disposition")); name != nil {
			attachments = append(attachments, name[1]+" "+digest(b))
		} else {
			text += string(b)
		}
	}
	return essence(path.Base(path.Dir(name)), subject, text, attachments)
}
