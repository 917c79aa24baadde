package ews

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"

	"mailferry/internal/xmlstream"
)

func TestExportReadsItemByItem(t *testing.T) {
	big := bytes.Repeat([]byte("0123456789"), 30_000)
	s := serve(t, func(w http.ResponseWriter, n int, body string) {
		io.WriteString(w, document("ExportItems", exported("A", []byte("one"))+failure("ExportItems", "ErrorItemNotFound", "")+exported("c", big)+
			failure("ExportItems", "ErrorBatchProcessingStopped", "")))
	})
	c := s.client()
	r, err := c.ExportItems(t.Context(), ids("A", "B", "C", "D"))
	if err != nil {
		t.Fatal(err)
	}
	items, err := readAll(r)
	if err != nil || len(items) != 4 {
		t.Fatalf("%d items, %v", len(items), err)
	}
	if !items[0].Confirmed || string(items[0].blob) != "one" || items[0].err != nil {
		t.Errorf("first: %+v", items[0])
	}
	if e := items[1].Err; e == nil || e.Code != "ErrorItemNotFound" || e.Scope != ScopeItem {
		t.Errorf("second: %+v", items[1])
	}
	if items[2].Confirmed || items[2].ID.ID != "c" || !bytes.Equal(items[2].blob, big) {
		t.Errorf("third: %+v", items[2].Exported)
	}
	if e := items[3].Err; e == nil || e.Scope != ScopeBatch || ActionFor(opExport, e).Verb != Resend {
		t.Errorf("fourth: %+v", items[3])
	}
	if v := c.ServerVersion().String(); v != "15.2.1544.9" {
		t.Errorf("server version %q", v)
	}
	h := s.headers[0]
	if h.Get("X-AnchorMailbox") != "anna@example.com" || len(h.Get("client-request-id")) != 36 || h.Get("Return-Client-Request-Id") != "true" || h.Get("User-Agent") != "mailferry" {
		t.Errorf("headers %v", h)
	}
}

func TestExportSkipsWhatIsNotRead(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, n int, body string) {
		io.WriteString(w, document("ExportItems", exported("A", make([]byte, 100_000))+exported("B", []byte("two"))))
	})
	r, err := s.client().ExportItems(t.Context(), ids("A", "B"))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, err := r.Next(); err != nil {
		t.Fatal(err)
	}
	r.Read(make([]byte, 10))
	if _, err := r.Next(); err != nil {
		t.Fatal(err)
	}
	if b, err := io.ReadAll(r); string(b) != "two" || err != nil {
		t.Errorf("got %q, %v", b, err)
	}
	if n, err := r.Read(make([]byte, 1)); n != 0 || err != io.EOF {
		t.Errorf("after the end: %d, %v", n, err)
	}
	if _, err := r.Next(); err != io.EOF {
		t.Errorf("got %v", err)
	}
}

func TestExportCountsTheAnswers(t *testing.T) {
	for _, c := range []struct {
		answers  int
		messages string
	}{
		{0, ""},
		{1, exported("A", []byte("x"))},
		{3, exported("A", []byte("x")) + exported("B", []byte("y")) + exported("C", []byte("z"))},
	} {
		s := serve(t, func(w http.ResponseWriter, n int, body string) {
			io.WriteString(w, document("ExportItems", c.messages))
		})
		r, err := s.client().ExportItems(t.Context(), ids("A", "B"))
		if err != nil {
			t.Fatal(err)
		}
		items, err := readAll(r)
		e := is[*CountError](t, err)
		if e.Want != 2 || e.Got != c.answers || len(items) > 2 {
			t.Errorf("%d answers: %+v, %d items", c.answers, e, len(items))
		}
		if _, err := r.Next(); err == io.EOF {
			t.Error("the error did not stay")
		}
	}
}

func TestExportRefusesAnswersOutOfOrder(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, n int, body string) {
		io.WriteString(w, document("ExportItems", exported("B", []byte("x"))+exported("A", []byte("y"))))
	})
	r, err := s.client().ExportItems(t.Context(), ids("A", "B"))
	if err != nil {
		t.Fatal(err)
	}
	_, err = readAll(r)
	is[*ProtocolError](t, err)
}

func TestExportFindsTruncation(t *testing.T) {
	mark := xmlstream.TruncationMark
	doc := document("ExportItems", exported("A", []byte("first"))+exported("B", []byte("second item")))
	data := base64.StdEncoding.EncodeToString([]byte("second item"))
	before, after, _ := strings.Cut(doc, data)
	for name, answer := range map[string]string{
		"in the data":                 before + data[:6] + mark + after,
		"in the data, the rest gone":  before + data[:6] + mark,
		"whole group before the mark": before + data[:8] + mark + after,
		"behind the data":             before + data + "</m:Data>" + mark + strings.TrimPrefix(after, "</m:Data>"),
		"behind the item":             strings.Replace(doc, "</m:ResponseMessages>", mark+"</m:ResponseMessages>", 1),
		"instead of the rest":         strings.Split(doc, "</m:ResponseMessages>")[0] + mark,
		"behind the document":         doc + "\n" + mark,
		"decoded":                     before + base64.StdEncoding.EncodeToString([]byte("sec"+mark)) + after,
		"no mark, inside of a group":  before + data[:6] + after,
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, func(w http.ResponseWriter, n int, body string) { io.WriteString(w, answer) })
			r, err := s.client().ExportItems(t.Context(), ids("A", "B"))
			if err != nil {
				t.Fatal(err)
			}
			items, err := readAll(r)
			if len(items) > 0 && (items[0].err != nil || string(items[0].blob) != "first") {
				t.Errorf("the first item suffered: %+v", items[0])
			}
			if err == nil && len(items) == 2 {
				err = items[1].err
			}
			if e := is[*TruncatedError](t, err); e.Marked == (name == "no mark, inside of a group") {
				t.Errorf("got %+v", e)
			}
		})
	}
}

func TestExportRefusesBadData(t *testing.T) {
	message := func(data string) string {
		return success("ExportItems", `<m:ItemId Id="A"/>`+data)
	}
	for name, c := range map[string]struct {
		message string
		code    string // of the item, else its blob fails
	}{
		"no bytes":          {message(`<m:Data></m:Data>`), CodeEmptyData},
		"blank":             {message(`<m:Data> </m:Data>`), CodeEmptyData},
		"empty element":     {message(`<m:Data/>`), CodeEmptyData},
		"no data":           {message(``), CodeNoData},
		"garbage":           {message(`<m:Data>AAAA!AAA</m:Data>`), ""},
		"garbage at once":   {message(`<m:Data>!</m:Data>`), ""},
		"element in it":     {message(`<m:Data>AAAA<b/></m:Data>`), ""},
		"more than padding": {message(`<m:Data>AA==AAAA</m:Data>`), ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, func(w http.ResponseWriter, n int, body string) {
				io.WriteString(w, document("ExportItems", c.message+exported("B", []byte("good"))))
			})
			r, err := s.client().ExportItems(t.Context(), ids("A", "B"))
			if err != nil {
				t.Fatal(err)
			}
			items, err := readAll(r)
			if name == "element in it" {
				is[*ProtocolError](t, err)
				return
			}
			if err != nil || len(items) != 2 || string(items[1].blob) != "good" {
				t.Fatalf("%+v, %v", items, err)
			}
			if c.code != "" {
				if items[0].Err == nil || items[0].Err.Code != c.code {
					t.Errorf("got %+v", items[0])
				}
				return
			}
			is[*ProtocolError](t, items[0].err)
		})
	}
}

// TestExportCutAnywhere cuts the connection after each byte of an answer. What
// was whole before is kept, and nothing else is called whole.
func TestExportCutAnywhere(t *testing.T) {
	doc := document("ExportItems", exported("A", []byte("first item"))+exported("B", []byte("second")))
	firstEnds := strings.Index(doc, "</m:Data>") + len("</m:Data>")
	cut := 0
	s := serve(t, func(w http.ResponseWriter, n int, body string) {
		w.Header().Set("Content-Length", fmt.Sprint(len(doc)))
		io.WriteString(w, doc[:cut])
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	})
	s.Config.ErrorLog = nil
	c := s.client(func(o *Options) { o.Retry.Attempts = 1 })
	for ; cut < len(doc); cut++ {
		r, err := c.ExportItems(t.Context(), ids("A", "B"))
		var items []one
		if err == nil {
			items, err = readAll(r)
		}
		var truncated *TruncatedError
		var transport *TransportError
		if !errors.As(err, &truncated) && !errors.As(err, &transport) {
			t.Fatalf("cut at %d: %v", cut, err)
		}
		whole := 0
		for _, o := range items {
			if o.Err == nil && o.err == nil {
				whole++
			}
		}
		if cut >= firstEnds && whole == 0 {
			t.Fatalf("cut at %d: the first item is lost", cut)
		}
		if cut < firstEnds && whole > 0 {
			t.Fatalf("cut at %d: %d items are called whole", cut, whole)
		}
	}
}

func TestExportInSmallPiecesAndCompressed(t *testing.T) {
	doc := document("ExportItems", exported("A", []byte("first item"))+exported("B", bytes.Repeat([]byte("second"), 5000)))
	for name, write := range map[string]func(w http.ResponseWriter){
		"one byte at a time": func(w http.ResponseWriter) {
			for i := range min(len(doc), 3000) {
				io.WriteString(w, doc[i:i+1])
				w.(http.Flusher).Flush()
			}
			io.WriteString(w, doc[3000:])
		},
		"gzip": func(w http.ResponseWriter) {
			w.Header().Set("Content-Encoding", "gzip")
			z := gzip.NewWriter(w)
			io.WriteString(z, doc)
			z.Close()
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, func(w http.ResponseWriter, n int, body string) { write(w) })
			c := s.client()
			for range 2 { // the connection is good for a second time
				r, err := c.ExportItems(t.Context(), ids("A", "B"))
				if err != nil {
					t.Fatal(err)
				}
				items, err := readAll(r)
				if err != nil || len(items) != 2 || len(items[1].blob) != 30_000 {
					t.Fatalf("%d items, %v", len(items), err)
				}
			}
		})
	}
}

func TestExportBadCompression(t *testing.T) {
	var z bytes.Buffer
	w := gzip.NewWriter(&z)
	io.WriteString(w, document("ExportItems", exported("A", bytes.Repeat([]byte("item"), 1000))))
	w.Close()
	whole := z.Bytes()
	damaged := bytes.Clone(whole)
	damaged[len(damaged)-5] ^= 1
	for name, answer := range map[string][]byte{
		"no gzip": []byte("<s:Envelope/>"), "cut": whole[:len(whole)/2], "damaged": damaged, "empty": nil,
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, func(w http.ResponseWriter, n int, body string) {
				w.Header().Set("Content-Encoding", "gzip")
				w.Write(answer)
			})
			r, err := s.client(func(o *Options) { o.Retry.Attempts = 1 }).ExportItems(t.Context(), ids("A"))
			if err == nil {
				_, err = readAll(r)
			}
			var odd *ProtocolError
			var cut *TruncatedError
			if !errors.As(err, &odd) && !errors.As(err, &cut) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestExportRefusesAnEndlessItem(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, n int, body string) {
		io.WriteString(w, strings.Split(document("ExportItems", exported("A", nil)), "</m:Data>")[0])
		for block := bytes.Repeat([]byte("AAAA"), 10_000); ; {
			if _, err := w.Write(block); err != nil {
				return
			}
		}
	})
	r, err := s.client(func(o *Options) { o.MaxItemSize = 1 << 20 }).ExportItems(t.Context(), ids("A"))
	if err != nil {
		t.Fatal(err)
	}
	items, err := readAll(r)
	if len(items) == 1 {
		err = items[0].err
	}
	is[*ProtocolError](t, err)
}

func TestExportNotOffered(t *testing.T) {
	for name, answer := range map[string]func(w http.ResponseWriter){
		"invalid request": func(w http.ResponseWriter) { fault(w, "ErrorInvalidRequest", "The request is invalid.", "") },
		"schema": func(w http.ResponseWriter) {
			fault(w, "ErrorSchemaValidation", "The element 'ExportItems' is unknown.", "")
		},
		"unknown": func(w http.ResponseWriter) {
			w.WriteHeader(500)
			io.WriteString(w, `<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><s:Fault><faultcode>s:Client</faultcode><faultstring>Unknown operation</faultstring></s:Fault></s:Body></s:Envelope>`)
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, func(w http.ResponseWriter, n int, body string) { answer(w) })
			_, err := s.client().ExportItems(t.Context(), ids("A"))
			if !errors.Is(err, ErrNoExportItems) {
				t.Errorf("got %v", err)
			}
			wantText(t, err, "this server does not offer ExportItems")
		})
	}
}

func TestExportBusyItemsCloseTheGate(t *testing.T) {
	mixed := shared(t, "constructed/exportitems-mixed.xml")
	s := serve(t, func(w http.ResponseWriter, n int, body string) {
		io.WriteString(w, mixed)
	})
	var waits []Wait
	c := s.client(func(o *Options) { o.OnWait = func(w Wait) { waits = append(waits, w) } })
	r, err := c.ExportItems(t.Context(), ids("AAMkAGYzAAA=", "2", "3", "4", "5", "6"))
	if err != nil {
		t.Fatal(err)
	}
	items, err := readAll(r)
	if err != nil || len(items) != 6 {
		t.Fatalf("%d items, %v", len(items), err)
	}
	for i, want := range []string{"", "ErrorServerBusy", "ErrorServerBusy", "ErrorItemNotFound", "ErrorMailboxMoveInProgress", "ErrorBatchProcessingStopped"} {
		if e := items[i].Err; want == "" != (e == nil) || e != nil && e.Cause() != want {
			t.Errorf("item %d: %v, want %s", i, e, want)
		}
	}
	if items[1].Err.BackOff != 30*time.Second || items[2].Err.InnerCode != "ErrorServerBusy" {
		t.Errorf("hints: %+v, %+v", items[1].Err, items[2].Err)
	}
	if len(waits) == 0 || waits[0].For != 30*time.Second || c.Gate().Limit() >= 4 {
		t.Errorf("waits %v, limit %d", waits, c.Gate().Limit())
	}
}

// TestExportIsFlat reads one item of 200 MB from a server that makes it up.
func TestExportIsFlat(t *testing.T) {
	const size = 200 << 20
	s := serve(t, func(w http.ResponseWriter, n int, body string) {
		head, tail, _ := strings.Cut(document("ExportItems", exported("A", nil)), "</m:Data>")
		io.WriteString(w, head)
		block := bytes.Repeat([]byte("QUJD"), 16<<10)
		for left := size / 3 * 4; left > 0; left -= len(block) {
			w.Write(block[:min(left, len(block))])
		}
		io.WriteString(w, "</m:Data>"+tail)
	})
	r, err := s.client().ExportItems(t.Context(), ids("A"))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, err := r.Next(); err != nil {
		t.Fatal(err)
	}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	n, err := io.Copy(io.Discard, r)
	runtime.ReadMemStats(&after)
	if err != nil || n != size/3*3 {
		t.Errorf("%d bytes, %v", n, err)
	}
	if grown := after.TotalAlloc - before.TotalAlloc; grown > 4<<20 {
		t.Errorf("%d bytes were allocated on the way", grown)
	}
	if _, err := r.Next(); err != io.EOF {
		t.Error(err)
	}
}

// BenchmarkExport is the whole way from a socket to a decoded blob; the server
// runs in the same process.
func BenchmarkExport(b *testing.B) {
	blob := make([]byte, 25<<20)
	doc := []byte(document("ExportItems", exported("A", blob)))
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", fmt.Sprint(len(doc)))
		w.Write(doc)
	}))
	defer s.Close()
	c := (&server{Server: s, t: b}).client()
	b.SetBytes(int64(len(doc)))
	b.ReportAllocs()
	for b.Loop() {
		r, err := c.ExportItems(b.Context(), ids("A"))
		if err != nil {
			b.Fatal(err)
		}
		if _, err := r.Next(); err != nil {
			b.Fatal(err)
		}
		if n, err := io.Copy(io.Discard, r); n != int64(len(blob)) || err != nil {
			b.Fatal(n, err)
		}
		if _, err := r.Next(); err != io.EOF {
			b.Fatal(err)
		}
	}
}
