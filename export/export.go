package export

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"strings"
	"sync"
	"time"

	"mailferry/ews"
	"mailferry/internal/batch"
	"mailferry/internal/event"
	"mailferry/internal/gate"
	"mailferry/internal/pace"
	"mailferry/internal/selection"
	"mailferry/store"
	"mailferry/store/query"
)

// Defaults of [Options].
const (
	DefaultWorkers    = 4
	DefaultBatchItems = 100
	DefaultBatchBytes = 20e6
)

var (
	defaultTruncated = []time.Duration{2 * time.Second, 10 * time.Second, 30 * time.Second, 2 * time.Minute, 10 * time.Minute}
	defaultRetry     = []time.Duration{2 * time.Second, 10 * time.Second, 30 * time.Second, 2 * time.Minute}
)

// Run exports a mailbox. The summary is true of what was done also when there
// is an error: nothing that was committed is lost. A run that was drained ends
// without an error and with Summary.Left above 0.
func Run(ctx context.Context, o Options) (event.Summary, error) {
	r, err := newRun(o)
	if err != nil {
		return event.Summary{}, err
	}
	id, err := r.begin(ctx)
	if err != nil {
		return event.Summary{}, err
	}
	stopStatus := r.keepStatus()
	err = r.run(ctx)
	r.out.flush()
	stopStatus()
	summary := r.summary()
	if id != 0 {
		if e := r.st.EndRun(context.WithoutCancel(ctx), id, summary); err == nil && e != nil {
			err = fmt.Errorf("write down the end of the run: %w", e)
		}
	}
	return summary, err
}

// run is one run over one mailbox.
type run struct {
	o       Options
	client  *ews.Client
	st      *store.Store // nil only in a dry run
	mailbox string       // as the store keeps it
	out     *emitter
	sizer   *batch.Sizer
	limit   *pace.Limiter
	began   time.Time
	before  ews.Stats
	folders []*folder    // selected ones, by path
	query   *query.Query // nil: none

	halt     chan struct{} // closed: no new request
	haltOnce sync.Once
	haltErr  error // why; nil when it was asked for

	mu         sync.Mutex
	sum        event.Summary
	phase      string
	planned    int64 // bytes told in a dry run
	failedSeed maphash.Seed
	failed     map[uint64]bool // hashes of item ids with a failure in the store; true: it was accepted
	suspects   int             // stayed not understood after a second look
	troubles   int             // of the whole mailbox, since it last gave an item
	troubledAt time.Time       // the first of them
}

func newRun(o Options) (*run, error) {
	switch {
	case o.Client == nil:
		return nil, errors.New("export: there is no client")
	case o.Store == nil && !o.DryRun:
		return nil, errors.New("export: there is no store")
	case o.Mailbox == "":
		return nil, errors.New("export: there is no mailbox")
	}
	if o.Query != nil {
		if err := query.Listed(o.Query); err != nil {
			return nil, err
		}
	}
	if o.Workers <= 0 {
		o.Workers = DefaultWorkers
	}
	if o.BatchItems <= 0 {
		o.BatchItems = DefaultBatchItems
	}
	if o.BatchBytes <= 0 {
		o.BatchBytes = DefaultBatchBytes
	}
	if o.Patience.Truncated == nil {
		o.Patience.Truncated = defaultTruncated
	}
	if o.Patience.Retry == nil {
		o.Patience.Retry = defaultRetry
	}
	o.Archive = o.Archive || o.Selection.Names(selection.ArchiveRoot)
	o.Recoverable = o.Recoverable || o.Selection.Names(selection.RecoverableRoot)
	o.Hidden = o.Hidden || o.Selection.Names(selection.HiddenRoot)
	o.Public = o.Public || o.Selection.Names(selection.PublicRoot)
	mailbox := strings.ToLower(o.Mailbox)
	return &run{
		o: o, client: o.Client, st: o.Store, mailbox: mailbox,
		out:   &emitter{mailbox: o.Mailbox, to: o.Events},
		sizer: batch.NewSizer(batch.Limits{Items: o.BatchItems, Bytes: o.BatchBytes}),
		limit: pace.New(o.LimitRate),
		began: time.Now(), before: o.Client.Stats(),
		halt:       make(chan struct{}),
		sum:        event.Summary{Mailbox: o.Mailbox},
		failedSeed: maphash.MakeSeed(), failed: make(map[uint64]bool),
	}, nil
}

// begin writes down that the run begins. In a dry run it writes nothing.
func (r *run) begin(ctx context.Context) (id uint64, err error) {
	if r.st == nil {
		return 0, nil
	}
	if err := r.loadFailures(ctx); err != nil {
		return 0, err
	}
	if r.o.DryRun {
		return 0, nil
	}
	id, err = r.st.BeginRun(ctx, "export", r.mailbox, "")
	if err != nil {
		return 0, fmt.Errorf("write down the beginning of the run: %w", err)
	}
	return id, nil
}

func (r *run) run(ctx context.Context) error {
	if r.o.Drain != nil {
		over := make(chan struct{})
		defer close(over)
		go func() {
			select {
			case <-r.o.Drain:
				r.stop(nil)
			case <-over:
			}
		}()
	}
	r.enter("reading the folders")
	if err := r.readFolders(ctx); err != nil {
		return err
	}
	r.enter("reading what changed")
	if err := r.readChanges(ctx); err != nil {
		return err
	}
	if r.o.DryRun {
		return r.haltReason()
	}
	if err := r.count(ctx); err != nil {
		return err
	}
	if r.halted() {
		r.mu.Lock()
		r.sum.Partial = true
		r.mu.Unlock()
		return r.haltErr
	}
	r.enter("exporting")
	return r.fetchAll(ctx)
}

func (r *run) enter(phase string) {
	r.mu.Lock()
	r.phase = phase
	r.mu.Unlock()
	r.out.phase(phase)
}

// stop lets no new request begin. The first reason counts.
func (r *run) stop(why error) {
	r.haltOnce.Do(func() {
		r.haltErr = why
		close(r.halt)
	})
}

func (r *run) halted() bool {
	select {
	case <-r.o.Drain:
		r.stop(nil)
	default:
	}
	select {
	case <-r.halt:
		return true
	default:
		return false
	}
}

// haltReason is why the run was halted; nil when it was not, or was asked to.
func (r *run) haltReason() error {
	if r.halted() {
		return r.haltErr
	}
	return nil
}

// summary is what was done until now.
func (r *run) summary() event.Summary {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.sum
	now := r.client.Stats()
	s.Found = s.Already + s.Moved + s.Failed + s.Left
	s.Elapsed = time.Since(r.began)
	s.Waited, s.Waits, s.Skew = now.Waited-r.before.Waited, gate.Since(r.before.Waits, now.Waits), now.Skew
	s.Retries = now.Retries - r.before.Retries
	s.Requests = total(now.Requests) - total(r.before.Requests)
	return s
}

func total(requests map[string]int) int {
	n := 0
	for _, v := range requests {
		n += v
	}
	return n
}

// status is what other processes may read while the store is locked.
type status struct {
	Command string    `json:"command"`
	Mailbox string    `json:"mailbox"`
	Phase   string    `json:"phase"`
	Moved   int       `json:"moved"`
	Failed  int       `json:"failed"`
	Left    int       `json:"left"`
	Bytes   int64     `json:"bytes"`
	Begun   time.Time `json:"begun"`
	At      time.Time `json:"at"`
}

const statusEvery = 5 * time.Second

// keepStatus writes the status now and then until the returned function is
// called. A status that can't be written stops nothing: the same disk will soon
// tell whoever writes data.
func (r *run) keepStatus() (stop func()) {
	if r.o.DryRun {
		return func() {}
	}
	over, done := make(chan struct{}), make(chan struct{})
	write := func(phase string) {
		s := r.summary()
		_ = r.st.SetStatus(status{
			Command: "export", Mailbox: r.st.Alias(r.mailbox), Phase: phase, Moved: s.Moved, Failed: s.Failed, Left: s.Left, Bytes: s.Bytes,
			Begun: r.began.UTC(), At: time.Now().UTC(),
		})
	}
	go func() {
		defer close(done)
		tick := time.NewTicker(statusEvery)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				r.mu.Lock()
				phase := r.phase
				r.mu.Unlock()
				write(phase)
			case <-over:
				write("ended")
				return
			}
		}
	}()
	return func() {
		close(over)
		<-done
	}
}
