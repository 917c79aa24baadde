package authtest

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"text/template"

	"mailferry/internal/sharedtest"
)

// ApacheOptions say what Apache stands before, and whom it lets in.
type ApacheOptions struct {
	Backend string // HOST:PORT of the server that requests are handed on to, with the user in X-Remote-User
	PEM     string // file with a certificate and its key; then it serves https as well
	// Requests is how many a connection may carry, logins included; 0 is no limit.
	Requests int

	// KDC lets in by Kerberos at every path.
	KDC *KDC
	// Password is that of EXAMPLE\alice, whom /ntlm lets in by NTLM and /basic by
	// Basic.
	Password string
}

var apacheConf = template.Must(template.New("httpd.conf").Parse(`
ServerRoot /usr/lib/apache2
ServerName localhost
PidFile {{.Dir}}/pid
Mutex file:{{.Dir}} default
User www-data
Group www-data
{{range .Modules}}LoadModule {{.}}_module modules/mod_{{.}}.so
{{end}}
ErrorLog {{.Dir}}/error.log
LogFormat "%I" received
CustomLog {{.Dir}}/access.log received
KeepAlive On
LimitRequestBody 0
ProxyPass / http://{{.Backend}}/
{{if .KDC}}<Location />
  AuthType GSSAPI
  AuthName ews
  GssapiAllowedMech krb5
  GssapiLocalName Off
  Require valid-user
  RequestHeader set X-Remote-User "expr=%{REMOTE_USER}"
  RequestHeader unset Authorization
</Location>
{{end}}{{if .Password}}<Location /ntlm>
  AuthType GSSAPI
  AuthName ews
  GssapiAllowedMech ntlmssp
  GssapiConnectionBound On
  Require valid-user
  RequestHeader set X-Remote-User "expr=%{REMOTE_USER}"
</Location>
<Location /basic>
  AuthType Basic
  AuthName "ews, for machines"
  AuthBasicProvider file
  AuthUserFile {{.Dir}}/accounts
  Require valid-user
</Location>
{{end}}{{range .Hosts}}
Listen {{.}}
<VirtualHost {{.}}>
  MaxKeepAliveRequests {{$.Requests}}
{{if eq . $.TLS}}  SSLEngine on
  SSLCertificateFile {{$.PEM}}
{{end}}</VirtualHost>
{{end}}`))

// Apache is a web server that lets in by Kerberos or NTLM.
type Apache struct {
	Address string // HOST:PORT of http
	TLS     string // of https, "" where there is no certificate
	dir     string
	stop    func()
}

// StartApache starts Apache with mod_auth_gssapi, and gss-ntlmssp for NTLM.
func StartApache(t testing.TB, o ApacheOptions) *Apache {
	t.Helper()
	program := sharedtest.Program(t, "/usr/sbin/apache2")
	needed := []string{"/usr/lib/apache2/modules/mod_auth_gssapi.so"}
	if o.Password != "" {
		needed = append(needed, "/etc/gss/mech.d/mech.ntlmssp.conf")
	}
	for _, name := range needed {
		if _, err := os.Stat(name); err != nil {
			if os.Getenv("CI") != "" {
				t.Fatalf("%s is missing: .ci/run must install it", name)
			}
			t.Skipf("%s is missing", name)
		}
	}
	a := &Apache{Address: FreeAddress(t), dir: openDir(t)}
	hosts := []string{a.Address}
	if o.PEM != "" {
		a.TLS = FreeAddress(t)
		hosts = append(hosts, a.TLS)
	}
	var conf strings.Builder
	if err := apacheConf.Execute(&conf, struct {
		ApacheOptions
		Dir, TLS       string
		Modules, Hosts []string
	}{
		o, a.dir, a.TLS,
		strings.Fields("mpm_event authn_core authn_file authz_core authz_user auth_basic auth_gssapi headers proxy proxy_http socache_shmcb ssl"),
		hosts,
	}); err != nil {
		t.Fatal(err)
	}
	write(t, 0o644, conf.String(), a.dir, "httpd.conf")
	cmd := exec.Command(program, "-f", filepath.Join(a.dir, "httpd.conf"), "-DFOREGROUND")
	cmd.Env = os.Environ()
	if o.KDC != nil {
		cmd.Env = append(cmd.Env, "KRB5_CONFIG="+o.KDC.Config, "KRB5_KTNAME=FILE:"+o.KDC.Keytab)
	}
	if o.Password != "" {
		accounts := filepath.Join(a.dir, "accounts")
		write(t, 0o644, "EXAMPLE:alice:"+o.Password+"\n", accounts)
		cmd.Env = append(cmd.Env, "NTLM_USER_FILE="+accounts, "NETBIOS_COMPUTER_NAME=EXCH01", "NETBIOS_DOMAIN_NAME=EXAMPLE")
	}
	a.stop = serve(t, cmd, []string{filepath.Join(a.dir, "error.log")}, hosts...)
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
