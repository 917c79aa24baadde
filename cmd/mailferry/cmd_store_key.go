package main

import (
	"encoding/json"
	"fmt"
	"strconv"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"mailferry/store"
)

func newStoreKeyCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "key",
		Short: "List, add and remove the keys of an encrypted store",
		Args:  exactArgs(0, "a subcommand: add, list or remove"),
		RunE:  func(*cobra.Command, []string) error { return usagef("give a subcommand: add, list or remove") },
	}
	cmd.AddCommand(newKeyListCommand(a), newKeyAddCommand(a), newKeyRemoveCommand(a))
	return cmd
}

func newKeyListCommand(a *app) *cobra.Command {
	var dir string
	cmd := &cobra.Command{
		Use:   "list --store DIR",
		Short: "List the keys that open a store, without the keys",
		Args:  exactArgs(0, "no argument"),
		RunE: func(*cobra.Command, []string) error {
			if err := requireStore(dir); err != nil {
				return err
			}
			slots, err := store.Keys(dir)
			if err != nil {
				return err
			}
			return a.rows("key\tkind\trecipient\tcreated\t", func(t *tabwriter.Writer, e *json.Encoder) error {
				for _, s := range slots {
					if e != nil {
						if err := e.Encode(s); err != nil {
							return err
						}
						continue
					}
					fmt.Fprintf(t, "%d\t%s\t%s\t%s\t\n", s.ID, s.Kind, s.Recipient, dateText(s.Created))
				}
				return nil
			})
		},
	}
	addStoreFlag(cmd.Flags(), &dir)
	return cmd
}

func newKeyAddCommand(a *app) *cobra.Command {
	var dir, passphraseFile string
	var recipients []string
	cmd := &cobra.Command{
		Use:   "add --store DIR",
		Short: "Add a passphrase or a recipient; nothing but store.json is written",
		Long: `Add a key to an encrypted store. One of its keys must be given to open it, with
--passphrase-file or --identity; the new one is --recipient, the first line of
--new-passphrase-file, or asked for.`,
		Args: exactArgs(0, "no argument"),
		RunE: func(*cobra.Command, []string) error {
			if err := requireStore(dir); err != nil {
				return err
			}
			o, err := a.unlocked(store.OpenOptions{})
			if err != nil {
				return err
			}
			if _, err := store.Keys(dir); err != nil {
				return err
			}
			var keys []store.Key
			for _, r := range recipients {
				keys = append(keys, store.Key{Recipient: r})
			}
			if len(keys) == 0 || passphraseFile != "" {
				passphrase, err := a.addedPassphrase(passphraseFile)
				if err != nil {
					return err
				}
				keys = append(keys, store.Key{Passphrase: passphrase})
			}
			for _, k := range keys {
				slot, err := store.AddKey(dir, o, k)
				if err != nil {
					return err
				}
				a.tell(fmt.Sprintf("added key %d (%s)", slot.ID, slot.Kind))
			}
			return nil
		},
	}
	addStoreFlag(cmd.Flags(), &dir)
	addRecipientFlag(cmd.Flags(), &recipients)
	cmd.Flags().StringVar(&passphraseFile, "new-passphrase-file", "", "`FILE` whose first line is the new passphrase")
	return cmd
}

// addedPassphrase never takes the environment's: that one opens the store now.
func (a *app) addedPassphrase(path string) (string, error) {
	if path != "" {
		secret, err := a.secretFromFile("password", path)
		return secret.Reveal(), err
	}
	passphrase, err := a.askTwice()
	if err == nil && passphrase == "" {
		err = usagef("no key to add: give --recipient AGE-KEY or --new-passphrase-file FILE")
	}
	return passphrase, err
}

func newKeyRemoveCommand(a *app) *cobra.Command {
	var dir string
	cmd := &cobra.Command{
		Use:   "remove KEY --store DIR",
		Short: "Remove a key by its number; another one must be given to open the store",
		Args:  exactArgs(1, "the number of one key, as 'store key list' shows it"),
		RunE: func(_ *cobra.Command, args []string) error {
			if err := requireStore(dir); err != nil {
				return err
			}
			id, err := strconv.Atoi(args[0])
			if err != nil {
				return usagef("%q is no number of a key, see 'mailferry store key list'", args[0])
			}
			o, err := a.unlocked(store.OpenOptions{})
			if err != nil {
				return err
			}
			if err := store.RemoveKey(dir, o, id); err != nil {
				return err
			}
			a.tell(fmt.Sprintf("removed key %d; a copy of the store that was made before still opens with it", id))
			return nil
		},
	}
	addStoreFlag(cmd.Flags(), &dir)
	return cmd
}
