package ews

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
)

var dataElement = regexp.MustCompile(`<t:Data>([^<]*)</t:Data>`)

func TestUploadSendsWhatWasGiven(t *testing.T) {
	var blobs [][]byte
	var items []Upload
	for _, n := range []int{1, 2, 3, 4, 24 << 10, 24<<10 + 1, 100_000} {
		b := bytes.Repeat([]byte{byte(n), 0xFF, 7}, n/3+1)[:n]
		blobs = append(blobs, b)
		items = append(items, blob(b))
	}
	items[1].Associated = true
	items[2].Action, items[2].Item = Update, ItemID{ID: "AAMkOld=", ChangeKey: "CQAA"}
	items[3].Action, items[3].Item = UpdateOrCreate, ItemID{ID: "AAMkOld2="}
	s := serve(t, func(w http.ResponseWriter, n int, body string) {
		var b strings.Builder
		for i := range items {
			b.WriteString(uploaded(fmt.Sprintf("new-%d", i)))
		}
		io.WriteString(w, document("UploadItems", b.String()))
	})
	results, err := s.client().UploadItems(t.Context(), items)
	if err != nil || len(results) != len(items) || results[6].ID.ID != "new-6" || results[6].Err != nil {
		t.Fatalf("%+v, %v", results, err)
	}
	body := s.sent()[0]
	if got := s.headers[0].Get("Content-Length"); got != fmt.Sprint(len(body)) {
		t.Errorf("Content-Length %s for %d bytes", got, len(body))
	}
	data := dataElement.FindAllStringSubmatch(body, -1)
	if len(data) != len(blobs) {
		t.Fatalf("%d blobs were sent", len(data))
	}
	for i, d := range data {
		if got, err := base64.StdEncoding.DecodeString(d[1]); err != nil || !bytes.Equal(got, blobs[i]) {
			t.Errorf("blob %d of %d bytes arrived as %d, %v", i, len(blobs[i]), len(got), err)
		}
	}
	for _, part := range []string{
		`<t:Item CreateAction="CreateNew"><t:ParentFolderId Id="AAMkFolder="/><t:Data>`, `<t:Item CreateAction="CreateNew" IsAssociated="true">`,
		`<t:Item CreateAction="Update"><t:ParentFolderId Id="AAMkFolder="/><t:ItemId Id="AAMkOld=" ChangeKey="CQAA"/><t:Data>`,
		`<t:ItemId Id="AAMkOld2="/>`,
	} {
		if !strings.Contains(body, part) {
			t.Errorf("%s is missing", part)
		}
	}
}

func TestUploadResultsByPosition(t *testing.T) {
	mixed := shared(t, "constructed/uploaditems-mixed.xml")
	s := serve(t, func(w http.ResponseWriter, n int, body string) {
		io.WriteString(w, mixed)
	})
	b := blob([]byte("x"))
	results, err := s.client().UploadItems(t.Context(), []Upload{b, b, b, b, b})
	if err != nil || len(results) != 5 {
		t.Fatalf("%+v, %v", results, err)
	}
	for i, want := range []Verb{None, Split, Abort, Resend, Resend} {
		if got := ActionFor(opUpload, results[i].Err).Verb; got != want {
			t.Errorf("result %d: %v, want %v", i, got, want)
		}
	}
	if results[0].ID.ID == "" || results[1].ID.ID != "" {
		t.Errorf("ids: %+v", results)
	}
}

// TestUploadOutcome holds sections 5.5 and 5.6 of the protocol reference: what is
// sent again, what is refused for good, and what leaves the outcome open.
func TestUploadOutcome(t *testing.T) {
	good := document("UploadItems", uploaded("1")+uploaded("2"))
	abort := func(w http.ResponseWriter) {
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	}
	for name, c := range map[string]struct {
		answer  func(w http.ResponseWriter)
		sent    int // times, 0 for once
		unknown bool
		results int
		refused bool
	}{
		"busy fault":          {answer: func(w http.ResponseWriter) { fault(w, "ErrorServerBusy", "Busy.", backOff(1)) }, sent: 2, results: 2},
		"too many connection": {answer: func(w http.ResponseWriter) { fault(w, "ErrorExceededConnectionCount", "Many.", backOff(1)) }, sent: 2, results: 2},
		"old server":          {answer: func(w http.ResponseWriter) { fault(w, "ErrorInvalidServerVersion", "Version.", "") }, sent: 2, results: 2},
		"schema":              {answer: func(w http.ResponseWriter) { fault(w, "ErrorSchemaValidation", "Wrong.", "") }, refused: true},
		"no right":            {answer: func(w http.ResponseWriter) { fault(w, "ErrorImpersonateUserDenied", "No.", "") }, refused: true},
		"too large":           {answer: func(w http.ResponseWriter) { w.WriteHeader(413) }, refused: true},
		"too large, IIS": {answer: func(w http.ResponseWriter) {
			w.WriteHeader(404)
			io.WriteString(w, "HTTP Error 404.13 - Not Found")
		}, refused: true},
		"forbidden":         {answer: func(w http.ResponseWriter) { w.WriteHeader(403) }, refused: true},
		"login refused":     {answer: func(w http.ResponseWriter) { w.WriteHeader(401) }, refused: true},
		"internal fault":    {answer: func(w http.ResponseWriter) { fault(w, "ErrorInternalServerError", "Oh.", "") }, unknown: true},
		"timeout fault":     {answer: func(w http.ResponseWriter) { fault(w, "ErrorTimeoutExpired", "Late.", "") }, unknown: true},
		"unknown fault":     {answer: func(w http.ResponseWriter) { fault(w, "ErrorNobodyKnows", "What?", "") }, unknown: true},
		"500 without SOAP":  {answer: func(w http.ResponseWriter) { w.WriteHeader(500) }, unknown: true},
		"503":               {answer: func(w http.ResponseWriter) { w.Header().Set("Retry-After", "0"); w.WriteHeader(503) }, unknown: true},
		"connection closed": {answer: func(w http.ResponseWriter) { panic(http.ErrAbortHandler) }, unknown: true},
		"web page":          {answer: func(w http.ResponseWriter) { io.WriteString(w, "<html></html>") }, unknown: true},
		"empty":             {answer: func(w http.ResponseWriter) {}, unknown: true},
		"cut after one": {answer: func(w http.ResponseWriter) {
			io.WriteString(w, good[:strings.LastIndex(good, "<m:UploadItemsR")])
			abort(w)
		}, unknown: true, results: 1},
		"cut at the very end": {answer: func(w http.ResponseWriter) { io.WriteString(w, good[:len(good)-5]); abort(w) }, unknown: true, results: 2},
		"one answer for two":  {answer: func(w http.ResponseWriter) { io.WriteString(w, document("UploadItems", uploaded("1"))) }, unknown: true},
		"three answers for two": {answer: func(w http.ResponseWriter) {
			io.WriteString(w, document("UploadItems", strings.Repeat(uploaded("1"), 3)))
		}, unknown: true},
		"no answers":               {answer: func(w http.ResponseWriter) { io.WriteString(w, document("UploadItems", "")) }, unknown: true},
		"success without an id":    {answer: func(w http.ResponseWriter) { io.WriteString(w, document("UploadItems", uploaded("")+uploaded("2"))) }, unknown: true},
		"answer to something else": {answer: func(w http.ResponseWriter) { io.WriteString(w, document("ExportItems", "")) }, unknown: true},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, func(w http.ResponseWriter, n int, body string) {
				if n == 0 {
					c.answer(w)
					return
				}
				io.WriteString(w, good)
			})
			results, err := s.client().UploadItems(t.Context(), []Upload{blob([]byte("x")), blob([]byte("y"))})
			var unknown *UnknownOutcomeError
			if errors.As(err, &unknown) != c.unknown || (err != nil) != (c.unknown || c.refused) {
				t.Errorf("got %v", err)
			}
			if len(results) != c.results {
				t.Errorf("%d results, want %d", len(results), c.results)
			}
			if n := len(s.sent()); n != max(1, c.sent) {
				t.Errorf("sent %d times", n)
			}
		})
	}
}

func TestUploadNobodyThere(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	s := &server{t: t}
	c := s.client2("http://" + l.Addr().String())
	_, err = c.UploadItems(t.Context(), []Upload{blob([]byte("x"))})
	if e := is[*TransportError](t, err); e.Sent || errors.As(err, new(*UnknownOutcomeError)) {
		t.Errorf("got %+v", e)
	}
}

func (s *server) client2(url string) *Client {
	c, err := NewClient(Options{URL: url, NewTransport: func() http.RoundTripper { return &http.Transport{} }})
	if err != nil {
		s.t.Fatal(err)
	}
	return c
}

type brokenReader struct {
	io.Reader
	closed *atomic.Int32
}

func (b brokenReader) Close() error { b.closed.Add(1); return nil }

func TestUploadBadBlobsBreakTheRequestOff(t *testing.T) {
	damaged := errors.New("segment 3 is damaged")
	ten := func() io.Reader { return strings.NewReader("0123456789") }
	for name, c := range map[string]struct {
		size int64
		open func() (io.Reader, error)
		text string
	}{
		"shorter":        {11, func() (io.Reader, error) { return ten(), nil }, "ends after 10 of 11 bytes"},
		"longer":         {9, func() (io.Reader, error) { return ten(), nil }, "longer than 9 bytes"},
		"damaged at end": {10, func() (io.Reader, error) { return io.MultiReader(ten(), errReader{damaged}), nil }, "damaged"},
		"damaged inside": {20, func() (io.Reader, error) { return io.MultiReader(ten(), errReader{damaged}), nil }, "damaged"},
		"does not open":  {10, func() (io.Reader, error) { return nil, damaged }, "damaged"},
	} {
		t.Run(name, func(t *testing.T) {
			whole := false
			s := serve(t, func(w http.ResponseWriter, n int, body string) { whole = true })
			var closed atomic.Int32
			bad := Upload{Folder: "F", Size: c.size, Open: func() (io.ReadCloser, error) {
				r, err := c.open()
				if err != nil {
					return nil, err
				}
				return brokenReader{r, &closed}, nil
			}}
			_, err := s.client().UploadItems(t.Context(), []Upload{blob(make([]byte, 300_000)), bad})
			e := is[*BlobError](t, err)
			wantText(t, err, c.text, "item 1")
			if e.Index != 1 || errors.As(err, new(*UnknownOutcomeError)) {
				t.Errorf("got %+v", err)
			}
			s.Close() // waits for the handler
			if whole {
				t.Error("the server got a whole request")
			}
			if name != "does not open" && closed.Load() != 1 {
				t.Errorf("closed %d times", closed.Load())
			}
		})
	}
	if _, err := (&server{t: t}).client2("http://127.0.0.1:1").UploadItems(t.Context(), []Upload{blob(nil)}); is[*BlobError](t, err).Index != 0 {
		t.Error(err)
	}
}

type errReader struct{ err error }

func (e errReader) Read([]byte) (int, error) { return 0, e.err }

func TestUploadCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	release := make(chan struct{})
	s := serve(t, func(w http.ResponseWriter, n int, body string) {
		cancel()
		<-release
	})
	_, err := s.client().UploadItems(ctx, []Upload{blob([]byte("x"))})
	close(release)
	is[*UnknownOutcomeError](t, err)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// TestUploadReplays needs the body twice: the server refuses the first after it
// has read it whole.
func TestUploadReplays(t *testing.T) {
	var opened atomic.Int32
	u := blob(bytes.Repeat([]byte("abc"), 50_000))
	open := u.Open
	u.Open = func() (io.ReadCloser, error) { opened.Add(1); return open() }
	s := serve(t, func(w http.ResponseWriter, n int, body string) {
		if n == 0 {
			fault(w, "ErrorServerBusy", "Busy.", backOff(1))
			return
		}
		io.WriteString(w, document("UploadItems", uploaded("1")))
	})
	if _, err := s.client().UploadItems(t.Context(), []Upload{u}); err != nil {
		t.Fatal(err)
	}
	if sent := s.sent(); opened.Load() != 2 || sent[0] != sent[1] {
		t.Errorf("opened %d times, %d and %d bytes", opened.Load(), len(sent[0]), len(sent[1]))
	}
}
