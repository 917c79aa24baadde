package verify

import (
	"context"
	"fmt"

	"mailferry/internal/proof"
	"mailferry/upload/match"
	"mailferry/upload/plan"
)

// doubled looks at what is left of a folder when each item has been found.
// What is equal in content to an item of the store, or to its copy, is there too
// often.
func (v *verification) doubled(ctx context.Context, g *plan.Group, l *match.Listing) error {
	for it, err := range v.choice.Items(v.o.Store, v.o.Mailbox, g) {
		if err != nil {
			return err
		}
		left := l.Find(it.Item)
		if len(left) == 0 {
			continue
		}
		_, e, err := plan.Stand(v.journal, it.Item)
		if err != nil {
			return err
		}
		ids := make([]string, 0, len(left)+1)
		for _, at := range left {
			ids = append(ids, l.Items[at].ID)
		}
		if e.TargetID != "" && l.Has(e.TargetID) {
			ids = append(ids, e.TargetID) // a server may have lost the same of both
		}
		sums, err := match.TargetSums(ctx, v.o.Client, ids)
		if err != nil {
			return fmt.Errorf("compare items of the target: %w", err)
		}
		source, err := match.SourceSum(v.o.Store, it.Item)
		if err != nil {
			return fmt.Errorf("compare items of the target: %w", err)
		}
		var own match.Sum
		if len(sums) > len(left) {
			own = sums[len(left)]
		}
		for i, at := range left {
			if sums[i].Equal(source) || sums[i].Equal(own) {
				l.Items[at].Taken = true
				const what = "there once more"
				v.tally.note(finding(Doubled, it.Item, it.Folder, l.Items[at].ID, what), 1)
				if err := v.record(it.Item, l.Items[at].ID, proof.Doubled, what); err != nil {
					return err
				}
			}
		}
	}
	return nil
}
