package verify

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"math"

	"golang.org/x/sync/errgroup"

	"mailferry/ews"
	"mailferry/fts"
	"mailferry/internal/event"
	"mailferry/internal/proof"
	"mailferry/store"
	"mailferry/upload/match"
)

// pair is an item of the store and its copy at the target.
type pair struct {
	item     store.Item
	folder   *store.Folder
	targetID string
}

// comparer exports copies in batches, several at a time, and compares each
// with its blob.
type comparer struct {
	v     *verification
	ctx   context.Context
	group *errgroup.Group
	batch []pair
	size  int64
}

func newComparer(ctx context.Context, v *verification) *comparer {
	c := &comparer{v: v}
	c.group, c.ctx = errgroup.WithContext(ctx)
	c.group.SetLimit(v.o.Workers)
	return c
}

// add takes a pair; it waits while all workers are busy.
func (c *comparer) add(p pair) error {
	if len(c.batch) >= c.v.o.BatchItems || len(c.batch) > 0 && c.size+p.item.Size > c.v.o.BatchBytes {
		c.send()
	}
	c.batch = append(c.batch, p)
	c.size += p.item.Size
	return context.Cause(c.ctx)
}

func (c *comparer) send() {
	batch := c.batch
	c.batch, c.size = nil, 0
	if len(batch) > 0 {
		c.group.Go(func() error { return c.compare(batch) })
	}
}

// wait ends it and returns the first error.
func (c *comparer) wait() error {
	c.send()
	return c.group.Wait()
}

func (c *comparer) compare(batch []pair) error {
	ids := make([]ews.ItemID, len(batch))
	for i, p := range batch {
		ids[i] = ews.ItemID{ID: p.targetID}
	}
	err := match.EachContent(c.ctx, c.v.o.Client, ids, func(i int, content *fts.Content, err error) error {
		return c.one(batch[i], content, err)
	})
	if err != nil {
		return fmt.Errorf("export items of the target to compare them: %w", err)
	}
	return nil
}

func (c *comparer) one(p pair, target *fts.Content, err error) error {
	v := c.v
	defer func() {
		v.Emit(event.Event{Kind: event.Progress, Bytes: p.item.Size})
		v.Item("verified", p.item, p.folder, p.targetID)
	}()
	if err != nil {
		if match.IsGone(err) {
			const what = "not there any more"
			v.tally.note(finding(Missing, p.item, p.folder, p.targetID, what), 1)
			return v.record(p.item, p.targetID, proof.Missing, what)
		}
		const what = "the target does not give it whole"
		v.tally.note(finding(Unverifiable, p.item, p.folder, p.targetID, what+": "+err.Error()), 1)
		return v.record(p.item, p.targetID, proof.Unverifiable, what)
	}
	source, err := match.SourceContent(v.o.Store, p.item)
	if err != nil {
		_, problem := errors.AsType[*fts.Problem](err)
		if !problem && !errors.Is(err, store.ErrDamaged) {
			return err
		}
		const what = "the stored item can't be read"
		v.tally.note(finding(Unverifiable, p.item, p.folder, p.targetID, what+": "+err.Error()), 1)
		return v.record(p.item, p.targetID, proof.Unverifiable, what)
	}
	differences := fts.Compare(source, target)
	v.tally.compared(p.item, p.folder, p.targetID, differences)
	if len(differences) == 0 {
		return v.record(p.item, p.targetID, proof.Equal)
	}
	reasons := make([]string, len(differences))
	for i, d := range differences {
		reasons[i] = d.String()
	}
	return v.record(p.item, p.targetID, proof.Different, reasons...)
}

// sampled says whether an item is among a share of all, for a seed always the
// same ones.
func sampled(id string, share float64, seed uint64) bool {
	if share <= 0 || share >= 1 {
		return true
	}
	h := fnv.New64a()
	h.Write([]byte(id))
	sum := h.Sum64() ^ seed*0x9e3779b97f4a7c15
	sum ^= sum >> 33 // fnv leaves the upper bits of ids that end alike alike
	sum *= 0xff51afd7ed558ccd
	sum ^= sum >> 33
	return float64(sum) < share*math.MaxUint64
}
