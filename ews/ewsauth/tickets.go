package ewsauth

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"sync"

	"github.com/jcmturner/gokrb5/v8/client"
	"github.com/jcmturner/gokrb5/v8/config"
	"github.com/jcmturner/gokrb5/v8/credentials"
	"github.com/jcmturner/gokrb5/v8/keytab"
	"github.com/jcmturner/gokrb5/v8/messages"
	"github.com/jcmturner/gokrb5/v8/types"
)

// KerberosOptions say where tickets come from: the keytab, else the password,
// else the credential cache that kinit fills. Servers are found by krb5.conf
// ($KRB5_CONFIG, else /etc/krb5.conf, else by DNS).
type KerberosOptions struct {
	Keytab string // file; "" is none
	SPN    string // of the server; "" is HTTP/HOST
}

// tickets are shared by all connections to a server. gokrb5 renews what it got by
// a keytab or a password; a cache is read again when what it held has expired.
type tickets struct {
	user     string
	keytab   string
	password *password

	mu      sync.Mutex
	client  *client.Client
	refused error // by the KDC: each further try would lock the account the sooner
}

func newTickets(user string, password *password, o KerberosOptions) *tickets {
	return &tickets{user: user, keytab: o.Keytab, password: password}
}

// get returns a ticket for a server, its key, and who it speaks for.
func (t *tickets) get(spn string) (ticket messages.Ticket, key types.EncryptionKey, who *credentials.Credentials, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	defer func() {
		if recover() != nil { // gokrb5 reads damaged files and answers so
			t.client, err = nil, errors.New("a keytab, credential cache or answer of the KDC is damaged")
		}
	}()
	if t.refused != nil {
		return ticket, key, nil, t.refused
	}
	for fresh := t.client == nil; ; fresh = true {
		if fresh {
			if t.client != nil {
				t.client.Destroy()
			}
			if t.client, err = t.open(); err != nil {
				t.client = nil
				return ticket, key, nil, err
			}
		}
		if ticket, key, err = t.client.GetServiceTicket(spn); err == nil {
			return ticket, key, t.client.Credentials, nil
		}
		if refusesLogin(err) {
			t.refused = err
		}
		if fresh || t.refused != nil {
			return ticket, key, nil, err
		}
	}
}

// refusesLogin says that the KDC does not take the user or what proves who it is.
func refusesLogin(err error) bool {
	text := err.Error()
	for _, code := range []string{"PREAUTH_FAILED", "password/keytab incorrect", "C_PRINCIPAL_UNKNOWN", "CLIENT_REVOKED", "KEY_EXPIRED"} {
		if strings.Contains(text, code) {
			return true
		}
	}
	return false
}

func (t *tickets) open() (*client.Client, error) {
	conf, err := loadKrb5()
	if err != nil {
		return nil, err
	}
	user, realm := principal(t.user, conf.LibDefaults.DefaultRealm)
	secret := t.password.current().secret
	switch {
	case t.keytab != "":
		keys, err := keytab.Load(t.keytab)
		if err != nil {
			return nil, fmt.Errorf("read the keytab: %w", err)
		}
		return client.NewWithKeytab(user, realm, keys, conf, client.DisablePAFXFAST(true)), nil
	case !secret.IsZero():
		return client.NewWithPassword(user, realm, secret.Reveal(), conf, client.DisablePAFXFAST(true)), nil
	}
	cache, err := credentials.LoadCCache(cachePath())
	if err != nil {
		return nil, fmt.Errorf("no ticket: run kinit, or give --keytab or --password-file (credential cache: %w)", err)
	}
	return client.NewFromCCache(cache, conf, client.DisablePAFXFAST(true))
}

// loadKrb5 reads krb5.conf. What gokrb5 does not know in it is left out.
func loadKrb5() (*config.Config, error) {
	name := os.Getenv("KRB5_CONFIG")
	named := name != ""
	if !named {
		name = "/etc/krb5.conf"
	}
	name, _, _ = strings.Cut(name, ":")
	conf, err := config.Load(name)
	if _, statErr := os.Stat(name); errors.Is(statErr, fs.ErrNotExist) && !named {
		conf = config.New()
		conf.LibDefaults.DNSLookupKDC = true
		return conf, nil
	}
	if err != nil && !errors.As(err, new(config.UnsupportedDirective)) {
		return nil, fmt.Errorf("read krb5.conf: %w", err)
	}
	return conf, nil
}

// principal reads DOMAIN\name, where DOMAIN is a realm if there is a dot in it,
// or name@realm.
func principal(user, realm string) (string, string) {
	if domain, name, ok := strings.Cut(user, `\`); ok {
		if strings.Contains(domain, ".") {
			realm = strings.ToUpper(domain)
		}
		return name, realm
	}
	if name, domain, ok := strings.Cut(user, "@"); ok {
		return name, strings.ToUpper(domain)
	}
	return user, realm
}

// cachePath is the file that kinit writes.
func cachePath() string {
	if name := os.Getenv("KRB5CCNAME"); name != "" {
		return strings.TrimPrefix(name, "FILE:")
	}
	return "/tmp/krb5cc_" + strconv.Itoa(os.Getuid())
}

// explain says in one line what to do about an error of Kerberos.
func (t *tickets) explain(err error, spn string) string {
	text := strings.Join(strings.Fields(err.Error()), " ")
	has := func(s ...string) bool {
		for _, s := range s {
			if strings.Contains(text, s) {
				return true
			}
		}
		return false
	}
	switch {
	case has("PREAUTH_FAILED", "password/keytab incorrect"):
		return "the password or the keytab is wrong"
	case has("C_PRINCIPAL_UNKNOWN"):
		return "the KDC knows no such user: give --user as name@REALM"
	case has("S_PRINCIPAL_UNKNOWN"):
		return "the KDC knows no service " + spn + ": use the server's own name in --url, or give --spn HTTP/NAME"
	case has("AP_ERR_SKEW", "clock skew", "Clock skew"):
		return "the clocks of this machine and of the KDC differ by more than 5 minutes: set this machine's clock"
	case has("KEY_EXPIRED"):
		return "the password has expired: change it"
	case has("CLIENT_REVOKED"):
		return "the account is locked or disabled"
	case has("TKT_EXPIRED", "TKT_NYV", "no valid existing session", "no user credentials"):
		return "the ticket in the credential cache has expired: run kinit again"
	case has("no ticket:", "TGT not found", "krb5.conf", "read the keytab"):
		return text
	case has("matching key not found", "error getting key from credentials"):
		return "the keytab holds no key for this user: look with klist -k, and give --user as name@REALM"
	case has("Networking_Error", "sending to a KDC", "no KDC", "SRV records", "no such host", "defined KDCs"):
		return "no KDC can be reached: look at the realm in krb5.conf, and at port 88 of its servers"
	}
	return text
}
