package main

import (
	"encoding/json"
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"mailferry/store"
)

func newFailuresCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "failures",
		Short: "List what could not be moved, and why; accept it, or have it tried again",
		Args:  exactArgs(0, "a subcommand: list, accept or retry"),
		RunE:  func(*cobra.Command, []string) error { return usagef("give a subcommand: list, accept or retry") },
	}
	cmd.AddCommand(newFailuresListCommand(a), newFailuresAcceptCommand(a), newFailuresRetryCommand(a))
	return cmd
}

// stateFlags choose failures by whether somebody accepted them.
type stateFlags struct{ open, accepted bool }

func (s *stateFlags) addFlags(fs *pflag.FlagSet) {
	fs.BoolVar(&s.open, "open", false, "only failures that nobody accepted")
	fs.BoolVar(&s.accepted, "accepted", false, "only accepted failures")
}

func (s *stateFlags) parse() (failureState, error) {
	switch {
	case s.open && s.accepted:
		return anyFailure, usagef("--open and --accepted exclude each other")
	case s.open:
		return openFailure, nil
	case s.accepted:
		return acceptedFailure, nil
	}
	return anyFailure, nil
}

type failuresListOptions struct {
	store  string
	choose failureFlags
	state  stateFlags
}

func newFailuresListCommand(a *app) *cobra.Command {
	var o failuresListOptions
	cmd := &cobra.Command{
		Use:   "list --store DIR",
		Short: "List each item that could not be moved: folder, subject, class, size, reason, attempts",
		Long: `List each item that could not be moved, with the reason and how often it was
tried. The id in the first column is what accept and retry take; --json has the
long id of the item too, and all texts in full.`,
		Example: `  mailferry failures list --store /backup/alice
  mailferry failures list --open --code 'ErrorCorrupt*' --folder '#inbox' --store /backup/alice`,
		Args: exactArgs(0, "no argument"),
		RunE: func(*cobra.Command, []string) error { return a.listFailures(o) },
	}
	addStoreFlag(cmd.Flags(), &o.store)
	o.choose.addFlags(cmd.Flags())
	o.state.addFlags(cmd.Flags())
	return cmd
}

// failureRow is a failure as JSON shows it.
type failureRow struct {
	ID    string `json:"id"`
	State string `json:"state"` // open, accepted or retry
	store.Failure
}

func rowOf(f store.Failure) failureRow {
	state := "open"
	switch {
	case !f.Retry.IsZero():
		state = "retry"
	case !f.Accepted.IsZero():
		state = "accepted"
	}
	return failureRow{failureID(f), state, f}
}

func (a *app) listFailures(o failuresListOptions) error {
	if err := requireStore(o.store); err != nil {
		return err
	}
	state, err := o.state.parse()
	if err != nil {
		return err
	}
	st, err := a.openReadable(o.store, store.OpenOptions{ReadOnly: true})
	if err != nil {
		return err
	}
	defer st.Close()
	choice, err := o.choose.parse(st, state)
	if err != nil {
		return err
	}
	total, open := 0, 0
	const header = "id\tstate\tmailbox\tdirection\ttarget\tfolder\tsubject\tclass\tsize\tcode\treason\tattempts\tfirst\tlast\taccepted\t"
	err = a.rows(header, func(t *tabwriter.Writer, e *json.Encoder) error {
		for f, err := range choice.all(st) {
			if err != nil {
				return err
			}
			total++
			if f.Accepted.IsZero() {
				open++
			}
			if e != nil {
				if err := e.Encode(rowOf(f)); err != nil {
					return err
				}
				continue
			}
			printFailure(t, rowOf(f))
			if total%stretch == 0 {
				if err := t.Flush(); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err == nil && !a.global.json {
		a.tell(failuresSentence(total, open))
	}
	return err
}

func printFailure(t *tabwriter.Writer, r failureRow) {
	accepted := "-"
	if !r.Accepted.IsZero() {
		accepted = dateText(r.Accepted) + " " + oneLine(r.AcceptedReason)
	}
	fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t\n", r.ID, r.State, oneLine(r.Mailbox), r.Direction,
		orDash(r.Target), oneLine(r.FolderPath), brief(r.Subject, 60), oneLine(r.Class), bytesText(r.Size), orDash(r.Code), brief(r.Text, 120),
		number(r.Attempts), dateText(r.First), dateText(r.Last), accepted)
}

func orDash(text string) string {
	if text == "" {
		return "-"
	}
	return oneLine(text)
}

// failuresSentence says below a list what it came to.
func failuresSentence(total, open int) string {
	switch {
	case total == 0:
		return "No failure."
	case open == 0:
		return counted(total, "failure") + ", all accepted."
	}
	return fmt.Sprintf("%s, %s open: have them tried again with 'mailferry failures retry', or accept them with 'mailferry failures accept'.",
		counted(total, "failure"), number(open))
}
