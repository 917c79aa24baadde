package main

import (
	"cmp"
	"crypto/tls"
	"reflect"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"mailferry/ews/ewsauth"
)

// reach is what a profile, or the flags, say of the way to a server; none of it
// is needed in most places.
type reach struct {
	Proxy          string `toml:"proxy"`
	ClientCert     string `toml:"client-cert"`
	ClientKey      string `toml:"client-key"`
	ServerName     string `toml:"server-name"`
	EPA            string `toml:"epa"`
	AllowPlaintext bool   `toml:"allow-plaintext"`
}

func (r *reach) addFlags(fs *pflag.FlagSet) {
	fs.StringVar(&r.Proxy, "proxy", "", "go through the proxy at this `URL`, or direct: through none; else HTTPS_PROXY, HTTP_PROXY and NO_PROXY say. A password for it stands in these or in the profile")
	fs.StringVar(&r.ClientCert, "client-cert", "", "`FILE` of a certificate (PEM) to show to the server")
	fs.StringVar(&r.ClientKey, "client-key", "", "`FILE` of its key (PEM); without it the key is in the file of the certificate")
	fs.StringVar(&r.ServerName, "server-name", "", "`NAME` that the server's certificate must hold instead of the URL's host")
	fs.StringVar(&r.EPA, "epa", "", "Extended Protection: auto (default) binds the login to the server's certificate, off does not, where a proxy ends TLS before the server")
	fs.BoolVar(&r.AllowPlaintext, "allow-plaintext", false, "let the password cross the network in the clear: basic over http to another machine")
}

// over lays the set fields of the flags over those of a profile.
func (r reach) over(base reach) reach {
	merged := reach{
		Proxy:          cmp.Or(r.Proxy, base.Proxy),
		ClientCert:     cmp.Or(r.ClientCert, base.ClientCert),
		ClientKey:      cmp.Or(r.ClientKey, base.ClientKey),
		ServerName:     cmp.Or(r.ServerName, base.ServerName),
		EPA:            strings.ToLower(cmp.Or(r.EPA, base.EPA)),
		AllowPlaintext: r.AllowPlaintext || base.AllowPlaintext,
	}
	if r.ClientCert != "" {
		merged.ClientKey = r.ClientKey // the profile's belongs to another certificate
	}
	return merged
}

func (r reach) check() error {
	if _, err := ewsauth.ParseProxy(r.Proxy); err != nil {
		return usagef("--proxy: %w", err)
	}
	if !slices.Contains([]string{"", "auto", "off"}, r.EPA) {
		return usagef("unknown epa %q: use auto or off", r.EPA)
	}
	if r.ClientKey != "" && r.ClientCert == "" {
		return usagef("--client-key without --client-cert: name the certificate of the key too")
	}
	return nil
}

func (r reach) proxyPassword() bool {
	p, err := ewsauth.ParseProxy(r.Proxy)
	return err == nil && p.HasPassword()
}

// refuseProxyPassword looks at what was given as an argument, which every process
// of the machine can read.
func refuseProxyPassword(fs *pflag.FlagSet) error {
	if f := fs.Lookup("proxy"); f != nil && f.Changed && (reach{Proxy: f.Value.String()}).proxyPassword() {
		return usagef("--proxy must not hold a password, since every process of this machine can read it: set HTTPS_PROXY or MAILFERRY_PROXY, or write proxy into the profile")
	}
	return nil
}

// tls says how connections to a server are made, before any login.
func (p profile) tls() (ewsauth.TLSOptions, error) {
	options := ewsauth.TLSOptions{Insecure: p.Insecure, ServerName: p.ServerName}
	var err error
	if options.Proxy, err = ewsauth.ParseProxy(p.Proxy); err != nil {
		return options, usagef("proxy: %w", err)
	}
	if p.CAFile != "" {
		if options.CAs, err = ewsauth.LoadCA(p.CAFile); err != nil {
			return options, usageError{err}
		}
	}
	if p.ClientCert != "" {
		certificate, err := ewsauth.LoadCertificate(p.ClientCert, p.ClientKey)
		if err != nil {
			return options, usageError{err}
		}
		options.Cert = []tls.Certificate{certificate}
	}
	return options, nil
}

// withFiles changes all names of files in a profile.
func (p profile) withFiles(change func(string) string) profile {
	v := reflect.ValueOf(&p).Elem()
	for _, field := range reflect.VisibleFields(v.Type()) {
		key, value := field.Tag.Get("toml"), v.FieldByIndex(field.Index)
		isFile := strings.HasSuffix(key, "file") || slices.Contains([]string{"client-cert", "client-key", "oauth-cert"}, key)
		if isFile && value.Kind() == reflect.String && value.String() != "" {
			value.SetString(change(value.String()))
		}
	}
	return p
}
