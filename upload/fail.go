package upload

import (
	"context"
	"errors"
	"fmt"

	"mailferry/ews"
	"mailferry/internal/event"
	"mailferry/store"
)

// Codes of failures that are not the server's.
const (
	CodeDamaged = "StoreDamaged"  // the blob in the store is not what was exported
	CodeBlob    = "StoreBlob"     // the blob in the store can't be read
	CodeLost    = "NoOutcome"     // sent again and again, never answered, never there
	CodeChanged = "TargetChanged" // its copy was changed at the target
)

// goneError says that an item that was uploaded before is not there any more.
type goneError struct{ err *ews.Error }

func (e *goneError) Error() string {
	return "gone at the target: the item changed at the source, and its copy was moved or deleted since it was uploaded"
}
func (e *goneError) Unwrap() error { return e.err }

// goneFailure explains why an item can't be replaced.
func (r *run) goneFailure(e *ews.Error) error {
	if r.o.InPlace != nil {
		return &localError{e.Cause(), "moved or deleted while it was to be put back: run the same command again", e}
	}
	return &goneError{e}
}

// localError is a failure that the server has no part in.
type localError struct {
	code string
	text string
	err  error
}

func (e *localError) Error() string { return e.text }
func (e *localError) Unwrap() error { return e.err }

// blobFailure explains why a blob can't be sent.
func blobFailure(err error) error {
	if errors.Is(err, store.ErrDamaged) {
		return &localError{CodeDamaged, "the stored item is damaged; nothing was sent of it: run 'mailferry store check' and export it again", err}
	}
	return &localError{CodeBlob, "the stored item can't be read: " + err.Error(), err}
}

// fail writes down that an item can't be moved.
func (r *run) fail(ctx context.Context, j *job, why error) error {
	ctx = context.WithoutCancel(ctx)
	code, text := "", why.Error()
	if e, ok := errors.AsType[*ews.Error](why); ok {
		code = e.Cause()
		if code == "" && e.HTTPStatus != 0 {
			code = fmt.Sprintf("HTTP%d", e.HTTPStatus)
		}
		if e.HTTPStatus == 413 || e.HTTPStatus == 404 {
			text = fmt.Sprintf("the server does not take a request of %d bytes: raise its limit for EWS requests (%s)", wireSize(j), text)
		}
	}
	if local, ok := errors.AsType[*localError](why); ok {
		code = local.code
	}
	if j.where() != "" {
		entry := j.entry(store.StateFailed)
		entry.Code = code
		if err := r.settle(ctx, []store.JournalEntry{entry}); err != nil {
			return err
		}
	}
	f := store.Failure{
		FailureKey: r.failureKey(j.item.ID), FolderPath: j.folder.Path, FolderID: j.folder.ID, Subject: j.item.Catalogue.Subject,
		Class: j.item.Catalogue.Class, Size: j.item.Size, Code: code, Text: text,
	}
	if err := r.o.Store.RecordFailure(ctx, f); err != nil {
		return fmt.Errorf("write down a failure: %w", err)
	}
	kept, _, err := r.o.Store.Failure(f.FailureKey)
	if err != nil {
		return fmt.Errorf("read a failure: %w", err)
	}
	r.mu.Lock()
	r.sum.Failed++
	r.failed[j.item.ID] = true
	if !kept.Accepted.IsZero() {
		r.sum.Accepted++
	}
	if r.o.MaxFailures > 0 && r.sum.Failed-r.sum.Accepted > r.o.MaxFailures {
		r.stop = true
	}
	r.mu.Unlock()
	r.Emit(event.Event{
		Kind: event.Failure, Folder: f.FolderPath, Item: j.item.ID, Class: f.Class, Subject: f.Subject,
		Code: code, Text: text, Bytes: f.Size,
	})
	return nil
}
