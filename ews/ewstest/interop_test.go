package ewstest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"mailferry/ews/ewstest"
	"mailferry/ews/ewstest/mailbox"
	"mailferry/internal/sharedtest"
)

const interop = "../../testdata/interop/"

// run runs a program with a time limit and decodes what it prints.
func run(t *testing.T, env []string, to any, name string, args ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = append(os.Environ(), env...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %v: %v\n%.3000s", name, args, err, stderr.String())
	}
	if err := json.Unmarshal(out, to); err != nil {
		t.Fatalf("%s printed no JSON: %v: %.300s", name, err, out)
	}
}

func twoMailboxes() ewstest.Options {
	return ewstest.Options{
		Mailboxes: []ewstest.MailboxSpec{{Address: "alice@example.com", Content: "sample:300", Archive: true}, {Address: "bob@example.com"}},
		Users:     []ewstest.User{{Name: `EXAMPLE\alice`, Password: "correct horse"}},
	}
}

func exchangelibEnv(s *ewstest.Server, more ...string) []string {
	return append([]string{"EWS_URL=" + s.URL(), `EWS_USER=EXAMPLE\alice`, "EWS_PASSWORD=correct horse"}, more...)
}

type walked struct {
	ID, Path, Class string
	Total           int
	Found, Synced   []string
}

// exchangelib walks a mailbox; what it sees is what the simulator says of itself.
func TestExchangelibWalks(t *testing.T) {
	sharedtest.PythonModule(t, "exchangelib")
	for _, tc := range []struct {
		name string
		tls  bool
		env  []string
	}{
		{"basic", false, []string{"EWS_AUTH=basic"}},
		{"ntlm", false, []string{"EWS_AUTH=ntlm"}},
		{"ntlm over TLS", true, []string{"EWS_AUTH=ntlm"}},
		{"found out", false, []string{"EWS_VERSION=guess"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			o := twoMailboxes()
			o.TLS = tc.tls
			s := ewstest.Start(t, o)
			env := exchangelibEnv(s, tc.env...)
			if tc.tls {
				ca := filepath.Join(t.TempDir(), "ca.pem")
				if err := os.WriteFile(ca, s.CAPEM(), 0o600); err != nil {
					t.Fatal(err)
				}
				env = append(env, "EWS_CA="+ca)
			}
			var rows []walked
			run(t, env, &rows, sharedtest.Python, interop+"exchangelib_probe.py", "walk", "alice@example.com")
			inv, err := s.Inventory("alice@example.com")
			if err != nil {
				t.Fatal(err)
			}
			items := 0
			for _, row := range rows {
				if !slices.Equal(row.Found, row.Synced) {
					t.Errorf("%s: FindItem tells %d items, SyncFolderItems %d", row.Path, len(row.Found), len(row.Synced))
				}
				i := slices.IndexFunc(inv.Folders, func(f mailbox.InventoryFolder) bool { return f.ID == row.ID })
				if i < 0 {
					t.Errorf("%s is not in the mailbox", row.Path)
					continue
				}
				var want []string
				for _, it := range inv.Folders[i].Items {
					if !it.Associated {
						want = append(want, it.ID)
					}
				}
				slices.Sort(want)
				if row.Found != nil && !slices.Equal(row.Found, want) {
					t.Errorf("%s: %d items listed, %d there", row.Path, len(row.Found), len(want))
				}
				items += len(row.Found)
			}
			if items < 300 || len(rows) < 30 {
				t.Errorf("%d folders with %d items listed", len(rows), items)
			}
			if st := s.Stats(); strings.HasPrefix(tc.name, "ntlm") && st.Handshakes == 0 {
				t.Errorf("no NTLM login: %+v", st)
			}
		})
	}
}

// exchangelib understands what the simulator's Autodiscover says.
func TestExchangelibDiscovers(t *testing.T) {
	sharedtest.PythonModule(t, "exchangelib")
	o := twoMailboxes()
	o.Autodiscover = ewstest.Autodiscover{
		RedirectTo:  map[string]string{"carol@example.com": "carol@example.net"},
		RedirectURL: map[string]string{"dave@example.com": "https://other.example/autodiscover/autodiscover.svc"},
	}
	s := ewstest.Start(t, o)
	var got []struct {
		Code     *string
		URL      string
		Redirect string
	}
	run(t, exchangelibEnv(s), &got, sharedtest.Python, interop+"exchangelib_probe.py", "discover", s.BaseURL()+"/autodiscover/autodiscover.svc",
		"alice@example.com", "carol@example.com", "dave@example.com", "nobody@example.com")
	if len(got) != 4 {
		t.Fatalf("%d answers", len(got))
	}
	if got[0].Code != nil || got[0].URL != s.URL() {
		t.Errorf("alice: %+v, want %s", got[0], s.URL())
	}
	if got[1].Redirect != "carol@example.net" || got[2].Redirect != "https://other.example/autodiscover/autodiscover.svc" {
		t.Errorf("redirects: %+v", got[1:3])
	}
	if got[3].Code == nil || *got[3].Code != "InvalidUser" {
		t.Errorf("nobody: %+v", got[3])
	}
}

// exchangelib exports 200 items and uploads them into another mailbox; their
// content is the same afterwards.
func TestExchangelibRoundTrip(t *testing.T) {
	sharedtest.PythonModule(t, "exchangelib")
	for _, auth := range []string{"basic", "ntlm"} {
		t.Run(auth, func(t *testing.T) {
			s := ewstest.Start(t, twoMailboxes())
			var result struct {
				Exported         int
				Uploaded, Failed []string
			}
			total := 0
			for i, path := range busiest(t, s, "alice@example.com") {
				run(t, exchangelibEnv(s, "EWS_AUTH="+auth), &result, sharedtest.Python, interop+"exchangelib_probe.py",
					"copy", "alice@example.com", path, "bob@example.com", fmt.Sprintf("Inbox/copy %d", i))
				if len(result.Failed) > 0 || len(result.Uploaded) != result.Exported {
					t.Fatalf("%s: %d exported, %d uploaded, failed: %q", path, result.Exported, len(result.Uploaded), result.Failed)
				}
				sameContent(t, s, "alice@example.com", path, "bob@example.com", fmt.Sprintf("Inbox/copy %d", i))
				if total += result.Exported; total >= 200 {
					break
				}
			}
			if total < 200 {
				t.Fatalf("only %d items were copied", total)
			}
		})
	}
}

// busiest returns the paths of visible folders that names of exchangelib can
// reach, those with the most items first.
func busiest(t *testing.T, s *ewstest.Server, address string) []string {
	t.Helper()
	inv, err := s.Inventory(address)
	if err != nil {
		t.Fatal(err)
	}
	folders := slices.DeleteFunc(inv.Folders, func(f mailbox.InventoryFolder) bool {
		return f.Hidden || f.Search || f.Archive || strings.Contains(f.Path, `\`) || len(f.Items) == 0
	})
	slices.SortFunc(folders, func(a, b mailbox.InventoryFolder) int { return len(b.Items) - len(a.Items) })
	var paths []string
	for _, f := range folders {
		paths = append(paths, f.Path)
	}
	return paths
}

// sameContent compares the contents of two folders, whatever their order.
func sameContent(t *testing.T, s *ewstest.Server, address, path, address2, path2 string) {
	t.Helper()
	sums := func(address, path string) []string {
		inv, err := s.Inventory(address)
		if err != nil {
			t.Fatal(err)
		}
		var sums []string
		for _, f := range inv.Folders {
			if f.Path != path {
				continue
			}
			for _, it := range f.Items {
				if !it.Associated {
					sums = append(sums, it.Content)
				}
			}
		}
		slices.Sort(sums)
		return sums
	}
	if a, b := sums(address, path), sums(address2, path2); !slices.Equal(a, b) || len(a) == 0 {
		t.Errorf("%s of %s (%d items) and %s of %s (%d items) differ", path, address, len(a), path2, address2, len(b))
	}
}

// freePort asks the system for a port that nobody uses.
func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// DavMail logs in, lists folders, reads a message and makes a folder.
func TestDavMail(t *testing.T) {
	davmail := sharedtest.Program(t, "davmail-server")
	sharedtest.Program(t, sharedtest.Python)
	o := twoMailboxes()
	o.Users = []ewstest.User{{Name: "alice@example.com", Password: "correct horse"}}
	o.Auth = []string{"basic"}
	s := ewstest.Start(t, o)
	port := freePort(t)
	dir := t.TempDir()
	template, err := os.ReadFile(interop + "davmail.properties")
	if err != nil {
		t.Fatal(err)
	}
	conf := filepath.Join(dir, "davmail.properties")
	values := map[string]string{"URL": s.URL(), "PORT": fmt.Sprint(port), "HASH": "", "DIR": dir}
	if err := os.WriteFile(conf, []byte(os.Expand(string(template), func(k string) string { return values[k] })), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, davmail, conf)
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		cancel()
		_ = cmd.Wait()
	}()
	d := net.Dialer{}
	for {
		conn, err := d.DialContext(ctx, "tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil {
			conn.Close()
			break
		}
		if ctx.Err() != nil {
			t.Fatalf("DavMail did not answer: %s", log.String())
		}
		select {
		case <-ctx.Done():
		case <-time.After(100 * time.Millisecond):
		}
	}
	var seen struct {
		Folders        []string
		Messages, UIDs int
		Subject, From  string
		Bytes          int
		Created        string
	}
	run(t, []string{"IMAP_PASSWORD=correct horse"}, &seen, sharedtest.Python, interop+"imap_probe.py", fmt.Sprint(port), "alice@example.com", "made by DavMail")
	inbox, _ := s.Mailbox("alice@example.com").Distinguished("inbox")
	if seen.Messages != inbox.Total || seen.UIDs != inbox.Total || seen.Bytes == 0 || seen.Subject == "" {
		t.Errorf("the Inbox has %d items; seen: %+v", inbox.Total, seen)
	}
	root, _ := s.Mailbox("alice@example.com").Distinguished("msgfolderroot")
	mail := 0
	below, err := s.Mailbox("alice@example.com").Below(root.ID, true)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range below {
		if f.Class == "IPF.Note" || f.Class == "" {
			mail++
		}
	}
	if len(seen.Folders) < 20 || seen.Created != "OK" {
		t.Errorf("of %d mail folders %d were listed, create: %s", mail, len(seen.Folders), seen.Created)
	}
}
