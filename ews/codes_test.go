package ews

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"mailferry/internal/sharedtest"
)

var updateCodes = flag.Bool("update", false, "write testdata/codes.txt anew")

// situations are the four in which a code can come, in the order of
// testdata/codes.txt.
var situations = []struct {
	op    string
	scope Scope
}{{opExport, ScopeItem}, {opExport, ScopeFault}, {opUpload, ScopeItem}, {opUpload, ScopeFault}}

// codeActions are what the table makes of each code, in words.
func codeActions() map[string][]string {
	rows := make(map[string][]string)
	for code := range codes {
		for _, s := range situations {
			scope := s.scope
			if code == "ErrorBatchProcessingStopped" && scope == ScopeItem {
				scope = ScopeBatch
			}
			a := ActionFor(s.op, &Error{Op: s.op, Code: code, Scope: scope})
			text := a.Verb.String()
			if a.Retries > 0 {
				text += fmt.Sprintf(" %d", a.Retries)
			}
			if a.Then != None {
				text += ", " + a.Then.String()
			}
			rows[code] = append(rows[code], text)
		}
	}
	return rows
}

// readCodes reads testdata/codes.txt: the codes, and what is to be done about
// each in each situation.
func readCodes(t *testing.T) map[string][]string {
	t.Helper()
	b, err := os.ReadFile("testdata/codes.txt")
	if err != nil {
		t.Fatal(err)
	}
	rows := make(map[string][]string)
	for line := range strings.Lines(string(b)) {
		if fields := strings.Split(strings.TrimSpace(line), "|"); !strings.HasPrefix(line, "#") {
			for i := range fields {
				fields[i] = strings.TrimSpace(fields[i])
			}
			rows[fields[0]] = fields[1:]
		}
	}
	return rows
}

// TestEveryCodeHasItsAction compares the table with the list that was read
// over by a person.
func TestEveryCodeHasItsAction(t *testing.T) {
	got := codeActions()
	if *updateCodes {
		var b strings.Builder
		b.WriteString("# code | exporting: an item | the request | uploading: an item | the request\n")
		for _, code := range slices.Sorted(maps.Keys(got)) {
			fmt.Fprintf(&b, "%s | %s\n", code, strings.Join(got[code], " | "))
		}
		if err := os.WriteFile("testdata/codes.txt", []byte(b.String()), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want := readCodes(t)
	if len(want) < 500 {
		t.Errorf("only %d codes are listed", len(want))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the table is not the list (-list +table); -update writes it anew:\n%s", diff)
	}
}

// TestEveryCodeIsActedOn lets a server answer with each code, for an item and as
// a fault. The code must come through, and the client must ask as often as the
// list says: again where it passes, once where it does not.
func TestEveryCodeIsActedOn(t *testing.T) {
	var answer atomic.Pointer[http.HandlerFunc]
	s := serve(t, func(w http.ResponseWriter, _ int, _ string) { (*answer.Load())(w, nil) })
	const most = 3 // further tries
	for code, actions := range readCodes(t) {
		if code == "NoError" || !strings.HasPrefix(code, "Error") {
			continue
		}
		for i, at := range situations {
			var asked int
			handler := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				asked++
				if at.scope == ScopeFault {
					fault(w, code, "It failed.", "")
					return
				}
				io.WriteString(w, document(at.op, failure(at.op, code, "")))
			})
			answer.Store(&handler)
			c := s.client(func(o *Options) { o.Retry.Attempts, o.BusyTimeout = most+1, time.Nanosecond })
			got, err := askOnce(t, c, at.op)
			want := 1
			switch verb, rest, _ := strings.Cut(actions[i], " "); {
			case at.scope == ScopeItem, code == codeBusy, code == codeConnections: // the caller, and the gate, see to those
			case code == "ErrorInvalidServerVersion", code == "ErrorInvalidSchemaVersionForMailboxVersion", code == "ErrorInvalidRequest":
				want = 2 // by an older version
			case verb == "retry":
				n, _, _ := strings.Cut(rest, ",")
				retries, _ := strconv.Atoi(n)
				if want += retries; retries != longRetries {
					want = 1 + min(retries, most)
				}
			}
			name := fmt.Sprintf("%s of %s, scope %d", code, at.op, at.scope)
			if got == nil || got.Code != code || got.Message != "It failed." {
				t.Errorf("%s: got %v", name, got)
			}
			if asked != want {
				t.Errorf("%s: asked %d times instead of %d (%s)", name, asked, want, actions[i])
			}
			if unknown := errors.As(err, new(*UnknownOutcomeError)); unknown != (at.scope == ScopeFault && actions[i] == "unknown") {
				t.Errorf("%s: the outcome is unknown: %v (%s)", name, unknown, actions[i])
			}
			c.Close()
		}
	}
}

// askOnce exports or uploads one item; err is of the request, e of what the
// server said.
func askOnce(t *testing.T, c *Client, op string) (e *Error, err error) {
	t.Helper()
	if op == opUpload {
		results, err := c.UploadItems(t.Context(), []Upload{blob([]byte("x"))})
		if err == nil {
			return results[0].Err, nil
		}
		errors.As(err, &e)
		return e, err
	}
	r, err := c.ExportItems(t.Context(), ids("A"))
	if err != nil {
		errors.As(err, &e)
		return e, err
	}
	defer r.Close()
	item, err := r.Next()
	if err != nil {
		t.Fatal(err)
	}
	return item.Err, nil
}

// TestEveryCodeHasItsRow reads the tables of section 6 of the protocol reference
// that lies beside a checkout.
func TestEveryCodeHasItsRow(t *testing.T) {
	b, err := os.ReadFile(filepath.Join(sharedtest.Dir(t, "reference"), "ews-protocol.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, text, _ := strings.Cut(string(b), "### 6.1")
	text, others, _ := strings.Cut(text, "### 6.9")
	others, _, _ = strings.Cut(others, "\n---")
	rows := regexp.MustCompile(`(?m)^\| (Error\w+|NoError) \| .* \| (.*) \| (.*) \|$`).FindAllStringSubmatch(text, -1)
	if len(rows) < 170 {
		t.Fatalf("only %d rows", len(rows))
	}
	n := 0
	for _, family := range regexp.MustCompile(`(?m)^\| [^|]+ \| (.*) \|$`).FindAllStringSubmatch(others, -1) {
		for name := range strings.SplitSeq(family[1], ", ") {
			if name == "codes" {
				continue
			}
			n++
			if code := "Error" + strings.TrimSuffix(name, "*"); codes[code] == (codeRow{}) {
				t.Errorf("%s has no row", code)
			}
		}
	}
	if n < 300 {
		t.Fatalf("only %d codes of other operations", n)
	}
	for _, r := range rows {
		row, ok := codes[r[1]]
		if !ok {
			t.Errorf("%s has no row", r[1])
			continue
		}
		for i, want := range []string{r[2], r[3]} {
			got := []string{row.read, row.write}[i]
			// Where the reference uses one of its letters alone, ours is the same.
			if m := regexp.MustCompile(`^(A|S|X|-|U)( |,|$)`).FindStringSubmatch(strings.ReplaceAll(want, "**", "")); m != nil && got[:1] != m[1] && got[:1] != "P" {
				t.Errorf("%s: %s, the reference says %q", r[1], got, want)
			}
			if strings.HasPrefix(want, "R ") && got[0] != 'R' && got[0] != 'P' {
				t.Errorf("%s: %s, the reference says %q", r[1], got, want)
			}
		}
	}
}

func TestActionFor(t *testing.T) {
	for _, c := range []struct {
		name string
		op   string
		e    *Error
		want Action
	}{
		{"success", opExport, nil, Action{}},
		{"NoError", opExport, &Error{Code: "NoError", Scope: ScopeItem}, Action{}},
		{"busy item", opExport, &Error{Code: "ErrorServerBusy", Scope: ScopeItem}, Action{Retry, someRetries, Skip}},
		{"busy fault of an upload", opUpload, &Error{Code: "ErrorServerBusy", Scope: ScopeFault}, Action{Retry, someRetries, Abort}},
		{"hidden busy", opExport, &Error{Code: "ErrorInternalServerError", InnerCode: "ErrorServerBusy", Scope: ScopeItem}, Action{Retry, someRetries, Skip}},
		{"inner code nobody knows", opExport, &Error{Code: "ErrorInternalServerError", InnerCode: "ErrorX", Scope: ScopeItem}, Action{Retry, 3, Bisect}},
		{"internal, upload item", opUpload, &Error{Code: "ErrorInternalServerError", Scope: ScopeItem}, Action{Retry, 3, Skip}},
		{"internal, upload fault", opUpload, &Error{Code: "ErrorInternalServerError", Scope: ScopeFault}, Action{Verb: Unknown}},
		{"timeout", opExport, &Error{Code: "ErrorTimeoutExpired", Scope: ScopeFault}, Action{Verb: Split, Then: Abort}},
		{"timeout, upload item", opUpload, &Error{Code: "ErrorTimeoutExpired", Scope: ScopeItem}, Action{Verb: Unknown}},
		{"quota", opUpload, &Error{Code: "ErrorQuotaExceeded", Scope: ScopeItem}, Action{Verb: Abort}},
		{"corrupt", opExport, &Error{Code: "ErrorCorruptData", Scope: ScopeItem}, Action{Retry, 1, Skip}},
		{"too large", opUpload, &Error{Code: "ErrorMessageSizeExceeded", Scope: ScopeItem}, Action{Verb: Split, Then: Skip}},
		{"stopped", opUpload, &Error{Code: "ErrorBatchProcessingStopped", Scope: ScopeBatch}, Action{Verb: Resend}},
		{"moving", opExport, &Error{Code: "ErrorMailboxMoveInProgress", Scope: ScopeItem}, Action{Retry, longRetries, Abort}},
		{"unknown item", opExport, &Error{Code: "ErrorNew", Scope: ScopeItem}, Action{Retry, 2, Skip}},
		{"unknown fault", opExport, &Error{Code: "ErrorNew", Scope: ScopeFault}, Action{Retry, 2, Abort}},
		{"unknown fault of an upload", opUpload, &Error{Code: "ErrorNew", Scope: ScopeFault}, Action{Verb: Unknown}},
		{"folder exists", opCreateFolder, &Error{Code: "ErrorFolderExists", Scope: ScopeItem}, Action{Refresh, 1, Abort}},
		{"sync state", opSyncItems, &Error{Code: "ErrorInvalidSyncStateData", Scope: ScopeItem}, Action{Refresh, 1, Abort}},
		{"no data", opExport, &Error{Code: CodeNoData, Scope: ScopeItem}, Action{Retry, 2, Skip}},
		{"413", opUpload, &Error{HTTPStatus: 413}, Action{Verb: Split, Then: Skip}},
		{"503", opExport, &Error{HTTPStatus: 503}, Action{Retry, someRetries, Abort}},
		{"503 of an upload", opUpload, &Error{HTTPStatus: 503}, Action{Verb: Unknown}},
		{"403", opExport, &Error{HTTPStatus: 403}, Action{Verb: Abort}},
		{"501", opExport, &Error{HTTPStatus: 501}, Action{Verb: Bug}},
	} {
		if got := ActionFor(c.op, c.e); got != c.want {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
		}
	}
}
