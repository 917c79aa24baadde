package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mailferry/ews/ewstest"
	"mailferry/internal/authtest"
)

// TestLoginWays does the whole job, export, upload and verify, by ways of logging
// in that end at other people's servers.
func TestLoginWays(t *testing.T) {
	if testing.Short() {
		t.Skip("takes whole runs")
	}
	kdc := authtest.StartKDC(t, map[string]string{"svc": "Tick3t secret"})
	simulator := ewstest.Start(t, ewstest.Options{
		Auth: []string{"remote-user"}, Users: []ewstest.User{{Name: "svc", Password: "unused"}},
		Mailboxes: []ewstest.MailboxSpec{
			{Address: killSource, Content: "sample:400"},
			{Address: "keytab@new.example", Content: "empty"},
			{Address: "cache@new.example", Content: "empty"},
		},
	})
	apache := authtest.StartApache(t, authtest.ApacheOptions{Backend: strings.TrimPrefix(simulator.BaseURL(), "http://"), KDC: kdc})
	t.Setenv("KRB5_CONFIG", kdc.Config)
	t.Setenv("KRB5CCNAME", kdc.Init(t, "svc", "10m"))
	for name, flags := range map[string][]string{
		"keytab": {"--user", "svc@" + authtest.Realm, "--keytab", kdc.UserKeytab("svc")},
		"cache":  nil,
	} {
		t.Run("kerberos by "+name, func(t *testing.T) {
			store, target := filepath.Join(t.TempDir(), "store"), name+"@new.example"
			for _, args := range [][]string{{"export", killSource}, {"upload", killSource, target}, {"verify", killSource, target}} {
				args = append(append(args, "--store", store, "--url", apache.URL("/EWS/Exchange.asmx"), "--auth", "kerberos"), flags...)
				var out, errs bytes.Buffer
				if code := run(args, os.Stdin, &out, &errs); code != exitDone {
					t.Fatalf("%s: exit code %d\n%s%s", args[0], code, out.Bytes(), errs.Bytes())
				}
			}
		})
	}
}
