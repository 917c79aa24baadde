package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mailferry/ews/ewstest"
)

// onItem calls then once, when a run has told of so many items.
type onItem struct {
	io.Writer
	n    int
	then func()
}

func (o *onItem) Write(p []byte) (int, error) {
	if bytes.Contains(p, []byte(`"event":"item"`)) {
		if o.n--; o.n == 0 {
			o.then()
		}
	}
	return o.Writer.Write(p)
}

// TestPasswordExpiresInTheMiddle changes the password of the account while an
// export is under way. A command or a file that gives the new one is asked again
// and the run goes on; else it ends with what was moved, and the same command
// goes on from there.
func TestPasswordExpiresInTheMiddle(t *testing.T) {
	for _, auth := range []string{"basic", "ntlm"} {
		for _, renewed := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, renewed %v", auth, renewed), func(t *testing.T) {
				t.Parallel()
				f := &ferry{
					t: t, dir: filepath.Join(t.TempDir(), "store"),
					source: ewstest.Start(t, ewstest.Options{
						Mailboxes: []ewstest.MailboxSpec{{Address: killSource, Content: "sample:60"}},
						Auth:      []string{auth}, Users: []ewstest.User{{Name: "svc", Password: "old password"}},
					}),
				}
				f.survey()
				password, asked := f.passwordFile(), f.passwordFile()+".asked"
				write := func(file, text string) {
					if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
						t.Error(err)
					}
				}
				write(password, "old password\n")
				config := filepath.Join(t.TempDir(), "config.toml")
				write(config, fmt.Sprintf("[server.old]\nurl = %q\nauth = %q\nuser = \"svc\"\npassword-command = [\"sh\", \"-c\", \"echo >> '%s'; cat '%s'\"]\n",
					f.source.URL(), auth, asked, password))

				var out, errors bytes.Buffer
				a := newApp(nil, &onItem{&out, 8, func() {
					if renewed {
						write(password, "new password\n")
					}
					f.source.SetPassword("svc", "new password")
				}}, &errors)
				a.patience = shortPatience()
				args := []string{"export", "old:" + killSource, "--config", config, "--json", "--batch-items", "4", "--workers", "3", "--store", f.dir}
				code := a.run(args)
				missing := f.judgeStore(f.items)
				times, err := os.ReadFile(asked)
				if err != nil || len(times) != 2 {
					t.Errorf("the command was asked %d times instead of twice: %v", len(times), err)
				}
				if renewed {
					if code != exitDone || len(missing) > 0 {
						t.Errorf("exit code %d, %d items are missing\n%s", code, len(missing), &errors)
					}
					return
				}
				if code != exitRefused || strings.Count(errors.String(), "\n") != 1 || !strings.Contains(errors.String(), "login") {
					t.Errorf("exit code %d\n%s", code, &errors)
				}
				if len(missing) == 0 || len(missing) > len(f.items)-8 {
					t.Errorf("%d of %d items are missing", len(missing), len(f.items))
				}
				if text := out.String() + errors.String(); strings.Contains(text, "password\n") || strings.Contains(text, "old password") {
					t.Errorf("the password is told:\n%s", text)
				}
				write(password, "new password\n")
				var again bytes.Buffer
				next := newApp(nil, &again, &again)
				if code := next.run(args); code != exitDone || len(f.judgeStore(f.items)) > 0 {
					t.Errorf("the next run: exit code %d\n%s", code, tail(again.String()))
				}
			})
		}
	}
}
