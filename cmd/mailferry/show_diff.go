package main

import (
	"context"
	"encoding/json"
	"fmt"

	"mailferry/store"
	"mailferry/upload/one"
)

// targetOfDiff reads --diff.
func targetOfDiff(arg string) (mailboxAddress, error) {
	targets, err := parseMailboxes([]string{arg})
	if err != nil {
		return mailboxAddress{}, err
	}
	if targets[0].Folder != "" {
		return mailboxAddress{}, usagef("--diff %s: give a mailbox without a folder; the item is found wherever it is", arg)
	}
	return targets[0], nil
}

// diffItem compares an item of the store with what a mailbox holds of it now.
func (a *app) diffItem(ctx context.Context, st *store.Store, it store.Item, connect connectFlags, target mailboxAddress) error {
	show := a.newProgress(false)
	client, err := a.connect(ctx, connect, target, 1, show)
	if err != nil {
		show.stopShowing()
		return err
	}
	defer client.Close()
	report, err := one.Comparison{Client: client, Store: st, Item: it, Target: target.Address}.Run(ctx)
	if finishErr := show.finish(); err == nil {
		err = finishErr
	}
	if err != nil {
		return fmt.Errorf("compare an item with %s: %w", target.Address, err)
	}
	if err := a.printDiff(report, it, target.Address); err != nil {
		return err
	}
	if report.Found == "" || len(report.Differences) > 0 {
		return errIncomplete
	}
	return nil
}

// printDiff prints the differences, and the verdict.
func (a *app) printDiff(r one.Report, it store.Item, target string) error {
	sentence := diffSentence(r, it, target)
	switch {
	case a.global.json:
		return json.NewEncoder(a.stdout).Encode(struct {
			Item    string `json:"item"`
			Mailbox string `json:"mailbox"`
			Target  string `json:"target"`
			one.Report
			Verdict string `json:"verdict"`
		}{it.ID, it.Mailbox, target, r, sentence})
	case a.global.quiet:
		return nil
	}
	for _, d := range r.Differences {
		if _, err := fmt.Fprintln(a.stdout, "  "+oneLine(d.String())); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintln(a.stdout, sentence)
	return err
}

// diffSentence is the verdict in plain words.
func diffSentence(r one.Report, it store.Item, target string) string {
	how := map[one.Found]string{
		one.ByID: "by its id", one.ByJournal: "by what the store wrote down when it put it there", one.ByLikeness: "by what it looks like",
	}[r.Found]
	switch {
	case r.Found == "":
		return fmt.Sprintf("The item of %s is not on %s.", it.Mailbox, target)
	case len(r.Differences) == 0:
		return fmt.Sprintf("The item of %s is on %s and equal in content; it was found %s.", it.Mailbox, target, how)
	}
	return fmt.Sprintf("The item of %s is on %s with %s; it was found %s.", it.Mailbox, target, counted(len(r.Differences), "difference"), how)
}
