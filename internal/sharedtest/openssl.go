package sharedtest

import (
	"os"
	"path/filepath"
	"testing"
)

// MD4 returns an environment variable that lets a program which uses OpenSSL 3
// compute MD4: Debian's Python needs it for NTLM (requests_ntlm, exchangelib).
func MD4(t testing.TB) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "openssl.cnf")
	conf := "openssl_conf = init\n[init]\nproviders = providers\n[providers]\ndefault = on\nlegacy = on\n[on]\nactivate = 1\n"
	if err := os.WriteFile(file, []byte(conf), 0o644); err != nil {
		t.Fatal(err)
	}
	return "OPENSSL_CONF=" + file
}
