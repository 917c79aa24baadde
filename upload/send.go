package upload

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"mailferry/ews"
	"mailferry/internal/event"
	"mailferry/internal/retry"
	"mailferry/store"
)

const opUpload = "UploadItems"

// mostResends is how often an item is sent again because the server stopped a
// batch before it came to it.
const mostResends = 20

// lostJob is a job of which nobody knows the outcome.
type lostJob struct {
	job   *job
	batch int       // items that were sent with it
	quiet bool      // the server gave no answer, and may still be at work
	at    time.Time // when it was sent
	why   error
}

// sending is the work on one batch, with all the smaller ones it falls into.
type sending struct {
	r     *run
	stack [][]*job
	lost  []*lostJob
	pause time.Duration // before the next request
	why   string
}

// sendBatch sends a batch, and again what may be sent again. What it does not
// give back as lost is written down: as done, as failed, or as not sent.
func (r *run) sendBatch(ctx context.Context, batch []*job) ([]*lostJob, error) {
	s := &sending{r: r, stack: [][]*job{batch}}
	for len(s.stack) > 0 {
		if err := s.rest(ctx); err != nil || r.stopped(ctx) {
			return s.lost, nil // the rest is pending, and left
		}
		last := len(s.stack) - 1
		jobs := s.stack[last]
		s.stack = s.stack[:last]
		if len(jobs) == 0 {
			continue
		}
		if err := s.request(ctx, jobs); err != nil {
			return s.lost, err
		}
	}
	return s.lost, nil
}

// rest waits before another attempt.
func (s *sending) rest(ctx context.Context) error {
	if s.pause <= 0 {
		return nil
	}
	pause := retry.Jitter(s.pause)
	s.r.Emit(event.Event{Kind: event.Wait, Text: s.why, Wait: pause})
	s.pause = 0
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-s.r.o.Drain:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// later asks for a wait before the next request.
func (s *sending) later(tries int, e *ews.Error) {
	pauses := s.r.o.Patience.Retry
	pause := time.Duration(0)
	if len(pauses) > 0 {
		pause = pauses[min(max(tries, 1), len(pauses))-1]
	}
	if e != nil {
		pause = max(pause, e.BackOff)
		s.why = "the server answered " + e.Cause()
	}
	s.pause = max(s.pause, pause)
}

// request sends jobs once, and writes down what became of them.
func (s *sending) request(ctx context.Context, jobs []*job) error {
	jobs, err := s.guard(ctx, jobs)
	if err != nil && ctx.Err() == nil {
		return err
	}
	if len(jobs) == 0 || ctx.Err() != nil {
		return nil
	}
	entries := make([]store.JournalEntry, len(jobs))
	uploads := make([]ews.Upload, len(jobs))
	for i, j := range jobs {
		entries[i] = j.entry(store.StateSent)
		uploads[i] = ews.Upload{
			Action: ews.CreateNew, Folder: j.where(), Associated: j.item.Associated, Size: j.item.Size,
			Open: func() (io.ReadCloser, error) { return s.r.openBlob(ctx, j.item) },
		}
		if j.update {
			uploads[i].Action, uploads[i].Item = ews.Update, ews.ItemID{ID: j.targetID, ChangeKey: j.currentKey}
		}
	}
	began := time.Now()
	if err := s.r.journal.Intend(ctx, entries); err != nil {
		if ctx.Err() != nil {
			return nil // nothing was sent; if the intent was written, the next run looks
		}
		return fmt.Errorf("write down what is about to be sent: %w", err)
	}
	for i, j := range jobs {
		if j.batch = entries[i].Batch; j.first.IsZero() {
			j.first = began
		}
	}
	results, err := s.r.o.Client.UploadItems(ctx, uploads)
	if err == nil && len(results) != len(jobs) {
		err = &ews.UnknownOutcomeError{Op: opUpload, Err: &ews.CountError{Op: opUpload, Want: len(jobs), Got: len(results)}}
	}
	if unknown, ok := errors.AsType[*ews.UnknownOutcomeError](err); ok {
		known := results[:min(len(results), len(jobs))]
		if _, miscounted := errors.AsType[*ews.CountError](unknown.Err); miscounted {
			known = nil // answers may be missing in the middle: no place is certain
		}
		for _, j := range jobs[len(known):] {
			s.lost = append(s.lost, &lostJob{job: j, batch: len(jobs), quiet: !answered(unknown.Err), at: began, why: unknown.Err})
		}
		return s.answers(ctx, jobs[:len(known)], known, began)
	}
	if err != nil {
		return s.refused(ctx, jobs, err, began)
	}
	return s.answers(ctx, jobs, results, began)
}

// answered says that the server had ended its work when the error came.
func answered(err error) bool {
	if _, ok := errors.AsType[*ews.TransportError](err); ok {
		return false
	}
	if _, ok := errors.AsType[*ews.Error](err); ok {
		return true
	}
	if _, ok := errors.AsType[*ews.CountError](err); ok {
		return true
	}
	if _, ok := errors.AsType[*ews.ProtocolError](err); ok {
		return true
	}
	_, ok := errors.AsType[*ews.TruncatedError](err)
	return ok
}

// refused deals with a request of which surely nothing was taken.
func (s *sending) refused(ctx context.Context, jobs []*job, err error, began time.Time) error {
	var a ews.Action
	e, isError := errors.AsType[*ews.Error](err)
	if isError {
		if a = ews.ActionFor(opUpload, e); a.Verb == ews.Unknown {
			for _, j := range jobs {
				s.lost = append(s.lost, &lostJob{job: j, batch: len(jobs), at: began, why: e})
			}
			return nil
		}
	}
	if settleErr := s.pending(ctx, jobs); settleErr != nil {
		return settleErr
	}
	if ctx.Err() != nil {
		return nil
	}
	if blob, ok := errors.AsType[*ews.BlobError](err); ok && blob.Index >= 0 && blob.Index < len(jobs) {
		s.stack = append(s.stack, jobs[:blob.Index], jobs[blob.Index+1:])
		return s.r.fail(ctx, jobs[blob.Index], blobFailure(blob.Err))
	}
	if !isError {
		return err
	}
	verb := a.Verb
	if verb == ews.Retry || verb == ews.Refresh {
		for _, j := range jobs {
			j.tries++
		}
		if jobs[0].tries <= max(1, a.Retries) {
			s.later(jobs[0].tries, e)
			s.stack = append(s.stack, jobs)
			return nil
		}
		verb = a.Then
	}
	switch verb {
	case ews.Split, ews.Bisect, ews.Skip:
		return s.halve(ctx, jobs, e)
	case ews.Resend:
		return s.again(ctx, jobs, e)
	}
	return s.abort(err)
}

// halve sends the halves of a batch that fails as a whole. A single item is
// final.
func (s *sending) halve(ctx context.Context, jobs []*job, e *ews.Error) error {
	if len(jobs) == 1 {
		return s.r.fail(ctx, jobs[0], e)
	}
	half := len(jobs) / 2
	for _, j := range jobs {
		j.tries = 0
	}
	s.stack = append(s.stack, jobs[half:], jobs[:half])
	return nil
}

// again sends jobs again that the server did not come to.
func (s *sending) again(ctx context.Context, jobs []*job, e *ews.Error) error {
	var more []*job
	for _, j := range jobs {
		if j.resends++; j.resends <= mostResends {
			more = append(more, j)
		} else if err := s.r.fail(ctx, j, e); err != nil {
			return err
		}
	}
	s.stack = append(s.stack, more)
	return nil
}

// abort ends the run with one line that says what to do.
func (s *sending) abort(err error) error {
	s.r.mu.Lock()
	s.r.stop = true
	s.r.mu.Unlock()
	return abortLine(err)
}

// abortLine explains why a mailbox is given up.
func abortLine(err error) error {
	e, ok := errors.AsType[*ews.Error](err)
	if !ok {
		return err
	}
	switch e.Cause() {
	case "ErrorQuotaExceeded":
		return fmt.Errorf("the target mailbox is full: make space or raise its quota, and run the same command again: %w", err)
	case "ErrorMailboxMoveInProgress":
		return fmt.Errorf("the target mailbox is being moved: run the same command again when that has ended: %w", err)
	case "ErrorMessagePerFolderCountReceiveQuotaExceeded":
		return fmt.Errorf("a folder of the target is full: %w", err)
	}
	return err
}

// pending writes down that jobs are not at the target.
func (s *sending) pending(ctx context.Context, jobs []*job) error {
	return s.r.settleAs(ctx, jobs, store.StatePending)
}

// settleAs writes one state down for all jobs. It is not to be interrupted:
// what is known must not be forgotten.
func (r *run) settleAs(ctx context.Context, jobs []*job, state store.State) error {
	if len(jobs) == 0 {
		return nil
	}
	entries := make([]store.JournalEntry, len(jobs))
	for i, j := range jobs {
		entries[i] = j.entry(state)
	}
	return r.settle(ctx, entries)
}

func (r *run) settle(ctx context.Context, entries []store.JournalEntry) error {
	if err := r.journal.Settle(context.WithoutCancel(ctx), entries); err != nil {
		return fmt.Errorf("write down what was uploaded: %w", err)
	}
	return nil
}

// answers deals with the answers for jobs, by position.
func (s *sending) answers(ctx context.Context, jobs []*job, results []ews.UploadResult, began time.Time) error {
	var done, retries, singles, resends, unsent []*job
	var fatal error
	var stopped *ews.Error
	type failure struct {
		job *job
		err error
	}
	var failures []failure
	for i, j := range jobs {
		e := results[i].Err
		if e == nil {
			j.targetID, j.changeKey = results[i].ID.ID, results[i].ID.ChangeKey
			done = append(done, j)
			continue
		}
		if j.update && e.Code == "ErrorItemNotFound" {
			failures = append(failures, failure{j, s.r.goneFailure(e)})
			continue
		}
		a := ews.ActionFor(opUpload, e)
		verb := a.Verb
		if verb == ews.Retry || verb == ews.Refresh {
			if j.tries++; j.tries <= max(1, a.Retries) {
				s.later(j.tries, e)
				retries = append(retries, j)
				continue
			}
			verb = a.Then
		}
		switch verb {
		case ews.Resend:
			resends, stopped = append(resends, j), e
		case ews.Unknown:
			s.lost = append(s.lost, &lostJob{job: j, batch: len(jobs), at: began, why: e})
		case ews.Abort, ews.Bug:
			unsent = append(unsent, j)
			fatal = abortLine(e)
		case ews.Split, ews.Bisect:
			if len(jobs) > 1 {
				singles = append(singles, j)
				continue
			}
			failures = append(failures, failure{j, e})
		default:
			failures = append(failures, failure{j, e})
		}
	}
	if err := s.r.done(ctx, done, began); err != nil {
		return err
	}
	waiting := append(append(append(append([]*job(nil), retries...), singles...), resends...), unsent...)
	if err := s.pending(ctx, waiting); err != nil {
		return err
	}
	for _, f := range failures {
		if err := s.r.fail(ctx, f.job, f.err); err != nil {
			return err
		}
	}
	if fatal != nil {
		return s.abort(fatal)
	}
	for _, j := range singles {
		s.stack = append(s.stack, []*job{j})
	}
	if len(resends) > 0 {
		if err := s.again(ctx, resends, stopped); err != nil {
			return err
		}
	}
	if len(retries) > 0 {
		s.stack = append(s.stack, retries)
	}
	return nil
}
