package ewstest_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"mailferry/ews/ewstest"
)

// bulk is a server with ten items of 10 MB, and a request that exports them all.
func bulk(b *testing.B, o ewstest.Options) (*ewstest.Server, string, string) {
	o.Mailboxes = []ewstest.MailboxSpec{{Address: "alice@example.com", Content: "bulk:10:10MB"}}
	o.Policy.MaxRequestBytes = -1
	s := ewstest.Start(b, o)
	inv, err := s.Inventory("alice@example.com")
	if err != nil {
		b.Fatal(err)
	}
	for _, f := range inv.Folders {
		if f.Distinguished == "inbox" {
			var ids []string
			for _, it := range f.Items {
				ids = append(ids, it.ID)
			}
			return s, f.ID, envelopeStart + "</s:Header><s:Body>" + exportRequest(ids...) + envelopeEnd
		}
	}
	b.Fatal("no Inbox")
	return nil, "", ""
}

func send(b *testing.B, s *ewstest.Server, doc string, to io.Writer) {
	req, err := http.NewRequestWithContext(b.Context(), http.MethodPost, s.URL(), strings.NewReader(doc))
	if err != nil {
		b.Fatal(err)
	}
	req.Header.Set("Content-Type", "text/xml")
	req.SetBasicAuth(ewstest.DefaultUser, ewstest.DefaultPassword)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		b.Fatal(err)
	}
	defer resp.Body.Close()
	if _, err := io.CopyBuffer(struct{ io.Writer }{to}, resp.Body, make([]byte, 1<<20)); err != nil || resp.StatusCode != http.StatusOK {
		b.Fatalf("HTTP %d, %v", resp.StatusCode, err)
	}
}

// BenchmarkExport is how fast bulk items are handed out, client included.
func BenchmarkExport(b *testing.B) {
	s, _, doc := bulk(b, ewstest.Options{})
	b.SetBytes(133_333_333)
	for b.Loop() {
		send(b, s, doc, io.Discard)
	}
}

// BenchmarkUpload is how fast items are taken in, client included.
func BenchmarkUpload(b *testing.B) {
	s, folder, doc := bulk(b, ewstest.Options{})
	var answer strings.Builder
	send(b, s, doc, &answer)
	var items []up
	for _, blob := range content(answer.String(), "Data")[:2] {
		items = append(items, up{action: "CreateNew", folder: folder, blob: blob})
	}
	body := envelopeStart + "</s:Header><s:Body>" + uploadRequest(items...) + envelopeEnd
	b.SetBytes(20e6)
	for b.Loop() {
		send(b, s, body, io.Discard)
		s.Reset()
	}
}
