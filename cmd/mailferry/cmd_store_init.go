package main

import (
	"os"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"mailferry/store"
)

func newStoreInitCommand(a *app) *cobra.Command {
	var dir string
	var encrypt bool
	var recipients []string
	cmd := &cobra.Command{
		Use:   "init --store DIR",
		Short: "Make an empty store (export makes one itself when there is none)",
		Long: `Make an empty store. With --encrypt what lies in it can be read only with its
passphrase, or with the identity of an age recipient; that is chosen now, once.

With --recipient alone, whoever exports needs no key and can't read what is
there: subjects, names, addresses in mail and the mail itself. (The addresses of
the mailboxes, ids, sizes, times and hashes are open to who holds such a store.)
A passphrase protects those, too, and is needed by every command.

Who loses all keys of an encrypted store loses the store.`,
		Example: `  mailferry store init --store DIR --encrypt                      asks for a passphrase
  mailferry store init --store DIR --encrypt --recipient age1...  made by age-keygen`,
		Args: exactArgs(0, "no argument"),
		RunE: func(*cobra.Command, []string) error {
			if err := requireStore(dir); err != nil {
				return err
			}
			keys, err := a.initKeys(encrypt, recipients)
			if err != nil {
				return err
			}
			if err := store.Init(dir, store.Options{Keys: keys}); err != nil {
				return err
			}
			what := "made an empty store in "
			if encrypt {
				what = "made an empty encrypted store in "
			}
			a.tell(what + dir)
			return nil
		},
	}
	addStoreFlag(cmd.Flags(), &dir)
	cmd.Flags().BoolVar(&encrypt, "encrypt", false, "encrypt the store: with --passphrase-file, $"+passphraseVariable+" or a prompt, or with --recipient")
	addRecipientFlag(cmd.Flags(), &recipients)
	return cmd
}

func addRecipientFlag(fs *pflag.FlagSet, recipients *[]string) {
	fs.StringArrayVar(recipients, "recipient", nil, "`AGE-KEY` (age1...) whose identity may read the store; repeatable")
}

// initKeys are the keys of a new store.
func (a *app) initKeys(encrypt bool, recipients []string) (keys []store.Key, err error) {
	if !encrypt {
		if len(recipients) > 0 || a.global.unlock.passphraseFile != "" {
			return nil, usagef("a key was given, but not --encrypt")
		}
		return nil, nil
	}
	for _, r := range recipients {
		keys = append(keys, store.Key{Recipient: r})
	}
	if len(recipients) == 0 || a.global.unlock.passphraseFile != "" {
		passphrase, err := a.initPassphrase()
		if err != nil {
			return nil, err
		}
		keys = append(keys, store.Key{Passphrase: passphrase})
	}
	return keys, nil
}

// initPassphrase is that of a new store: where nothing gives one, it is asked for
// twice.
func (a *app) initPassphrase() (passphrase string, err error) {
	if _, set := os.LookupEnv(passphraseVariable); set || a.global.unlock.passphraseFile != "" {
		passphrase, err = a.passphrase()
	} else {
		passphrase, err = a.askTwice()
	}
	if err == nil && passphrase == "" {
		err = usagef("no passphrase for the store: give --passphrase-file FILE, set %s, or give --recipient AGE-KEY", passphraseVariable)
	}
	return passphrase, err
}
