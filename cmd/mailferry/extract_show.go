package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"mailferry/extract"
	"mailferry/internal/event"
)

// How many items are named where it is people who read it; --json names all.
const (
	namedFailures = 1000
	namedSkips    = 10 // of one reason
)

// extractShow shows a run of extract and remembers what is named at its end.
type extractShow struct {
	*progress
	out      string
	failures []event.Event
	skips    map[string][]event.Event // by reason, the first
	skipped  map[string]int           // by reason
}

func (a *app) newExtractShow(out string) *extractShow {
	return &extractShow{progress: a.newProgress(false), out: out, skips: make(map[string][]event.Event), skipped: make(map[string]int)}
}

func (s *extractShow) handle(e event.Event) {
	s.progress.handle(e)
	switch {
	case e.Kind == event.Failure && len(s.failures) < namedFailures:
		s.failures = append(s.failures, e)
	case e.Kind == event.Item && e.Action == extract.ActionSkipped:
		if s.skipped[e.Text]++; s.skipped[e.Text] <= namedSkips {
			s.skips[e.Text] = append(s.skips[e.Text], e)
		}
	}
}

// conclude prints what the run came to, and turns it into the command's error.
func (s *extractShow) conclude(sum extract.Summary, err error) error {
	if finishErr := s.finish(); err == nil {
		err = finishErr
	}
	if printErr := s.print(sum); err == nil {
		err = printErr
	}
	if err == nil && sum.Failed > 0 {
		err = errIncomplete
	}
	return err
}

func (s *extractShow) print(sum extract.Summary) error {
	verdict := extractSentence(sum, s.out)
	switch {
	case s.a.global.json:
		return json.NewEncoder(s.a.stdout).Encode(struct {
			Event string `json:"event"`
			extract.Summary
			Verdict string `json:"verdict"`
		}{"summary", sum, verdict})
	case s.a.global.quiet:
		return nil
	}
	if err := s.printNamed(s.a.stdout, sum); err != nil {
		return err
	}
	t := tabwriter.NewWriter(s.a.stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "format\tfolders\tfound\twritten\tthere already\tskipped\tfailed\tfiles\tblobs\ttime\trate\t")
	fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t\n", sum.Format, number(sum.Folders), number(sum.Found), number(sum.Written),
		number(sum.Already), number(sum.Skipped), number(sum.Failed), number(sum.Files), bytesText(sum.Bytes), durationText(sum.Elapsed), rateText(sum.Bytes, sum.Elapsed))
	return errors.Join(t.Flush(), writeLine(s.a.stdout, verdict))
}

func writeLine(w io.Writer, text string) error {
	_, err := fmt.Fprintln(w, text)
	return err
}

// printNamed names what was skipped and what failed.
func (s *extractShow) printNamed(w io.Writer, sum extract.Summary) error {
	var b strings.Builder
	line := func(e event.Event, what string) {
		fmt.Fprintf(&b, "  %s  %s%s\n", oneLine(e.Folder), brief(e.Subject, 60), what)
	}
	more := func(n int) {
		if n > 0 {
			fmt.Fprintf(&b, "  and %s more\n", number(n))
		}
	}
	for _, reason := range slices.Sorted(maps.Keys(s.skips)) {
		fmt.Fprintf(&b, "skipped %s: %s\n", counted(s.skipped[reason], "item"), oneLine(reason))
		for _, e := range s.skips[reason] {
			line(e, "")
		}
		more(s.skipped[reason] - len(s.skips[reason]))
	}
	if len(s.failures) > 0 {
		fmt.Fprintf(&b, "failed %s:\n", counted(sum.Failed, "item"))
		for _, e := range s.failures {
			line(e, "  "+e.Item+": "+oneLine(e.Text))
		}
		more(sum.Failed - len(s.failures))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// extractSentence is the verdict in plain words.
func extractSentence(s extract.Summary, out string) string {
	there := s.Written + s.Already
	if s.Left > 0 {
		return fmt.Sprintf("Not finished: %s of %s are in %s as %s; run the same command again to go on.", number(there), counted(s.Found, "item"), out, s.Format)
	}
	if s.Found == 0 {
		return "The store holds no item that was asked for; nothing was written."
	}
	ends := "none failed."
	if s.Failed > 0 {
		ends = number(s.Failed) + " failed."
	}
	if s.Skipped > 0 {
		ends = number(s.Skipped) + plural(s.Skipped, " was", " were") + " skipped, as said above; " + ends
	}
	switch {
	case there < s.Found:
		return fmt.Sprintf("%s of %s are in %s as %s; %s", number(there), counted(s.Found, "item"), out, s.Format, ends)
	case s.Found == 1:
		return fmt.Sprintf("The one item is in %s as %s; none failed.", out, s.Format)
	}
	return fmt.Sprintf("All %s are in %s as %s; none failed.", counted(s.Found, "item"), out, s.Format)
}
