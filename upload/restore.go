package upload

import (
	"context"
	"fmt"
	"iter"
	"strings"
	"time"

	"mailferry/ews"
	"mailferry/internal/event"
	"mailferry/store"
	"mailferry/upload/inplace"
	"mailferry/upload/match"
	"mailferry/upload/place"
	"mailferry/upload/plan"
)

// inPlaceName ends the name of the journal of what was put back in place. No
// folder that a user can name is called so.
const inPlaceName = "/#in-place"

// InPlaceTarget is the name of the target in failures and summaries of items that
// were put back into the mailbox they are from.
func InPlaceTarget(mailbox string) string { return strings.ToLower(mailbox) + inPlaceName }

// CutInPlace returns the mailbox of a name that InPlaceTarget gave.
func CutInPlace(target string) (mailbox string, ok bool) {
	return strings.CutSuffix(target, inPlaceName)
}

// InPlace has Run put items back where they were: what is missing is made again
// in its folder, what was changed since is replaced under the id it has, and what
// was moved to another folder is left there. Target must be the mailbox that
// Mailbox was exported from. Into, Map and IfExists have no meaning then.
type InPlace struct {
	OnlyMissing bool // what is there is left as it is, changed or not
	OnlyChanged bool // what is missing is left out
}

// action is what events say of a job that is done, or would be.
func (r *run) action(j *job, done bool) string {
	words := [...]string{"would-upload", "uploaded", "would-update", "updated"}
	if r.o.InPlace != nil {
		words = [...]string{"would-restore", "restored", "would-put-back", "put-back"}
	}
	i := 0
	if j.update {
		i += 2
	}
	if done {
		i++
	}
	return words[i]
}

// countInPlace looks at how all chosen items stand, tells of those that need
// nothing, and counts the work.
func (r *run) countInPlace(ctx context.Context) error {
	r.Phase("looking at what the mailbox has")
	groups := make([]*plan.Group, len(r.groups))
	for i, g := range r.groups {
		groups[i] = g.Group
	}
	r.survey = &inplace.Survey{
		Client: r.o.Client, Store: r.o.Store, Journal: r.journal, Mailbox: r.o.Mailbox, Tree: r.tree, Choice: &r.choice, Groups: groups,
		Except: r.exceptClaimed, Presence: r.o.InPlace.OnlyMissing,
	}
	if err := r.survey.Run(ctx); err != nil {
		return err
	}
	var work struct {
		items, left, edited int
		bytes               int64
	}
	for _, g := range r.groups {
		r.sum.Folders += len(g.Sources)
		for it, err := range r.choice.Items(r.o.Store, r.o.Mailbox, g.Group) {
			if err != nil {
				return err
			}
			if err := ctx.Err(); err != nil {
				return context.Cause(ctx)
			}
			st, err := r.survey.Of(it.Item)
			if err != nil {
				return err
			}
			g.seen++
			j := &job{item: it.Item, folder: it.Folder, group: g}
			switch st.Kind {
			case inplace.Same:
				continue
			case inplace.Missing:
				if r.o.InPlace.OnlyChanged {
					work.left++
					continue
				}
				g.fresh++
			case inplace.Changed:
				g.updates++
			case inplace.Unreadable:
				err = r.unreadable(ctx, j, st)
			case inplace.MovedChanged:
				work.edited++
				err = r.leave(ctx, j, "moved-changed", st.Node)
			case inplace.Moved:
				err = r.leave(ctx, j, "moved", st.Node)
			default:
				err = r.leave(ctx, j, "there-already", nil)
			}
			if err != nil {
				return err
			}
			r.sum.Found++
			if it.Problem != "" {
				r.suspects++
			}
			if st.Kind == inplace.Missing || st.Kind == inplace.Changed {
				g.folded = g.folded || it.Associated
				work.items++
				work.bytes += it.Size
			}
		}
	}
	r.Planned(work.items, work.bytes)
	if work.left > 0 {
		r.Warn(fmt.Sprintf("%d items are not in the mailbox any more; only changed ones were asked for", work.left))
	}
	if work.edited > 0 {
		r.Warn(fmt.Sprintf("%d items were moved to other folders and changed there; they are left as they are. --under puts the stored ones into a folder of their own", work.edited))
	}
	return nil
}

// leave tells of an item that needs nothing; node is where it was moved to.
func (r *run) leave(ctx context.Context, j *job, action string, node *place.Node) error {
	r.mu.Lock()
	r.sum.Already++
	failed := r.failed[j.item.ID]
	delete(r.failed, j.item.ID)
	r.mu.Unlock()
	e := event.Event{
		Kind: event.Item, Action: action, Folder: j.folder.Path, Item: j.item.ID,
		Class: j.item.Catalogue.Class, Subject: j.item.Catalogue.Subject, Bytes: j.item.Size,
	}
	if node != nil {
		e.Text = node.Path()
	}
	r.Emit(e)
	if !failed || r.o.DryRun {
		return nil
	}
	return r.clear(ctx, []store.FailureKey{r.failureKey(j.item.ID)})
}

// unreadable deals with an item that the server does not tell of.
func (r *run) unreadable(ctx context.Context, j *job, st inplace.Standing) error {
	if a := ews.ActionFor("GetItem", st.Err); a.Verb == ews.Abort || a.Then == ews.Abort {
		return fmt.Errorf("look for items in the mailbox: %w", st.Err)
	}
	if r.o.DryRun {
		r.tell(j, "unreadable")
		return nil
	}
	e, _, err := r.journal.Get(j.item.Mailbox, j.item.ID)
	if err != nil {
		return fmt.Errorf("read the journal: %w", err)
	}
	j.targetID, j.parent = e.TargetID, e.TargetFolder // a copy is not forgotten
	return r.fail(ctx, j, st.Err)
}

// jobsInPlace yields what is to be put back. Folders are made on the way.
func (r *run) jobsInPlace(ctx context.Context) iter.Seq2[*job, error] {
	return func(yield func(*job, error) bool) {
		for _, g := range r.groups {
			if err := r.putBack(ctx, g, func(j *job) bool { return yield(j, nil) }); err != nil {
				if err != errEnough {
					yield(nil, err)
				}
				return
			}
		}
	}
}

func (r *run) putBack(ctx context.Context, g *group, yield func(*job) bool) error {
	var prepared error
	if g.fresh > 0 || g.seen == 0 && !r.o.InPlace.OnlyChanged && r.wantEmpty(g) {
		if prepared = r.prepare(ctx, g); prepared != nil && !isFolderFailure(prepared) {
			return prepared
		}
	}
	if g.fresh+g.updates == 0 {
		return nil
	}
	for it, err := range r.choice.Items(r.o.Store, r.o.Mailbox, g.Group) {
		if err != nil {
			return err
		}
		st, err := r.survey.Of(it.Item)
		if err != nil {
			return err
		}
		j := &job{item: it.Item, folder: it.Folder, group: g}
		switch {
		case st.Kind == inplace.Changed:
			j.targetID, j.parent, j.update = st.ID, st.Folder, true
		case st.Kind != inplace.Missing || r.o.InPlace.OnlyChanged:
			continue
		case prepared != nil:
			if err := r.fail(ctx, j, prepared); err != nil {
				return err
			}
			continue
		}
		if !yield(j) {
			return errEnough
		}
	}
	return nil
}

// exceptOlder leaves out of a listing what the store knew before anything was sent
// that is looked for: other items of the same mailbox.
func (r *run) exceptOlder(wanted *match.Wanted, list []*open) error {
	if r.o.InPlace == nil {
		return nil
	}
	var sent time.Time
	for _, o := range list {
		at := o.entry.At
		if o.lost != nil {
			at = o.lost.at
		}
		if sent.IsZero() || at.Before(sent) {
			sent = at
		}
	}
	folders, err := r.o.Store.Folders(r.o.Mailbox)
	if err != nil {
		return fmt.Errorf("read the folders of the store: %w", err)
	}
	older := make(match.Set)
	for _, f := range folders {
		for it, err := range r.o.Store.Items(r.o.Mailbox, f.ID) {
			if err != nil {
				return fmt.Errorf("read the items of the store: %w", err)
			}
			if it.ExportedAt.Before(sent) {
				older.Add(it.ID)
			}
		}
	}
	wanted.Except(older)
	return nil
}
