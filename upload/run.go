package upload

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sync"
	"time"

	"mailferry/internal/event"
	"mailferry/internal/gate"
	"mailferry/internal/pace"
	"mailferry/store"
	"mailferry/upload/inplace"
	"mailferry/upload/match"
	"mailferry/upload/place"
	"mailferry/upload/plan"
)

// kind is how the run is called in the store's list of runs.
func (r *run) kind() string {
	if r.o.InPlace != nil {
		return "restore"
	}
	return "upload"
}

// run is an upload under way. The goroutine of Run plans, cuts batches and
// settles; workers send.
type run struct {
	plan.Teller
	o       Options
	journal *store.Journal
	choice  plan.Choice
	tree    *place.Tree
	groups  []*group
	survey  *inplace.Survey // nil: not in place, or not made yet
	begun   time.Time
	limit   *pace.Limiter

	claimed match.Set            // ids of the target that the journal names; nil: not read yet
	told    map[*place.Node]bool // folders that a dry run told of
	unended bool                 // not all jobs were looked at

	mu          sync.Mutex // guards what is below
	sum         event.Summary
	suspects    int
	failed      map[string]bool // items with a failure in the store
	windows     map[string]time.Duration
	justClaimed match.Set
	stop        bool // no new request
}

func (o *Options) defaults() error {
	if o.IfExists == "" {
		o.IfExists = Skip
	}
	switch {
	case o.Client == nil || o.Store == nil:
		return errors.New("upload: a client and a store are needed")
	case o.Mailbox == "" || o.Target == "":
		return place.Usagef("upload: name the mailbox in the store and the target mailbox")
	case o.InPlace != nil && (o.Into != "" || len(o.Map) > 0):
		return errors.New("upload: items that are put back in place go nowhere else")
	case o.IfExists != Skip && o.IfExists != Copy && o.IfExists != Replace:
		return place.Usagef("if-exists %q: use skip, copy or replace", o.IfExists)
	}
	if o.InPlace != nil {
		o.IfExists = Replace
	}
	if o.Workers <= 0 {
		o.Workers = 4
	}
	if o.BatchItems <= 0 {
		o.BatchItems = 50
	}
	if o.BatchBytes <= 0 {
		o.BatchBytes = 20e6
	}
	o.BatchBytes = min(o.BatchBytes, hardStop)
	if o.Patience.Retry == nil {
		o.Patience.Retry = []time.Duration{time.Second, 5 * time.Second, 15 * time.Second, time.Minute}
	}
	if o.Patience.Quiet == 0 {
		o.Patience.Quiet = 5 * time.Second
	}
	return nil
}

// Run uploads a mailbox. The summary is true of what was done also when there
// is an error: nothing that was written down is lost. When it ends without an
// error and Left is not 0, it was drained or stopped at MaxFailures.
func Run(ctx context.Context, o Options) (event.Summary, error) {
	if err := o.defaults(); err != nil {
		return event.Summary{}, err
	}
	target, err := plan.JournalName(o.Store, o.Target, o.Into)
	if err != nil {
		return event.Summary{}, err
	}
	if o.InPlace != nil {
		target = InPlaceTarget(o.Target)
	}
	r := &run{
		o: o, begun: time.Now(), limit: pace.New(o.LimitRate),
		Teller: plan.Teller{Events: o.Events, Mailbox: o.Mailbox, Target: target},
		told:   make(map[*place.Node]bool), windows: make(map[string]time.Duration), justClaimed: make(match.Set),
		choice: plan.Choice{
			Selection: o.Selection, Associated: o.Associated, Deleted: o.IncludeDeleted, Match: o.Match,
			Trees: place.Trees{Hidden: o.Hidden, Archive: o.Archive, Recoverable: o.Recoverable, Public: o.Public},
		},
	}
	r.sum = event.Summary{Mailbox: o.Mailbox, Target: r.Target}
	before := o.Client.Stats()
	err = r.run(ctx)
	after := o.Client.Stats()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sum.Elapsed = time.Since(r.begun)
	r.sum.Waited, r.sum.Waits, r.sum.Skew = after.Waited-before.Waited, gate.Since(before.Waits, after.Waits), after.Skew
	r.sum.Retries = after.Retries - before.Retries
	for op, n := range after.Requests {
		r.sum.Requests += n - before.Requests[op]
	}
	if !o.DryRun {
		r.sum.Left = max(0, r.sum.Found-r.sum.Moved-r.sum.Already-r.sum.Failed)
		r.sum.Partial = r.unended && r.sum.Left == 0 // empty folders may be missing
	}
	return r.sum, err
}

func (r *run) run(ctx context.Context) error {
	r.choice.NamedTrees()
	folders, err := plan.Source(r.o.Store, r.o.Mailbox, &r.choice)
	if err != nil {
		return err
	}
	if r.journal, err = r.o.Store.Journal(r.Target); err != nil {
		return fmt.Errorf("open the journal: %w", err)
	}
	r.Phase("reading the target")
	if r.tree, err = place.Read(ctx, r.o.Client, r.choice.Trees); err != nil {
		return err
	}
	placement, err := r.placement(folders)
	if err != nil {
		return err
	}
	groups, err := plan.Groups(placement, folders, &r.choice, r.o.Store, r.o.Mailbox)
	if err != nil {
		return err
	}
	for _, g := range groups {
		r.groups = append(r.groups, &group{Group: g})
	}
	for _, text := range placement.Notices {
		r.Warn(text)
	}
	for _, g := range r.groups {
		for _, f := range g.Sources {
			if r.o.InPlace != nil && f.Path == g.Node.Path() {
				continue
			}
			r.Emit(event.Event{Kind: event.Folder, Action: "mapped", Folder: f.Path, Text: g.Node.Path(), Items: f.Total})
		}
	}
	if r.o.DryRun {
		return r.dryRun(ctx)
	}
	since, unclean, err := r.lastRun()
	if err != nil {
		return err
	}
	id, err := r.o.Store.BeginRun(ctx, r.kind(), r.o.Mailbox, r.Target)
	if err != nil {
		return fmt.Errorf("begin the run: %w", err)
	}
	if err := r.loadFailures(ctx); err != nil {
		return err
	}
	if err := r.settleEarlier(ctx); err != nil {
		return err
	}
	if err := r.countAll(ctx); err != nil {
		return err
	}
	runErr := r.send(ctx)
	if ctx.Err() != nil {
		return runErr // not ended: the next run looks for extra copies of this one
	}
	if !unclean {
		since = r.begun
	}
	if err := r.extras(ctx, since, unclean); err != nil {
		if runErr == nil {
			runErr = err
		}
		return runErr
	}
	r.mu.Lock()
	sum := r.sum
	r.mu.Unlock()
	if err := r.o.Store.EndRun(context.WithoutCancel(ctx), id, sum); runErr == nil && err != nil {
		runErr = fmt.Errorf("end the run: %w", err)
	}
	return runErr
}

// placement says where the folders of the source go.
func (r *run) placement(folders []store.Folder) (*place.Placement, error) {
	if r.o.InPlace != nil {
		return place.Original(r.tree, folders)
	}
	return place.New(r.tree, folders, r.o.Into, r.o.Map)
}

func (r *run) countAll(ctx context.Context) error {
	if r.o.InPlace != nil {
		return r.countInPlace(ctx)
	}
	return r.count(ctx)
}

func (r *run) allJobs(ctx context.Context) iter.Seq2[*job, error] {
	if r.o.InPlace != nil {
		return r.jobsInPlace(ctx)
	}
	return r.jobs(ctx)
}

// dryRun tells what would be done.
func (r *run) dryRun(ctx context.Context) error {
	open := 0
	for _, err := range r.journal.Unsettled() {
		if err != nil {
			return fmt.Errorf("read the journal: %w", err)
		}
		open++
	}
	if open > 0 {
		r.Warn(fmt.Sprintf("%d items were sent by a run that was cut short; they would be looked for at the target first", open))
	}
	r.failed = make(map[string]bool)
	if err := r.countAll(ctx); err != nil {
		return err
	}
	for j, err := range r.allJobs(ctx) {
		if err != nil {
			return err
		}
		r.tell(j, r.action(j, false))
	}
	return nil
}

// batchOutcome is what a worker gives back.
type batchOutcome struct {
	lost []*lostJob
	err  error // ends the run
}

// send sends all jobs.
func (r *run) send(ctx context.Context) error {
	r.Phase("uploading")
	next, stopJobs := iter.Pull2(r.allJobs(ctx))
	defer stopJobs()
	queue := &queue{next: next, items: r.o.BatchItems, bytes: r.o.BatchBytes}
	results := make(chan batchOutcome)
	underWay := 0
	var lost []*lostJob
	var runErr error
	for {
		// Items whose outcome is not known wait until all requests have ended,
		// so that the server has had time and one look serves them all; but not
		// until there are very many.
		for runErr == nil && underWay < r.o.Workers && len(lost) < mostLost && !r.stopped(ctx) {
			batch, err := queue.batch()
			if err != nil {
				runErr = err
			}
			if len(batch) == 0 {
				break
			}
			underWay++
			go func() {
				lost, err := r.sendBatch(ctx, batch)
				results <- batchOutcome{lost, err}
			}()
		}
		if underWay == 0 {
			if len(lost) == 0 || ctx.Err() != nil {
				break
			}
			again, err := r.settleLost(ctx, lost)
			if lost = nil; err != nil {
				if runErr == nil {
					runErr = err
				}
				break
			}
			queue.again(again)
			continue
		}
		done := <-results
		underWay--
		lost = append(lost, done.lost...)
		if done.err != nil && runErr == nil {
			runErr = done.err
		}
	}
	if runErr == nil && ctx.Err() != nil {
		runErr = context.Cause(ctx)
	}
	r.unended = !queue.ended
	return runErr
}

// stopped says that no new request may begin.
func (r *run) stopped(ctx context.Context) bool {
	if ctx.Err() != nil {
		return true
	}
	select {
	case <-r.o.Drain:
		return true
	default:
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.stop
}
