package match

import (
	"context"
	"errors"
	"fmt"
	"io"

	"mailferry/ews"
	"mailferry/fts"
	"mailferry/internal/retry"
	"mailferry/store"
)

// exportTries is how often an item of the target is asked for before it counts
// as not to be had.
const exportTries = 4

// SourceContent reads the content of a stored item. An error that is a
// *fts.Problem says that the blob is not understood.
func SourceContent(st *store.Store, it store.Item) (*fts.Content, error) {
	blob, err := st.OpenBlob(it)
	if err != nil {
		return nil, err
	}
	defer blob.Close()
	c, err := fts.ReadContent(blob)
	if err != nil {
		return nil, err
	}
	if _, err := io.Copy(io.Discard, blob); err != nil { // the hash is checked at the end
		return nil, err
	}
	return c, nil
}

// EachContent exports items of the target and hands their content to use, each
// once. err of use is why there is no content: an *ews.Error, a *fts.Problem, or
// why it can't be had. What is handed over before the whole answer was counted
// is certain only for answers that name the id that was asked for; the others
// are held back until then. use may give back an error to end it all.
func EachContent(ctx context.Context, c *ews.Client, ids []ews.ItemID, use func(i int, content *fts.Content, err error) error) error {
	at := make([]int, len(ids))
	for i := range at {
		at[i] = i
	}
	for try := 1; len(at) > 0; try++ {
		left, err := exportOnce(ctx, c, ids, at, try == 1, use)
		if err == nil && len(left) == 0 {
			return nil
		}
		if fatal := fatalExport(ctx, err, try); fatal != nil {
			return fatal
		}
		if try < exportTries {
			at = left
			pause := retry.Policy{}.Delay(try)
			if e, ok := errors.AsType[*ews.Error](err); ok {
				pause = max(pause, e.BackOff)
			}
			if err := retry.Sleep(ctx, pause); err != nil {
				return err
			}
			continue
		}
		if len(left) == 1 {
			return use(left[0], nil, err)
		}
		for _, i := range left { // one of them spoils the answer for all
			if err := EachContent(ctx, c, ids[i:i+1], func(_ int, content *fts.Content, err error) error {
				return use(i, content, err)
			}); err != nil {
				return err
			}
		}
		return nil
	}
	return nil
}

// fatalExport returns err if it ends more than an item.
func fatalExport(ctx context.Context, err error, try int) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if _, ok := errors.AsType[*ews.AuthError](err); ok {
		return err
	}
	if e, ok := errors.AsType[*ews.Error](err); ok {
		if endsMore(e) || ews.ActionFor("ExportItems", e).Then == ews.Abort && try >= exportTries {
			return err
		}
	}
	if errors.Is(err, ews.ErrNoExportItems) {
		return err
	}
	if stop, ok := errors.AsType[stopError](err); ok {
		return stop.err
	}
	return nil
}

// endsMore says that an error concerns more than one item, and won't pass.
func endsMore(e *ews.Error) bool {
	verb := ews.ActionFor("ExportItems", e).Verb
	return verb == ews.Abort || verb == ews.Bug
}

// stopError carries an error of use through the retries.
type stopError struct{ err error }

func (e stopError) Error() string { return e.err.Error() }

// exportOnce asks once for the items at the given places, and returns the
// places that must be asked for again. When it is the first look, these are also
// those of blobs that are not understood: they may have been damaged on the way.
func exportOnce(ctx context.Context, c *ews.Client, ids []ews.ItemID, at []int, first bool, use func(int, *fts.Content, error) error) (left []int, err error) {
	asked := make([]ews.ItemID, len(at))
	for k, i := range at {
		asked[k] = ews.ItemID{ID: ids[i].ID}
	}
	reader, err := c.ExportItems(ctx, asked)
	if err != nil {
		return at, err
	}
	defer reader.Close()
	type held struct {
		place   int
		content *fts.Content
		err     error
	}
	var hold []held
	var why error
	done := make([]bool, len(at))
	deliver := func(k int, content *fts.Content, err error) error {
		done[k] = true
		if err := use(at[k], content, err); err != nil {
			return stopError{err}
		}
		return nil
	}
	rest := func() []int {
		for k, i := range at {
			if !done[k] {
				left = append(left, i)
			}
		}
		return left
	}
	for {
		item, err := reader.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return rest(), err
		}
		if item.Index < 0 || item.Index >= len(at) {
			return rest(), fmt.Errorf("export: an answer for an item that was not asked for")
		}
		if item.Err != nil {
			if a := ews.ActionFor("ExportItems", item.Err); a.Verb == ews.Skip {
				hold = append(hold, held{item.Index, nil, item.Err})
			}
			if why == nil || endsMore(item.Err) {
				why = item.Err // later ones may only say that the batch was stopped
			}
			continue
		}
		content, problem := fts.ReadContent(reader)
		if problem != nil {
			if _, ok := errors.AsType[*fts.Problem](problem); !ok {
				return rest(), problem
			}
		}
		if _, err := io.Copy(io.Discard, reader); err != nil {
			return rest(), err
		}
		switch {
		case problem != nil && first:
			if why == nil {
				why = problem
			}
			continue
		case item.Confirmed:
			if err := deliver(item.Index, content, problem); err != nil {
				return nil, err
			}
			continue
		}
		hold = append(hold, held{item.Index, content, problem})
	}
	for _, h := range hold {
		if err := deliver(h.place, h.content, h.err); err != nil {
			return nil, err
		}
	}
	return rest(), why
}
