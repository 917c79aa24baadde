package main

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"mailferry/export"
	"mailferry/store"
	"mailferry/upload"
)

type failuresRetryOptions struct {
	store string
	some  someFailures
	state stateFlags
}

func newFailuresRetryCommand(a *app) *cobra.Command {
	var o failuresRetryOptions
	cmd := &cobra.Command{
		Use:   "retry [ID...] --store DIR",
		Short: "Have failed items tried again by the next export or upload",
		Long: `Mark failures by their ids, as 'failures list' shows them, or by a filter, so that
the next run tries the items again with all patience. Nothing is sent now: the
commands that do it are printed. The records, and who accepted them, stay until
the items are moved.`,
		Example: `  mailferry failures retry 3f9a21c07b --store /backup/alice
  mailferry failures retry --code truncated --store /backup/alice
  mailferry failures retry --all --store /backup/alice`,
		RunE: func(cmd *cobra.Command, ids []string) error { return a.retryFailures(cmd.Context(), o, ids) },
	}
	addStoreFlag(cmd.Flags(), &o.store)
	o.some.addFlags(cmd.Flags())
	o.state.addFlags(cmd.Flags())
	return cmd
}

func (a *app) retryFailures(ctx context.Context, o failuresRetryOptions, ids []string) error {
	if err := requireStore(o.store); err != nil {
		return err
	}
	state, err := o.state.parse()
	if err != nil {
		return err
	}
	if err := o.some.check(ids, state != anyFailure); err != nil {
		return err
	}
	st, err := a.openReadable(o.store, store.OpenOptions{})
	if err != nil {
		return err
	}
	defer st.Close()
	chosen, err := o.some.find(st, ids, state)
	if err != nil {
		return err
	}
	if err := export.Again(ctx, st, chosen); err != nil {
		return err
	}
	if err := upload.Again(ctx, st, chosen); err != nil {
		return err
	}
	// Last: what is marked is surely tried again.
	if err := st.RetryFailures(ctx, keysOf(chosen)...); err != nil {
		return err
	}
	if err := a.printChanged(st, chosen); err != nil {
		return err
	}
	return a.tellNext(o.store, chosen)
}

// tellNext prints the commands that try failures again.
func (a *app) tellNext(dir string, failures []store.Failure) error {
	if len(failures) == 0 {
		a.tell("No failure.")
		return nil
	}
	var text strings.Builder
	fmt.Fprintf(&text, "%s tried again by the next run of\n", counted(len(failures), "failure")+plural(len(failures), " is", " are"))
	type journey struct {
		direction       store.Direction
		mailbox, target string
	}
	items := make(map[journey]int)
	for _, f := range failures {
		items[journey{f.Direction, f.Mailbox, f.Target}]++
	}
	journeys := slices.SortedFunc(maps.Keys(items), func(a, b journey) int {
		return cmp.Or(cmp.Compare(a.direction, b.direction), cmp.Compare(a.mailbox, b.mailbox), cmp.Compare(a.target, b.target))
	})
	t := tabwriter.NewWriter(&text, 0, 0, 4, ' ', 0)
	for _, j := range journeys {
		words := []string{"mailferry", string(j.direction), shellWord(j.mailbox)}
		if _, ok := upload.CutInPlace(j.target); ok {
			words[1] = "restore"
		} else if j.target != "" {
			words = append(words, shellWord(j.target))
		}
		fmt.Fprintf(t, "  %s\t%s\n", strings.Join(append(words, "--store", shellWord(dir)), " "), counted(items[j], "item"))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	text.WriteString("with the server and the selection as before. Nothing was sent yet.")
	a.tell(text.String())
	return nil
}

// shellWord quotes a word that a shell would not take as it is.
func shellWord(word string) string {
	word = oneLine(word)
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("@%+=:,./_-", r)
	}
	if word != "" && strings.IndexFunc(word, func(r rune) bool { return !plain(r) }) < 0 {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
