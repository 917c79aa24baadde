package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"mailferry/store"
)

func newFailuresCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "failures",
		Short: "List what could not be moved, and why; accept it",
		Args:  exactArgs(0, "a subcommand: list or accept"),
		RunE:  func(*cobra.Command, []string) error { return usagef("give a subcommand: list or accept") },
	}
	var dir string
	list := &cobra.Command{
		Use:   "list --store DIR",
		Short: "List each item that could not be moved: folder, subject, class, size, reason, attempts",
		Args:  exactArgs(0, "no argument"),
		RunE:  func(*cobra.Command, []string) error { return a.listFailures(dir) },
	}
	addStoreFlag(list.Flags(), &dir)
	var reason string
	accept := &cobra.Command{
		Use:   "accept ITEM... --reason TEXT --store DIR",
		Short: "Accept that these items can't be moved: they no longer make a run end with exit code 3",
		Args:  minArgs(1, "the id of at least one failed item, as 'failures list --json' shows it"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.acceptFailures(cmd.Context(), dir, reason, args)
		},
	}
	addStoreFlag(accept.Flags(), &dir)
	accept.Flags().StringVar(&reason, "reason", "", "why it is acceptable; kept in the store and shown in reports")
	cmd.AddCommand(list, accept)
	return cmd
}

// acceptFailures marks every failure of the named items. All ids must be
// known before any is marked.
func (a *app) acceptFailures(ctx context.Context, dir, reason string, items []string) error {
	if err := requireStore(dir); err != nil {
		return err
	}
	if strings.TrimSpace(reason) == "" {
		return usagef("say why with --reason TEXT")
	}
	st, err := a.openStore(dir, store.OpenOptions{})
	if err != nil {
		return err
	}
	defer st.Close()
	wanted := make(map[string]bool, len(items))
	for _, item := range items {
		wanted[item] = true
	}
	var keys []store.FailureKey
	found := make(map[string]bool, len(items))
	for f, err := range st.Failures(store.FailureFilter{}) {
		if err != nil {
			return err
		}
		if wanted[f.ItemID] {
			keys, found[f.ItemID] = append(keys, f.FailureKey), true
		}
	}
	for _, item := range items {
		if !found[item] {
			return usagef("no failure of item %s: see 'mailferry failures list --json'", item)
		}
	}
	for _, key := range keys {
		if err := st.AcceptFailure(ctx, key, reason); err != nil {
			return err
		}
	}
	a.tell("accepted " + counted(len(keys), "failure"))
	return nil
}

func (a *app) listFailures(dir string) error {
	if err := requireStore(dir); err != nil {
		return err
	}
	st, err := a.openReadable(dir, store.OpenOptions{ReadOnly: true})
	if err != nil {
		return err
	}
	defer st.Close()
	return a.rows("mailbox\ttarget\tfolder\tsubject\tclass\tsize\tcode\treason\tattempts\tlast\taccepted\t", func(t *tabwriter.Writer, e *json.Encoder) error {
		for f, err := range st.Failures(store.FailureFilter{}) {
			if err != nil {
				return err
			}
			if e != nil {
				if err := e.Encode(f); err != nil {
					return err
				}
				continue
			}
			fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t\n", f.Mailbox, f.Target, oneLine(f.FolderPath), oneLine(f.Subject),
				f.Class, bytesText(f.Size), f.Code, oneLine(f.Text), number(f.Attempts), dateText(f.Last), oneLine(f.AcceptedReason))
		}
		return nil
	})
}
