package ewstest_test

import (
	"bytes"
	"compress/gzip"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"io"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"mailferry/ews/ewstest"
	"mailferry/ews/ewstest/mailbox"
)

func inboxOf(address string) string {
	if address != "" {
		address = "<t:Mailbox><t:EmailAddress>" + address + "</t:EmailAddress></t:Mailbox>"
	}
	return `<m:GetFolder><m:FolderShape><t:BaseShape>IdOnly</t:BaseShape></m:FolderShape><m:FolderIds><t:DistinguishedFolderId Id="inbox">` + address + `</t:DistinguishedFolderId></m:FolderIds></m:GetFolder>`
}

// Who may open what: own mailboxes, others by right, impersonated ones.
func TestWhoseMailbox(t *testing.T) {
	p := newProbe(t, ewstest.Options{
		Mailboxes: []ewstest.MailboxSpec{{Address: "alice@example.com"}, {Address: "bob@example.com"}, {Address: "carol@example.com", NoAccess: true}},
		Users: []ewstest.User{
			{Name: "service", Password: "a"},
			{Name: `EXAMPLE\alice`, Password: "b", Restricted: true},
			{Name: "bob@example.com", Password: "c", Restricted: true, Opens: []string{"alice@example.com"}, Impersonates: []string{"carol@example.com"}},
		},
	})
	as := func(address string) string {
		return `<t:ExchangeImpersonation><t:ConnectingSID><t:PrimarySmtpAddress>` + address + `</t:PrimarySmtpAddress></t:ConnectingSID></t:ExchangeImpersonation>`
	}
	for _, tc := range []struct {
		user, pass, header, address, want string
	}{
		{"service", "a", "", "", "ErrorMissingEmailAddress"},
		{"service", "a", "", "alice@example.com", "NoError"},
		{"service", "a", "", "carol@example.com", "ErrorAccessDenied"},
		{"service", "a", "", "nobody@example.com", "ErrorNonExistentMailbox"},
		{"service", "a", as("ALICE@example.com"), "", "NoError"},
		{"service", "a", as("alice@example.com"), "bob@example.com", "ErrorAccessDenied"},
		{"service", "a", as("nobody@example.com"), "", "fault ErrorNonExistentMailbox"},
		{"service", "a", as("nobody"), "", "fault ErrorInvalidSmtpAddress"},
		{"service", "a", as(" "), "", "fault ErrorInvalidExchangeImpersonationHeaderData"},
		{"service", "a", as("carol@example.com"), "", "fault ErrorImpersonateUserDenied"},
		{"service", "a", as("alice@example.com") + as("alice@example.com"), "", "fault ErrorDuplicateSOAPHeader"},
		{"alice", "b", "", "", "NoError"},
		{`example\ALICE`, "b", "", "", "NoError"},
		{"alice@example.com", "b", "", "bob@example.com", "ErrorAccessDenied"},
		{"alice", "b", as("bob@example.com"), "", "fault ErrorImpersonateUserDenied"},
		{"bob", "c", "", "alice@example.com", "NoError"},
		{"bob@example.com", "c", as("carol@example.com"), "", "NoError"},
	} {
		p.user, p.pass, p.header = tc.user, tc.pass, tc.header
		if code, ok := strings.CutPrefix(tc.want, "fault "); ok {
			p.fault(inboxOf(tc.address), code)
			continue
		}
		if got := codes(p.do(inboxOf(tc.address))); !slices.Equal(got, []string{tc.want}) {
			t.Errorf("%s, %q, mailbox %q: %q, want %s", tc.user, tc.header, tc.address, got, tc.want)
		}
	}
	for _, wrong := range [][2]string{{"service", "b"}, {"nobody", "a"}, {"", ""}, {`OTHER\alice`, "b"}} {
		p.user, p.pass = wrong[0], wrong[1]
		if status, _ := p.post("x"); status != http.StatusUnauthorized {
			t.Errorf("%q is let in: HTTP %d", wrong, status)
		}
	}
	if st := p.s.Stats(); st.UnauthenticatedBodyBytes != 4 {
		t.Errorf("%d body bytes without a login, 4 were sent", st.UnauthenticatedBodyBytes)
	}
}

// The name in X-Remote-User counts only where it was asked for.
func TestRemoteUser(t *testing.T) {
	users := []ewstest.User{{Name: "alice", Password: "x"}}
	for _, tc := range []struct {
		auth   []string
		name   string
		status int
	}{
		{[]string{"remote-user"}, `EXAMPLE\alice`, 200},
		{[]string{"remote-user"}, "mallory", 401},
		{[]string{"basic", "ntlm"}, "alice", 401},
	} {
		p := newProbe(t, ewstest.Options{Users: users, Auth: tc.auth})
		status, _, _ := p.request(envelopeStart+"</s:Header><s:Body>"+inboxOf("")+envelopeEnd, func(r *http.Request) {
			r.Header.Del("Authorization")
			r.Header.Set("X-Remote-User", tc.name)
		})
		if status != tc.status {
			t.Errorf("%q as %s: HTTP %d", tc.auth, tc.name, status)
		}
	}
	if _, err := ewstest.NewServer(ewstest.Options{Auth: []string{"remote-user"}, AllowRemote: true}); err == nil {
		t.Error("a header is believed that anybody can send")
	}
}

// What HTTP has to do with it: paths, GET, empty bodies, types, gzip, headers.
func TestHTTP(t *testing.T) {
	p := newProbe(t, ewstest.Options{Mailboxes: []ewstest.MailboxSpec{{Address: "alice@example.com"}}, Users: []ewstest.User{{Name: "alice", Password: "x"}}})
	doc := envelopeStart + "</s:Header><s:Body>" + inboxOf("") + envelopeEnd
	for _, tc := range []struct {
		name   string
		change func(*http.Request)
		status int
	}{
		{"lower case", func(r *http.Request) { r.URL.Path = "/ews/exchange.asmx" }, 200},
		{"another path", func(r *http.Request) { r.URL.Path = "/ews/" }, 404},
		{"get", func(r *http.Request) { r.Method, r.Body, r.ContentLength = "GET", nil, 0 }, 200},
		{"get without login", func(r *http.Request) {
			r.Method, r.Body, r.ContentLength = "GET", nil, 0
			r.Header.Del("Authorization")
		}, 401},
		{"put", func(r *http.Request) { r.Method = "PUT" }, 405},
		{"no type", func(r *http.Request) { r.Header.Set("Content-Type", "application/x-www-form-urlencoded") }, 415},
		{"empty", func(r *http.Request) { r.Body, r.ContentLength = http.NoBody, 0; r.Header.Del("Content-Type") }, 500},
	} {
		if status, _, body := p.request(doc, tc.change); status != tc.status {
			t.Errorf("%s: HTTP %d, want %d: %.200s", tc.name, status, tc.status, body)
		}
	}
	_, h, _ := p.request(doc, func(r *http.Request) {
		r.Header.Set("client-request-id", "me-1")
		r.Header.Set("return-client-request-id", "true")
	})
	if h.Get("client-request-id") != "me-1" || h.Get("request-id") == "" {
		t.Errorf("headers %v", h)
	}
	status, h, body := p.request(doc, func(r *http.Request) { r.Header.Set("Accept-Encoding", "gzip") })
	z, err := gzip.NewReader(strings.NewReader(body))
	if status != 200 || err != nil || h.Get("Content-Encoding") != "gzip" {
		t.Fatalf("gzip: HTTP %d, %v", status, err)
	}
	if plain, err := io.ReadAll(z); err != nil || !slices.Equal(codes(string(plain)), []string{"NoError"}) {
		t.Errorf("gzip: %v: %s", err, plain)
	}
	clear(p.answers) // compressed ones can't be validated
}

// TLS has a certificate that can be trusted by its own PEM.
func TestTLS(t *testing.T) {
	s := ewstest.Start(t, ewstest.Options{TLS: true})
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(s.CAPEM()) {
		t.Fatal("no certificate")
	}
	c := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}}
	defer c.CloseIdleConnections()
	for _, host := range []string{"localhost", "127.0.0.1"} {
		resp, err := c.Get(strings.Replace(s.URL(), "127.0.0.1", host, 1))
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusUnauthorized || resp.ProtoMajor != 1 {
			t.Errorf("HTTP %d over %s", resp.StatusCode, resp.Proto)
		}
	}
}

func control(t *testing.T, s *ewstest.Server, method, path string, body any, to any) int {
	t.Helper()
	b, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), method, s.BaseURL()+path, bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if to != nil && resp.StatusCode == http.StatusOK {
		if err := json.NewDecoder(resp.Body).Decode(to); err != nil {
			t.Fatal(err)
		}
	}
	return resp.StatusCode
}

// The control interface tells, changes and resets; what it makes outlives the
// server in the state file.
func TestControl(t *testing.T) {
	state := filepath.Join(t.TempDir(), "state")
	o := ewstest.Options{Mailboxes: []ewstest.MailboxSpec{{Address: "alice@example.com", Content: "sample:20"}}, StateFile: state}
	s := ewstest.Start(t, o)
	items := func(inv mailbox.Inventory) (n int) {
		for _, f := range inv.Folders {
			n += len(f.Items)
		}
		return n
	}
	var before, after, kept mailbox.Inventory
	if status := control(t, s, "GET", "/simulator/mailboxes/alice@example.com", nil, &before); status != 200 || items(before) < 20 {
		t.Fatalf("HTTP %d, %d items", status, items(before))
	}
	for _, ch := range []ewstest.Change{
		{Do: "new-folder", Folder: "inbox", Name: "a/b"},
		{Do: "add", Folder: `Inbox/a\/b`, Count: 5},
		{Do: "rename-folder", Folder: `Inbox/a\/b`, Name: "c"},
	} {
		if status := control(t, s, "POST", "/simulator/mailboxes/alice@example.com", ch, nil); status != 200 {
			t.Errorf("%+v: HTTP %d", ch, status)
		}
	}
	control(t, s, "GET", "/simulator/mailboxes/alice@example.com", nil, &after)
	if items(after) != items(before)+5 {
		t.Errorf("%d items, %d after 5 were added", items(before), items(after))
	}
	for path, body := range map[string]any{
		"/simulator/mailboxes/alice@example.com": ewstest.Change{Do: "nonsense", Folder: "inbox"},
		"/simulator/mailboxes/nobody":            ewstest.Change{Do: "add", Folder: "inbox"},
		"/simulator/faults":                      []ewstest.Fault{{Kind: "nonsense"}},
		"/simulator/policy":                      map[string]string{"nonsense": "1"},
		"/simulator/nonsense":                    nil,
	} {
		if status := control(t, s, "POST", path, body, nil); status < 400 {
			t.Errorf("%s is taken: HTTP %d", path, status)
		}
	}
	if status := control(t, s, "POST", "/simulator/faults", []ewstest.Fault{{Op: "ExportItems", Kind: "busy", Nth: 3}}, nil); status != 200 {
		t.Errorf("faults: HTTP %d", status)
	}
	if status := control(t, s, "POST", "/simulator/policy", map[string]string{"max-concurrency": "3", "budget": "5s"}, nil); status != 200 {
		t.Errorf("policy: HTTP %d", status)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	again := ewstest.Start(t, o)
	control(t, again, "GET", "/simulator/mailboxes/alice@example.com", nil, &kept)
	if items(kept) != items(after) {
		t.Fatalf("%d items before the end, %d after", items(after), items(kept))
	}
	for i, f := range kept.Folders {
		for j, it := range f.Items {
			if was := after.Folders[i].Items[j]; it.ID != was.ID || it.Content != was.Content {
				t.Fatalf("item %d of %s is another one than before", j, f.Path)
			}
		}
	}
	fresh := ewstest.Start(t, ewstest.Options{Mailboxes: o.Mailboxes})
	if _, err := fresh.Apply("alice@example.com", ewstest.Change{Do: "add", Folder: "inbox"}); err != nil {
		t.Fatal(err)
	}
	control(t, fresh, "POST", "/simulator/reset", nil, nil)
	control(t, fresh, "GET", "/simulator/mailboxes/alice@example.com", nil, &after)
	if items(after) != items(before) {
		t.Errorf("%d items after a reset, %d before", items(after), items(before))
	}
}

// A server that is given nonsense says so.
func TestOptions(t *testing.T) {
	for _, o := range []ewstest.Options{
		{Version: "2003"},
		{Auth: []string{"digest"}},
		{EPA: "maybe"},
		{Mailboxes: []ewstest.MailboxSpec{{Address: "a@b", Content: "nonsense"}}},
		{Mailboxes: []ewstest.MailboxSpec{{Address: "a@b"}, {Address: "A@B"}}},
	} {
		if _, err := ewstest.NewServer(o); err == nil {
			t.Errorf("%+v is taken", o)
		}
	}
	s, err := ewstest.NewServer(ewstest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, addr := range []string{"0.0.0.0:0", ":0", "127.0.0.1"} {
		if err := s.Start(addr); err == nil {
			t.Errorf("listens on %s", addr)
		}
	}
}

// A server can lack an operation.
func TestWithout(t *testing.T) {
	p := newProbe(t, ewstest.Options{Without: []string{"ExportItems"}})
	p.fault(exportRequest("x"), "ErrorInvalidRequest")
}
