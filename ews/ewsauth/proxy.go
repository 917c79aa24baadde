package ewsauth

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
)

// Proxy says through which proxy requests go. The zero value is the one that the
// environment names for a host (HTTPS_PROXY, HTTP_PROXY, NO_PROXY).
type Proxy struct {
	URL    *url.URL // http or https; its user and password are sent to it by Basic
	Direct bool     // none at all, whatever the environment says
}

// ParseProxy reads the address of a proxy: a URL, HOST:PORT, or "direct". No
// error holds the address, since there may be a password in it.
func ParseProxy(text string) (Proxy, error) {
	switch text {
	case "":
		return Proxy{}, nil
	case "direct":
		return Proxy{Direct: true}, nil
	}
	bad := errors.New("that is no address of a proxy: give http://HOST:PORT, https://HOST:PORT or direct")
	u, err := url.Parse(text)
	if err != nil || u.Host == "" {
		if u, err = url.Parse("http://" + text); err != nil {
			return Proxy{}, bad
		}
	}
	if u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.Path != "" && u.Path != "/" || u.RawQuery != "" || u.Fragment != "" {
		return Proxy{}, bad
	}
	return Proxy{URL: u}, nil
}

// HasPassword says that the address of the proxy holds a secret.
func (p Proxy) HasPassword() bool {
	if p.URL == nil || p.URL.User == nil {
		return false
	}
	_, has := p.URL.User.Password()
	return has
}

// choose is for [http.Transport.Proxy].
func (p Proxy) choose(req *http.Request) (*url.URL, error) {
	switch {
	case p.Direct:
		return nil, nil
	case p.URL != nil:
		return p.URL, nil
	}
	u, err := http.ProxyFromEnvironment(req)
	if err != nil { // which tells the whole address
		return nil, errors.New("HTTP_PROXY or HTTPS_PROXY is no address of a proxy: http://HOST:PORT is one")
	}
	return u, nil
}

// connected looks at a proxy's answer to CONNECT.
func connected(_ context.Context, proxy *url.URL, asked *http.Request, answer *http.Response) error {
	switch answer.StatusCode {
	case http.StatusOK:
		return nil
	case http.StatusProxyAuthRequired:
		e := &RefusedError{
			Scheme: "proxy", User: "nobody", Host: proxy.Host,
			Reason: "the proxy wants a user and a password: give both in HTTPS_PROXY, or in proxy of the profile, as http://USER:PASSWORD@HOST:PORT",
		}
		if name := proxy.User.Username(); name != "" {
			e.User, e.Reason = name, "the proxy refuses the user or the password"
		}
		return e
	}
	return fmt.Errorf("the proxy %s makes no connection to %s: HTTP %d", proxy.Host, asked.Host, answer.StatusCode)
}
