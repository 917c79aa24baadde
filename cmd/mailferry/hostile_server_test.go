package main

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"mailferry/ews/ewstest"
	"mailferry/store"
)

// hostile is one thing that a server does to a client. It answers the first two
// requests of an operation so; later ones are answered by the simulator.
type hostile struct {
	op     string
	answer func(w io.Writer, h http.Header)
}

const (
	soapStart = `<?xml version="1.0" encoding="utf-8"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>`
	exportOne = soapStart + `<m:ExportItemsResponse xmlns:m="http://schemas.microsoft.com/exchange/services/2006/messages" xmlns:t="http://schemas.microsoft.com/exchange/services/2006/types">` +
		`<m:ResponseMessages><m:ExportItemsResponseMessage ResponseClass="Success"><m:ResponseCode>NoError</m:ResponseCode><m:ItemId Id="x"/><m:Data>`
	syncOne = soapStart + `<m:SyncFolderItemsResponse xmlns:m="http://schemas.microsoft.com/exchange/services/2006/messages" xmlns:t="http://schemas.microsoft.com/exchange/services/2006/types">` +
		`<m:ResponseMessages><m:SyncFolderItemsResponseMessage ResponseClass="Success"><m:ResponseCode>NoError</m:ResponseCode><m:SyncState>x</m:SyncState><m:IncludesLastItemInRange>true</m:IncludesLastItemInRange><m:Changes>`
)

// forever writes a piece until nobody takes it any more.
func forever(w io.Writer, piece string) {
	many := []byte(strings.Repeat(piece, 1+(64<<10)/len(piece)))
	for {
		if _, err := w.Write(many); err != nil {
			return
		}
	}
}

// bytesOf writes n bytes of a sign.
func bytesOf(w io.Writer, n int64, sign string) {
	many := []byte(strings.Repeat(sign, 64<<10))
	for ; n > 0; n -= int64(len(many)) {
		if _, err := w.Write(many[:min(n, int64(len(many)))]); err != nil {
			return
		}
	}
}

var hostiles = map[string]hostile{
	"endless space":    {"ExportItems", func(w io.Writer, _ http.Header) { io.WriteString(w, soapStart); forever(w, " ") }},
	"endless elements": {"ExportItems", func(w io.Writer, _ http.Header) { io.WriteString(w, soapStart); forever(w, "<a></a>") }},
	"endless comment":  {"ExportItems", func(w io.Writer, _ http.Header) { io.WriteString(w, soapStart+"<!--"); forever(w, "x") }},
	"endless name":     {"ExportItems", func(w io.Writer, _ http.Header) { io.WriteString(w, soapStart+"<"); forever(w, "x") }},
	"endless item": {"SyncFolderItems", func(w io.Writer, _ http.Header) {
		io.WriteString(w, syncOne+"<t:Create><t:Message>")
		forever(w, "<t:x/>")
	}},
	"endless list":  {"SyncFolderItems", func(w io.Writer, _ http.Header) { io.WriteString(w, syncOne); forever(w, "<t:Create></t:Create>") }},
	"no XML at all": {"SyncFolderItems", func(w io.Writer, _ http.Header) { forever(w, "\x00\xff\xfe") }},
	"1 TB announced": {"ExportItems", func(w io.Writer, h http.Header) {
		h.Set("Content-Length", fmt.Sprint(1<<40))
		io.WriteString(w, soapStart)
	}},
	"deep":                 {"ExportItems", func(w io.Writer, _ http.Header) { io.WriteString(w, soapStart+strings.Repeat("<a>", 100_000)) }},
	"a million attributes": {"ExportItems", func(w io.Writer, _ http.Header) { io.WriteString(w, soapStart+"<a"); forever(w, ` a="b"`) }},
	"attribute of 1 GB":    {"ExportItems", func(w io.Writer, _ http.Header) { io.WriteString(w, soapStart+`<a b="`); bytesOf(w, 1<<30, "x") }},
	"entities": {"ExportItems", func(w io.Writer, _ http.Header) {
		io.WriteString(w, `<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]><x>&b;</x>`)
	}},
	"gzip bomb": {"ExportItems", func(w io.Writer, h http.Header) {
		h.Set("Content-Encoding", "gzip")
		z, _ := gzip.NewWriterLevel(w, gzip.BestSpeed)
		io.WriteString(z, exportOne)
		bytesOf(z, 5<<30, "A")
		z.Close()
	}},
	"subject of 1 GB": {"SyncFolderItems", func(w io.Writer, _ http.Header) {
		io.WriteString(w, syncOne+`<t:Create><t:Message><t:Subject>`)
		bytesOf(w, 1<<30, "x")
		io.WriteString(w, `</t:Subject></t:Message></t:Create>`)
	}},
	"id of 64 MB": {"SyncFolderItems", func(w io.Writer, _ http.Header) {
		io.WriteString(w, syncOne+`<t:Create><t:Message><t:ItemId Id="`)
		bytesOf(w, 64<<20, "x")
		io.WriteString(w, `"/></t:Message></t:Create>`)
	}},
	"blob with a length of 4 GB": {"ExportItems", func(w io.Writer, _ http.Header) {
		// Framing of a transfer, then a string property that claims 4 GB.
		io.WriteString(w, exportOne+"AgAAAAEAAAABAAAAAAAAAAgAAAAfADcA/////0EA</m:Data></m:ExportItemsResponseMessage></m:ResponseMessages></m:ExportItemsResponse></s:Body></s:Envelope>")
	}},
	"signs that move the cursor": {"ExportItems", func(w io.Writer, _ http.Header) {
		io.WriteString(w, soapStart+`<s:Fault><faultcode>s:Client</faultcode><faultstring>`+"no\u001b[2J\u202e\r\nmailferry: all done"+`</faultstring></s:Fault></s:Body></s:Envelope>`)
	}},
}

// A server that does its worst gets no memory, no time and no logins out of us,
// and once it is tame again nothing is missing.
func TestHostileServer(t *testing.T) {
	simulator := ewstest.Start(t, ewstest.Options{
		Mailboxes: []ewstest.MailboxSpec{{Address: killSource, Content: "sample:30"}},
		Auth:      []string{"basic"}, Users: []ewstest.User{{Name: "svc", Password: "Passw0rd!"}},
	})
	for name, h := range hostiles {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var mu sync.Mutex
			count := 0
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				request, err := io.ReadAll(r.Body)
				if err != nil {
					return
				}
				r.Body = io.NopCloser(bytes.NewReader(request))
				mu.Lock()
				hit := bytes.Contains(request, []byte("<m:"+h.op)) && count < 2
				if hit {
					count++
				}
				mu.Unlock()
				if !hit {
					simulator.ServeHTTP(w, r)
					return
				}
				w.Header().Set("Content-Type", "text/xml; charset=utf-8")
				h.answer(w, w.Header())
			}))
			defer server.Close()
			dir := filepath.Join(t.TempDir(), "store")
			args := []string{"export", killSource, "--url", server.URL + "/EWS/Exchange.asmx", "--store", dir, "--workers", "2"}
			for try := 1; ; try++ {
				began := time.Now()
				cmd, out := program(t, t.Context(), args...)
				told := filepath.Join(t.TempDir(), "memory")
				cmd.Env = append(cmd.Env, tellsMemory+"="+told)
				err := cmd.Run()
				if peak := peakMemory(t, told); peak > 64<<20 {
					t.Errorf("it took %d MiB of memory", peak>>20)
				}
				if took := time.Since(began); took > time.Minute {
					t.Errorf("it took %s", took)
				}
				checkLines(t, out)
				if err == nil {
					break
				}
				if try == 3 {
					t.Fatalf("it does not recover: %v\n%s", err, out)
				}
			}
			mu.Lock()
			defer mu.Unlock()
			if count == 0 {
				t.Errorf("there was no %s to answer", h.op)
			}
			if got := itemsIn(t, dir); got != 35 { // with associated ones
				t.Errorf("%d of 35 items are in the store", got)
			}
		})
	}
}

// peakMemory reads the most bytes of memory that a process had; 0: it is not told.
func peakMemory(t *testing.T, name string) int64 {
	t.Helper()
	status, err := os.ReadFile(name)
	if err != nil {
		if runtime.GOOS != "linux" {
			return 0
		}
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	var kilobytes int64
	if _, err := fmt.Sscan(rest, &kilobytes); err != nil || kilobytes < 1000 {
		t.Fatalf("its memory is %.20q: %v", rest, err)
	}
	return kilobytes << 10
}

// checkLines sees that what is printed is short lines without signs that a
// terminal obeys.
func checkLines(t *testing.T, out *bytes.Buffer) {
	t.Helper()
	for line := range strings.Lines(out.String()) {
		if len(line) > 1000 {
			t.Errorf("a line of %d bytes: %.200q", len(line), line)
		}
		if strings.ContainsAny(strings.TrimSuffix(line, "\n"), "\x00\x1b\r\u202e") || strings.HasPrefix(line, "mailferry: all done") {
			t.Errorf("it prints %.300q", line)
		}
	}
}

func itemsIn(t *testing.T, dir string) (n int) {
	t.Helper()
	s, err := store.Open(dir, store.OpenOptions{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	counts, err := s.CountItems(killSource)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range counts {
		n += c.Items
	}
	return n
}

// A redirect is named and not followed, and takes no login along; neither does a
// cookie.
func TestALoginStaysWithItsServer(t *testing.T) {
	t.Parallel()
	asked := make(chan *http.Request, 100)
	thief := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { asked <- r }))
	defer thief.Close()
	for _, auth := range []string{"basic", "ntlm"} {
		for _, code := range []int{301, 302, 303, 307, 308} {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				io.Copy(io.Discard, r.Body)
				w.Header().Set("Location", thief.URL+"/EWS/Exchange.asmx")
				w.Header().Set("Set-Cookie", "a=b; Domain=127.0.0.1")
				w.WriteHeader(code)
			}))
			cmd, out := program(t, t.Context(), "export", killSource, "--url", server.URL+"/EWS/Exchange.asmx", "--store", t.TempDir(), "--auth", auth)
			if err := cmd.Run(); err == nil || !strings.Contains(out.String(), thief.URL) {
				t.Errorf("%s, %d: %v\n%s", auth, code, err, out)
			}
			server.Close()
		}
	}
	select {
	case r := <-asked:
		t.Errorf("the other server was asked: %s %s, login %v", r.Method, r.URL, r.Header["Authorization"] != nil)
	default:
	}
}
