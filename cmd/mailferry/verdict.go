package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"mailferry/internal/event"
	"mailferry/internal/gate"
	"mailferry/upload"
)

// place says in a verdict where the items are now.
func place(s event.Summary) string {
	if mailbox, ok := upload.CutInPlace(s.Target); ok {
		return "on " + mailbox
	}
	if s.Target != "" {
		return "on " + s.Target
	}
	return "in the store"
}

// sentence is the verdict in plain words. It claims nothing that was not
// counted.
func sentence(s event.Summary, storeDir string) string {
	there := s.Moved + s.Already
	open := s.Failed - s.Accepted
	var b strings.Builder
	switch {
	case s.Stopped != "" && s.Found == 0:
		fmt.Fprintf(&b, "Stopped %s, before anything of %s was moved; run the same command again to go on.", s.Stopped, s.Mailbox)
	case s.Stopped != "":
		atLeast := ""
		if s.Partial {
			atLeast = "at least "
		}
		fmt.Fprintf(&b, "Stopped %s: %s of %s%s of %s are %s; run the same command again to go on.",
			s.Stopped, number(there), atLeast, counted(s.Found, "item"), s.Mailbox, place(s))
	case s.Left > 0:
		fmt.Fprintf(&b, "Not finished: %s of %s of %s are %s; run the same command again to go on.",
			number(there), counted(s.Found, "item"), s.Mailbox, place(s))
	case s.Failed == 0 && s.Found == 0:
		fmt.Fprintf(&b, "%s has no item that was asked for; there was nothing to do.", s.Mailbox)
	case s.Failed == 0:
		verb, all := "are", "All "+counted(s.Found, "item")
		if s.Found == 1 {
			verb, all = "is", "The one item"
		}
		fmt.Fprintf(&b, "%s of %s %s %s; none failed.", all, s.Mailbox, verb, place(s))
	default:
		fmt.Fprintf(&b, "%s of %s of %s are %s; %s failed: see 'mailferry failures list --store %s'.",
			number(there), counted(s.Found, "item"), s.Mailbox, place(s), number(s.Failed), storeDir)
		switch {
		case open == 0:
			fmt.Fprintf(&b, " All failures were accepted (%s).", number(s.Accepted))
		case s.Accepted > 0:
			fmt.Fprintf(&b, " Of these %s, %s accepted.", number(s.Failed), number(s.Accepted)+plural(s.Accepted, " was", " were"))
		}
	}
	if s.Suspect > 0 {
		fmt.Fprintf(&b, " %s stored as the server gave it, though mailferry can't read it to its end: see 'mailferry store check --read-data'.",
			counted(s.Suspect, "blob")+plural(s.Suspect, " is", " are"))
	}
	return b.String()
}

// brokenSentence is the verdict over a run that an error or an interrupt ended.
func brokenSentence(s event.Summary) string {
	return fmt.Sprintf("Not finished: %s of at least %s of %s are %s; what was moved is kept, run the same command again to go on.",
		number(s.Moved+s.Already), counted(s.Found, "item"), s.Mailbox, place(s))
}

// verdict prints what the runs came to, and turns it into the command's error.
func (a *app) verdict(c conclusion) error {
	incomplete, left := false, false
	for _, s := range c.summaries {
		incomplete = incomplete || s.Failed > s.Accepted
		left = left || s.Left > 0
	}
	if err := a.printVerdict(c); err != nil {
		return err
	}
	switch {
	case left:
		return errStopped
	case incomplete:
		return errIncomplete
	}
	return nil
}

func (a *app) printVerdict(c conclusion) error {
	switch {
	case a.global.json:
		encoder := json.NewEncoder(a.stdout)
		for i, s := range c.summaries {
			if err := encoder.Encode(struct {
				Event string `json:"event"`
				event.Summary
				Verdict string `json:"verdict"`
			}{"summary", s, c.sentence(i)}); err != nil {
				return err
			}
		}
		return nil
	case a.global.quiet:
		return nil
	}
	if err := printTable(a.stdout, c.summaries); err != nil {
		return err
	}
	for _, s := range c.summaries {
		for _, line := range serverLines(s) {
			if _, err := fmt.Fprintln(a.stdout, line); err != nil {
				return err
			}
		}
	}
	for i := range c.summaries {
		if _, err := fmt.Fprintln(a.stdout, c.sentence(i)); err != nil {
			return err
		}
	}
	return nil
}

// largeSkew is how wrong a clock must be to be worth a line: it shifts what
// --since and --until choose.
const largeSkew = 30 * time.Second

// serverLines tell what a server made a run wait for, and of its clock.
func serverLines(s event.Summary) []string {
	var lines []string
	if len(s.Waits) > 0 {
		lines = append(lines, fmt.Sprintf("%s: waited %s for the server: %s.", s.Mailbox, durationText(s.Waited), waitsText(s.Waits)))
	}
	if ahead := s.Skew.Round(time.Second); ahead >= largeSkew || ahead <= -largeSkew {
		which := "ahead of"
		if ahead < 0 {
			which = "behind"
		}
		lines = append(lines, fmt.Sprintf("%s: the server's clock is %s %s this machine's.", s.Mailbox, durationText(ahead.Abs()), which))
	}
	return lines
}

// waitsText lists why a run waited, and for how long.
func waitsText(waits []gate.Waited) string {
	var parts []string
	for _, w := range waits {
		times := "once"
		if w.Times > 1 {
			times = number(w.Times) + " times"
		}
		parts = append(parts, fmt.Sprintf("%s, %s, %s", oneLine(w.Reason), times, durationText(w.For)))
	}
	return strings.Join(parts, "; ")
}

// printTable prints one row a mailbox.
func printTable(w io.Writer, summaries []event.Summary) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "mailbox\tfolders\tfound\tmoved\tthere already\tfailed\tbytes\ttime\trate\twaited\tretries\t")
	for _, s := range summaries {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t\n", s.Mailbox, number(s.Folders), number(s.Found), number(s.Moved),
			number(s.Already), number(s.Failed), bytesText(s.Bytes), durationText(s.Elapsed), rateText(s.Bytes, s.Elapsed),
			durationText(s.Waited), number(s.Retries))
	}
	return t.Flush()
}
