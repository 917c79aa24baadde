package export

import (
	"context"
	"errors"
	"fmt"
	"time"

	"mailferry/ews"
	"mailferry/fts"
	"mailferry/internal/event"
	"mailferry/store"
)

func isProblem(err error) bool {
	_, ok := errors.AsType[*fts.Problem](err)
	return ok
}

func isTruncated(err error) bool {
	_, ok := errors.AsType[*ews.TruncatedError](err)
	return ok
}

// codeOf names an error that the server gave no code for.
func codeOf(err error) string {
	if errors.Is(err, errEmpty) {
		return ews.CodeEmptyData
	}
	if _, ok := errors.AsType[*ews.CountError](err); ok {
		return "wrong-count"
	}
	if _, ok := errors.AsType[*ews.TransportError](err); ok {
		return "connection-lost"
	}
	return "protocol-error"
}

// troubled notes that the mailbox as a whole is in a trouble that may pass. It
// says how often and for how long that was so since it last gave an item. The
// tries of each item don't tell: there may be many of them.
func (r *run) troubled() (times int, lasting time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.troubles++; r.troubles == 1 {
		r.troubledAt = time.Now()
	}
	return r.troubles, time.Since(r.troubledAt)
}

// exported settles items that are on disk.
func (r *run) exported(ctx context.Context, list []*arrived) error {
	r.mu.Lock()
	r.troubles = 0
	r.mu.Unlock()
	for _, a := range list {
		r.mu.Lock()
		r.sum.Moved++
		r.sum.Left--
		r.sum.Bytes += a.size
		code := ""
		if a.problem != "" {
			r.sum.Suspect++
			r.suspects++
			code = "suspect"
		}
		r.mu.Unlock()
		r.out.emit(event.Event{
			Kind: event.Item, Action: "exported", Folder: a.folder.Path, Item: a.ID, Class: a.cat.Class, Subject: a.cat.Subject,
			Bytes: a.size, Code: code, Text: a.problem,
		})
		if err := r.clearFailure(ctx, a.ID); err != nil {
			return err
		}
	}
	return nil
}

// vanish settles items that are not there any more. Where they went, the next
// run will see: a moved item has a new id.
func (r *run) vanish(ctx context.Context, tasks []*task) error {
	if len(tasks) == 0 {
		return nil
	}
	keys := make([]store.ItemKey, len(tasks))
	for i, t := range tasks {
		keys[i] = t.ItemKey
	}
	if err := r.st.DropPending(context.WithoutCancel(ctx), keys...); err != nil {
		return &localError{fmt.Errorf("drop vanished items: %w", err)}
	}
	for _, t := range tasks {
		r.mu.Lock()
		r.sum.Left--
		r.mu.Unlock()
		r.out.emit(event.Event{
			Kind: event.Item, Action: "vanished", Folder: t.folder.Path, Item: t.ID, Class: t.Class,
			Text: "the item was deleted or moved while the run was under way",
		})
		if err := r.clearFailure(ctx, t.ID); err != nil {
			return err
		}
	}
	return nil
}

// describeTime bounds how long a failed item's subject is asked for.
const describeTime = 20 * time.Second

// fail records that an item can't be exported. It stays pending, so that the
// next run tries it again.
func (k *worker) fail(ctx context.Context, t *task, code, text string) error {
	r := k.r
	subject, class := "", t.Class
	// Best effort: the record is more useful with a subject, and as true without.
	asking, over := context.WithTimeout(ctx, describeTime)
	defer over()
	_ = r.describe(asking, []ews.ItemID{{ID: t.ID}}, ews.PropSubject|ews.PropClass, func(_ int, it ews.Item) {
		subject, class = it.Subject, it.Class
	})
	accepted, err := r.record(ctx, store.Failure{
		FailureKey: r.failureKey(t.ID), FolderPath: t.folder.Path, FolderID: t.folder.ID,
		Subject: subject, Class: class, Size: t.Size, Code: code, Text: text, Attempts: t.attempts,
	})
	if err != nil {
		return err
	}
	r.mu.Lock()
	r.sum.Failed++
	r.sum.Left--
	if accepted {
		r.sum.Accepted++
	}
	tooMany := r.o.MaxFailures > 0 && r.sum.Failed-r.sum.Accepted > r.o.MaxFailures
	r.mu.Unlock()
	r.out.emit(event.Event{
		Kind: event.Failure, Folder: t.folder.Path, Item: t.ID, Class: class, Subject: subject, Bytes: t.Size, Code: code, Text: text,
	})
	if tooMany {
		return fmt.Errorf("stopped because more than %d items failed; see 'mailferry failures list', then raise --max-failures", r.o.MaxFailures)
	}
	return nil
}
