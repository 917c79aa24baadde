// Package sshsig signs what a reader gives with an SSH key, and checks such
// signatures: the format of OpenSSH's PROTOCOL.sshsig, as `ssh-keygen -Y sign`
// and `ssh-keygen -Y verify` write and read it.
//
// What is signed is the hash of the message, so a message of any length streams.
// A signature alone proves that some key made it. Whose key that is, a list of
// allowed signers says: see [AllowedSigner].
package sshsig

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/sha512"
	"errors"
	"fmt"
	"hash"
	"io"

	"golang.org/x/crypto/ssh"
)

const (
	magic   = "SSHSIG"
	version = 1
)

// Errors of a check.
var (
	ErrMalformed = errors.New("it is no SSH signature, or a damaged one")
	ErrMismatch  = errors.New("the signature does not belong to this content")
)

// Signature is a parsed signature. Nothing of it is proven before Verify.
type Signature struct {
	Namespace string
	key       ssh.PublicKey
	reserved  string
	hash      string
	signature *ssh.Signature
}

// envelope is what an armored signature holds, after the magic.
type envelope struct {
	Version   uint32
	PublicKey string
	Namespace string
	Reserved  string
	Hash      string
	Signature string
}

// signed is what the key signs, after the magic.
type signed struct {
	Namespace string
	Reserved  string
	Hash      string
	Sum       string
}

func newHash(name string) hash.Hash {
	switch name {
	case "sha256":
		return sha256.New()
	case "sha512":
		return sha512.New()
	}
	return nil
}

// signedBytes hashes a message to its end and returns what is signed.
func signedBytes(namespace, reserved, hashName string, message io.Reader) ([]byte, error) {
	h := newHash(hashName)
	if _, err := io.Copy(h, message); err != nil {
		return nil, err
	}
	return append([]byte(magic), ssh.Marshal(signed{namespace, reserved, hashName, string(h.Sum(nil))})...), nil
}

// Sign reads a message to its end and returns an armored signature of it. The
// namespace says what the signature is for, so that it serves for nothing else.
func (k *Key) Sign(namespace string, message io.Reader) ([]byte, error) {
	if namespace == "" {
		return nil, errors.New("sign: a namespace is needed")
	}
	const hashName = "sha512"
	data, err := signedBytes(namespace, "", hashName, message)
	if err != nil {
		return nil, fmt.Errorf("sign: %w", err)
	}
	signature, err := k.sign(data)
	if err != nil {
		return nil, fmt.Errorf("sign: %w", err)
	}
	blob := append([]byte(magic), ssh.Marshal(envelope{
		Version: version, PublicKey: string(k.signer.PublicKey().Marshal()), Namespace: namespace,
		Hash: hashName, Signature: string(ssh.Marshal(signature)),
	})...)
	return armor(blob), nil
}

// sign signs with the algorithm that PROTOCOL.sshsig asks for: with RSA never
// the one of old, which uses SHA-1.
func (k *Key) sign(data []byte) (*ssh.Signature, error) {
	if k.signer.PublicKey().Type() != ssh.KeyAlgoRSA {
		return k.signer.Sign(rand.Reader, data)
	}
	signer, ok := k.signer.(ssh.AlgorithmSigner)
	if !ok {
		return nil, errors.New("this RSA key can't sign with SHA-512")
	}
	return signer.SignWithAlgorithm(rand.Reader, data, ssh.KeyAlgoRSASHA512)
}

// Parse reads an armored signature. What is no such thing is an [ErrMalformed].
func Parse(armored []byte) (*Signature, error) {
	blob, err := unarmor(armored)
	if err != nil {
		return nil, err
	}
	if len(blob) < len(magic) || string(blob[:len(magic)]) != magic {
		return nil, malformed("it does not begin as one")
	}
	var e envelope
	if err := ssh.Unmarshal(blob[len(magic):], &e); err != nil {
		return nil, malformed("its fields are not whole")
	}
	switch {
	case e.Version != version:
		return nil, malformed(fmt.Sprintf("version %d is not known", e.Version))
	case newHash(e.Hash) == nil:
		return nil, malformed("it uses an unknown hash")
	case e.Namespace == "":
		return nil, malformed("it has no namespace")
	}
	s := &Signature{Namespace: e.Namespace, reserved: e.Reserved, hash: e.Hash, signature: new(ssh.Signature)}
	if s.key, err = ssh.ParsePublicKey([]byte(e.PublicKey)); err != nil {
		return nil, malformed("its key can't be read")
	}
	if err := ssh.Unmarshal([]byte(e.Signature), s.signature); err != nil {
		return nil, malformed("the signature in it can't be read")
	}
	if !goodAlgorithm(s.key.Type(), s.signature.Format) {
		return nil, malformed("it uses a key or an algorithm that proves nothing any more")
	}
	return s, nil
}

func malformed(why string) error { return fmt.Errorf("%w: %s", ErrMalformed, why) }

// goodAlgorithm leaves out DSA, certificates, and RSA with SHA-1.
func goodAlgorithm(key, signature string) bool {
	switch key {
	case ssh.KeyAlgoRSA:
		return signature == ssh.KeyAlgoRSASHA256 || signature == ssh.KeyAlgoRSASHA512
	case ssh.KeyAlgoED25519, ssh.KeyAlgoSKED25519, ssh.KeyAlgoECDSA256, ssh.KeyAlgoECDSA384, ssh.KeyAlgoECDSA521, ssh.KeyAlgoSKECDSA256:
		return signature == key
	}
	return false
}

// Fingerprint names the key that made the signature, as ssh-keygen -l does.
func (s *Signature) Fingerprint() string { return ssh.FingerprintSHA256(s.key) }

// Verify reads a message to its end and says whether the signature is of it and
// of this namespace; if not, the error is an [ErrMismatch].
func (s *Signature) Verify(namespace string, message io.Reader) error {
	if s.Namespace != namespace {
		return fmt.Errorf("%w: it was made for another purpose than %q", ErrMismatch, namespace)
	}
	data, err := signedBytes(s.Namespace, s.reserved, s.hash, message)
	if err != nil {
		return err
	}
	if s.key.Verify(data, s.signature) != nil {
		return ErrMismatch
	}
	return nil
}
