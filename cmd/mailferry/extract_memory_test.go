package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"hash"
	"io"
	"mime"
	"mime/multipart"
	"net/mail"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mailferry/fts"
	"mailferry/store"
	"mailferry/store/storetest"
)

// largeAttachment is how many bytes it has.
const largeAttachment = 150 << 20

// TestExtractLarge: an attachment of 150 MB goes through each format in the memory
// of a small one, and comes out as it was.
func TestExtractLarge(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("writes 700 MB")
	}
	dir := filepath.Join(t.TempDir(), "store")
	sum := storeLarge(t, dir)
	for _, format := range []string{"eml", "attachments", "json"} {
		out := t.TempDir()
		cmd, said := program(t, t.Context(), "extract", "--store", dir, "--format", format, "--out", out)
		told := filepath.Join(t.TempDir(), "memory")
		cmd.Env = append(cmd.Env, tellsMemory+"="+told)
		if err := cmd.Run(); err != nil || !strings.Contains(said.String(), "The one item is in ") {
			t.Fatalf("%s: %v\n%s", format, err, said)
		}
		peak := peakMemory(t, told)
		if t.Logf("%s: %d MiB", format, peak>>20); peak > 64<<20 {
			t.Errorf("%s took %d MiB of memory", format, peak>>20)
		}
		if format == "json" {
			continue // that it is read back is tested where it is written
		}
		if got := largeOf(t, format, out); !bytes.Equal(got.Sum(nil), sum) {
			t.Errorf("%s: the attachment is another", format)
		}
	}
}

// storeLarge makes a store of one item with a large attachment, a large body, and
// an image that the body shows and that lies behind the attachment. It returns
// the SHA-256 of the attachment.
func storeLarge(t *testing.T, dir string) []byte {
	t.Helper()
	s := storetest.Open(t, dir, store.OpenOptions{Create: true})
	defer s.Close()
	data := bytes.Repeat([]byte("a line of an attachment that is really large\n"), largeAttachment/45)
	text := func(p *fts.Props, id uint16, s string) { p.Set(fts.MakeTag(id, fts.StringUpload), s) }
	m := &fts.Message{Attachments: make([]fts.Attachment, 2)}
	text(&m.Props, 0x001A, "IPM.Note")
	text(&m.Props, 0x0037, "Large")
	m.Props.Set(fts.MakeTag(0x1013, fts.Binary), bytes.Repeat([]byte("<p>A line of a body with an <img src=\"cid:image\"></p>\n"), 100_000))
	for i, name := range []string{"large.bin", "image.png"} {
		a := &m.Attachments[i]
		text(&a.Props, 0x3707, name)
		a.Props.Set(fts.MakeTag(0x3705, fts.Integer32), int32(fts.AttachByValue))
		a.Props.Set(fts.MakeTag(0x3701, fts.Binary), data)
		data = []byte("image")
	}
	text(&m.Attachments[1].Props, 0x3712, "image")
	sum := sha256.Sum256(m.Attachments[0].Props.Bytes(0x3701))

	for _, err := range []error{
		s.PutMailbox(store.Mailbox{Address: killSource}),
		s.PutFolders(t.Context(), killSource, []store.Folder{{ID: "inbox", Path: "Inbox", Name: "Inbox"}}),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	w, err := s.NewWriter()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	b, err := w.Begin(store.ItemKey{Mailbox: killSource, Folder: "inbox", ID: "1", ChangeKey: "1"})
	if err != nil {
		t.Fatal(err)
	}
	if err := fts.WriteMessage(b, m, fts.WriteOptions{}); err != nil {
		t.Fatal(err)
	}
	staged, err := b.Finish(store.Entry{Catalogue: fts.Catalogue{Class: "IPM.Note", Subject: "Large", HasAttachments: true}})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Commit(t.Context(), []*store.Staged{staged}); err != nil {
		t.Fatal(err)
	}
	return sum[:]
}

// largeOf hashes the large attachment that was extracted.
func largeOf(t *testing.T, format, out string) hash.Hash {
	t.Helper()
	sum := sha256.New()
	pattern := map[string]string{"eml": "*.eml", "attachments": "*/large.bin"}[format]
	names, err := filepath.Glob(filepath.Join(out, killSource, "Inbox", pattern))
	if err != nil || len(names) != 1 {
		t.Fatalf("%q, %v", names, err)
	}
	f, err := os.Open(names[0])
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	switch format {
	case "attachments":
		_, err = io.Copy(sum, f)
	default:
		var m *mail.Message
		if m, err = mail.ReadMessage(f); err != nil {
			t.Fatal(err)
		}
		_, params, typeErr := mime.ParseMediaType(m.Header.Get("Content-Type"))
		if typeErr != nil {
			t.Fatal(typeErr)
		}
		r := multipart.NewReader(m.Body, params["boundary"])
		for {
			p, partErr := r.NextPart()
			if partErr != nil {
				t.Fatal(partErr)
			}
			if p.FileName() == "large.bin" {
				_, err = io.Copy(sum, base64.NewDecoder(base64.StdEncoding, p))
				break
			}
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	return sum
}
