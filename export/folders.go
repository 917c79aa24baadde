package export

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"mailferry/ews"
	"mailferry/internal/event"
	"mailferry/internal/retry"
	"mailferry/internal/selection"
	"mailferry/store"
	"mailferry/store/query"
)

// folder is a folder of the source that is in reach of the options.
type folder struct {
	store.Folder
	look look
}

// readFolders learns the folders of the mailbox, writes them down, and leaves
// in r.folders those that are selected.
func (r *run) readFolders(ctx context.Context) error {
	began := time.Now()
	roles, err := r.readRoles(ctx)
	if err != nil {
		return err
	}
	t, err := r.readTree(ctx, roles)
	if err != nil {
		return err
	}
	known := t.inReach(r.o)
	names := make([]selection.FolderName, 0, len(known))
	for _, f := range known {
		names = append(names, selection.FolderName{Path: f.Path, Distinguished: f.Distinguished})
	}
	if err := r.o.Selection.Validate(names); err != nil {
		return err
	}
	if r.o.Query != nil {
		if r.query, err = query.NewQuery(r.o.Query, map[string][]store.Folder{r.mailbox: known}); err != nil {
			return err
		}
	}
	if err := r.keepFolders(ctx, t, known); err != nil {
		return err
	}
	skew := r.client.Stats().Skew
	for _, f := range known {
		if r.o.Selection.Folder(f.Path, f.Distinguished) {
			r.folders = append(r.folders, &folder{f, lookAt(t.byID[f.ID].Folder, began, skew)})
		}
	}
	slices.SortFunc(r.folders, func(a, b *folder) int { return strings.Compare(a.Path, b.Path) })
	r.mu.Lock()
	r.sum.Folders = len(r.folders)
	r.mu.Unlock()
	for _, f := range r.folders {
		action := "export"
		if r.o.DryRun {
			action = "would-export"
		}
		r.out.emit(event.Event{Kind: event.Folder, Action: action, Folder: f.Path, Class: f.Class, Items: f.Total})
	}
	for _, d := range t.tooDeep {
		if err := r.failFolder(ctx, &folder{Folder: d}, "TooDeep", fmt.Sprintf("the folder is nested deeper than %d levels and was left out", maxDepth)); err != nil {
			return err
		}
	}
	return nil
}

// keepFolders writes down folders that are new or changed, and those that are
// not at the source any more.
func (r *run) keepFolders(ctx context.Context, t *tree, known []store.Folder) error {
	if r.st == nil || r.o.DryRun {
		return nil
	}
	now := time.Now().UTC()
	err := r.st.PutMailbox(store.Mailbox{
		Address: r.mailbox, ServerURL: r.o.ServerURL, ServerVersion: r.client.ServerVersion().String(), FirstRun: now, LastRun: now,
	})
	if err != nil {
		return fmt.Errorf("write down the mailbox: %w", err)
	}
	before, err := r.st.Folders(r.mailbox)
	if err != nil {
		return fmt.Errorf("read the folders in the store: %w", err)
	}
	was := make(map[string]store.Folder, len(before))
	for _, f := range before {
		was[f.ID] = f
	}
	var put []store.Folder
	for _, f := range known {
		if was[f.ID] != f {
			put = append(put, f)
		}
	}
	var gone []store.Folder
	for _, f := range before {
		if t.gone(f) {
			f.Gone = true
			put, gone = append(put, f), append(gone, f)
		}
	}
	for part := range slices.Chunk(put, 500) {
		if err := r.st.PutFolders(ctx, r.mailbox, part); err != nil {
			return fmt.Errorf("write down the folders: %w", err)
		}
	}
	for _, f := range gone {
		r.out.emit(event.Event{Kind: event.Folder, Action: "gone", Folder: f.Path})
		if err := errors.Join(r.dropFolder(ctx, f.ID), r.clearFailure(ctx, f.ID)); err != nil {
			return err
		}
	}
	return nil
}

// roleTiers are the well-known names to ask for, all first. Servers refuse a
// request that holds a name their schema does not know, so older ones are asked
// with fewer.
func roleTiers(o Options) [][]string {
	wanted := func(name string) bool {
		switch {
		case strings.HasPrefix(name, "archive"):
			return o.Archive
		case name == "publicfoldersroot":
			return false // asked for on its own: without the right it would stop the batch
		}
		return true
	}
	var all []string
	for _, name := range selection.Roles() {
		if wanted(name) {
			all = append(all, name)
		}
	}
	// The order matters where an entry stops the batch: the visible tree first.
	slices.SortStableFunc(all, func(a, b string) int { return roleRank(a) - roleRank(b) })
	var old []string
	for _, name := range all {
		if slices.Contains(roles2010, name) {
			old = append(old, name)
		}
	}
	return [][]string{all, old}
}

func roleRank(name string) int {
	switch {
	case name == "msgfolderroot":
		return 0
	case strings.HasPrefix(name, "archive"):
		return 3
	case strings.HasPrefix(name, "recoverable"):
		return 2
	}
	return 1
}

// roles2010 are the names that Exchange 2010 SP1 knows.
var roles2010 = strings.Fields(`calendar contacts deleteditems drafts inbox journal notes outbox sentitems tasks
	msgfolderroot root junkemail searchfolders voicemail
	recoverableitemsroot recoverableitemsdeletions recoverableitemsversions recoverableitemspurges
	archiveroot archivemsgfolderroot archivedeleteditems archiverecoverableitemsroot
	archiverecoverableitemsdeletions archiverecoverableitemsversions archiverecoverableitemspurges`)

// readRoles asks in one request which folders have a role.
func (r *run) readRoles(ctx context.Context) (map[string]ews.Folder, error) {
	var err error
	for _, names := range roleTiers(r.o) {
		var found map[string]ews.Folder
		if found, err = r.askRoles(ctx, names); err == nil {
			return found, nil
		}
		refused, ok := errors.AsType[*ews.Error](err)
		if !ok || refused.Scope != ews.ScopeFault || refused.Code != "ErrorSchemaValidation" && refused.Code != "ErrorInvalidRequest" {
			break
		}
	}
	return nil, fmt.Errorf("read the folders: %w", err)
}

func (r *run) askRoles(ctx context.Context, names []string) (map[string]ews.Folder, error) {
	found := make(map[string]ews.Folder)
	pauses := r.o.Patience.Retry
	for attempt := 0; ; attempt++ {
		refs := make([]ews.FolderRef, len(names))
		for i, name := range names {
			refs[i] = ews.Distinguished(name)
		}
		results, err := r.client.GetFolders(ctx, refs)
		if err != nil {
			return nil, err
		}
		var again []string
		var last *ews.Error
		for i, res := range results {
			switch {
			case res.Err == nil:
				res.Folder.Distinguished = names[i]
				found[names[i]] = res.Folder
			case retryable(res.Err):
				again, last = append(again, names[i]), res.Err
			case names[i] == "msgfolderroot":
				return nil, res.Err
			}
		}
		if len(again) == 0 {
			return found, nil
		}
		if attempt >= len(pauses) {
			return nil, last
		}
		names = again
		if err := retry.Sleep(ctx, pauses[attempt]); err != nil {
			return nil, err
		}
	}
}

// retryable says that an entry of a list may succeed when it is asked for again.
func retryable(e *ews.Error) bool {
	switch ews.ActionFor(e.Op, e).Verb {
	case ews.Retry, ews.Resend:
		return true
	}
	return false
}
