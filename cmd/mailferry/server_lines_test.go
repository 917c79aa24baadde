package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"mailferry/ews/ewstest"
)

// What a server makes a run wait for, and a clock that is wrong, are told to
// the one who waits.
func TestWaitsAndClockAreTold(t *testing.T) {
	server := ewstest.Start(t, ewstest.Options{
		Mailboxes: []ewstest.MailboxSpec{{Address: killSource, Content: "sample:10"}},
		Auth:      []string{"basic"}, Users: []ewstest.User{{Name: "svc", Password: "Passw0rd!"}},
		ClockSkew: -3 * time.Minute,
	})
	if err := server.SetFaults([]ewstest.Fault{{Op: "ExportItems", Kind: "busy", Nth: 1, BackOffMS: 300}}); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	password := filepath.Join(dir, "pw")
	if err := os.WriteFile(password, []byte("Passw0rd!\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var out, errors bytes.Buffer
	code := run([]string{
		"export", killSource, "--url", server.URL(), "--auth", "basic", "--user", "svc", "--password-file", password,
		"--store", filepath.Join(dir, "store"),
	}, nil, &out, &errors)
	for _, want := range []string{
		`waited 0\.[3-9] s for the server: the server is busy: ErrorServerBusy, once, 0\.[3-9] s\.`,
		`the server's clock is (3m0s|3m1s|2m59s) behind this machine's\.`,
	} {
		if !regexp.MustCompile(want).Match(out.Bytes()) {
			t.Errorf("it does not say %s", want)
		}
	}
	if !regexp.MustCompile(`(?m)^the server is busy: ErrorServerBusy: waiting 0\.3 s$`).Match(errors.Bytes()) {
		t.Error("the wait was not told when it began")
	}
	if code != exitDone || t.Failed() {
		t.Errorf("exit code %d\n%s%s", code, &out, &errors)
	}
}
