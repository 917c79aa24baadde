package ewsauth

import (
	"bytes"
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/Azure/go-ntlmssp"

	"mailferry/ews/ewstest/ntlm"
)

// The example of "NTLM and Channel Binding Hash (aka Extended Protection for
// Authentication)" in Microsoft's Open Specifications blog.
func TestEndPointBindingAsPublished(t *testing.T) {
	hash, _ := hex.DecodeString("ea05fefecc6b0bd571dbbc5baa3ed45386d0446835f7b74c85621b9983475f95")
	want, _ := hex.DecodeString("6586e99d81c2fc984e47172fd4dd0310")
	if got := endPointBinding(hash); !bytes.Equal(got, want) {
		t.Errorf("%x, want %x", got, want)
	}
}

// RFC 5929 section 4.1: the signature's hash, SHA-256 in place of MD5 and SHA-1.
func TestEndPointHash(t *testing.T) {
	for algorithm, want := range map[x509.SignatureAlgorithm]crypto.Hash{
		x509.MD5WithRSA: crypto.SHA256, x509.SHA1WithRSA: crypto.SHA256, x509.ECDSAWithSHA1: crypto.SHA256,
		x509.SHA256WithRSA: crypto.SHA256, x509.SHA256WithRSAPSS: crypto.SHA256, x509.ECDSAWithSHA256: crypto.SHA256,
		x509.SHA384WithRSA: crypto.SHA384, x509.SHA384WithRSAPSS: crypto.SHA384, x509.ECDSAWithSHA384: crypto.SHA384,
		x509.SHA512WithRSA: crypto.SHA512, x509.SHA512WithRSAPSS: crypto.SHA512, x509.ECDSAWithSHA512: crypto.SHA512,
		x509.PureEd25519: crypto.SHA256,
	} {
		if got := endPointHash(algorithm); got != want {
			t.Errorf("%v: %v, want %v", algorithm, got, want)
		}
	}
	if EndPointBinding(nil) != nil || EndPointBinding(&tls.ConnectionState{}) != nil {
		t.Error("a binding to no certificate")
	}
}

func TestExtendedProtection(t *testing.T) {
	for _, c := range []struct {
		name    string
		mode    ntlm.EPA
		binding BindingFunc
		in      bool
	}{
		{"off, none sent", ntlm.Off, nil, true},
		{"off, right", ntlm.Off, EndPointBinding, true},
		{"off, wrong", ntlm.Off, EndPointBinding, true},
		{"allow, none sent", ntlm.Allow, nil, true},
		{"allow, right", ntlm.Allow, EndPointBinding, true},
		{"allow, wrong", ntlm.Allow, EndPointBinding, false},
		{"require, none sent", ntlm.Require, nil, false},
		{"require, right", ntlm.Require, EndPointBinding, true},
		{"require, wrong", ntlm.Require, EndPointBinding, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := (&testServer{tls: true, auth: ntlm.Server{EPA: c.mode}}).start(t)
			if strings.HasSuffix(c.name, "wrong") {
				s.auth.Cert = &x509.Certificate{Raw: []byte("of a server behind a proxy")}
			}
			rt := s.client(t, testUser, testPassword).(*ntlmTransport)
			rt.binding = c.binding
			status, _, err := post(t.Context(), rt, s.URL, 1000, false)
			var refused *RefusedError
			switch {
			case c.in && (err != nil || status != http.StatusOK):
				t.Errorf("status %d, %v", status, err)
			case !c.in && !errors.As(err, &refused):
				t.Errorf("let in: status %d, %v", status, err)
			}
		})
	}
}

func FuzzChallenge(f *testing.F) {
	whole := challenge(f)
	f.Add(whole)
	f.Add(whole[:48])
	f.Add([]byte{})
	token := bytes.Repeat([]byte{7}, 16)
	f.Fuzz(func(t *testing.T, message []byte) {
		bound, err := bindChallenge(message, token)
		if err != nil {
			return
		}
		if !bytes.Equal(bound[:challengeInfoAt], message[:challengeInfoAt]) || !bytes.Equal(bound[challengeLength:len(message)], message[challengeLength:]) {
			t.Error("more was changed than where TargetInfo lies")
		}
		again, err := bindChallenge(bound, token)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(again[len(bound):], bound[len(message):]) {
			t.Error("binding twice gives other pairs")
		}
		if answer, err := ntlmssp.NewAuthenticateMessage(bound, testUser, testPassword, nil); err == nil && !bytes.Contains(answer, token) {
			t.Error("the binding did not come through")
		}
	})
}
