package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"mailferry/store"
)

// someFailures are ids, or a filter, or all. Everything is never meant by
// leaving something out.
type someFailures struct {
	choose failureFlags
	all    bool
}

func (s *someFailures) addFlags(fs *pflag.FlagSet) {
	s.choose.addFlags(fs)
	fs.BoolVar(&s.all, "all", false, "all failures of the store")
}

// check refuses what says too little or two things at once. filtered tells that
// a flag beside these narrows the choice.
func (s *someFailures) check(ids []string, filtered bool) error {
	filtered = filtered || s.choose.given()
	switch {
	case len(ids) > 0 && (filtered || s.all):
		return usagef("name failures by their ids or by a filter, not both")
	case s.all && s.choose.given():
		return usagef("--all and a filter exclude each other")
	case len(ids) == 0 && !filtered && !s.all:
		return usagef("say which: ids as 'mailferry failures list' shows them, a filter such as --code, or --all")
	}
	return nil
}

// find returns the failures that are meant. A filter that chooses none is
// refused: it was meant to choose something.
func (s *someFailures) find(st *store.Store, ids []string, state failureState) ([]store.Failure, error) {
	if len(ids) > 0 {
		return failuresByID(st, ids)
	}
	choice, err := s.choose.parse(st, state)
	if err != nil {
		return nil, err
	}
	var chosen []store.Failure
	for f, err := range choice.all(st) {
		if err != nil {
			return nil, err
		}
		chosen = append(chosen, f)
	}
	if len(chosen) == 0 && !s.all {
		what := map[failureState]string{anyFailure: "failure", openFailure: "open failure", acceptedFailure: "accepted failure"}[state]
		return nil, usagef("no %s is what was asked for: see 'mailferry failures list'", what)
	}
	return chosen, nil
}

func keysOf(failures []store.Failure) []store.FailureKey {
	keys := make([]store.FailureKey, len(failures))
	for i, f := range failures {
		keys[i] = f.FailureKey
	}
	return keys
}

type failuresAcceptOptions struct {
	store, reason string
	some          someFailures
	undo          bool
}

func newFailuresAcceptCommand(a *app) *cobra.Command {
	var o failuresAcceptOptions
	cmd := &cobra.Command{
		Use:   "accept [ID...] --reason TEXT --store DIR",
		Short: "Accept that items can't be moved: they no longer make a run end with exit code 3",
		Long: `Accept failures by their ids, as 'failures list' shows them, or all open ones that
a filter chooses. The reason is kept in the store and shown in lists and reports.
If one id is not known, nothing is accepted.

Accepted items are still tried once by each run, and their records go when they
are moved after all. An item that fails with another code than the accepted one
is open again.`,
		Example: `  mailferry failures accept 3f9a21c07b --reason 'corrupt since 2019, agreed with the owner' --store /backup/alice
  mailferry failures accept --code ErrorCorruptData --folder 'Old/**' --reason 'ticket 4711' --store /backup/alice
  mailferry failures accept --undo 3f9a21c07b --store /backup/alice`,
		RunE: func(cmd *cobra.Command, ids []string) error { return a.acceptFailures(cmd.Context(), o, ids) },
	}
	fs := cmd.Flags()
	addStoreFlag(fs, &o.store)
	fs.StringVar(&o.reason, "reason", "", "why it is acceptable; kept in the store and shown in reports")
	o.some.addFlags(fs)
	fs.BoolVar(&o.undo, "undo", false, "take acceptance back: the failures are open again")
	return cmd
}

// acceptFailures marks all that is meant, or nothing.
func (a *app) acceptFailures(ctx context.Context, o failuresAcceptOptions, ids []string) error {
	if err := requireStore(o.store); err != nil {
		return err
	}
	reason := strings.TrimSpace(o.reason)
	switch {
	case o.undo && reason != "":
		return usagef("--undo takes no --reason")
	case !o.undo && reason == "":
		return usagef("say why with --reason TEXT")
	}
	if err := o.some.check(ids, false); err != nil {
		return err
	}
	st, err := a.openReadable(o.store, store.OpenOptions{})
	if err != nil {
		return err
	}
	defer st.Close()
	state := openFailure
	if o.undo {
		state = acceptedFailure
	}
	chosen, err := o.some.find(st, ids, state)
	if err != nil {
		return err
	}
	verb := "accepted"
	if o.undo {
		verb, err = "reopened", st.ReopenFailures(ctx, keysOf(chosen)...)
	} else {
		err = st.AcceptFailures(ctx, reason, keysOf(chosen)...)
	}
	if err != nil {
		return err
	}
	if err := a.printChanged(st, chosen); err != nil {
		return err
	}
	open := 0
	for f, err := range st.Failures(store.FailureFilter{}) {
		if err != nil {
			return err
		}
		if f.Accepted.IsZero() {
			open++
		}
	}
	a.tell(fmt.Sprintf("%s %s; %s in this store", verb, counted(len(chosen), "failure"), openText(open)))
	return nil
}

func openText(open int) string {
	if open == 0 {
		return "none is open"
	}
	return number(open) + plural(open, " is open", " are open")
}

// printChanged shows records as they are now to who asked for JSON.
func (a *app) printChanged(st *store.Store, failures []store.Failure) error {
	if !a.global.json {
		return nil
	}
	encoder := json.NewEncoder(a.stdout)
	for _, f := range failures {
		now, _, err := st.Failure(f.FailureKey)
		if err != nil {
			return err
		}
		if err := encoder.Encode(rowOf(now)); err != nil {
			return err
		}
	}
	return nil
}
