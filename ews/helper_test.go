package ews

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"mailferry/internal/sharedtest"
)

// server answers requests with documents of a test. Every request that comes in
// is kept, and validated against the EWS schemas when all tests have run.
type server struct {
	*httptest.Server
	t testing.TB

	mu       sync.Mutex
	requests []string
	headers  []http.Header
}

// serve starts a server; answer is asked for each request in turn, n counts from 0.
func serve(t testing.TB, answer func(w http.ResponseWriter, n int, body string)) *server {
	t.Helper()
	s := &server{t: t}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return // the client broke off
		}
		s.mu.Lock()
		n := len(s.requests)
		s.requests = append(s.requests, string(body))
		s.headers = append(s.headers, r.Header.Clone())
		s.mu.Unlock()
		answer(w, n, string(body))
	}))
	t.Cleanup(func() {
		s.Close()
		allSent.add(s.sent())
	})
	return s
}

func (s *server) sent() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.requests...)
}

// allSent are the requests of all tests, each once.
var allSent sentRequests

type sentRequests struct {
	mu   sync.Mutex
	docs map[string]bool
}

func (s *sentRequests) add(docs []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.docs == nil {
		s.docs = make(map[string]bool)
	}
	for _, d := range docs {
		if len(s.docs) < 400 && len(d) < 1<<20 {
			s.docs[d] = true
		}
	}
}

func TestMain(m *testing.M) {
	code := m.Run()
	if err := validate(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// validate checks what was sent by xmllint. Without it there is no check;
// TestSchemas skips then, and fails in CI.
func validate() error {
	xsd := schema()
	if xsd == "" || len(allSent.docs) == 0 {
		return nil
	}
	dir, err := os.MkdirTemp("", "requests")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	args := []string{"--noout", "--nonet", "--huge", "--schema", xsd}
	for doc := range allSent.docs {
		name := filepath.Join(dir, fmt.Sprintf("request-%d.xml", len(args)))
		if err := os.WriteFile(name, []byte(doc), 0o600); err != nil {
			return err
		}
		args = append(args, name)
	}
	out, err := exec.Command("xmllint", args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("a request is not valid: %w\n%s", err, regexp.MustCompile(`(?m)^.* validates\n`).ReplaceAll(out, nil))
	}
	return nil
}

// schema returns the file of the EWS schemas, or "" where there is no xmllint.
func schema() string {
	if _, err := exec.LookPath("xmllint"); err != nil {
		return ""
	}
	return filepath.Join("..", "testdata", "xsd", "ews.xsd")
}

func TestSchemas(t *testing.T) {
	sharedtest.Program(t, "xmllint")
	if _, err := os.Stat(schema()); err != nil {
		t.Error("the requests of this package's tests are not validated: ", err)
	}
}

func (s *server) client(change ...func(*Options)) *Client {
	s.t.Helper()
	o := Options{
		URL: s.URL + "/EWS/Exchange.asmx", Mailbox: "anna@example.com",
		NewTransport: func() http.RoundTripper { return &http.Transport{MaxConnsPerHost: 1} },
		Retry:        RetryPolicy{Base: time.Microsecond, Max: time.Microsecond},
	}
	for _, f := range change {
		f(&o)
	}
	c, err := NewClient(o)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { c.Close() })
	return c
}

// document wraps what stands inside of m:ResponseMessages.
func document(op, messages string) string {
	return `<?xml version="1.0" encoding="utf-8"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Header>` +
		`<h:ServerVersionInfo MajorVersion="15" MinorVersion="2" MajorBuildNumber="1544" MinorBuildNumber="9" Version="V2017_07_11" xmlns:h="http://schemas.microsoft.com/exchange/services/2006/types"/>` +
		`</s:Header><s:Body><m:` + op + `Response xmlns:m="http://schemas.microsoft.com/exchange/services/2006/messages" xmlns:t="http://schemas.microsoft.com/exchange/services/2006/types"><m:ResponseMessages>` +
		messages + `</m:ResponseMessages></m:` + op + `Response></s:Body></s:Envelope>`
}

func success(op, inside string) string {
	return `<m:` + op + `ResponseMessage ResponseClass="Success"><m:ResponseCode>NoError</m:ResponseCode>` + inside + `</m:` + op + `ResponseMessage>`
}

func failure(op, code, xml string) string {
	class := "Error"
	if code == "ErrorBatchProcessingStopped" {
		class = "Warning"
	}
	return `<m:` + op + `ResponseMessage ResponseClass="` + class + `"><m:MessageText>It failed.</m:MessageText><m:ResponseCode>` + code +
		`</m:ResponseCode><m:DescriptiveLinkKey>0</m:DescriptiveLinkKey>` + xml + `</m:` + op + `ResponseMessage>`
}

func exported(id string, blob []byte) string {
	return success("ExportItems", `<m:ItemId Id="`+id+`" ChangeKey="CQAAAA=="/><m:Data>`+base64.StdEncoding.EncodeToString(blob)+`</m:Data>`)
}

func uploaded(id string) string {
	return success("UploadItems", `<m:ItemId Id="`+id+`" ChangeKey="CQAAAA=="/>`)
}

func faultDocument(code, text, xml string) string {
	return `<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><s:Fault>` +
		`<faultcode xmlns:a="http://schemas.microsoft.com/exchange/services/2006/types">a:` + code + `</faultcode><faultstring xml:lang="en-US">` + text + `</faultstring>` +
		`<detail><e:ResponseCode xmlns:e="http://schemas.microsoft.com/exchange/services/2006/errors">` + code + `</e:ResponseCode>` +
		`<e:Message xmlns:e="http://schemas.microsoft.com/exchange/services/2006/errors">` + text + `</e:Message>` + xml + `</detail></s:Fault></s:Body></s:Envelope>`
}

func fault(w http.ResponseWriter, code, text, xml string) {
	w.Header().Set("Content-Type", "text/xml; charset=utf-8")
	w.WriteHeader(http.StatusInternalServerError)
	io.WriteString(w, faultDocument(code, text, xml))
}

func backOff(ms int) string {
	return fmt.Sprintf(`<t:MessageXml xmlns:t="http://schemas.microsoft.com/exchange/services/2006/types"><t:Value Name="BackOffMilliseconds">%d</t:Value></t:MessageXml>`, ms)
}

// shared reads a document that lies beside a checkout.
func shared(t testing.TB, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(sharedtest.Dir(t, "testdata/soap"), filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func ids(names ...string) []ItemID {
	var list []ItemID
	for _, n := range names {
		list = append(list, ItemID{ID: n})
	}
	return list
}

func blob(b []byte) Upload {
	return Upload{Folder: "AAMkFolder=", Size: int64(len(b)), Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b)), nil }}
}

// one is what a test got of an item of an export.
type one struct {
	Exported
	blob []byte
	err  error // of the blob
}

// readAll reads an export to its end.
func readAll(r *ExportReader) (items []one, err error) {
	defer r.Close()
	for {
		item, err := r.Next()
		if err != nil {
			if err == io.EOF {
				err = nil
			}
			return items, err
		}
		o := one{Exported: item}
		if item.Err == nil {
			o.blob, o.err = io.ReadAll(r)
		}
		items = append(items, o)
	}
}

func is[E error](t *testing.T, err error) E {
	t.Helper()
	var e E
	if !errors.As(err, &e) {
		t.Fatalf("got %T %v, want %T", err, err, e)
	}
	return e
}

func wantText(t *testing.T, err error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Fatal("no error")
	}
	for _, p := range parts {
		if !strings.Contains(err.Error(), p) {
			t.Errorf("%q does not tell %q", err, p)
		}
	}
	if strings.ContainsAny(err.Error(), "\r\n") {
		t.Errorf("%q has more than one line", err)
	}
}
