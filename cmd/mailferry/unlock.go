package main

import (
	"fmt"
	"io"
	"os"

	"github.com/spf13/pflag"
	"golang.org/x/term"

	"mailferry/store"
)

// unlockFlags say what opens an encrypted store.
type unlockFlags struct {
	passphraseFile string
	identity       string
}

const passphraseVariable = "MAILFERRY_PASSPHRASE"

func (u *unlockFlags) addFlags(fs *pflag.FlagSet) {
	fs.StringVar(&u.passphraseFile, "passphrase-file", "", "`FILE` whose first line opens an encrypted store; else $"+passphraseVariable+", else a prompt")
	fs.StringVar(&u.identity, "identity", "", "age identity `FILE` that opens a store encrypted for a recipient")
}

// maxIdentity bounds an identity file.
const maxIdentity = 1 << 20

// openStore opens a store; what an encrypted one needs is found as the flags say.
func (a *app) openStore(dir string, o store.OpenOptions) (*store.Store, error) {
	o, err := a.unlocked(o)
	if err != nil {
		return nil, err
	}
	return store.Open(dir, o)
}

// openReadable opens a store whose content is to be read: a key must be given to
// an encrypted one, also if it takes exports without.
func (a *app) openReadable(dir string, o store.OpenOptions) (*store.Store, error) {
	st, err := a.openStore(dir, o)
	if err == nil && st.Blind() {
		st.Close()
		return nil, fmt.Errorf("open the store %s: %w", dir, store.ErrKeyNeeded)
	}
	return st, err
}

func (a *app) unlocked(o store.OpenOptions) (store.OpenOptions, error) {
	o.Files = a.files
	o.Unlock.Passphrase = a.passphrase
	if a.global.unlock.identity == "" {
		return o, nil
	}
	text, err := readSmall(a.global.unlock.identity, maxIdentity)
	if err != nil {
		return o, usagef("identity file: %w", err)
	}
	o.Unlock.Identity = string(text)
	return o, nil
}

func readSmall(path string, most int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, most+1))
	if err == nil && int64(len(text)) > most {
		err = fmt.Errorf("%s is larger than such a file can be", path)
	}
	return text, err
}

// passphrase finds the passphrase that opens a store, or "" where there is none.
func (a *app) passphrase() (string, error) {
	if path := a.global.unlock.passphraseFile; path != "" {
		secret, err := a.secretFromFile("password", path)
		return secret.Reveal(), err
	}
	if value, ok := os.LookupEnv(passphraseVariable); ok {
		return value, nil
	}
	return a.ask("passphrase of the store: ")
}

// ask reads a line from the terminal without showing it, or returns "" where
// there is no terminal.
func (a *app) ask(prompt string) (string, error) {
	in, ok := a.stdin.(*os.File)
	if !ok || !term.IsTerminal(int(in.Fd())) {
		return "", nil
	}
	fmt.Fprint(a.stderr, prompt)
	value, err := term.ReadPassword(int(in.Fd()))
	fmt.Fprintln(a.stderr)
	if err != nil {
		err = fmt.Errorf("read the passphrase: %w", err)
	}
	return string(value), err
}

// askTwice asks for a new passphrase, or returns "" where there is no terminal.
func (a *app) askTwice() (string, error) {
	first, err := a.ask("new passphrase of the store: ")
	if first == "" || err != nil {
		return "", err
	}
	again, err := a.ask("once more: ")
	if err == nil && again != first {
		err = usagef("the two passphrases differ")
	}
	return first, err
}
