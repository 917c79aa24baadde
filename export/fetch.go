package export

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"mailferry/ews"
	"mailferry/internal/event"
	"mailferry/internal/retry"
	"mailferry/store"
)

// fetchAll exports what is pending and selected.
func (r *run) fetchAll(ctx context.Context) error {
	q := newQueue(r)
	defer q.close()
	group, ctx := errgroup.WithContext(ctx)
	for range r.o.Workers {
		group.Go(func() error { return r.work(ctx, q) })
	}
	if err := group.Wait(); err != nil {
		return err
	}
	return r.haltReason()
}

// worker fetches batch after batch, into a segment of its own.
type worker struct {
	r     *run
	w     *store.Writer
	again []*task // of the batch under way: to be tried again
}

func (r *run) work(ctx context.Context, q *queue) error {
	w, err := r.st.NewWriter()
	if err != nil {
		return fmt.Errorf("begin to write to the store: %w", err)
	}
	k := &worker{r: r, w: w}
	err = k.loop(ctx, q)
	if e := w.Close(); err == nil && e != nil {
		err = fmt.Errorf("end writing to the store: %w", e)
	}
	return err
}

func (k *worker) loop(ctx context.Context, q *queue) error {
	for {
		tasks, err := q.take(ctx)
		if err != nil || tasks == nil {
			return err
		}
		k.again = nil
		err = k.fetch(ctx, tasks)
		q.done(k.again)
		if local, ok := errors.AsType[*localError](err); ok {
			return local.err
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err != nil {
			k.r.stop(err) // others finish what is under way
			return nil
		}
	}
}

// fetch exports a batch. A part that fails as a whole is halved until the items
// that make it fail stand alone: about 2 log2(n) further requests for one item.
// The error is the reason to give up the mailbox.
func (k *worker) fetch(ctx context.Context, tasks []*task) error {
	parts := [][]*task{tasks}
	for len(parts) > 0 {
		part := parts[len(parts)-1]
		parts = parts[:len(parts)-1]
		if k.r.halted() || ctx.Err() != nil {
			return context.Cause(ctx) // what is left stays pending
		}
		a, err := k.receive(ctx, part)
		if err != nil {
			return err
		}
		if a.err == nil {
			k.r.sizer.Good()
		}
		if err := k.judge(ctx, a.verdicts); err != nil {
			return err
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if len(a.open) == 0 {
			continue
		}
		more, err := k.wholeFailed(ctx, part, a)
		if err != nil {
			return err
		}
		parts = append(parts, more...)
	}
	return nil
}

// wholeFailed decides what to do with items of which the answer said nothing: it
// returns the parts to ask for at once, or puts items off.
func (k *worker) wholeFailed(ctx context.Context, part []*task, a answer) ([][]*task, error) {
	if a.err == nil {
		a.err = &ews.CountError{Op: "ExportItems", Want: len(part), Got: len(part) - len(a.open)}
	}
	if _, refused := errors.AsType[*ews.AuthError](a.err); refused || errors.Is(a.err, ews.ErrNoExportItems) {
		return nil, a.err
	}
	if e, ok := errors.AsType[*ews.Error](a.err); ok {
		return k.refused(ctx, part, a.open, e)
	}
	switch {
	case len(a.committed) > 0: // it moved on: the rest may as well
		return [][]*task{a.open}, nil
	case a.cut != nil && !slices.Contains(a.open, a.cut): // it is tried alone, the others after a pause
		for _, t := range a.open {
			k.later(t, k.pause(k.r.o.Patience.Truncated, a.cut.truncated-1))
		}
		return nil, nil
	}
	if lost, ok := errors.AsType[*ews.TransportError](a.err); ok {
		if err := k.waitForServer(ctx, lost); err != nil {
			return nil, err
		}
	}
	if len(a.open) > 1 {
		return halve(a.open), nil
	}
	return nil, k.judge(ctx, []verdict{{a.open[0], a.err}})
}

// refused handles a fault: the client has tried again already.
func (k *worker) refused(ctx context.Context, part, open []*task, e *ews.Error) ([][]*task, error) {
	action := ews.ActionFor(e.Op, e)
	verb := action.Verb
	if verb == ews.Retry || verb == ews.Refresh || verb == ews.Resend {
		verb = action.Then
		if verb == ews.Abort && !ofMailbox[e.Cause()] {
			// The batch may be the cause, unless the server is down altogether.
			if err := k.waitForServer(ctx, e); err != nil {
				return nil, err
			}
			verb = ews.Bisect
		}
	}
	if verb == ews.Split {
		k.r.sizer.Shrink(len(part), bytesOf(part))
	}
	switch {
	case verb == ews.Abort || verb == ews.Bug:
		return nil, e
	case len(open) > 1:
		return halve(open), nil
	}
	return nil, k.fail(ctx, open[0], e.Cause(), e.Message)
}

// ofMailbox are codes of faults that concern the mailbox, never single items.
var ofMailbox = map[string]bool{
	"ErrorServerBusy": true, "ErrorExceededConnectionCount": true, "ErrorMailboxStoreUnavailable": true, "ErrorMailboxMoveInProgress": true,
	"ErrorMailboxFailover": true, "ErrorMailboxLogonFailed": true, "ErrorADUnavailable": true, "ErrorADOperation": true,
	"ErrorImpersonationFailed": true, "ErrorInvalidClientSecurityContext": true,
}

func halve(tasks []*task) [][]*task {
	half := len(tasks) / 2
	return [][]*task{tasks[half:], tasks[:half]} // the last is asked for first
}

// judge settles items that came without a whole blob.
func (k *worker) judge(ctx context.Context, verdicts []verdict) error {
	var vanished []*task
	stopped := stoppedByAnother(verdicts)
	for _, v := range verdicts {
		t := v.task
		switch e := v.err.(type) {
		case *ews.Error:
			if e.Cause() == "ErrorItemNotFound" {
				vanished = append(vanished, t)
				continue
			}
			if stopped && e.Scope == ews.ScopeBatch {
				k.later(t, k.pause(k.r.o.Patience.Retry, t.retries)) // nobody tried it yet
				continue
			}
			if err := k.itemFailed(ctx, t, e); err != nil {
				return err
			}
		default:
			var err error
			switch {
			case isProblem(e):
				t.problems++
				t.alone = true
				k.later(t, 0)
			case isTruncated(e) && t.truncated < len(k.r.o.Patience.Truncated) && !k.r.givenUp(t.ID):
				t.truncated++
				t.alone = true
				k.later(t, k.pause(k.r.o.Patience.Truncated, t.truncated-1))
			case isTruncated(e):
				err = k.fail(ctx, t, "truncated", "the server cut the item off each time; try again in some hours: "+e.Error())
			case t.retries < len(k.r.o.Patience.Retry):
				t.retries++
				t.alone = true
				k.later(t, k.pause(k.r.o.Patience.Retry, t.retries-1))
			default:
				err = k.fail(ctx, t, codeOf(e), e.Error())
			}
			if err != nil {
				return err
			}
		}
	}
	return k.r.vanish(ctx, vanished)
}

// stoppedByAnother says that the server did not come to some items of an answer
// because of one that is in it, too.
func stoppedByAnother(verdicts []verdict) bool {
	stopped, failed := false, false
	for _, v := range verdicts {
		e, ok := v.err.(*ews.Error)
		if ok && e.Scope == ews.ScopeBatch {
			stopped = true
		} else if ok {
			failed = true
		}
	}
	return stopped && failed
}

// itemFailed handles the code that one item was answered with.
func (k *worker) itemFailed(ctx context.Context, t *task, e *ews.Error) error {
	action := ews.ActionFor(e.Op, e)
	tries := action.Retries
	switch action.Verb {
	case ews.Resend, ews.Split, ews.Bisect, ews.Refresh, ews.None:
		tries = max(tries, len(k.r.o.Patience.Retry))
	}
	switch action.Verb {
	case ews.Split:
		limits := k.r.sizer.Limits()
		k.r.sizer.Shrink(limits.Items, limits.Bytes)
	case ews.Abort:
		return e
	case ews.Skip, ews.Bug:
		return k.fail(ctx, t, e.Cause(), e.Message)
	}
	if action.Verb == ews.Retry && action.Then == ews.Abort {
		if times, lasting := k.r.troubled(); times > tries && lasting > k.patience(tries) {
			return e
		}
	}
	if t.retries < tries {
		t.retries++
		t.alone = action.Verb == ews.Bisect || action.Verb == ews.Split
		k.later(t, max(e.BackOff, k.pause(k.r.o.Patience.Retry, t.retries-1)))
		return nil
	}
	if action.Then == ews.Abort {
		return e
	}
	return k.fail(ctx, t, e.Cause(), e.Message)
}

func (k *worker) later(t *task, pause time.Duration) {
	t.due = time.Now().Add(pause)
	k.again = append(k.again, t)
}

// patience is how long so many tries take at most.
func (k *worker) patience(tries int) (sum time.Duration) {
	pauses := k.r.o.Patience.Retry
	for i := range tries {
		if len(pauses) > 0 {
			sum += pauses[min(i, len(pauses)-1)]
		}
	}
	return sum
}

// pause returns the nth pause, the last for all that follow.
func (k *worker) pause(pauses []time.Duration, n int) time.Duration {
	if len(pauses) == 0 {
		return 0
	}
	return retry.Jitter(pauses[max(min(n, len(pauses)-1), 0)])
}

// waitForServer asks for something small, so that an outage is not taken for a
// bad item. The error is cause when the server stays away.
func (k *worker) waitForServer(ctx context.Context, cause error) error {
	pauses := k.r.o.Patience.Retry
	for i := 0; ; i++ {
		_, err := k.r.client.GetFolders(ctx, []ews.FolderRef{ews.Distinguished("msgfolderroot")})
		if err == nil || ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if _, refused := errors.AsType[*ews.AuthError](err); refused {
			return err
		}
		if i >= len(pauses) || k.r.halted() {
			return fmt.Errorf("the server does not answer any more; run the same command again to go on: %w", cause)
		}
		wait := k.pause(pauses, i)
		k.r.out.emit(event.Event{Kind: event.Wait, Wait: wait, Text: "the server does not answer"})
		if err := retry.Sleep(ctx, wait); err != nil {
			return err
		}
	}
}
