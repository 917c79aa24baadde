package engine

import (
	"bytes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"time"

	"filippo.io/age"
	"golang.org/x/crypto/chacha20poly1305"
)

// States of an encrypted store, by errors.Is.
var (
	// ErrWrongKey: what was given opens no key slot of the store.
	ErrWrongKey = errors.New("this passphrase or identity does not open the store")
	// ErrKeyNeeded: the store is encrypted and nothing was given to open it.
	ErrKeyNeeded = errors.New("the store is encrypted; give --passphrase-file FILE, $MAILFERRY_PASSPHRASE or --identity FILE")
)

// Unlock is what opens an encrypted store.
type Unlock struct {
	Passphrase func() (string, error) // asked at most once, and only where a passphrase can help; may be nil
	Identity   string                 // content of an age identity file
}

// Key says who may open a store: exactly one of the two is set.
type Key struct {
	Passphrase string
	Recipient  string // age1...
}

// KeySlot is a key that opens a store, without the key.
type KeySlot struct {
	ID        int       `json:"id"`
	Kind      string    `json:"kind"` // passphrase or recipient
	Recipient string    `json:"recipient,omitempty"`
	Created   time.Time `json:"created"`
	Wrapped   []byte    `json:"wrapped,omitempty"` // the store's own identity, in an age file
}

// encryption is a part of store.json. The store has an age identity of its own,
// whose private half lies in the slots; what is wrapped for it needs only the
// public half. So keys can come and go without anything else being written anew.
type encryption struct {
	Public      string       `json:"public"`               // age1...
	Slots       []KeySlot    `json:"slots"`                // by id
	IndexKey    []byte       `json:"index_key"`            // wrapped for Public; plain where IndexOpen
	IndexOpen   bool         `json:"index_open,omitempty"` // made for recipients only: who exports holds no key
	ContentKeys []contentKey `json:"content_keys"`         // by number
}

type contentKey struct {
	Number  uint32 `json:"number"` // from 1; 0 is the index key
	Wrapped []byte `json:"wrapped"`
}

const (
	slotPassphrase = "passphrase"
	slotRecipient  = "recipient"

	// scryptWork makes guessing a passphrase cost 64 MiB and about 0.2 s a try.
	scryptWork = 16
)

// newEncryption makes the keys of a store.
func newEncryption(keys []Key) (*encryption, error) {
	own, err := age.GenerateX25519Identity()
	if err != nil {
		return nil, err
	}
	enc := &encryption{Public: own.Recipient().String(), IndexOpen: true}
	for _, k := range keys {
		if err := enc.addSlot(k, own.String()); err != nil {
			return nil, err
		}
		enc.IndexOpen = enc.IndexOpen && k.Passphrase == ""
	}
	enc.IndexKey = newKey()
	if !enc.IndexOpen {
		enc.IndexKey, err = wrap(enc.IndexKey, own.Recipient())
	}
	return enc, err
}

func newKey() []byte {
	key := make([]byte, chacha20poly1305.KeySize)
	rand.Read(key)
	return key
}

func (enc *encryption) addSlot(k Key, own string) error {
	s := KeySlot{ID: 1, Created: time.Now().UTC().Truncate(time.Second)}
	if n := len(enc.Slots); n > 0 {
		s.ID = enc.Slots[n-1].ID + 1
	}
	var to age.Recipient
	switch {
	case k.Recipient != "" && k.Passphrase != "", k.Recipient == "" && k.Passphrase == "":
		return errors.New("a key is a passphrase or a recipient; an empty passphrase is none")
	case k.Recipient != "":
		r, err := age.ParseX25519Recipient(k.Recipient)
		if err != nil {
			return fmt.Errorf("this is no age recipient (age1...): %w", err)
		}
		s.Kind, s.Recipient, to = slotRecipient, k.Recipient, r
	default:
		r, err := age.NewScryptRecipient(k.Passphrase)
		if err != nil {
			return err
		}
		r.SetWorkFactor(scryptWork)
		s.Kind, to = slotPassphrase, r
		defer debug.FreeOSMemory()
	}
	var err error
	s.Wrapped, err = wrap([]byte(own), to)
	enc.Slots = append(enc.Slots, s)
	return err
}

func wrap(secret []byte, to age.Recipient) ([]byte, error) {
	var b bytes.Buffer
	w, err := age.Encrypt(&b, to)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(secret); err != nil {
		return nil, err
	}
	err = w.Close()
	return b.Bytes(), err
}

func unwrap(wrapped []byte, ids ...age.Identity) ([]byte, error) {
	r, err := age.Decrypt(bytes.NewReader(wrapped), ids...)
	if err != nil {
		return nil, err
	}
	return io.ReadAll(io.LimitReader(r, 1<<10))
}

// identity opens the store's own identity. Nil without an error: nothing was
// given that could open it.
func (enc *encryption) identity(u Unlock) (*age.X25519Identity, error) {
	own, err := enc.openSlot(u)
	if own == nil || err != nil {
		return nil, err
	}
	id, err := age.ParseX25519Identity(string(own))
	if err != nil || id.Recipient().String() != enc.Public {
		return nil, fmt.Errorf("%w: a key slot in %s holds another key", ErrDamaged, configName)
	}
	return id, nil
}

func (enc *encryption) openSlot(u Unlock) ([]byte, error) {
	if u.Identity != "" {
		ids, err := age.ParseIdentities(strings.NewReader(u.Identity))
		if err != nil {
			return nil, fmt.Errorf("%w: read the identity file: it holds no age identity", ErrWrongKey)
		}
		for _, s := range enc.Slots {
			if s.Kind == slotRecipient {
				if own, err := unwrap(s.Wrapped, ids...); err == nil {
					return own, nil
				}
			}
		}
		return nil, ErrWrongKey
	}
	passphrase := ""
	for _, s := range enc.Slots {
		if s.Kind != slotPassphrase || u.Passphrase == nil {
			continue
		}
		if passphrase == "" {
			var err error
			if passphrase, err = u.Passphrase(); err != nil {
				return nil, err
			}
			if passphrase == "" {
				return nil, nil
			}
			defer debug.FreeOSMemory()
		}
		id, err := age.NewScryptIdentity(passphrase)
		if err != nil {
			return nil, err
		}
		if own, err := unwrap(s.Wrapped, id); err == nil {
			return own, nil
		}
	}
	if passphrase != "" {
		return nil, ErrWrongKey
	}
	return nil, nil
}

// keyring holds the keys of an open store; nil where it is not encrypted.
type keyring struct {
	enc     *encryption
	own     *age.X25519Identity // nil: blind, only what is written from now on can be read
	index   cipher.AEAD
	naming  []byte
	save    func() error // writes store.json
	mu      sync.Mutex
	content map[uint32]cipher.AEAD
	current uint32 // number of the key to write with; 0: not chosen yet
}

// openKeys opens an encrypted store.
func openKeys(enc *encryption, u Unlock) (*keyring, error) {
	own, err := enc.identity(u)
	if err != nil {
		return nil, err
	}
	key := enc.IndexKey
	switch {
	case enc.IndexOpen:
	case own == nil:
		return nil, ErrKeyNeeded
	default:
		if key, err = unwrap(key, own); err != nil {
			return nil, fmt.Errorf("%w: the index key in %s can't be unwrapped", ErrDamaged, configName)
		}
	}
	k := &keyring{enc: enc, own: own, content: map[uint32]cipher.AEAD{}}
	if k.index, err = chacha20poly1305.NewX(key); err != nil {
		return nil, fmt.Errorf("%w: the index key in %s is none", ErrDamaged, configName)
	}
	k.naming, err = hkdf.Key(sha256.New, key, nil, "mailferry names", sha256.Size)
	return k, err
}

// find is the segment.Keys of the store.
func (k *keyring) find(number uint32) cipher.AEAD {
	if number == 0 {
		return k.index
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.findLocked(number)
}

func (k *keyring) findLocked(number uint32) cipher.AEAD {
	if a := k.content[number]; a != nil || k.own == nil {
		return a
	}
	for _, c := range k.enc.ContentKeys {
		if c.Number != number {
			continue
		}
		key, err := unwrap(c.Wrapped, k.own)
		if err != nil {
			return nil
		}
		a, err := chacha20poly1305.NewX(key)
		if err != nil {
			return nil
		}
		k.content[number] = a
		return a
	}
	return nil
}

// writeKey is the key to write content with: the last one, or a new one where
// that can't be had.
func (k *keyring) writeKey() (uint32, cipher.AEAD, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.current != 0 {
		return k.current, k.content[k.current], nil
	}
	next := uint32(1)
	if n := len(k.enc.ContentKeys); n > 0 {
		last := k.enc.ContentKeys[n-1].Number
		if a := k.findLocked(last); a != nil {
			k.current = last
			return last, a, nil
		}
		next = last + 1
	}
	to, err := age.ParseX25519Recipient(k.enc.Public)
	if err != nil {
		return 0, nil, fmt.Errorf("%w: the public key in %s is none", ErrDamaged, configName)
	}
	key := newKey()
	wrapped, err := wrap(key, to)
	if err != nil {
		return 0, nil, err
	}
	k.enc.ContentKeys = append(k.enc.ContentKeys, contentKey{next, wrapped})
	if err := k.save(); err != nil {
		k.enc.ContentKeys = k.enc.ContentKeys[:len(k.enc.ContentKeys)-1]
		return 0, nil, err
	}
	a, err := chacha20poly1305.NewX(key)
	if err != nil {
		return 0, nil, err
	}
	k.content[next], k.current = a, next
	return next, a, nil
}

// sealValue seals what the index keeps at a place that where names.
func sealValue(a cipher.AEAD, where, plain []byte) []byte {
	out := make([]byte, chacha20poly1305.NonceSizeX, chacha20poly1305.NonceSizeX+len(plain)+chacha20poly1305.Overhead)
	rand.Read(out)
	return a.Seal(out, out, plain, where)
}

func openValue(a cipher.AEAD, where, sealed []byte) ([]byte, bool) {
	if len(sealed) < chacha20poly1305.NonceSizeX {
		return nil, false
	}
	plain, err := a.Open(nil, sealed[:chacha20poly1305.NonceSizeX], sealed[chacha20poly1305.NonceSizeX:], where)
	return plain, err == nil
}

// Encrypted says whether the store is.
func (e *Engine) Encrypted() bool { return e.keys != nil }

// Blind says that content of the store which was written before can't be read:
// it is encrypted, and no key was given.
func (e *Engine) Blind() bool { return e.keys != nil && e.keys.own == nil }

// Name is what stands for a name in keys of the index: itself, or in an encrypted
// store a pseudonym of 32 hexadecimal digits.
func (e *Engine) Name(name string) string {
	if e.keys == nil {
		return name
	}
	mac := hmac.New(sha256.New, e.keys.naming)
	io.WriteString(mac, name)
	return hex.EncodeToString(mac.Sum(nil)[:16])
}

// SealContent seals mail content that lies in a value of the index, so that who
// has only the index key can't read it. It must not be called in a store that is
// not encrypted.
func (e *Engine) SealContent(where string, plain []byte) ([]byte, error) {
	number, a, err := e.keys.writeKey()
	if err != nil {
		return nil, err
	}
	return append(binary.BigEndian.AppendUint32(nil, number), sealValue(a, []byte(where), plain)...), nil
}

// OpenContent opens what SealContent sealed. Nil without an error: the key is not at hand.
func (e *Engine) OpenContent(where string, sealed []byte) ([]byte, error) {
	if len(sealed) < 4 || e.keys == nil {
		return nil, fmt.Errorf("%w: sealed content in %s is short", ErrDamaged, IndexName)
	}
	number := binary.BigEndian.Uint32(sealed)
	a := e.keys.find(number)
	if a == nil && e.keys.own == nil {
		return nil, nil
	}
	if a != nil {
		if plain, ok := openValue(a, []byte(where), sealed[4:]); ok {
			return plain, nil
		}
	}
	return nil, fmt.Errorf("%w: content in %s, sealed with key %s, can't be opened", ErrDamaged, IndexName, strconv.FormatUint(uint64(number), 10))
}
