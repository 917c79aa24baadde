package ewsauth

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1" //nolint:gosec // a name for a certificate, as RFC 7515 has it
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// assertionLife is how long an assertion is good: Entra advises five to ten
// minutes.
const assertionLife = 5 * time.Minute

// newAssertion returns what signs client assertions (RFC 7523, 2.2 and 3) with
// the key of o's certificate. Their header names the certificate by both
// thumbprints of RFC 7515: Entra looks for x5t#S256, AD FS for x5t.
func newAssertion(o OAuth) (func() (string, error), error) {
	if len(o.Cert.Certificate) == 0 {
		return nil, errors.New("oauth login: the certificate file holds no certificate")
	}
	alg := jose.SignatureAlgorithm(o.Alg)
	switch key := o.Cert.PrivateKey.(type) {
	case *rsa.PrivateKey:
		switch alg {
		case "":
			alg = jose.PS256
		case jose.RS256, jose.PS256:
		default:
			return nil, fmt.Errorf("signature algorithm %q: want RS256 or PS256", o.Alg)
		}
	case *ecdsa.PrivateKey:
		if key.Curve != elliptic.P256() || alg != "" && alg != jose.ES256 {
			return nil, errors.New("oauth login: the key of the certificate must be RSA, or P-256 for ES256")
		}
		alg = jose.ES256
	default:
		return nil, errors.New("oauth login: the key of the certificate must be RSA, or P-256 for ES256")
	}
	der := o.Cert.Certificate[0]
	old, thumb := sha1.Sum(der), sha256.Sum256(der) //nolint:gosec // see the import
	options := (&jose.SignerOptions{}).WithType("JWT").
		WithHeader("x5t", base64.RawURLEncoding.EncodeToString(old[:])).
		WithHeader("x5t#S256", base64.RawURLEncoding.EncodeToString(thumb[:]))
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: o.Cert.PrivateKey}, options)
	if err != nil {
		return nil, errors.New("oauth login: the key of the certificate can't sign")
	}
	return func() (string, error) {
		now := time.Now()
		claims, err := json.Marshal(map[string]any{
			"iss": o.ClientID, "sub": o.ClientID, "aud": o.TokenURL, "jti": rand.Text(),
			"iat": now.Unix(), "nbf": now.Unix(), "exp": now.Add(assertionLife).Unix(),
		})
		if err != nil {
			return "", err
		}
		signed, err := signer.Sign(claims)
		if err != nil {
			return "", errors.New("oauth login: the key of the certificate can't sign")
		}
		return signed.CompactSerialize()
	}, nil
}

// IsRSA says that a certificate has an RSA key, which signs as RS256 or PS256.
func IsRSA(cert tls.Certificate) bool {
	_, ok := cert.PrivateKey.(*rsa.PrivateKey)
	return ok
}
