package ews

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"mailferry/internal/sharedtest"
)

// TestEveryCodeHasItsRow reads the tables of sections 6.1 to 6.8 of the protocol
// reference that lies beside a checkout.
func TestEveryCodeHasItsRow(t *testing.T) {
	b, err := os.ReadFile(filepath.Join(sharedtest.Dir(t, "reference"), "ews-protocol.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, text, _ := strings.Cut(string(b), "### 6.1")
	text, _, _ = strings.Cut(text, "### 6.9")
	rows := regexp.MustCompile(`(?m)^\| (Error\w+|NoError) \| .* \| (.*) \| (.*) \|$`).FindAllStringSubmatch(text, -1)
	if len(rows) < 170 {
		t.Fatalf("only %d rows", len(rows))
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
