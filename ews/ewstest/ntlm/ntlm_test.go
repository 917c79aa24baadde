package ntlm

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/Azure/go-ntlmssp"
)

func fromHex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// The example of [MS-NLMP] 4.2.4: user User of Domain, password Password.
func TestNTLMv2AsPublished(t *testing.T) {
	key := ntowfv2("Password", "User", "Domain")
	if want := fromHex(t, "0c868a403bfd7a93a3001ef22ef02e3f"); !bytes.Equal(key, want) {
		t.Fatalf("NTOWFv2 is %x, want %x (4.2.4.1.1)", key, want)
	}
	temp := fromHex(t, "01010000 00000000 0000000000000000 aaaaaaaaaaaaaaaa 00000000"+
		"02000c0044006f006d00610069006e00 01000c00530065007200760065007200 00000000 00000000")
	proof := hmacMD5(key, fromHex(t, "0123456789abcdef"), temp)
	if want := fromHex(t, "68cd0ab851e51c96aabc927bebef6a1c"); !bytes.Equal(proof, want) {
		t.Errorf("NTProofStr is %x, want %x (4.2.4.2.2)", proof, want)
	}
}

// The example of "NTLM and Channel Binding Hash (aka Extended Protection for
// Authentication)" in Microsoft's Open Specifications blog.
func TestBindingAsPublished(t *testing.T) {
	hash := fromHex(t, "ea05fefecc6b0bd571dbbc5baa3ed45386d0446835f7b74c85621b9983475f95")
	if got, want := bindingOf(hash), fromHex(t, "6586e99d81c2fc984e47172fd4dd0310"); !bytes.Equal(got, want) {
		t.Errorf("%x, want %x", got, want)
	}
}

func testServer() *Server {
	return &Server{Domain: "EXAMPLE", Computer: "EXCH01", Password: func(domain, user string) (string, bool) {
		switch strings.ToLower(domain + `\` + user) {
		case `example\jörg`, `\jörg`, `\jörg@example.com`:
			return "Pässw0rd", true
		}
		return "", false
	}}
}

// login runs the exchange with go-ntlmssp as the client.
func login(t testing.TB, s *Session, user, password string) (Login, error) {
	t.Helper()
	hello, err := ntlmssp.NewNegotiateMessage("", "")
	if err != nil {
		t.Fatal(err)
	}
	challenge, err := s.Challenge(hello)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := ntlmssp.NewAuthenticateMessage(challenge, user, password, nil)
	if err != nil {
		t.Fatal(err)
	}
	return s.Authenticate(answer)
}

func TestNamesAndPasswords(t *testing.T) {
	s := testServer()
	for _, user := range []string{`EXAMPLE\jörg`, `example\JÖRG`, `Example\Jörg`, "jörg", "jörg@example.com", "JÖRG@EXAMPLE.COM"} {
		session := s.NewSession()
		if got, err := login(t, session, user, "Pässw0rd"); err != nil || session.Login() == nil || got.Binding != nil {
			t.Errorf("%s: %+v, %v", user, got, err)
		}
	}
	for user, password := range map[string]string{
		"jörg": "pässw0rd", `OTHER\jörg`: "Pässw0rd", "nobody": "Pässw0rd", "nobody ": "", "jörg@other.example": "Pässw0rd",
	} {
		session := s.NewSession()
		if _, err := login(t, session, user, password); !errors.Is(err, ErrRefused) || session.Login() != nil {
			t.Errorf("%s: %v", user, err)
		}
	}
}

func TestAChallengeServesOnce(t *testing.T) {
	s := testServer().NewSession()
	hello, _ := ntlmssp.NewNegotiateMessage("", "")
	first, err := s.Challenge(hello)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := ntlmssp.NewAuthenticateMessage(first, "jörg", "Pässw0rd", nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Authenticate(answer); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Authenticate(answer); err == nil || s.Login() != nil {
		t.Error("the same answer was taken twice")
	}
	second, err := s.Challenge(hello)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Equal(first, second) {
		t.Error("two challenges are equal")
	}
	if _, err := s.Authenticate(answer); !errors.Is(err, ErrRefused) {
		t.Errorf("an answer to another challenge: %v", err)
	}
}

func TestANewLoginForgetsTheOld(t *testing.T) {
	s := testServer().NewSession()
	if _, err := login(t, s, "jörg", "Pässw0rd"); err != nil {
		t.Fatal(err)
	}
	for _, authorization := range []string{"", "Basic xyz", "NTLM", "NTLM ?", "NTLM " + base64.StdEncoding.EncodeToString([]byte("NTLMSSP\x00\x02\x00\x00\x00"))} {
		if _, err := login(t, s, "jörg", "Pässw0rd"); err != nil {
			t.Fatal(err)
		}
		if _, _, err := s.Answer(authorization); err == nil || s.Login() != nil {
			t.Errorf("%q: %v, still in: %v", authorization, err, s.Login() != nil)
		}
	}
}

// curl sends 32 bytes, and offers OEM but not Unicode.
func TestChallengeToAShortHello(t *testing.T) {
	hello := slices.Concat([]byte(signature), []byte{1, 0, 0, 0, 6, 0x82, 8, 0}, make([]byte, 16))
	m, err := testServer().NewSession().Challenge(hello)
	if err != nil {
		t.Fatal(err)
	}
	flags := binary.LittleEndian.Uint32(m[20:])
	name, err := field(m, 12)
	if flags&flagUnicode != 0 || flags&flagOEM == 0 || string(name) != "EXAMPLE" || err != nil {
		t.Errorf("flags %#x, name %q, %v", flags, name, err)
	}
	info, err := field(m, 40)
	if err != nil {
		t.Fatal(err)
	}
	stamp, err := findAV(info, avTimestamp)
	if err != nil || len(stamp) != 8 {
		t.Fatalf("time stamp %x, %v", stamp, err)
	}
	since := time.Unix(0, (int64(binary.LittleEndian.Uint64(stamp))-116444736000000000)*100)
	if d := time.Since(since); d < 0 || d > time.Minute {
		t.Errorf("the challenge's time is %v", since)
	}
}

func TestDamagedMessages(t *testing.T) {
	s := testServer().NewSession()
	for name, hello := range map[string][]byte{
		"empty": nil, "short": []byte(signature + "\x01\x00\x00\x00\x01\x02"), "no signature": make([]byte, 40),
		"type 3":   append([]byte(signature+"\x03\x00\x00\x00\x01\x02\x00\x00"), make([]byte, 40)...),
		"no flags": append([]byte(signature+"\x01\x00\x00\x00"), make([]byte, 28)...), "huge": append([]byte(signature+"\x01\x00\x00\x00\x05\x02\x00\x00"), make([]byte, maxMessage)...),
	} {
		if _, err := s.Challenge(hello); err == nil {
			t.Errorf("%s: a challenge to that", name)
		}
	}
	hello, _ := ntlmssp.NewNegotiateMessage("", "")
	challenge, err := s.Challenge(hello)
	if err != nil {
		t.Fatal(err)
	}
	whole, err := ntlmssp.NewAuthenticateMessage(challenge, "jörg", "Pässw0rd", nil)
	if err != nil {
		t.Fatal(err)
	}
	for length := range len(whole) {
		if _, err := s.Challenge(hello); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Authenticate(whole[:length]); err == nil {
			t.Errorf("let in with %d bytes of %d", length, len(whole))
		}
	}
	v1 := bytes.Clone(whole)
	binary.LittleEndian.PutUint16(v1[20:], ntlmv1Length)
	if _, err := s.Challenge(hello); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Authenticate(v1); !errors.Is(err, ErrRefused) || !strings.Contains(err.Error(), "NTLMv1") {
		t.Errorf("NTLMv1: %v", err)
	}
}

func TestCheckBinding(t *testing.T) {
	cert := &x509.Certificate{Raw: []byte("certificate"), SignatureAlgorithm: x509.SHA1WithRSA}
	sum := sha256.Sum256(cert.Raw)
	right, wrong := bindingOf(sum[:]), bytes.Repeat([]byte{1}, 16)
	for _, c := range []struct {
		mode    EPA
		binding []byte
		cert    *x509.Certificate
		in      bool
	}{
		{Off, nil, cert, true},
		{Off, wrong, cert, true},
		{Allow, nil, cert, true},
		{Allow, make([]byte, 16), cert, true},
		{Allow, right, cert, true},
		{Allow, wrong, cert, false},
		{Allow, right[:8], cert, false},
		{Require, nil, cert, false},
		{Require, make([]byte, 16), cert, false},
		{Require, right, cert, true},
		{Require, wrong, cert, false},
		{Require, nil, nil, true},
	} {
		err := Login{Binding: bound(c.binding)}.CheckBinding(c.mode, c.cert)
		if c.in != (err == nil) || !c.in && !errors.Is(err, ErrBinding) {
			t.Errorf("mode %d, binding %x: %v", c.mode, c.binding, err)
		}
	}
	for text, want := range map[string]EPA{"": Off, "off": Off, "allow": Allow, "require": Require} {
		if got, err := ParseEPA(text); got != want || err != nil {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
	if _, err := ParseEPA("maybe"); err == nil {
		t.Error("maybe is a mode")
	}
}

func FuzzAuthenticate(f *testing.F) {
	s := testServer()
	hello, _ := ntlmssp.NewNegotiateMessage("", "")
	challenge, err := s.NewSession().Challenge(hello)
	if err != nil {
		f.Fatal(err)
	}
	answer, err := ntlmssp.NewAuthenticateMessage(challenge, "jörg", "Pässw0rd", nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(hello)
	f.Add(answer)
	f.Add(answer[:70])
	f.Fuzz(func(t *testing.T, message []byte) {
		session := s.NewSession()
		if _, err := session.Challenge(message); err != nil {
			_, _ = session.Challenge(hello)
		}
		if _, err := session.Authenticate(message); err == nil || session.Login() != nil {
			t.Error("let in")
		}
		_, _, _ = session.Answer("NTLM " + base64.StdEncoding.EncodeToString(message))
		if session.Login() != nil {
			t.Error("let in")
		}
	})
}
