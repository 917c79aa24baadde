package sshsig

import (
	"errors"

	"golang.org/x/crypto/ssh"
)

// MaxKey is the size in bytes that no private key file exceeds.
const MaxKey = 64 << 10

// Errors of a private key.
var (
	ErrNoKey           = errors.New("it is no SSH private key that can sign (ed25519, ecdsa or rsa)")
	ErrWrongPassphrase = errors.New("the passphrase does not open it")
	ErrNoPassphrase    = errors.New("it is protected by a passphrase, and none was given")
)

// Key is a private key. It is never printed.
type Key struct{ signer ssh.Signer }

// ReadKey reads a private key in the format of OpenSSH, or PEM. The passphrase
// is asked for only where one protects the key; "" says that there is none.
func ReadKey(file []byte, passphrase func() (string, error)) (*Key, error) {
	signer, err := ssh.ParsePrivateKey(file)
	if _, ok := errors.AsType[*ssh.PassphraseMissingError](err); ok {
		phrase, err := passphrase()
		if err != nil {
			return nil, err
		}
		if phrase == "" {
			return nil, ErrNoPassphrase
		}
		if signer, err = ssh.ParsePrivateKeyWithPassphrase(file, []byte(phrase)); err != nil {
			return nil, ErrWrongPassphrase
		}
	} else if err != nil {
		return nil, ErrNoKey
	}
	key := signer.PublicKey().Type()
	if !goodAlgorithm(key, key) && key != ssh.KeyAlgoRSA {
		return nil, ErrNoKey
	}
	return &Key{signer}, nil
}

// Fingerprint names the key, as ssh-keygen -l does.
func (k *Key) Fingerprint() string { return ssh.FingerprintSHA256(k.signer.PublicKey()) }

// String keeps the key out of prints.
func (k *Key) String() string { return "SSH key " + k.Fingerprint() }
