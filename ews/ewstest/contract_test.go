package ewstest_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mailferry/ews/ewstest"
	"mailferry/internal/sharedtest"
)

// Requests that exchangelib, DavMail and evolution really sent are understood.
// They were recorded by others; ids in them are of another server.
func TestRecordedClientRequests(t *testing.T) {
	dir := sharedtest.Dir(t, "testdata/soap/clients")
	p := newProbe(t, ewstest.Options{
		Mailboxes: []ewstest.MailboxSpec{{Address: "alice@example.com", Content: "sample:40"}, {Address: "bob@example.com"}},
		Users:     []ewstest.User{{Name: "alice", Password: "secret"}},
	})
	files, err := filepath.Glob(filepath.Join(dir, "*.xml"))
	if err != nil || len(files) < 20 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, f := range files {
		doc, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		status, body := p.post(string(doc))
		if filepath.Base(f) == "exchangelib-convertid-probe.xml" {
			if status != http.StatusInternalServerError || !strings.Contains(body, "a:ErrorInvalidServerVersion") {
				t.Errorf("%s: HTTP %d: %.300s", f, status, body)
			}
			continue
		}
		if status != http.StatusOK {
			t.Errorf("%s: HTTP %d: %.600s", filepath.Base(f), status, body)
		}
	}
}

// Documents that the public schemas refuse are refused here too.
func TestInvalidRequestsAreRefused(t *testing.T) {
	dir := sharedtest.Dir(t, "testdata/xsd/invalid")
	p := newProbe(t, ewstest.Options{})
	files, err := filepath.Glob(filepath.Join(dir, "*-request-*.xml"))
	if err != nil || len(files) < 20 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, f := range files {
		doc, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		want := "ErrorSchemaValidation"
		if strings.HasSuffix(f, "unknown-version.xml") {
			want = "ErrorInvalidServerVersion"
		}
		status, body := p.post(string(doc))
		if status != http.StatusInternalServerError || !strings.Contains(body, "a:"+want+"<") {
			t.Errorf("%s: HTTP %d, want %s: %.500s", filepath.Base(f), status, want, body)
		}
		if want == "ErrorSchemaValidation" && (len(content(body, "LineNumber")) != 1 || len(content(body, "LinePosition")) != 1 || len(content(body, "Violation")) != 1) {
			t.Errorf("%s: the place of the violation is missing: %s", filepath.Base(f), body)
		}
	}
}

// Documents of Microsoft's reference pages pass the schema check, but for those
// that are not valid or ask for operations that the simulator lacks.
func TestDocumentedRequests(t *testing.T) {
	dir := sharedtest.Dir(t, "testdata/soap/ms-docs")
	p := newProbe(t, ewstest.Options{Mailboxes: []ewstest.MailboxSpec{{Address: "admin@example.com"}}})
	notValid, err := os.ReadFile(filepath.Join(dir, "..", "NOT-VALID"))
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*request.xml"))
	if err != nil || len(files) < 15 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, f := range files {
		doc, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		status, body := p.post(string(doc))
		if valid := !strings.Contains(string(notValid), filepath.Base(f)); valid != (status == http.StatusOK) {
			t.Logf("%s: valid %v, HTTP %d: %.500s", filepath.Base(f), valid, status, body)
			if !strings.Contains(body, "ErrorIncorrectSchemaVersion") && !strings.Contains(body, "ErrorInvalidServerVersion") {
				t.Errorf("%s: valid %v, HTTP %d", filepath.Base(f), valid, status)
			}
		}
	}
}
