package ews

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

const inbox = `<m:Folders><t:Folder><t:FolderId Id="AAMkInbox=" ChangeKey="AQ=="/><t:DisplayName>Inbox</t:DisplayName></t:Folder></m:Folders>`

func getInbox(t *testing.T, c *Client) error {
	t.Helper()
	res, err := c.GetFolders(t.Context(), []FolderRef{Distinguished("inbox")})
	if err == nil && res[0].Folder.ID != "AAMkInbox=" {
		t.Errorf("got %+v", res)
	}
	return err
}

func good(w http.ResponseWriter) {
	io.WriteString(w, document("GetFolder", success("GetFolder", inbox)))
}

func TestNewClientChecksOptions(t *testing.T) {
	rt := func() http.RoundTripper { return http.DefaultTransport }
	for _, o := range []Options{
		{NewTransport: rt},
		{URL: "mail.example.com", NewTransport: rt},
		{URL: "ftp://x/", NewTransport: rt},
		{URL: "https://anna:secret@x/", NewTransport: rt},
		{URL: "https://x/"},
	} {
		_, err := NewClient(o)
		wantText(t, err, "ews: ")
		if strings.Contains(err.Error(), "secret") {
			t.Error(err)
		}
	}
}

// TestRetries holds what passes: each answer once, then a good one.
func TestRetries(t *testing.T) {
	html := func(status int, body string) func(http.ResponseWriter) {
		return func(w http.ResponseWriter) {
			w.Header().Set("Content-Type", "text/html")
			w.WriteHeader(status)
			io.WriteString(w, body)
		}
	}
	// Documents of the shared folder, by name; a test is skipped where they are not.
	constructed := map[string]string{
		"busy": "fault-errorserverbusy", "busy, padded": "fault-errorserverbusy-padded", "version": "fault-errorinvalidserverversion",
	}
	for name, answer := range map[string]func(w http.ResponseWriter){
		"busy":                 nil,
		"busy, padded":         nil,
		"version":              nil,
		"version without SOAP": html(500, "The specified server version is invalid."),
		"transient":            func(w http.ResponseWriter) { fault(w, "ErrorInternalServerTransientError", "Later.", "") },
		"store away":           func(w http.ResponseWriter) { fault(w, "ErrorMailboxStoreUnavailable", "Later.", "") },
		"inner busy": func(w http.ResponseWriter) {
			io.WriteString(w, document("GetFolder", failure("GetFolder", "ErrorInternalServerError",
				`<m:MessageXml><t:Value Name="InnerErrorResponseCode">ErrorServerBusy</t:Value><t:Value Name="BackOffMilliseconds">1</t:Value></m:MessageXml>`)))
		},
		"error page": func(w http.ResponseWriter) {
			w.Header().Set("Location", "/ews/genericerrorpage.htm?aspxerrorpath=/ews/exchange.asmx")
			w.WriteHeader(302)
		},
		"overload": html(500, "<html>Server Error in '/EWS' Application</html>"),
		"gateway":  html(502, "<html>bad gateway</html>"),
		"casError": func(w http.ResponseWriter) { w.Header().Set("X-CasErrorCode", "ServerNotFound"); w.WriteHeader(555) },
		"closed":   func(w http.ResponseWriter) { panic(http.ErrAbortHandler) },
		"cut": func(w http.ResponseWriter) {
			io.WriteString(w, document("GetFolder", success("GetFolder", inbox))[:400])
		},
		"too few": func(w http.ResponseWriter) { io.WriteString(w, document("GetFolder", "")) },
	} {
		t.Run(name, func(t *testing.T) {
			if answer == nil {
				// The hint of five minutes is for another test.
				doc := strings.ReplaceAll(shared(t, "constructed/"+constructed[name]+".xml"), "297749", "1")
				answer = func(w http.ResponseWriter) {
					w.WriteHeader(500)
					io.WriteString(w, doc)
				}
			}
			s := serve(t, func(w http.ResponseWriter, n int, body string) {
				if n == 1 {
					answer(w)
					return
				}
				good(w)
			})
			c := s.client()
			for range 2 { // the first makes sure that the server is one
				if err := getInbox(t, c); err != nil {
					t.Fatal(err)
				}
			}
			if n := len(s.sent()); n != 3 || c.Stats().Retries != 1 || c.Stats().Requests["GetFolder"] != 3 {
				t.Errorf("%d requests, %+v", n, c.Stats())
			}
			lowered := strings.Contains(s.sent()[2], Exchange2010SP1)
			if lowered != strings.HasPrefix(name, "version") {
				t.Errorf("the version of the last request: %s", s.sent()[2][:400])
			}
		})
	}
}

// TestRefusals holds what does not pass: one request, one clear line.
func TestRefusals(t *testing.T) {
	status := func(code int, header, value string) func(http.ResponseWriter) {
		return func(w http.ResponseWriter) {
			if header != "" {
				w.Header().Set(header, value)
			}
			w.WriteHeader(code)
		}
	}
	for name, c := range map[string]struct {
		answer func(w http.ResponseWriter)
		text   string
	}{
		"wrong password": {status(401, "WWW-Authenticate", `Basic realm="x"`), "the server refused the login"},
		"locked": {func(w http.ResponseWriter) {
			w.WriteHeader(401)
			io.WriteString(w, "The referenced account is currently locked out")
		}, "locked out"},
		"token":         {status(401, "x-ms-diagnostics", `2000002;reason="The token has expired";error_category="token_expired"`), "token"},
		"forbidden":     {status(403, "", ""), "forbids EWS"},
		"456":           {status(456, "", ""), "forbids EWS"},
		"no EWS":        {status(404, "", ""), "check the URL"},
		"web page":      {func(w http.ResponseWriter) { io.WriteString(w, "<!DOCTYPE html><html><body>Welcome</body></html>") }, "web page"},
		"other XML":     {func(w http.ResponseWriter) { w.Header().Set("Content-Type", "text/xml"); io.WriteString(w, "<rss/>") }, "check the URL"},
		"redirect":      {status(302, "Location", "https://evil.example.com/EWS/Exchange.asmx?x=y"), "https://evil.example.com"},
		"redirect home": {status(307, "Location", "/owa/"), "redirects"},
		"proxy":         {status(302, "Location", "/internalsite/internalerror.asp"), "proxy"},
		"no right": {func(w http.ResponseWriter) {
			fault(w, "ErrorImpersonateUserDenied", "The account does not have permission.", "")
		}, "ErrorImpersonateUserDenied"},
		"unknown mailbox": {func(w http.ResponseWriter) { fault(w, "ErrorNonExistentMailbox", "No such mailbox.", "") }, "ErrorNonExistentMailbox"},
		"schema":          {func(w http.ResponseWriter) { fault(w, "ErrorSchemaValidation", "Wrong\nin two lines.", "") }, "Wrong in two lines."},
		"https namespace": {status(501, "", ""), "501"},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, func(w http.ResponseWriter, n int, body string) { c.answer(w) })
			err := getInbox(t, s.client())
			wantText(t, err, "GetFolder: ", c.text)
			if n := len(s.sent()); n != 1 {
				t.Errorf("%d requests", n)
			}
			var auth *AuthError
			if errors.As(err, &auth) != (name == "wrong password" || name == "locked" || name == "token") {
				t.Errorf("got %T", err)
			}
			if name == "wrong password" && (len(auth.Offered) != 1 || auth.Offered[0] != "Basic") {
				t.Errorf("offered %v", auth.Offered)
			}
		})
	}
}

func TestRedirectIsNotFollowed(t *testing.T) {
	asked := false
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked = true }))
	defer other.Close()
	s := serve(t, func(w http.ResponseWriter, n int, body string) {
		w.Header().Set("Location", other.URL)
		w.WriteHeader(302)
	})
	if err := getInbox(t, s.client()); err == nil || asked {
		t.Errorf("got %v, asked %v", err, asked)
	}
}

func TestLoginRefusedInTheMiddle(t *testing.T) {
	// Exchange also answers 401 when it is busy: once more after a wait.
	refuse := map[int]bool{1: true}
	s := serve(t, func(w http.ResponseWriter, n int, body string) {
		if refuse[n] {
			w.WriteHeader(401)
			return
		}
		good(w)
	})
	c := s.client()
	for range 2 {
		if err := getInbox(t, c); err != nil {
			t.Fatal(err)
		}
	}
	refuse[3], refuse[4] = true, true
	is[*AuthError](t, getInbox(t, c))
	if n := len(s.sent()); n != 5 {
		t.Errorf("%d requests", n)
	}
}

type loginRefused struct{}

func (loginRefused) Error() string      { return "ntlm login to mail.example.com as \"x\": wrong" }
func (loginRefused) LoginRefused() bool { return true }

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestTransportRefusesTheLogin(t *testing.T) {
	n := 0
	c, err := NewClient(Options{URL: "https://mail.example.com/EWS/Exchange.asmx", NewTransport: func() http.RoundTripper {
		return roundTrip(func(*http.Request) (*http.Response, error) {
			n++
			return nil, fmt.Errorf("POST: %w", loginRefused{})
		})
	}})
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.GetFolders(t.Context(), []FolderRef{Distinguished("inbox")})
	if e := is[*AuthError](t, err); !errors.Is(err, loginRefused{}) || n != 1 {
		t.Errorf("got %v after %d tries", e, n)
	}
}

func TestCertificateOfAnotherHost(t *testing.T) {
	s := httptest.NewTLSServer(http.NotFoundHandler())
	defer s.Close()
	s.Config.ErrorLog = nil
	c := (&server{t: t}).client2(s.URL)
	_, err := c.GetFolders(t.Context(), []FolderRef{Distinguished("inbox")})
	wantText(t, err, "certificate")
	if c.Stats().Requests["GetFolder"] != 1 {
		t.Errorf("%+v", c.Stats())
	}
}

// inBubble makes a client for a test in fake time: answer is called in place of a
// network, with the body of the request.
func inBubble(t *testing.T, answer func(r *http.Request) (status int, body io.Reader), change func(*Options)) *Client {
	t.Helper()
	o := Options{URL: "http://mail.example.com/EWS/Exchange.asmx", NewTransport: func() http.RoundTripper {
		return roundTrip(func(r *http.Request) (*http.Response, error) {
			if _, err := io.Copy(io.Discard, r.Body); err != nil {
				return nil, err
			}
			status, body := answer(r)
			if err := context.Cause(r.Context()); err != nil {
				return nil, err
			}
			return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(body)}, nil
		})
	}}
	change(&o)
	c, err := NewClient(o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestBusyForTooLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var waits []Wait
		c := inBubble(t, func(*http.Request) (int, io.Reader) {
			return 500, strings.NewReader(faultDocument("ErrorServerBusy", "Busy.", backOff(300_000)))
		}, func(o *Options) { o.OnWait = func(w Wait) { waits = append(waits, w) } })
		start := time.Now()
		e := is[*Error](t, getInbox(t, c))
		if e.Code != "ErrorServerBusy" || e.BackOff != 5*time.Minute || len(waits) != 25 || !strings.Contains(waits[0].Reason, "busy") {
			t.Errorf("%+v, waits %v", e, waits)
		}
		if c.Stats().Waited != 2*time.Hour || time.Since(start) != 2*time.Hour {
			t.Errorf("waited %v in %v", c.Stats().Waited, time.Since(start))
		}
	})
}

// TestNoRequestInsideABackOff keeps six workers busy against a server that
// throttles, and looks at its clock.
func TestNoRequestInsideABackOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var since time.Time
		requests, early, throttled := 0, 0, 0
		c := inBubble(t, func(*http.Request) (int, io.Reader) {
			mu.Lock()
			defer mu.Unlock()
			if ago := time.Since(since); ago > 0 && ago < 30*time.Second {
				early++
			}
			requests++
			if requests%10 == 4 {
				throttled++
				since = time.Now()
				return 500, strings.NewReader(faultDocument("ErrorServerBusy", "Busy.", backOff(30_000)))
			}
			return 200, strings.NewReader(document("GetFolder", success("GetFolder", inbox)))
		}, func(o *Options) { o.Workers = 6 })
		var wg sync.WaitGroup
		for i := range 6 {
			wg.Go(func() {
				for range 15 {
					if err := getInbox(t, c); err != nil {
						t.Error(err)
					}
					time.Sleep(time.Duration(i+1) * time.Millisecond)
				}
			})
		}
		wg.Wait()
		if early > 0 || throttled < 9 {
			t.Errorf("%d requests inside of %d back-offs", early, throttled)
		}
	})
}

func TestCookiesPerConnection(t *testing.T) {
	var cookies []string
	s := serve(t, func(w http.ResponseWriter, n int, body string) {
		switch n {
		case 0:
			http.SetCookie(w, &http.Cookie{Name: "X-BackEndCookie", Value: "server1", Path: "/EWS", MaxAge: 600})
			http.SetCookie(w, &http.Cookie{Name: "gone", Value: "x", MaxAge: -1})
			http.SetCookie(w, &http.Cookie{Name: "safe", Value: "x", Secure: true})
		case 2:
			fault(w, "ErrorMailboxMoveInProgress", "Moving.", "")
			return
		}
		good(w)
	})
	c := s.client()
	for range 3 {
		if err := getInbox(t, c); err != nil {
			t.Fatal(err)
		}
	}
	for _, h := range s.headers {
		cookies = append(cookies, h.Get("Cookie"))
	}
	if got := strings.Join(cookies, "|"); got != "|X-BackEndCookie=server1|X-BackEndCookie=server1|" {
		t.Errorf("cookies %s", got)
	}
}

func TestAccess(t *testing.T) {
	for _, c := range []struct {
		access  Access
		mailbox string
		want    []string
		not     string
	}{
		{Impersonate, "o'hara&co@example.com", []string{"<t:PrimarySmtpAddress>o'hara&amp;co@example.com</t:PrimarySmtpAddress>"}, "<t:Mailbox>"},
		{Delegate, "bob@example.com", []string{"<t:Mailbox><t:EmailAddress>bob@example.com</t:EmailAddress></t:Mailbox>"}, "Impersonation"},
		{Impersonate, "", nil, "Impersonation"},
		{Delegate, "", nil, "<t:Mailbox>"},
	} {
		s := serve(t, func(w http.ResponseWriter, n int, body string) { good(w) })
		if err := getInbox(t, s.client(func(o *Options) { o.Access, o.Mailbox = c.access, c.mailbox })); err != nil {
			t.Fatal(err)
		}
		for _, part := range c.want {
			if !strings.Contains(s.sent()[0], part) {
				t.Errorf("%s is missing in %s", part, s.sent()[0])
			}
		}
		if strings.Contains(s.sent()[0], c.not) {
			t.Errorf("%s is in %s", c.not, s.sent()[0])
		}
		if (s.headers[0].Get("X-AnchorMailbox") != "") != (c.mailbox != "") {
			t.Error("anchor")
		}
	}
}

// stalls gives its text, then nothing until the request is given up.
type stalls struct {
	io.Reader
	ctx context.Context
}

func (s stalls) Read(p []byte) (int, error) {
	if n, _ := s.Reader.Read(p); n > 0 {
		return n, nil
	}
	<-s.ctx.Done()
	return 0, s.ctx.Err()
}

func TestStallsEndARequest(t *testing.T) {
	once := func(o *Options) { o.Retry.Attempts = 1 }
	within := func(t *testing.T, want time.Duration, f func() error) error {
		start := time.Now()
		err := f()
		if took := time.Since(start); took != want {
			t.Errorf("ended after %v, want %v", took, want)
		}
		return err
	}
	t.Run("no answer", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			c := inBubble(t, func(r *http.Request) (int, io.Reader) { <-r.Context().Done(); return 0, nil }, once)
			err := within(t, 10*time.Minute, func() error { return getInbox(t, c) })
			is[*TransportError](t, err)
			wantText(t, err, "no progress", "waiting for the answer")
		})
	})
	t.Run("answer stops", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			c := inBubble(t, func(r *http.Request) (int, io.Reader) {
				time.Sleep(9 * time.Minute)
				return 200, stalls{strings.NewReader(document("GetFolder", success("GetFolder", inbox))[:300]), r.Context()}
			}, once)
			err := within(t, 11*time.Minute, func() error { return getInbox(t, c) })
			wantText(t, err, "no progress", "reading the answer")
		})
	})
	t.Run("a slow reader is no stall", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			doc := document("ExportItems", exported("A", make([]byte, 1<<20)))
			c := inBubble(t, func(*http.Request) (int, io.Reader) { return 200, strings.NewReader(doc) }, once)
			r, err := c.ExportItems(t.Context(), ids("A"))
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			if _, err := r.Next(); err != nil {
				t.Fatal(err)
			}
			for err == nil {
				time.Sleep(time.Hour)
				_, err = r.Read(make([]byte, 100_000))
			}
			if err != io.EOF {
				t.Error(err)
			}
		})
	})
	t.Run("request stops", func(t *testing.T) {
		stop := make(chan struct{})
		s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-stop }))
		t.Cleanup(s.Close)
		t.Cleanup(func() { close(stop) })
		c := (&server{Server: s, t: t}).client(once, func(o *Options) { o.StallTimeout = 500 * time.Millisecond })
		_, err := c.UploadItems(t.Context(), []Upload{blob(make([]byte, 30<<20))})
		is[*UnknownOutcomeError](t, err)
		wantText(t, err, "no progress", "sending the request")
	})
}

func TestCancel(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("stopped by the user")
	s := serve(t, func(w http.ResponseWriter, n int, body string) {
		cancel(why)
		fault(w, "ErrorServerBusy", "Busy.", backOff(60_000))
	})
	_, err := s.client().GetFolders(ctx, []FolderRef{Distinguished("inbox")})
	if !errors.Is(err, why) {
		t.Errorf("got %v", err)
	}
}

func TestTraceShowsNoSecrets(t *testing.T) {
	var events []TraceEvent
	s := serve(t, func(w http.ResponseWriter, n int, body string) {
		http.SetCookie(w, &http.Cookie{Name: "session", Value: "secret-cookie"})
		w.Header().Set("X-FEServer", "FE01")
		w.Header().Set("WWW-Authenticate", "NTLM secret-challenge")
		io.WriteString(w, document("UploadItems", uploaded("new")))
	})
	c := s.client(func(o *Options) {
		o.Trace = func(e TraceEvent) { events = append(events, e) }
		o.NewTransport = func() http.RoundTripper {
			return roundTrip(func(r *http.Request) (*http.Response, error) {
				r = r.Clone(r.Context())
				r.Header.Set("Authorization", "Basic secret-password")
				return http.DefaultTransport.RoundTrip(r)
			})
		}
	})
	for range 2 {
		if _, err := c.UploadItems(t.Context(), []Upload{blob([]byte("secret-blob"))}); err != nil {
			t.Fatal(err)
		}
	}
	if len(events) != 2 {
		t.Fatalf("%d events", len(events))
	}
	e := events[1]
	if e.Op != "UploadItems" || e.Status != 200 || e.Sent == 0 || e.Received == 0 || e.ResponseHeader.Get("X-FEServer") != "FE01" ||
		!strings.Contains(e.Request, `<ParentFolderId Id="AAMkFolder=">`) {
		t.Errorf("got %+v", e)
	}
	if text := fmt.Sprintf("%+v", events); strings.Contains(text, "secret") || strings.Contains(text, "c2VjcmV0") {
		t.Errorf("a secret is in %s", text)
	}
}
