package authtest

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"mailferry/internal/sharedtest"
)

// Realm of the KDC, and the service that Apache is.
const (
	Realm   = "EXAMPLE.TEST"
	Service = "HTTP/localhost"
)

// KDC is a Kerberos server with a realm of its own.
type KDC struct {
	Config string // krb5.conf
	Keytab string // of Service
	dir    string
}

// StartKDC starts MIT's KDC with the users given, and Service.
func StartKDC(t testing.TB, users map[string]string) *KDC {
	t.Helper()
	program := sharedtest.Program(t, "/usr/sbin/krb5kdc")
	dir, address := openDir(t), FreeAddress(t)
	k := &KDC{Config: filepath.Join(dir, "krb5.conf"), Keytab: filepath.Join(dir, "http.keytab"), dir: dir}
	fill := strings.NewReplacer("@DIR@", dir, "@KDC@", address, "@REALM@", Realm).Replace
	write(t, 0o644, fill(`[libdefaults]
  default_realm = @REALM@
  dns_lookup_realm = false
  dns_lookup_kdc = false
  rdns = false
  dns_canonicalize_hostname = false
  udp_preference_limit = 1
[realms]
  @REALM@ = {
    kdc = @KDC@
  }
[domain_realm]
  localhost = @REALM@
`), k.Config)
	write(t, 0o644, fill(`[kdcdefaults]
  kdc_listen = @KDC@
  kdc_tcp_listen = @KDC@
[realms]
  @REALM@ = {
    database_name = @DIR@/principal
    key_stash_file = @DIR@/stash
    acl_file = @DIR@/kadm5.acl
    supported_enctypes = aes256-cts-hmac-sha1-96:normal aes128-cts-hmac-sha1-96:normal
  }
[logging]
  kdc = FILE:@DIR@/kdc.log
`), dir, "kdc.conf")
	k.run(t, "", "/usr/sbin/kdb5_util", "create", "-s", "-r", Realm, "-P", "only for tests")
	admin := "addprinc -randkey " + Service + "\nktadd -k " + k.Keytab + " " + Service + "\n"
	for user, password := range users {
		admin += "addprinc +requires_preauth -pw \"" + password + "\" " + user + "\n"
		admin += "ktadd -norandkey -k " + k.UserKeytab(user) + " " + user + "\n"
	}
	k.run(t, admin, "/usr/sbin/kadmin.local")
	if err := os.Chmod(k.Keytab, 0o644); err != nil { // Apache gives up root
		t.Fatal(err)
	}
	cmd := exec.Command(program, "-n")
	cmd.Env = k.env()
	serve(t, cmd, []string{filepath.Join(dir, "kdc.log")}, address)
	return k
}

// UserKeytab is the file with a user's keys.
func (k *KDC) UserKeytab(user string) string { return filepath.Join(k.dir, user+".keytab") }

// Init runs kinit for a user, for so long (as "10m"), and returns the credential cache.
func (k *KDC) Init(t testing.TB, user, lifetime string) string {
	t.Helper()
	cache := filepath.Join(t.TempDir(), "ccache")
	k.run(t, "", sharedtest.Program(t, "kinit"), "-l", lifetime, "-c", cache, "-k", "-t", k.UserKeytab(user), user)
	return cache
}

// Log is what the KDC wrote so far.
func (k *KDC) Log(t testing.TB) string {
	t.Helper()
	log, err := os.ReadFile(filepath.Join(k.dir, "kdc.log"))
	if err != nil {
		t.Fatal(err)
	}
	return string(log)
}

func (k *KDC) env() []string {
	return append(os.Environ(), "KRB5_CONFIG="+k.Config, "KRB5_KDC_PROFILE="+filepath.Join(k.dir, "kdc.conf"))
}

func (k *KDC) run(t testing.TB, input, program string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program, args...)
	cmd.Env, cmd.Stdin = k.env(), strings.NewReader(input)
	if output, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", program, err, output)
	}
}
