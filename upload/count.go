package upload

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"mailferry/ews"
	"mailferry/upload/place"
	"mailferry/upload/plan"
)

// count goes through all chosen items once, so that the work is known.
func (r *run) count(ctx context.Context) error {
	var bytes int64
	items := 0
	elsewhere := make(map[string]int) // folder of the target -> items of other groups that were put there
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
			state, e, err := plan.Stand(r.journal, it.Item)
			if err != nil {
				return err
			}
			switch {
			case state != plan.IsDone && state != plan.IsChanged:
			case e.TargetFolder != g.Node.ID:
				elsewhere[e.TargetFolder]++
			case !it.Associated:
				g.put++
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
	if err := r.tellElsewhere(ctx, elsewhere); err != nil {
		return err
	}
	return r.tellFewer(ctx)
}

// tellElsewhere tells of items that count as uploaded and are not where this run
// would put them.
func (r *run) tellElsewhere(ctx context.Context, items map[string]int) error {
	ids := slices.Collect(maps.Keys(items))
	gone, moved := 0, 0
	for part := range slices.Chunk(ids, 100) {
		refs := make([]ews.FolderRef, len(part))
		for i, id := range part {
			refs[i] = ews.FolderByID(id)
		}
		results, err := r.o.Client.GetFolders(ctx, refs)
		if err != nil {
			return fmt.Errorf("look for folders of the target: %w", err)
		}
		for i, f := range results {
			if f.Err != nil && folderGone(f.Err) {
				gone += items[part[i]]
			} else {
				moved += items[part[i]]
			}
		}
	}
	if gone > 0 {
		r.Warn(fmt.Sprintf("%d items were uploaded before into folders that the target no longer has; they are not uploaded again. 'mailferry verify' names them; --into puts all items into a folder of its own", gone))
	}
	if moved > 0 {
		r.Warn(fmt.Sprintf("%d items were uploaded before into other folders than this run would put them into; they stay there", moved))
	}
	return nil
}

// tellFewer tells of folders that hold fewer items than were put there.
func (r *run) tellFewer(ctx context.Context) error {
	put := make(map[*place.Node]int)
	var nodes []*place.Node
	for _, g := range r.groups {
		if g.put > g.Node.Total {
			put[g.Node] = g.put
			nodes = append(nodes, g.Node)
		}
	}
	totals, err := place.Totals(ctx, r.o.Client, nodes) // what was on its way may have come since
	if err != nil {
		return err
	}
	folders, items := 0, 0
	for n, total := range totals {
		if less := put[n] - total; less > 0 {
			folders++
			items += less
		}
	}
	if items > 0 {
		r.Warn(fmt.Sprintf("%d folders of the target hold fewer items than were uploaded into them before (%d fewer): they were moved or deleted there, and are not uploaded again. 'mailferry verify' names them", folders, items))
	}
	return nil
}
