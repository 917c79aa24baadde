package upload

import (
	"context"
	"fmt"
	"time"

	"mailferry/store"
)

// done writes down what the target named an id for.
func (r *run) done(ctx context.Context, jobs []*job, began time.Time) error {
	if len(jobs) == 0 {
		return nil
	}
	if err := r.settleAs(ctx, jobs, store.StateDone); err != nil {
		return err
	}
	var cleared []store.FailureKey
	r.mu.Lock()
	for _, j := range jobs {
		r.sum.Moved++
		r.sum.Bytes += j.item.Size
		if r.failed[j.item.ID] {
			delete(r.failed, j.item.ID)
			cleared = append(cleared, r.failureKey(j.item.ID))
		}
		id := j.group.Node.ID
		if !j.first.IsZero() && j.first.Before(began) {
			began = j.first // an earlier attempt may have been carried out after all
		}
		r.windows[id] = max(r.windows[id], time.Since(began))
		switch {
		case j.update:
		case j.item.Associated:
			j.group.sentFAI++
		default:
			j.group.sent++
		}
	}
	r.mu.Unlock()
	for _, j := range jobs {
		r.claim(j.targetID)
		r.tell(j, r.action(j, true))
	}
	return r.clear(ctx, cleared)
}

func (r *run) clear(ctx context.Context, keys []store.FailureKey) error {
	if len(keys) == 0 {
		return nil
	}
	if err := r.o.Store.ClearFailure(context.WithoutCancel(ctx), keys...); err != nil {
		return fmt.Errorf("clear failures: %w", err)
	}
	return nil
}
