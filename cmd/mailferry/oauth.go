package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"mailferry/ews/ewsauth"
)

// Entra's endpoints, of the public cloud. Others are given by URL.
const (
	entraToken  = "https://login.microsoftonline.com/%s/oauth2/v2.0/token"
	entraDevice = "https://login.microsoftonline.com/%s/oauth2/v2.0/devicecode"

	// defaultScope is everything that an administrator gave the application in
	// Exchange Online; deviceScope what its signed-in user may do, and a refresh token.
	defaultScope = "https://outlook.office365.com/.default"
	deviceScope  = "https://outlook.office365.com/EWS.AccessAsUser.All offline_access"
)

// oauthProfile is what the config file, or the flags, say of where tokens come
// from.
type oauthProfile struct {
	Tenant              string   `toml:"tenant"`
	TokenURL            string   `toml:"token-url"`
	DeviceURL           string   `toml:"device-url"`
	ClientID            string   `toml:"client-id"`
	ClientSecretFile    string   `toml:"client-secret-file"`
	ClientSecretCommand []string `toml:"client-secret-command"`
	OAuthCert           string   `toml:"oauth-cert"`
	OAuthAlg            string   `toml:"oauth-alg"`
	DeviceCode          bool     `toml:"device-code"`
	TokenCommand        []string `toml:"token-command"`
	Scope               string   `toml:"scope"`
}

func (o *oauthProfile) addFlags(fs *pflag.FlagSet) {
	fs.StringVar(&o.Tenant, "tenant", "", "oauth: `NAME` or id of the Entra tenant")
	fs.StringVar(&o.TokenURL, "token-url", "", "oauth: token `URL` of another token server, as https://HOST/adfs/oauth2/token")
	fs.StringVar(&o.DeviceURL, "device-url", "", "oauth: device code `URL` of another token server, as https://HOST/adfs/oauth2/devicecode")
	fs.StringVar(&o.ClientID, "client-id", "", "oauth: `ID` of the registered application")
	fs.StringVar(&o.ClientSecretFile, "client-secret-file", "", "oauth: `FILE` whose first line is the client secret; else $MAILFERRY_CLIENT_SECRET, else a prompt")
	fs.StringVar(&o.OAuthCert, "oauth-cert", "", "oauth: `FILE` with the application's certificate and its key (PEM), instead of a secret")
	fs.StringVar(&o.OAuthAlg, "oauth-alg", "", "oauth: how the certificate signs, RS256 or PS256 (default PS256 with --tenant, else RS256)")
	fs.BoolVar(&o.DeviceCode, "device-code", false, "oauth: sign in as a user, by a code on another device")
	fs.StringVar(&o.Scope, "scope", "", "oauth: the `SCOPES` asked for (default "+defaultScope+")")
}

// over lays o over the settings of a profile and fills the defaults. How a token
// is got is one choice: what o says of it leaves out all that base says of it.
func (o oauthProfile) over(base oauthProfile) oauthProfile {
	merged := oauthProfile{
		Tenant:    cmp.Or(o.Tenant, base.Tenant),
		TokenURL:  cmp.Or(o.TokenURL, base.TokenURL),
		DeviceURL: cmp.Or(o.DeviceURL, base.DeviceURL),
		ClientID:  cmp.Or(o.ClientID, base.ClientID),
		OAuthAlg:  cmp.Or(o.OAuthAlg, base.OAuthAlg),
		Scope:     cmp.Or(o.Scope, base.Scope),
	}
	way := base
	if o.ways() > 0 {
		way = o
	}
	merged.ClientSecretFile, merged.ClientSecretCommand = way.ClientSecretFile, way.ClientSecretCommand
	merged.OAuthCert, merged.DeviceCode, merged.TokenCommand = way.OAuthCert, way.DeviceCode, way.TokenCommand
	return merged
}

// ways counts how many ways of getting a token are named.
func (o oauthProfile) ways() int {
	n := 0
	for _, named := range []bool{o.ClientSecretFile != "" || len(o.ClientSecretCommand) > 0, o.OAuthCert != "", o.DeviceCode, len(o.TokenCommand) > 0} {
		if named {
			n++
		}
	}
	return n
}

func (o oauthProfile) set() bool {
	return o.ways() > 0 || o.Tenant+o.TokenURL+o.DeviceURL+o.ClientID+o.OAuthAlg+o.Scope != ""
}

var tenantForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9.-]{0,252}$`)

// check refuses what can't be meant, before anything is sent.
func (o oauthProfile) check(auth, access string) error {
	switch {
	case auth != "oauth" && o.set():
		return usagef("there are settings for OAuth, but auth is %s: give --auth oauth, or leave out --tenant, --token-url, --client-id and what belongs to them", auth)
	case auth != "oauth":
		return nil
	case o.ways() > 1:
		return usagef("client secret, certificate (--oauth-cert), --device-code and token-command exclude each other: give one")
	case len(o.TokenCommand) > 0:
		return nil
	case o.ClientID == "":
		return usagef("no application for OAuth: give --client-id, the id of the registered application")
	case o.Tenant == "" && o.TokenURL == "":
		return usagef("no token server for OAuth: give --tenant NAME for Entra, or --token-url URL")
	case o.Tenant != "" && o.TokenURL != "":
		return usagef("--tenant and --token-url exclude each other")
	case o.Tenant != "" && !tenantForm.MatchString(o.Tenant):
		return usagef("--tenant %q is no tenant: give its id, or a domain of it", o.Tenant)
	case o.DeviceCode && o.TokenURL != "" && o.DeviceURL == "":
		return usagef("--device-code with --token-url needs --device-url, too")
	case o.TokenURL != "" && o.Scope == "":
		return usagef("--token-url needs --scope: what the token server calls the Exchange server, as https://mail.example.com/.default")
	case !o.DeviceCode && access == "delegate":
		return usagef("an application has no mailbox of its own, so it needs --access impersonate; or sign in as a user, with --device-code")
	}
	return nil
}

// name says who logs in.
func (o oauthProfile) name() string {
	switch {
	case len(o.TokenCommand) > 0:
		return "the owner of the token"
	case o.DeviceCode:
		return "the user who signs in"
	}
	return "application " + o.ClientID
}

// source says where tokens come from, never what they are.
func (o oauthProfile) source(server string) string {
	switch {
	case len(o.TokenCommand) > 0:
		return "token command " + o.TokenCommand[0]
	case o.DeviceCode:
		return "device code"
	case o.OAuthCert != "":
		return "certificate " + o.OAuthCert
	case o.ClientSecretFile != "":
		return "file " + o.ClientSecretFile
	case len(o.ClientSecretCommand) > 0:
		return "command " + o.ClientSecretCommand[0]
	}
	return "$" + clientSecretVariable(server) + " or a prompt"
}

// account says who logs in to a server.
func (p profile) account() string {
	if p.Auth == "oauth" {
		return p.oauthProfile.name()
	}
	return p.User
}

// tokens makes the source of tokens of a server. The device code login asks now;
// the others when the first request is made.
func (a *app) tokens(ctx context.Context, server string, p profile, tls ewsauth.TLSOptions) (*ewsauth.Tokens, error) {
	o := ewsauth.OAuth{TokenURL: p.TokenURL, DeviceURL: p.DeviceURL, ClientID: p.ClientID, Alg: strings.ToUpper(p.OAuthAlg), Basic: p.Tenant == ""}
	scope := cmp.Or(p.Scope, defaultScope)
	if p.Tenant != "" {
		o.TokenURL, o.DeviceURL = fmt.Sprintf(entraToken, p.Tenant), fmt.Sprintf(entraDevice, p.Tenant)
	}
	switch {
	case len(p.TokenCommand) > 0:
		o.Command = func(ctx context.Context) (ewsauth.Secret, error) { return tokenFromCommand(ctx, p.TokenCommand) }
	case p.DeviceCode:
		scope = cmp.Or(p.Scope, deviceScope)
		o.Device = a.showDeviceCode
	case p.OAuthCert != "":
		cert, err := ewsauth.LoadCertificate(p.OAuthCert, "")
		if err != nil {
			return nil, usagef("--oauth-cert: %w", err)
		}
		o.Cert = &cert
		if p.Tenant == "" && o.Alg == "" {
			o.Alg = "RS256" // which AD FS knows; PS256 it does not
			if !ewsauth.IsRSA(cert) {
				o.Alg = ""
			}
		}
	default:
		ask := func() (ewsauth.Secret, error) { return a.clientSecret(ctx, server, p.oauthProfile) }
		var err error
		if o.Secret, err = ask(); err != nil {
			return nil, err
		}
		if p.ways() > 0 { // a file or a command can give another one later
			o.Renew = ask
		}
	}
	o.Scopes = strings.Fields(scope)
	tokens, err := ewsauth.NewTokens(o, tls)
	if err != nil {
		return nil, usageError{err}
	}
	if p.DeviceCode {
		return tokens, tokens.Login(ctx)
	}
	return tokens, nil
}

// clientSecret finds the secret of an application where passwords are found.
func (a *app) clientSecret(ctx context.Context, server string, o oauthProfile) (ewsauth.Secret, error) {
	return a.findSecret(ctx, secretPlace{
		what: "client secret", of: "application " + o.ClientID, variable: clientSecretVariable(server),
		file: o.ClientSecretFile, command: o.ClientSecretCommand, hint: "give --client-secret-file FILE, or --oauth-cert FILE, or --device-code",
	})
}

// clientSecretVariable is the environment variable that holds a client secret.
func clientSecretVariable(server string) string {
	return strings.TrimSuffix(passwordVariable(server), "PASSWORD") + "CLIENT_SECRET"
}

func (a *app) showDeviceCode(code ewsauth.DeviceCode) {
	until := ""
	if !code.Expires.IsZero() {
		until = fmt.Sprintf(" (good for %s)", durationText(time.Until(code.Expires).Round(time.Second)))
	}
	fmt.Fprintf(a.stderr, "to sign in, open %s and enter the code %s%s\n", oneLine(code.URL), oneLine(code.Code), until)
}

// tokenFromCommand runs a token command. What it prints is the token.
func tokenFromCommand(ctx context.Context, command []string) (ewsauth.Secret, error) {
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	var out limitedBuffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, &out, os.Stderr
	if err := cmd.Run(); err != nil {
		return ewsauth.Secret{}, refusedError{fmt.Errorf("token-command %s: %w", command[0], err)}
	}
	token := strings.TrimSpace(out.String())
	if token == "" {
		return ewsauth.Secret{}, refusedError{errors.New("token-command " + command[0] + " printed no token")}
	}
	return ewsauth.NewSecret(token), nil
}

// refusedError is a failure before the login that asking again won't change.
type refusedError struct{ error }

func (e refusedError) Unwrap() error    { return e.error }
func (refusedError) LoginRefused() bool { return true }

// limitedBuffer takes no more than can be a token.
type limitedBuffer struct{ strings.Builder }

func (b *limitedBuffer) Write(p []byte) (int, error) {
	if b.Len()+len(p) > maxPassword {
		return 0, errors.New("it prints more than a token can be")
	}
	return b.Builder.Write(p)
}
