package upload

import (
	"context"

	"mailferry/upload/plan"
)

// count goes through all chosen items once, so that the work is known.
func (r *run) count(ctx context.Context) error {
	var bytes int64
	items := 0
	for _, g := range r.groups {
		r.sum.Folders += len(g.Sources)
		for it, err := range r.choice.Items(r.o.Store, r.o.Mailbox, g.Group) {
			if err != nil {
				return err
			}
			if err := ctx.Err(); err != nil {
				return context.Cause(ctx)
			}
			r.sum.Found++
			if it.Problem != "" {
				r.suspects++
			}
			state, _, err := plan.Stand(r.journal, it.Item)
			if err != nil {
				return err
			}
			switch state {
			case plan.IsDone:
				r.sum.Already++
				if r.o.DryRun {
					r.tell(&job{item: it.Item, folder: it.Folder, group: g}, "skip")
				}
				continue
			case plan.IsChanged:
				g.updates++
			default:
				g.fresh++
			}
			g.folded = g.folded || it.Associated
			items++
			bytes += it.Size
		}
	}
	r.Planned(items, bytes)
	return nil
}
