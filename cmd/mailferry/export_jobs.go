package main

import (
	"context"
	"errors"
	"fmt"

	"mailferry/ews"
	"mailferry/internal/event"
)

// exportJob is one mailbox that can be exported.
type exportJob struct {
	mailbox string
	url     string
	chosen  chosen
	client  *ews.Client
}

// exportJobs prepares all mailboxes, so that what is wrong with the last of
// them is said before the first is begun, and before anything is written.
func (a *app) exportJobs(ctx context.Context, o exportOptions, sources []mailboxAddress, all chosen, workers int, show *progress) ([]exportJob, error) {
	jobs := make([]exportJob, 0, len(sources))
	for _, source := range sources {
		one, err := all.within(source)
		if err != nil {
			return nil, err
		}
		server, err := a.settings(ctx, o.connect, source)
		if err != nil {
			return nil, err
		}
		client, err := a.connect(ctx, o.connect, source, workers, show)
		if err != nil {
			return nil, err
		}
		jobs = append(jobs, exportJob{source.Address, server.URL, one, client})
	}
	return jobs, nil
}

// doneJobs is what became of the mailboxes that were begun.
type doneJobs struct {
	summaries []event.Summary
	broken    map[int]bool // those of the summaries whose run ended early
}

// eachMailbox runs one mailbox after the other. One that is given up for a
// reason of its own does not keep the others from being exported. Those that
// --stop-after leaves no time for are told of, too.
func (a *app) eachMailbox(jobs []exportJob, stop *stopper, run func(exportJob) (event.Summary, error)) (doneJobs, error) {
	done := doneJobs{broken: make(map[int]bool)}
	var first error
	givenUp := 0
	for i, job := range jobs {
		summary, err := run(job)
		if summary.Mailbox != "" {
			done.broken[len(done.summaries)] = err != nil
			done.summaries = append(done.summaries, summary)
		}
		if err != nil {
			err = fmt.Errorf("export %s: %w", job.mailbox, err)
			if !ofOneMailbox(err) {
				return done, err
			}
			givenUp++
			if first == nil {
				first = err
			}
			if len(jobs) > 1 {
				stop.show.handle(event.Event{Kind: event.Warning, Mailbox: job.mailbox, Text: fmt.Sprintf("mailbox %d of %d is given up: %v", i+1, len(jobs), err)})
			}
		}
		if a.interrupted.Load() {
			break
		}
		if stop.reason() != "" {
			for _, left := range jobs[i+1:] {
				done.summaries = append(done.summaries, event.Summary{Mailbox: left.mailbox, Partial: true})
				left.client.Close()
			}
			break
		}
	}
	if givenUp > 1 {
		first = fmt.Errorf("%d mailboxes were given up, the first: %w", givenUp, first)
	}
	return done, first
}

// ofOneMailbox says of an error that others may fare better: the server spoke of
// this mailbox, and neither of the login nor of itself.
func ofOneMailbox(err error) bool {
	e, ok := errors.AsType[*ews.Error](err)
	return ok && e.Code != "" && !errors.Is(err, ews.ErrNoExportItems)
}
