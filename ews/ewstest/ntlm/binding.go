package ntlm

import (
	"bytes"
	"crypto/hmac"
	"crypto/md5"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/binary"
	"errors"
)

// ErrBinding says that the password was right, but Extended Protection refused
// the login: its channel binding is missing or of another certificate.
var ErrBinding = errors.New("login refused: channel binding missing or wrong")

// EPA is how a server treats channel bindings.
type EPA int

// Off ignores channel bindings, Allow refuses wrong ones, Require also missing ones.
const (
	Off EPA = iota
	Allow
	Require
)

// ParseEPA reads "off" (also ""), "allow" or "require".
func ParseEPA(s string) (EPA, error) {
	switch s {
	case "", "off":
		return Off, nil
	case "allow":
		return Allow, nil
	case "require":
		return Require, nil
	}
	return Off, errors.New("extended protection " + s + ": want off, allow or require")
}

// CheckBinding judges the login's channel binding for a server whose TLS
// certificate is cert; without one every login passes.
func (l Login) CheckBinding(mode EPA, cert *x509.Certificate) error {
	switch {
	case mode == Off || cert == nil:
	case l.Binding == nil && mode == Allow:
	case !hmac.Equal(l.Binding, Binding(cert)):
		return ErrBinding
	}
	return nil
}

// Binding returns the MsvAvChannelBindings (2.2.2.1) of a TLS connection to a
// server with this certificate: the MD5 of a gss_channel_bindings_struct whose
// application data is tls-server-end-point of RFC 5929, section 4.1.
func Binding(cert *x509.Certificate) []byte { return bindingOf(endPoint(cert)) }

func bindingOf(hash []byte) []byte {
	data := append([]byte("tls-server-end-point:"), hash...)
	bindings := make([]byte, 16, 20+len(data)) // no addresses
	bindings = binary.LittleEndian.AppendUint32(bindings, uint32(len(data)))
	sum := md5.Sum(append(bindings, data...))
	return sum[:]
}

// endPoint hashes the certificate with the hash of its signature, but with
// SHA-256 in place of MD5 and SHA-1.
func endPoint(cert *x509.Certificate) []byte {
	switch cert.SignatureAlgorithm {
	case x509.SHA384WithRSA, x509.ECDSAWithSHA384, x509.SHA384WithRSAPSS:
		sum := sha512.Sum384(cert.Raw)
		return sum[:]
	case x509.SHA512WithRSA, x509.ECDSAWithSHA512, x509.SHA512WithRSAPSS:
		sum := sha512.Sum512(cert.Raw)
		return sum[:]
	}
	sum := sha256.Sum256(cert.Raw)
	return sum[:]
}

// bound returns b, or nil where b is absent or all zero, which is how a client
// says that it has no binding.
func bound(b []byte) []byte {
	if len(b) == 0 || bytes.Equal(b, make([]byte, len(b))) {
		return nil
	}
	return b
}
