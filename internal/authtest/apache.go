package authtest

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"mailferry/internal/sharedtest"
)

// Apache is a web server that lets in by Kerberos, and hands requests on with the
// user's name in X-Remote-User.
type Apache struct {
	Address string // HOST:PORT of http; the host is named localhost
	TLS     string // of https, "" where there is no certificate
	dir     string
	stop    func()
}

// StartApache starts Apache before a server (HOST:PORT). pem is the name of a file
// with a certificate and its key for https, or "".
func StartApache(t testing.TB, kdc *KDC, backend, pem string) *Apache {
	t.Helper()
	program := sharedtest.Program(t, "/usr/sbin/apache2")
	if _, err := os.Stat("/usr/lib/apache2/modules/mod_auth_gssapi.so"); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("mod_auth_gssapi is missing: .ci/run must install it")
		}
		t.Skip("mod_auth_gssapi is missing")
	}
	a := &Apache{Address: FreeAddress(t), dir: openDir(t)}
	var conf strings.Builder
	conf.WriteString("ServerRoot /usr/lib/apache2\n")
	for _, m := range strings.Fields("mpm_event authn_core authz_core authz_user auth_gssapi headers proxy proxy_http socache_shmcb ssl") {
		conf.WriteString("LoadModule " + m + "_module modules/mod_" + m + ".so\n")
	}
	hosts := "Listen " + a.Address + "\n"
	addresses := []string{a.Address}
	if pem != "" {
		a.TLS = FreeAddress(t)
		addresses = append(addresses, a.TLS)
		hosts += "Listen " + a.TLS + "\n<VirtualHost " + a.TLS + ">\nSSLEngine on\nSSLCertificateFile " + pem + "\n</VirtualHost>\n"
	}
	conf.WriteString(strings.NewReplacer("@DIR@", a.dir, "@BACKEND@", backend, "@HOSTS@", hosts).Replace(`
ServerName localhost
PidFile @DIR@/pid
Mutex file:@DIR@ default
User www-data
Group www-data
ErrorLog @DIR@/error.log
LogFormat "%I" received
CustomLog @DIR@/access.log received
KeepAlive On
MaxKeepAliveRequests 0
LimitRequestBody 0
ProxyPass / http://@BACKEND@/
<Location />
  AuthType GSSAPI
  AuthName ews
  GssapiAllowedMech krb5
  GssapiLocalName Off
  Require valid-user
  RequestHeader set X-Remote-User "expr=%{REMOTE_USER}"
  RequestHeader unset Authorization
</Location>
@HOSTS@`))
	write(t, 0o644, conf.String(), a.dir, "httpd.conf")
	cmd := exec.Command(program, "-f", filepath.Join(a.dir, "httpd.conf"), "-DFOREGROUND")
	cmd.Env = append(os.Environ(), "KRB5_CONFIG="+kdc.Config, "KRB5_KTNAME=FILE:"+kdc.Keytab)
	a.stop = serve(t, cmd, []string{filepath.Join(a.dir, "error.log")}, addresses...)
	return a
}

// URL of a path over http.
func (a *Apache) URL(path string) string {
	return "http://localhost" + a.Address[strings.LastIndex(a.Address, ":"):] + path
}

// SecureURL of a path over https.
func (a *Apache) SecureURL(path string) string {
	return "https://localhost" + a.TLS[strings.LastIndex(a.TLS, ":"):] + path
}

// Received ends Apache, which writes its log late, and returns the bytes of all
// requests that came in.
func (a *Apache) Received(t testing.TB) (sum int64) {
	t.Helper()
	a.stop()
	log, err := os.ReadFile(filepath.Join(a.dir, "access.log"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.FieldsSeq(string(log)) {
		n, err := strconv.ParseInt(line, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		sum += n
	}
	return sum
}
