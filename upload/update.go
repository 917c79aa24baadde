package upload

import (
	"context"
	"errors"
	"fmt"
	"time"

	"mailferry/ews"
	"mailferry/upload/match"
)

// changedFailure explains why a copy is left as it is.
func changedFailure() error {
	return &localError{CodeChanged, "changed at the source, and at the target, too, since it was uploaded; nothing was overwritten: run again with --if-exists replace to put the stored item in its place", nil}
}

// guard looks at the copies that are to be replaced, and returns the jobs that
// may be sent. A copy that is not what the journal left there, nor any version of
// the item that the store ever held, was changed by somebody: it is overwritten
// only where that was asked for. A copy that is the wanted version already (the
// answer to an earlier update was lost) is done.
func (s *sending) guard(ctx context.Context, jobs []*job) ([]*job, error) {
	var ids []ews.ItemID
	var updates, send []*job
	for _, j := range jobs {
		if j.update {
			updates, ids = append(updates, j), append(ids, ews.ItemID{ID: j.targetID})
		} else {
			send = append(send, j)
		}
	}
	if len(updates) == 0 {
		return jobs, nil
	}
	results, err := s.r.o.Client.GetItems(ctx, ids, 0)
	if err != nil {
		return nil, fmt.Errorf("read items of the target before they are replaced: %w", err)
	}
	if len(results) != len(ids) {
		return nil, errors.New("read items of the target before they are replaced: the server answered for another number of items")
	}
	var refused, doubtful []*job
	var why []ews.UploadResult
	for i, j := range updates {
		switch key := results[i].Item.ChangeKey; {
		case results[i].Err != nil:
			refused, why = append(refused, j), append(why, ews.UploadResult{Err: results[i].Err})
		default:
			j.currentKey = key
			if s.r.o.IfExists == Replace || key != "" && key == j.changeKey {
				send = append(send, j)
			} else {
				doubtful = append(doubtful, j)
			}
		}
	}
	if len(refused) > 0 {
		if err := s.answers(ctx, refused, why, time.Now()); err != nil {
			return nil, err
		}
	}
	safe, err := s.unchanged(ctx, doubtful)
	return append(send, safe...), err
}

// unchanged compares copies with the versions of their items that the store
// holds, and returns those that may be replaced.
func (s *sending) unchanged(ctx context.Context, jobs []*job) (safe []*job, err error) {
	if len(jobs) == 0 {
		return nil, nil
	}
	ids := make([]string, len(jobs))
	byID := make(map[string]int, len(jobs))
	for i, j := range jobs {
		ids[i], byID[j.item.ID] = j.targetID, i
	}
	copies, err := match.TargetSums(ctx, s.r.o.Client, ids)
	if err != nil {
		return nil, fmt.Errorf("read items of the target before they are replaced: %w", err)
	}
	known := make([]bool, len(jobs)) // the copy is a version of ours
	var done, changed []*job
	for it, err := range s.r.o.Store.OldVersions(s.r.o.Mailbox) {
		if err != nil {
			return nil, fmt.Errorf("read the store: %w", err)
		}
		i, ok := byID[it.ID]
		if !ok || known[i] {
			continue
		}
		sum, err := match.SourceSum(s.r.o.Store, it)
		if err != nil {
			return nil, fmt.Errorf("read the store: %w", err)
		}
		known[i] = sum.Equal(copies[i])
	}
	for i, j := range jobs {
		sum, err := match.SourceSum(s.r.o.Store, j.item)
		if err != nil {
			return nil, fmt.Errorf("read the store: %w", err)
		}
		switch {
		case sum.Equal(copies[i]):
			j.changeKey = j.currentKey
			done = append(done, j)
		case known[i]:
			safe = append(safe, j)
		default:
			changed = append(changed, j)
		}
	}
	if err := s.r.done(ctx, done, time.Now()); err != nil {
		return nil, err
	}
	for _, j := range changed {
		if err := s.r.fail(ctx, j, changedFailure()); err != nil {
			return nil, err
		}
	}
	return safe, nil
}
