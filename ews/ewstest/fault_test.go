package ewstest_test

import (
	"encoding/base64"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"mailferry/ews/ewstest"
)

// exchange sends a request that may come to nothing: err is that of the
// connection.
func exchange(t *testing.T, s *ewstest.Server, operation string, change func(*http.Request)) (status int, h http.Header, body string, err error) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL(), strings.NewReader(envelopeStart+"</s:Header><s:Body>"+operation+envelopeEnd))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "text/xml")
	req.SetBasicAuth(ewstest.DefaultUser, ewstest.DefaultPassword)
	if change != nil {
		change(req)
	}
	tr := &http.Transport{}
	defer tr.CloseIdleConnections()
	resp, err := tr.RoundTrip(req)
	if err != nil {
		return 0, nil, "", err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return resp.StatusCode, resp.Header, string(b), err
}

func count(p *probe, folder string) int { return len(p.ids(folder, "Shallow")) }

// Each kind of fault does what it says, seen from the client's side of the
// connection and from the mailbox.
func TestFaultKinds(t *testing.T) {
	p, folders, ids, blobs := seeded(t)
	syncState := content(p.do(syncRequest(folders[0], "", 1, "")), "SyncState")[0]
	upload := uploadRequest(up{action: "CreateNew", folder: folders[0], blob: blobs[0]}, up{action: "CreateNew", folder: folders[0], blob: blobs[0]})
	export := exportRequest(ids...)
	type seen struct {
		status int
		header http.Header
		body   string
		err    error
		made   int
	}
	code := func(want ...string) func(seen) bool {
		return func(s seen) bool { return s.err == nil && slices.Equal(codes(s.body), want) }
	}
	fault := func(want string) func(seen) bool {
		return func(s seen) bool { return s.status == 500 && strings.Contains(s.body, "a:"+want+"<") && s.made == 0 }
	}
	for _, tc := range []struct {
		name  string
		fault ewstest.Fault
		op    string
		ok    func(seen) bool
	}{
		{"busy", ewstest.Fault{Op: "UploadItems", Kind: "busy", BackOffMS: 1234}, upload, func(s seen) bool {
			return fault("ErrorServerBusy")(s) && slices.Equal(content(s.body, "Value"), []string{"1234"})
		}},
		{"busy zero", ewstest.Fault{Kind: "busy-zero"}, export, func(s seen) bool {
			return fault("ErrorServerBusy")(s) && slices.Equal(content(s.body, "Value"), []string{"0"})
		}},
		{"busy item", ewstest.Fault{Kind: "busy-item", Nth: 2}, export, code("NoError", "ErrorServerBusy", "NoError", "NoError")},
		{"inner busy", ewstest.Fault{Kind: "inner-busy", Nth: 2}, export, func(s seen) bool {
			return code("NoError", "ErrorInternalServerError", "NoError", "NoError")(s) && slices.Contains(content(s.body, "Value"), "ErrorServerBusy")
		}},
		{"batch stopped", ewstest.Fault{Kind: "batch-stopped", Nth: 2}, export, func(s seen) bool {
			return code("NoError", "ErrorInsufficientResources", "ErrorBatchProcessingStopped", "ErrorBatchProcessingStopped")(s) && strings.Contains(s.body, `ResponseClass="Warning"`)
		}},
		{"quota", ewstest.Fault{Kind: "quota", Nth: 1}, upload, func(s seen) bool {
			return code("ErrorQuotaExceeded", "ErrorBatchProcessingStopped")(s) && s.made == 0
		}},
		{"move", ewstest.Fault{Kind: "move-in-progress", Nth: 4}, export, code("NoError", "NoError", "NoError", "ErrorMailboxMoveInProgress")},
		{"access denied", ewstest.Fault{Kind: "access-denied", Nth: 4}, export, code("NoError", "NoError", "NoError", "ErrorAccessDenied")},
		{"poison", ewstest.Fault{Kind: "poison", Item: ids[2]}, export, fault("ErrorInternalServerError")},
		{"poison elsewhere", ewstest.Fault{Kind: "poison", Item: ids[2]}, exportRequest(ids[0], ids[1]), code("NoError", "NoError")},
		{"corrupt", ewstest.Fault{Kind: "corrupt-item", Item: ids[1]}, export, code("NoError", "ErrorCorruptData", "NoError", "NoError")},
		{"not found", ewstest.Fault{Kind: "not-found", Nth: 1}, export, code("ErrorItemNotFound", "NoError", "NoError", "NoError")},
		{"truncated in data", ewstest.Fault{Kind: "truncated", Nth: 1}, export, func(s seen) bool {
			return strings.HasSuffix(content(s.body, "Data")[0], "=== Truncated Data ===")
		}},
		{"truncated after data", ewstest.Fault{Kind: "truncated", Nth: 1, Where: "after-data"}, export, func(s seen) bool {
			return strings.Contains(s.body, "Data>=== Truncated Data ===<")
		}},
		{"truncated after the document", ewstest.Fault{Kind: "truncated", Nth: 1, Where: "after-xml"}, export, func(s seen) bool {
			return strings.HasSuffix(s.body, ":Envelope>=== Truncated Data ===")
		}},
		{"cut without a mark", ewstest.Fault{Kind: "truncated", Nth: 1, Where: "cut"}, export, func(s seen) bool {
			got, _ := base64.StdEncoding.DecodeString(content(s.body, "Data")[0])
			want, _ := base64.StdEncoding.DecodeString(blobs[0])
			return len(got) > 0 && len(got) < len(want) && code("NoError", "NoError", "NoError", "NoError")(s)
		}},
		{"short", ewstest.Fault{Kind: "short-response"}, export, code("NoError", "NoError")},
		{"drop before", ewstest.Fault{Op: "UploadItems", Kind: "drop-before"}, upload, func(s seen) bool { return s.err != nil && s.made == 0 }},
		{"drop after commit", ewstest.Fault{Op: "UploadItems", Kind: "drop-after-commit"}, upload, func(s seen) bool { return s.err != nil && s.made == 2 }},
		{"drop in the middle", ewstest.Fault{Op: "UploadItems", Kind: "drop-mid-response"}, upload, func(s seen) bool {
			return s.err != nil && s.status == 200 && s.made == 2 && s.body != "" && !strings.Contains(s.body, "Envelope>\n")
		}},
		{"stall", ewstest.Fault{Op: "ExportItems", Kind: "stall", DelayMS: 1, After: 700}, export, func(s seen) bool { return s.err != nil && len(s.body) == 700 }},
		{"slow", ewstest.Fault{Op: "ExportItems", Kind: "slow", DelayMS: 1}, exportRequest(ids[1]), code("NoError")},
		{"401", ewstest.Fault{Kind: "http-401"}, upload, func(s seen) bool { return s.status == 401 && s.made == 0 }},
		{"503", ewstest.Fault{Kind: "http-503", BackOffMS: 2000}, upload, func(s seen) bool {
			return s.status == 503 && s.header.Get("Retry-After") == "2" && s.made == 0
		}},
		{"500 without SOAP", ewstest.Fault{Kind: "http-503", Status: 500}, upload, func(s seen) bool {
			return s.status == 500 && strings.Contains(s.body, "Server Error in '/EWS' Application") && s.made == 0
		}},
		{"302", ewstest.Fault{Kind: "http-302-error-page"}, upload, func(s seen) bool {
			return s.status == 302 && strings.HasPrefix(s.header.Get("Location"), "/ews/genericerrorpage.htm")
		}},
		{"413", ewstest.Fault{Kind: "http-413"}, upload, func(s seen) bool { return s.status == 413 && s.made == 0 }},
		{"timeout", ewstest.Fault{Op: "UploadItems", Kind: "timeout"}, upload, func(s seen) bool {
			return s.status == 500 && strings.Contains(s.body, "a:ErrorTimeoutExpired<") && s.made == 1
		}},
		{"duplicates", ewstest.Fault{Kind: "server-duplicates", Nth: 1}, upload, func(s seen) bool { return code("NoError", "NoError")(s) && s.made == 3 }},
		{"html", ewstest.Fault{Kind: "wrong-content-type"}, upload, func(s seen) bool {
			return s.status == 200 && strings.HasPrefix(s.header.Get("Content-Type"), "text/html") && s.made == 0
		}},
		{"gzip garbage", ewstest.Fault{Kind: "gzip-garbage"}, export, func(s seen) bool { return s.header.Get("Content-Encoding") == "gzip" && s.err == nil }},
		{"huge", ewstest.Fault{Kind: "huge-response", After: 3 << 20}, export, func(s seen) bool { return len(s.body) > 3<<20 }},
		{"duplicate ids", ewstest.Fault{Op: "FindItem", Kind: "duplicate-ids"}, findRequest(folders[0], 0, 10, byReceived), func(s seen) bool {
			got := attr(s.body, "ItemId", "Id")
			slices.Sort(got)
			return len(slices.Compact(slices.Clone(got))) == 10 && len(got) > 10
		}},
		{"stuck offset", ewstest.Fault{Op: "FindItem", Kind: "stuck-offset"}, findRequest(folders[0], 7, 10, ""), func(s seen) bool {
			return attr(s.body, "RootFolder", "IndexedPagingOffset")[0] == "7" && attr(s.body, "RootFolder", "IncludesLastItemInRange")[0] == "false" && len(attr(s.body, "ItemId", "Id")) == 0
		}},
		{"sync state", ewstest.Fault{Op: "SyncFolderItems", Kind: "invalid-sync-state"}, syncRequest(folders[0], syncState, 10, ""), code("ErrorInvalidSyncStateData")},
	} {
		t.Run(tc.name, func(t *testing.T) {
			before := count(p, folders[0])
			if err := p.s.SetFaults([]ewstest.Fault{tc.fault}); err != nil {
				t.Fatal(err)
			}
			var s seen
			s.status, s.header, s.body, s.err = exchange(t, p.s, tc.op, func(r *http.Request) { r.Header.Set("Accept-Encoding", "identity") })
			if fired := p.s.Stats().Faults; fired == 0 && !strings.HasSuffix(tc.name, "elsewhere") {
				t.Error("the fault was not counted")
			}
			if err := p.s.SetFaults(nil); err != nil {
				t.Fatal(err)
			}
			s.made = count(p, folders[0]) - before
			if !tc.ok(s) {
				t.Errorf("HTTP %d, error %v, %d items made, codes %q, header %v: %.400s", s.status, s.err, s.made, codes(s.body), s.header, s.body)
			}
		})
	}
}

// Faults come when they are told to: the nth time, each nth time, by chance
// with a seed, and some stay with the item they hit.
func TestWhenFaultsCome(t *testing.T) {
	p, _, ids, _ := seeded(t)
	outcome := func(f ewstest.Fault, n int) string {
		t.Helper()
		if err := p.s.SetFaults([]ewstest.Fault{f}); err != nil {
			t.Fatal(err)
		}
		var s strings.Builder
		for range n {
			if c := codes(p.do(exportRequest(ids[0], ids[1]))); slices.Equal(c, []string{"NoError", "NoError"}) {
				s.WriteByte('.')
			} else {
				s.WriteByte('X')
			}
		}
		return s.String()
	}
	if got := outcome(ewstest.Fault{Kind: "busy-item", Nth: 3}, 5); got != ".X..." {
		t.Error("nth:", got)
	}
	if got := outcome(ewstest.Fault{Kind: "busy-item", Every: 4}, 6); got != ".X.X.X" {
		t.Error("every:", got)
	}
	if got := outcome(ewstest.Fault{Kind: "busy-item", Times: 2}, 3); got != "X.." && got != "XX." {
		t.Error("times:", got)
	}
	if got := outcome(ewstest.Fault{Kind: "corrupt-item", Nth: 3}, 5); got != ".XXXX" {
		t.Error("sticky:", got)
	}
	chance := ewstest.Fault{Kind: "busy-item", Probability: 0.3}
	if a, b := outcome(chance, 30), outcome(chance, 30); a != b || !strings.Contains(a, "X") || !strings.Contains(a, ".") {
		t.Error("by chance:", a, b)
	}
	if err := p.s.SetFaults([]ewstest.Fault{{Kind: "nonsense"}}); err == nil {
		t.Error("an unknown kind is taken")
	}
}

// More requests at once than allowed are refused; so is what goes beyond the
// budget, until it has recharged. The policy says how long to wait.
func TestThrottling(t *testing.T) {
	p := newProbe(t, ewstest.Options{
		Mailboxes: []ewstest.MailboxSpec{{Address: "alice@example.com", Content: "bulk:10:2000"}},
		Latency:   30 * time.Millisecond,
		Policy:    ewstest.Policy{MaxConcurrency: 2, BackOff: 700 * time.Millisecond},
	})
	folder := findRequest(p.folderID("inbox"), 0, 1, "")
	results := make(chan string, 12)
	for range cap(results) {
		go func() {
			_, _, body, _ := exchange(t, p.s, folder, nil)
			results <- body
		}()
	}
	busy := 0
	for range cap(results) {
		body := <-results
		if strings.Contains(body, "ErrorServerBusy") {
			busy++
			if !strings.Contains(body, "policy part &#39;MaxConcurrency&#39;, policy value &#39;2&#39;") || !slices.Contains(content(body, "Value"), "700") {
				t.Fatalf("the policy is not named: %s", body)
			}
		}
	}
	if st := p.s.Stats(); busy == 0 || busy == 12 || st.Busy != int64(busy) || st.BusyEarly != 0 {
		t.Errorf("%d of 12 requests at once were refused: %+v", busy, st)
	}
	// Those were on their way when the first was refused. What is sent by one
	// that knows is counted, though there is room for it.
	for end := time.Now().Add(600 * time.Millisecond); p.s.Stats().BusyEarly == 0; {
		if time.Now().After(end) {
			t.Fatal("requests inside of the back-off were not counted")
		}
		exchange(t, p.s, folder, nil)
	}
	p.s.SetPolicy(ewstest.Policy{Budget: 50 * time.Millisecond, Recharge: time.Minute})
	for range 6 {
		if status, _, body, _ := exchange(t, p.s, folder, nil); status == 500 && strings.Contains(body, "EwsMaxBurst") {
			return
		}
	}
	t.Error("the budget is never used up")
}

// A request above the limit is refused without SOAP.
func TestRequestLimit(t *testing.T) {
	s := ewstest.Start(t, ewstest.Options{Policy: ewstest.Policy{MaxRequestBytes: 4096}})
	op := uploadRequest(up{action: "CreateNew", folder: "AAMk", blob: strings.Repeat("A", 8192)})
	status, h, body, err := exchange(t, s, op, nil)
	if err != nil || status != http.StatusRequestEntityTooLarge || !strings.HasPrefix(h.Get("Content-Type"), "text/html") {
		t.Errorf("HTTP %d, %v: %.200s", status, err, body)
	}
	status, _, _, err = exchange(t, s, op, func(r *http.Request) { r.ContentLength = -1 })
	if err == nil && status != http.StatusRequestEntityTooLarge {
		t.Errorf("chunked: HTTP %d", status)
	}
}

// A batch that takes too long ends with its last items undone.
func TestBatchTime(t *testing.T) {
	p, folders, _, blobs := seeded(t)
	p.s.SetPolicy(ewstest.Policy{BatchTime: 25 * time.Millisecond, ItemTime: 10 * time.Millisecond})
	var items []up
	for range 8 {
		items = append(items, up{action: "CreateNew", folder: folders[1], blob: blobs[1]})
	}
	got := codes(p.do(uploadRequest(items...)))
	if got[0] != "NoError" || got[7] != "ErrorTimeoutExpired" {
		t.Errorf("codes %q", got)
	}
}
