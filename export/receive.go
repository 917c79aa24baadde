package export

import (
	"context"
	"errors"
	"fmt"
	"io"

	"mailferry/ews"
	"mailferry/fts"
	"mailferry/store"
)

// answer is what one request brought.
type answer struct {
	committed []*arrived // on disk
	verdicts  []verdict  // of items that came without a whole blob
	cut       *task      // the item whose blob broke off, also in verdicts
	open      []*task    // nothing is known of them, because of err
	err       error      // why the answer as a whole failed; nil: it was complete
}

// arrived is an item whose blob was read to its end.
type arrived struct {
	*task
	staged  *store.Staged
	cat     fts.Catalogue
	problem string
	size    int64
}

// verdict is what became of an item without a blob in the store.
type verdict struct {
	*task
	err error // *ews.Error, *ews.TruncatedError, *ews.ProtocolError, *fts.Problem, errEmpty
}

// errEmpty is a blob of 0 bytes.
var errEmpty = errors.New("the server gave an item of 0 bytes")

// localError is an error of this side, the store's mostly: the run can't go on.
type localError struct{ err error }

func (e *localError) Error() string { return e.err.Error() }
func (e *localError) Unwrap() error { return e.err }

// receive asks for items in one request and commits what came whole. Blobs whose
// answer names the id that was asked for are committed also when the answer
// breaks off later. The others are believed only once all answers were counted,
// since a missing one would shift their places.
//
// The error is one of this side; whatever the server does is in the answer.
func (k *worker) receive(ctx context.Context, tasks []*task) (answer, error) {
	var a answer
	ids := make([]ews.ItemID, len(tasks))
	place := make(map[string]int, len(tasks))
	for i, t := range tasks {
		t.attempts++
		ids[i] = ews.ItemID{ID: t.ID}
		place[t.ID] = i
	}
	settled := make([]bool, len(tasks))
	var sure, unsure []*arrived
	var unsureVerdicts []verdict
	reader, err := k.r.client.ExportItems(ctx, ids)
	if err == nil {
		sure, unsure, unsureVerdicts, err = k.readAnswer(ctx, reader, tasks, place, &a)
		reader.Close()
	}
	if local, ok := errors.AsType[*localError](err); ok {
		k.discard(sure, unsure)
		return a, local
	}
	if err == nil { // counted to its end
		sure, unsure = append(sure, unsure...), nil
		a.verdicts = append(a.verdicts, unsureVerdicts...)
	}
	a.err = err
	k.discard(unsure)
	if err := k.commit(ctx, sure); err != nil {
		return a, err
	}
	a.committed = sure
	for _, done := range sure {
		settled[place[done.ID]] = true
	}
	for _, v := range a.verdicts {
		settled[place[v.ID]] = true
	}
	for i, t := range tasks {
		if !settled[i] {
			a.open = append(a.open, t)
		}
	}
	return a, nil
}

// readAnswer reads item by item. err is nil only at the end of a counted answer.
func (k *worker) readAnswer(ctx context.Context, reader *ews.ExportReader, tasks []*task, place map[string]int, a *answer) (
	sure, unsure []*arrived, verdicts []verdict, err error,
) {
	for {
		x, err := reader.Next()
		if err == io.EOF {
			return sure, unsure, verdicts, nil
		}
		if err != nil {
			return sure, unsure, verdicts, err
		}
		if x.Index < 0 || x.Index >= len(tasks) {
			return sure, unsure, verdicts, &ews.CountError{Op: "ExportItems", Want: len(tasks), Got: x.Index + 1}
		}
		t := tasks[x.Index]
		if x.Err != nil {
			verdicts = append(verdicts, verdict{t, x.Err})
			continue
		}
		if other, asked := place[x.ID.ID]; asked && other != x.Index {
			// It names another item of this request: the places can't be right.
			return sure, unsure, verdicts, &ews.ProtocolError{Op: "ExportItems", Reason: "the answers are not in the order of the request"}
		}
		got, bad, err := k.readBlob(ctx, reader, t)
		switch {
		case err != nil:
			return sure, unsure, verdicts, err
		case bad == nil && x.Confirmed:
			sure = append(sure, got)
		case bad == nil:
			unsure = append(unsure, got)
		case x.Confirmed:
			a.verdicts = append(a.verdicts, verdict{t, bad})
			a.cut = t
		default:
			verdicts = append(verdicts, verdict{t, bad})
			a.cut = t
		}
	}
}

// readBlob streams one blob through the checks into the store. bad is what is
// wrong with the blob, err is of this side.
func (k *worker) readBlob(ctx context.Context, reader io.Reader, t *task) (got *arrived, bad, err error) {
	blob, err := k.w.Begin(t.ItemKey)
	if err != nil {
		return nil, nil, &localError{fmt.Errorf("begin to store an item: %w", err)}
	}
	defer blob.Abort()
	tee := &tee{ctx: ctx, from: reader, to: blob, r: k.r}
	cat, err := fts.Inspect(tee)
	k.r.out.progress(tee.untold)
	problem, isProblem := errors.AsType[*fts.Problem](err)
	switch {
	case tee.local != nil:
		return nil, nil, &localError{tee.local}
	case ctx.Err() != nil:
		return nil, nil, context.Cause(ctx)
	case tee.failed != nil:
		return nil, tee.failed, nil
	case blob.Size() == 0:
		return nil, errEmpty, nil
	case isProblem && k.r.lookTwice(t):
		return nil, problem, nil
	case err != nil && !isProblem:
		return nil, nil, &localError{fmt.Errorf("check an item: %w", err)}
	}
	got = &arrived{task: t, cat: cat, size: blob.Size()}
	if isProblem {
		got.problem = problem.Error()
	}
	searchKey := t.SearchKey
	if len(searchKey) == 0 {
		searchKey = cat.SearchKey
	}
	got.staged, err = blob.Finish(store.Entry{
		Catalogue: cat, Problem: got.problem, SearchKey: searchKey, ServerVersion: k.r.client.ServerVersion().String(),
	})
	if err != nil {
		return nil, nil, &localError{fmt.Errorf("store an item: %w", err)}
	}
	return got, nil, nil
}

// trustedSuspects is how many blobs must have stayed as they were at a second
// look before first looks are believed: then it is not the connection.
const trustedSuspects = 20

// lookTwice says whether a blob that was not understood is to be asked for
// again, in case it was damaged on the way.
func (r *run) lookTwice(t *task) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return t.problems == 0 && r.suspects < trustedSuspects
}

// tee passes on what it reads to the store, keeps the rate, and tells progress.
type tee struct {
	ctx    context.Context
	from   io.Reader
	to     io.Writer
	r      *run
	untold int64
	failed error // of the answer
	local  error // of the store
}

func (t *tee) Read(p []byte) (int, error) {
	n, err := t.from.Read(p)
	if n > 0 {
		if _, e := t.to.Write(p[:n]); e != nil {
			t.local = fmt.Errorf("store an item: %w", e)
			return 0, t.local
		}
		if t.untold += int64(n); t.untold >= progressBytes/4 {
			t.r.out.progress(t.untold)
			t.untold = 0
		}
		if e := t.r.limit.Wait(t.ctx, n); e != nil {
			t.failed = e
			return n, e
		}
	}
	if err != nil && err != io.EOF {
		t.failed = err
	}
	return n, err
}

func (k *worker) discard(lists ...[]*arrived) {
	for _, list := range lists {
		for _, a := range list {
			k.w.Discard(a.staged)
		}
	}
}

// commit makes blobs part of the store. It goes on when the run is cancelled:
// what was received is kept.
func (k *worker) commit(ctx context.Context, list []*arrived) error {
	if len(list) == 0 {
		return nil
	}
	staged := make([]*store.Staged, len(list))
	for i, a := range list {
		staged[i] = a.staged
	}
	if err := k.r.st.Commit(context.WithoutCancel(ctx), staged); err != nil {
		return &localError{fmt.Errorf("commit to the store: %w", err)}
	}
	return k.r.exported(ctx, list)
}
