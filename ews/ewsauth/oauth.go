package ewsauth

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
)

// tokenTimeout bounds one request to a token endpoint.
const tokenTimeout = 60 * time.Second

// OAuth says where access tokens come from. Exactly one of Secret, Cert, Device
// and Command says how. Token endpoints are asked over TLS only, but on this
// machine, and their redirects are not followed.
type OAuth struct {
	TokenURL  string
	DeviceURL string // of the device code login
	ClientID  string
	Scopes    []string

	Secret Secret                 // client credentials with a client secret
	Renew  func() (Secret, error) `json:"-"` // asks for the secret again, once one that worked is refused; nil: there is no other
	Basic  bool                   // send the secret as HTTP Basic first; else in the form alone, as Entra documents it

	Cert *tls.Certificate // client credentials with an assertion signed by this key (RFC 7523)
	Alg  string           // of the assertion: "RS256" or "PS256"; "" is PS256, or ES256 for a P-256 key

	Device func(DeviceCode) `json:"-"` // device code login (RFC 8628): shows the code to a person

	Command func(context.Context) (Secret, error) `json:"-"` // gives a token
}

// DeviceCode is what a person needs to sign in on another device.
type DeviceCode struct {
	URL     string
	Code    string
	Expires time.Time // zero: not told
}

// fetcher gets a new token. Its errors hold no secret.
type fetcher func(ctx context.Context) (grant, error)

// grant is a token, and what is known of its end.
type grant struct {
	token   Secret
	expires time.Time // zero: not known
}

// fetcher checks o and returns what gets tokens.
func (o OAuth) fetcher(t TLSOptions) (fetcher, error) {
	ways := 0
	for _, set := range []bool{!o.Secret.IsZero(), o.Cert != nil, o.Device != nil, o.Command != nil} {
		if set {
			ways++
		}
	}
	if ways != 1 {
		return nil, errors.New("oauth login needs one of a client secret, a certificate, the device code login and a token command")
	}
	if o.Command != nil {
		return fromCommand(o.Command), nil
	}
	if o.ClientID == "" {
		return nil, errors.New("oauth login needs the id of the registered application (client id)")
	}
	if err := checkTokenURL("token", o.TokenURL); err != nil {
		return nil, err
	}
	client := tokenClient(t)
	switch {
	case o.Device != nil:
		if err := checkTokenURL("device", o.DeviceURL); err != nil {
			return nil, err
		}
		return o.byDevice(client), nil
	case o.Cert != nil:
		return o.byCertificate(client)
	}
	return o.bySecret(client), nil
}

// tokenClient reaches token endpoints: as the server is reached, with its
// authorities and proxy, but as nobody: a client certificate is for the server.
func tokenClient(t TLSOptions) *http.Client {
	t.Cert, t.ServerName = nil, ""
	return &http.Client{
		Transport:     NewTransport(t),
		Timeout:       tokenTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

func checkTokenURL(kind, text string) error {
	u, err := url.Parse(text)
	switch {
	case text == "":
		return fmt.Errorf("oauth login needs the %s URL, or a tenant", kind)
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
		return fmt.Errorf("the %s URL is no https address", kind)
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return fmt.Errorf("the %s URL must hold no user, no query and no fragment", kind)
	case !private(u):
		return fmt.Errorf("the %s URL must begin with https: what is sent there must not cross the network in the clear", kind)
	}
	return nil
}

// private says that nobody on the network sees what is sent to a URL.
func private(u *url.URL) bool { return u.Scheme == "https" || isLoopback(u.Hostname()) }

func (o OAuth) bySecret(client *http.Client) fetcher {
	secret := newPassword(o.Secret, o.Renew)
	style := oauth2.AuthStyleInParams
	if o.Basic {
		style = oauth2.AuthStyleAutoDetect
	}
	return func(ctx context.Context) (grant, error) {
		for again := false; ; again = true {
			used := secret.current()
			config := clientcredentials.Config{ClientID: o.ClientID, ClientSecret: used.Reveal(), TokenURL: o.TokenURL, Scopes: o.Scopes, AuthStyle: style}
			token, err := config.Token(context.WithValue(ctx, oauth2.HTTPClient, client))
			if err == nil {
				secret.worked()
				return granted(token), nil
			}
			err = o.failure(err)
			var refused *TokenError
			if again || !errors.As(err, &refused) || !refused.LoginRefused() {
				return grant{}, err
			}
			secret.refused(used)
			if secret.current().Reveal() == used.Reveal() {
				return grant{}, err
			}
		}
	}
}

func (o OAuth) byCertificate(client *http.Client) (fetcher, error) {
	sign, err := newAssertion(o)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context) (grant, error) {
		assertion, err := sign()
		if err != nil {
			return grant{}, err
		}
		config := clientcredentials.Config{
			ClientID: o.ClientID, TokenURL: o.TokenURL, Scopes: o.Scopes, AuthStyle: oauth2.AuthStyleInParams,
			EndpointParams: url.Values{
				"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"},
				"client_assertion":      {assertion},
			},
		}
		token, err := config.Token(context.WithValue(ctx, oauth2.HTTPClient, client))
		if err != nil {
			return grant{}, o.failure(err)
		}
		return granted(token), nil
	}, nil
}

// byDevice lets a person sign in once; later tokens come by the refresh token,
// where the server gave one.
func (o OAuth) byDevice(client *http.Client) fetcher {
	config := oauth2.Config{
		ClientID: o.ClientID, Scopes: o.Scopes,
		Endpoint: oauth2.Endpoint{TokenURL: o.TokenURL, DeviceAuthURL: o.DeviceURL, AuthStyle: oauth2.AuthStyleInParams},
	}
	var last *oauth2.Token // fetchers are called by one at a time
	return func(ctx context.Context) (grant, error) {
		ctx = context.WithValue(ctx, oauth2.HTTPClient, client)
		var err error
		switch {
		case last == nil:
			last, err = o.signIn(ctx, config)
		case last.RefreshToken == "":
			return grant{}, &TokenError{Host: o.host(), Code: "no_refresh_token"}
		default:
			var next *oauth2.Token
			if next, err = config.TokenSource(ctx, &oauth2.Token{RefreshToken: last.RefreshToken}).Token(); err == nil {
				last = next
			}
		}
		if err != nil {
			return grant{}, o.failure(err)
		}
		return granted(last), nil
	}
}

func (o OAuth) signIn(ctx context.Context, config oauth2.Config) (*oauth2.Token, error) {
	code, err := config.DeviceAuth(ctx)
	if err != nil {
		return nil, err
	}
	o.Device(DeviceCode{URL: code.VerificationURI, Code: code.UserCode, Expires: code.Expiry})
	token, err := config.DeviceAccessToken(ctx, code)
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		return nil, &TokenError{Host: o.host(), Code: "expired_token"}
	}
	return token, err
}

func (o OAuth) host() string {
	u, err := url.Parse(o.TokenURL)
	if err != nil {
		return ""
	}
	return u.Host
}

func granted(t *oauth2.Token) grant {
	return grant{token: NewSecret(t.AccessToken), expires: t.Expiry}
}

// maxToken bounds a token, in bytes. Those of Entra have some 2,000.
const maxToken = 64 << 10

// fromCommand reads the end of a token from the token, if it is a JWT.
func fromCommand(command func(context.Context) (Secret, error)) fetcher {
	return func(ctx context.Context) (grant, error) {
		token, err := command(ctx)
		if err != nil {
			return grant{}, err
		}
		text := token.Reveal()
		if text == "" || len(text) > maxToken || strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' }) {
			return grant{}, errors.New("the token command must print a token and nothing else")
		}
		return grant{token: token, expires: endOf(text)}, nil
	}
}
