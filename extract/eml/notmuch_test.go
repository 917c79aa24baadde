package eml_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"mime"
	"net/mail"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"mailferry/fts"
	"mailferry/internal/sharedtest"
)

// notmuchPart is a part of a mail as notmuch tells it.
type notmuchPart struct {
	ID       int             `json:"id"`
	Type     string          `json:"content-type"`
	Filename string          `json:"filename"`
	Dispo    string          `json:"content-disposition"`
	Content  json.RawMessage `json:"content"`
}

type notmuchMail struct {
	ID       string            `json:"id"`
	Filename []string          `json:"filename"`
	Headers  map[string]string `json:"headers"`
	Body     []notmuchPart     `json:"body"`
}

// TestNotmuch has notmuch, which stands on the library GMime, index mails and
// tell what is in them: subject, people, date, bodies, and the data of each attachment.
func TestNotmuch(t *testing.T) {
	t.Parallel()
	program := sharedtest.Program(t, "notmuch")
	dir := t.TempDir()
	config := filepath.Join(dir, "config")
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(os.WriteFile(config, []byte("[database]\npath="+dir+"\n[user]\nname=Test\nprimary_email=test@example.com\n[new]\ntags=new\nignore=config\n"), 0o600))
	for _, sub := range []string{"cur", "new", "tmp"} {
		must(os.MkdirAll(filepath.Join(dir, "mail", sub), 0o700))
	}
	notmuch := func(args ...string) []byte {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), program, args...)
		cmd.Env = append(os.Environ(), "NOTMUCH_CONFIG="+config, "HOME="+dir)
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("notmuch %s: %v\n%s", args, err, stderr.Bytes())
		}
		return out
	}
	wants := make(map[string]*read)
	independent(t, func(name string, blob []byte) {
		m, err := fts.ReadMessage(bytes.NewReader(blob))
		must(err)
		_, raw := rendered(t, blob)
		file := filepath.Join(dir, "mail", "cur", name+":2,S")
		must(os.WriteFile(file, raw, 0o600))
		wants[file] = wanted(t, m)
		wants[file].same()
	})
	notmuch("new", "--quiet")
	seen := 0
	var mails []notmuchMail
	flatten(t, notmuch("show", "--format=json", "--include-html", "--entire-thread=false", "*"), &mails)
	for _, m := range mails {
		want := wants[m.Filename[0]]
		for _, twin := range m.Filename {
			if wants[twin].String() != want.String() {
				t.Errorf("%s is taken for %s", twin, m.Filename[0])
			}
		}
		seen += len(m.Filename)
		name := filepath.Base(m.Filename[0])
		if got := strings.Join(strings.Fields(m.Headers["Subject"]), " "); got != want.Subject {
			t.Errorf("%s: subject %q, want %q", name, got, want.Subject)
		}
		for header, list := range map[string][]person{"From": want.From, "To": want.To, "Cc": want.Cc, "Bcc": want.Bcc, "Reply-To": want.ReplyTo} {
			if got := addresses(t, m.Headers[header]); !slices.Equal(got, list) {
				t.Errorf("%s: %s %q, want %q", name, header, got, list)
			}
		}
		if at, err := mail.ParseDate(m.Headers["Date"]); err != nil || at.Unix() != want.Date {
			t.Errorf("%s: date %q, want %d", name, m.Headers["Date"], want.Date)
		}
		got := &read{}
		gather(t, got, m.Body, func(part int) []byte {
			return notmuch("show", "--format=raw", fmt.Sprint("--part=", part), "id:"+m.ID)
		})
		if !slices.Equal(got.Bodies, want.Bodies) {
			t.Errorf("%s: bodies %v, want %v", name, got.Bodies, want.Bodies)
		}
		sameAttachments(t, name, got, want)
	}
	if seen != len(wants) {
		t.Errorf("notmuch tells of %d mails of %d", seen, len(wants))
	}
}

// sameAttachments compares what is attached, in messages as well. notmuch does not tell the
// name of an attached message.
func sameAttachments(t *testing.T, name string, got, want *read) {
	t.Helper()
	if len(got.Attachments) != len(want.Attachments) {
		t.Errorf("%s: %d attachments, want %d", name, len(got.Attachments), len(want.Attachments))
		return
	}
	for i, a := range want.Attachments {
		g := got.Attachments[i]
		switch {
		case g.Message != nil && a.Message != nil:
			if g.Message.Subject != a.Message.Subject || !slices.Equal(g.Message.Bodies, a.Message.Bodies) {
				t.Errorf("%s: message %v, want %v", name, g.Message, a.Message)
			}
			sameAttachments(t, name, g.Message, a.Message)
		case g.SHA256 != a.SHA256 || strings.Join(strings.Fields(g.Name), " ") != a.Name || a.Message != nil:
			t.Errorf("%s: attachment %+v, want %+v", name, g, a)
		}
	}
}

// flatten takes the mails out of the lists of threads.
func flatten(t *testing.T, raw json.RawMessage, all *[]notmuchMail) {
	t.Helper()
	var list []json.RawMessage
	if json.Unmarshal(raw, &list) == nil {
		for _, one := range list {
			flatten(t, one, all)
		}
		return
	}
	var m notmuchMail
	if err := json.Unmarshal(raw, &m); err != nil {
		t.Fatal(err)
	}
	if m.ID != "" {
		*all = append(*all, m)
	}
}

func addresses(t *testing.T, header string) (all []person) {
	t.Helper()
	if header == "" {
		return nil
	}
	list, err := (&mail.AddressParser{WordDecoder: &mime.WordDecoder{}}).ParseList(header)
	if err != nil {
		t.Fatalf("%q: %v", header, err)
	}
	for _, a := range list {
		all = append(all, person{strings.Join(strings.Fields(a.Name), " "), plainAddress(a.Address)})
	}
	return all
}

// gather takes bodies and attachments out of parts.
func gather(t *testing.T, r *read, parts []notmuchPart, raw func(part int) []byte) {
	t.Helper()
	for _, p := range parts {
		switch {
		case strings.HasPrefix(p.Type, "multipart/"):
			var inner []notmuchPart
			if err := json.Unmarshal(p.Content, &inner); err != nil {
				t.Fatal(err)
			}
			gather(t, r, inner, raw)
		case p.Type == "message/rfc822":
			var inner []notmuchMail
			if err := json.Unmarshal(p.Content, &inner); err != nil || len(inner) != 1 {
				t.Fatalf("%d messages, %v", len(inner), err)
			}
			m := &read{Subject: strings.Join(strings.Fields(inner[0].Headers["Subject"]), " ")}
			gather(t, m, inner[0].Body, raw)
			r.Attachments = append(r.Attachments, attachRead{Message: m})
		case p.Dispo == "":
			r.Bodies = append(r.Bodies, bodyRead{p.Type, sum([]byte(unlined(raw(p.ID))))})
		default:
			r.Attachments = append(r.Attachments, attachRead{Name: p.Filename, SHA256: sum(raw(p.ID))})
		}
	}
}
