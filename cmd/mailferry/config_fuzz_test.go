package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Whatever stands in a config file, it gives profiles or one line that says what
// is wrong, and never a value that was not written there.
func FuzzConfigFile(f *testing.F) {
	for _, seed := range []string{
		"[server.old]\nurl = \"https://mail.example/EWS/Exchange.asmx\"\nuser = \"EXAMPLE\\\\svc\"\nauth = \"ntlm\"\npassword-file = \"pw\"\n",
		"[server.\"a.b\"]\npassword-command = [\"pass\", \"show\"]\n", "[server]\nold = 1\n", "colour = 1\n", "[server.old]\nurl = 1\n", "\xff", "[[server]]\n", "[server.old\n",
	} {
		f.Add(seed)
	}
	name := filepath.Join(f.TempDir(), "config.toml")
	f.Fuzz(func(t *testing.T, text string) {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := loadConfig(name)
		if err != nil {
			if !errors.As(err, new(usageError)) || !strings.Contains(err.Error(), name) {
				t.Errorf("%q: %v", text, err)
			}
			return
		}
		for server := range c.Server {
			p, err := c.profile(server)
			if err != nil {
				t.Errorf("%q: profile %q: %v", text, server, err)
			}
			if err := p.check(); err != nil && !errors.As(err, new(usageError)) {
				t.Errorf("%q: profile %q: %v", text, server, err)
			}
		}
	})
}
