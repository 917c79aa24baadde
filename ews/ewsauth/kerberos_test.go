package ewsauth

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mailferry/internal/authtest"
)

// MIT's KDC and Apache's mod_auth_gssapi: Kerberos by other people.
func TestKerberosThroughApache(t *testing.T) {
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		hash := sha256.New()
		size, _ := io.Copy(hash, r.Body)
		user, _, _ := strings.Cut(r.Header.Get("X-Remote-User"), "@")
		_, _ = fmt.Fprintf(w, "%s %d %x", user, size, hash.Sum(nil))
	}))
	defer backend.Close()
	kdc := authtest.StartKDC(t, map[string]string{"alice": testPassword})
	pem := filepath.Join(t.TempDir(), "server.pem")
	writeCertificate(t, pem, time.Hour)
	apache := authtest.StartApache(t, authtest.ApacheOptions{Backend: strings.TrimPrefix(backend.URL, "http://"), KDC: kdc, PEM: pem})
	pool, err := LoadCA(pem)
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("KRB5_CONFIG", kdc.Config)
	cache := kdc.Init(t, "alice", "10m")
	client := func(o Options) http.RoundTripper {
		o.Scheme, o.TLS = SchemeKerberos, TLSOptions{CAs: pool, ServerName: "127.0.0.1"}
		create, err := New(o)
		if err != nil {
			t.Fatal(err)
		}
		rt := create()
		t.Cleanup(rt.(*kerberos).CloseIdleConnections)
		return rt
	}
	const size = 20 * mib
	want, sent := sum(t, size), int64(0)
	t.Setenv("KRB5CCNAME", filepath.Join(t.TempDir(), "none"))
	for name, o := range map[string]Options{
		"keytab":   {User: "alice@" + authtest.Realm, Kerberos: KerberosOptions{Keytab: kdc.UserKeytab("alice")}},
		"password": {User: `EXAMPLE\alice`, Password: NewSecret(testPassword)},
		"cache":    {},
	} {
		if name == "cache" {
			t.Setenv("KRB5CCNAME", "FILE:"+cache)
		}
		for _, url := range []string{apache.URL("/"), apache.SecureURL("/")} {
			rt := client(o)
			for range 2 {
				sent += size
				if status, text, err := post(t.Context(), rt, url, size, false); err != nil || status != http.StatusOK || text != want {
					t.Errorf("%s: status %d, %.200q, %v", name, status, text, err)
				}
			}
		}
		t.Setenv("KRB5CCNAME", filepath.Join(t.TempDir(), "none"))
	}
	good := Options{User: "alice", Password: NewSecret(testPassword)}
	for want, o := range map[string]Options{
		"the password or the keytab is wrong":      {User: "alice", Password: NewSecret("wr0ng")},
		"the KDC knows no such user":               {User: "nobody", Password: NewSecret("wr0ng")},
		"the KDC knows no service HTTP/other":      {User: "alice", Password: NewSecret(testPassword), Kerberos: KerberosOptions{SPN: "HTTP/other"}},
		"run kinit, or give --keytab":              {},
		"the keytab holds no key for this user":    {User: "alice", Kerberos: KerberosOptions{Keytab: kdc.Keytab}},
		"no KDC can be reached: look at the realm": {User: "alice@ELSEWHERE.TEST", Password: NewSecret(testPassword)},
	} {
		_, _, err := post(t.Context(), client(o), apache.URL("/"), size, true)
		var refused *RefusedError
		if !errors.As(err, &refused) || !strings.Contains(err.Error(), want) || strings.ContainsAny(err.Error(), "\n") || strings.Contains(err.Error(), "wr0ng") {
			t.Errorf("%v, want %s", err, want)
		}
	}
	_, _, err = post(t.Context(), client(good), backend.URL, 10, false)
	if err != nil {
		t.Errorf("a server that asks for no login: %v", err)
	}
	if got := apache.Received(t); float64(got) > 1.01*float64(sent) {
		t.Errorf("Apache received %d bytes for %d", got, sent)
	}
}

// An account is locked after a few wrong passwords, and there are many connections.
func TestAWrongPasswordIsTriedOnce(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("WWW-Authenticate", "Negotiate")
		w.WriteHeader(http.StatusUnauthorized)
	}))
	defer server.Close()
	kdc := authtest.StartKDC(t, map[string]string{"alice": testPassword})
	t.Setenv("KRB5_CONFIG", kdc.Config)
	create, err := New(Options{Scheme: SchemeKerberos, User: "alice", Password: NewSecret("wr0ng")})
	if err != nil {
		t.Fatal(err)
	}
	for range 4 {
		rt := create()
		for range 2 {
			var refused *RefusedError
			if _, _, err := post(t.Context(), rt, server.URL, 10, true); !errors.As(err, &refused) || !strings.Contains(err.Error(), "the password or the keytab is wrong") {
				t.Errorf("%v", err)
			}
		}
		rt.(*kerberos).CloseIdleConnections()
	}
	if n := strings.Count(kdc.Log(t), "PREAUTH_FAILED"); n != 1 {
		t.Errorf("the KDC was asked %d times with a wrong password, want 1:\n%s", n, kdc.Log(t))
	}
}

// RFC 4121 section 4.1.1: the length of the binding, the binding, the flags
// (mutual 2, confidentiality 16, integrity 32 by RFC 2744).
func TestKerberosChecksum(t *testing.T) {
	binding := bytes.Repeat([]byte{0xab}, 16)
	want := append(append([]byte{16, 0, 0, 0}, binding...), 50, 0, 0, 0)
	if got := gssChecksum(binding); !bytes.Equal(got, want) {
		t.Errorf("%x, want %x", got, want)
	}
	want = append(append([]byte{16, 0, 0, 0}, make([]byte, 16)...), 50, 0, 0, 0)
	if got := gssChecksum(nil); !bytes.Equal(got, want) {
		t.Errorf("without a binding %x, want %x", got, want)
	}
}
