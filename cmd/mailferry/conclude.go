package main

import (
	"errors"
	"iter"
	"time"

	"mailferry/internal/event"
	"mailferry/store"
)

// errStopped ends a run that left items untried without being interrupted, for
// example at --max-failures.
var errStopped = errors.New("stopped before the end: what was moved is kept, run the same command again to go on")

// conclusion is what a run over mailboxes came to.
type conclusion struct {
	command   string
	storeDir  string
	store     *store.Store
	direction store.Direction
	started   time.Time
	show      *progress
	summaries []event.Summary
	reports   reportFlags
	stopped   string // why --stop-after ended the run; empty: it did not
	dryRun    bool
	err       error        // what ended the run early
	broken    map[int]bool // the summaries of runs that ended early; nil: the last one, if there is an err
}

// sentence is the verdict over one of the runs.
func (c conclusion) sentence(i int) string {
	if c.broken[i] {
		return brokenSentence(c.summaries[i])
	}
	return sentence(c.summaries[i], c.storeDir)
}

// conclude ends the showing, prints the table and the verdict, and writes the
// reports, also of a run that failed: what it did is then of most interest.
func (a *app) conclude(c conclusion) error {
	err := c.err
	if showErr := c.show.finish(); err == nil {
		err = showErr
	}
	c.claimNothingUnknown(a.interrupted.Load())
	if err == nil && a.interrupted.Load() {
		err = errInterrupted
	}
	if err == nil {
		err = c.markStopped()
	}
	if c.dryRun || len(c.summaries) == 0 {
		return err
	}
	if verdictErr := a.verdict(c); err == nil {
		err = verdictErr
	}
	report := runReport{
		Command: c.command, Version: buildVersion(), Started: c.started, Ended: time.Now().UTC(),
		failures: c.failures(),
	}
	for i, s := range c.summaries {
		report.Mailboxes = append(report.Mailboxes, mailboxReport{s, c.sentence(i)})
	}
	if writeErr := c.reports.write(report); writeErr != nil && (err == nil || errors.Is(err, errIncomplete) || errors.As(err, new(stoppedError))) {
		err = writeErr
	}
	return err
}

// claimNothingUnknown leaves out runs that ended before they knew what there was
// to do.
func (c *conclusion) claimNothingUnknown(interrupted bool) {
	last := len(c.summaries) - 1
	told := c.broken
	c.broken = make(map[int]bool)
	var known []event.Summary
	for i, s := range c.summaries {
		early := told[i] || i == last && (interrupted || told == nil && c.err != nil)
		if early && s.Found == 0 {
			continue
		}
		c.broken[len(known)] = early
		known = append(known, s)
	}
	c.summaries = known
}

// stoppedError ends a run that --stop-after ended before all was moved.
type stoppedError struct{ why string }

func (e stoppedError) Error() string {
	return "stopped " + e.why + ": what was moved is kept, run the same command again to go on"
}

// markStopped says in the summaries which runs were ended by --stop-after. One
// that had come to its end is done like any other.
func (c conclusion) markStopped() error {
	var err error
	for i := range c.summaries {
		if s := &c.summaries[i]; c.stopped != "" && (s.Left > 0 || s.Partial) {
			s.Stopped = c.stopped
			err = stoppedError{c.stopped}
		}
	}
	return err
}

// failures iterates over the recorded failures of the mailboxes of this run.
func (c conclusion) failures() iter.Seq2[store.Failure, error] {
	return func(yield func(store.Failure, error) bool) {
		for _, s := range c.summaries {
			for f, err := range c.store.Failures(store.FailureFilter{Mailbox: s.Mailbox, Direction: c.direction, Target: s.Target}) {
				if !yield(f, err) || err != nil {
					return
				}
			}
		}
	}
}
