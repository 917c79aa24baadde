package export

import (
	"container/heap"
	"context"
	"fmt"
	"iter"
	"sync"
	"time"

	"mailferry/internal/event"
	"mailferry/store"
)

// maxLater bounds the items that wait for another attempt. While there are more,
// no new ones are begun: the server is not well, and memory stays flat.
const maxLater = 1000

// task is an item on its way.
type task struct {
	store.Pending
	folder *folder

	attempts  int // requests that tried it
	retries   int // of these, failed in a way that may pass
	truncated int // of these, cut off by the server
	problems  int // blobs that were not understood
	alone     bool
	due       time.Time
}

// queue gives out batches: what is due again first, then what is pending. It
// ends when nothing is left and nobody can add more.
type queue struct {
	r    *run
	mu   sync.Mutex
	pull func() (*task, error, bool)
	end  func()

	held     *task // pulled, did not fit
	dry      bool  // nothing more to pull
	later    dueHeap
	inFlight int
	wake     chan struct{} // closed and replaced when something changed
}

func newQueue(r *run) *queue {
	q := &queue{r: r, wake: make(chan struct{})}
	q.pull, q.end = iter.Pull2(r.wanted())
	return q
}

// wanted yields the selected pending items of all folders.
func (r *run) wanted() iter.Seq2[*task, error] {
	return func(yield func(*task, error) bool) {
		for _, f := range r.folders {
			for p, err := range r.st.Pending(r.mailbox, f.ID) {
				if err != nil {
					yield(nil, fmt.Errorf("read what is pending: %w", err))
					return
				}
				if r.wants(p) && !yield(&task{Pending: p, folder: f}, nil) {
					return
				}
			}
		}
	}
}

// take waits for the next batch. It is nil when there is none any more, or the
// run is to stop. Each batch must be given back with done.
func (q *queue) take(ctx context.Context) ([]*task, error) {
	told := false
	for {
		q.mu.Lock()
		if q.r.halted() || ctx.Err() != nil {
			q.mu.Unlock()
			return nil, context.Cause(ctx)
		}
		tasks, err := q.cut(time.Now())
		if err != nil || len(tasks) > 0 {
			if len(tasks) > 0 {
				q.inFlight++
			}
			q.mu.Unlock()
			return tasks, err
		}
		if q.inFlight == 0 && len(q.later) == 0 {
			q.signal()
			q.mu.Unlock()
			return nil, nil
		}
		wake, idle := q.wake, q.inFlight == 0
		var pause time.Duration
		var timer <-chan time.Time
		if len(q.later) > 0 {
			pause = max(time.Until(q.later[0].due), time.Millisecond)
			timer = time.After(pause)
		}
		waiting := len(q.later)
		q.mu.Unlock()
		if idle && !told && pause > time.Second {
			told = true
			q.r.out.emit(event.Event{Kind: event.Wait, Items: waiting, Wait: pause, Text: fmt.Sprintf("%d items failed for a passing reason and are tried again", waiting)})
		}
		select {
		case <-wake:
		case <-timer:
		case <-q.r.halt:
		case <-ctx.Done():
		}
	}
}

// cut fills a batch. It is called with the lock held.
func (q *queue) cut(now time.Time) ([]*task, error) {
	room := q.r.sizer.Limits().Room()
	var tasks []*task
	for len(q.later) > 0 && !q.later[0].due.After(now) && !room.Full() {
		next := q.later[0]
		if next.alone && len(tasks) > 0 || !room.Take(next.Size) {
			break
		}
		tasks = append(tasks, heap.Pop(&q.later).(*task))
		if next.alone {
			return tasks, nil
		}
	}
	for !room.Full() && len(q.later) < maxLater {
		t, err := q.peek()
		if err != nil || t == nil {
			return tasks, err
		}
		if !room.Take(t.Size) {
			break
		}
		q.held = nil
		tasks = append(tasks, t)
	}
	return tasks, nil
}

// peek returns the next pending item and keeps it in held; nil when there is none.
func (q *queue) peek() (*task, error) {
	if q.held != nil || q.dry {
		return q.held, nil
	}
	t, err, ok := q.pull()
	if !ok {
		q.dry = true
		return nil, nil
	}
	if err != nil {
		q.dry = true
		return nil, err
	}
	q.held = t
	return t, nil
}

// done gives a batch back, with what is to be tried again when it is due.
func (q *queue) done(again []*task) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.inFlight--
	for _, t := range again {
		heap.Push(&q.later, t)
	}
	q.signal()
}

func (q *queue) signal() {
	close(q.wake)
	q.wake = make(chan struct{})
}

// close ends the iteration over what is pending.
func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.end()
}

// dueHeap orders tasks by the time they are due.
type dueHeap []*task

func (h dueHeap) Len() int           { return len(h) }
func (h dueHeap) Less(i, j int) bool { return h[i].due.Before(h[j].due) }
func (h dueHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *dueHeap) Push(x any)        { *h = append(*h, x.(*task)) }
func (h *dueHeap) Pop() any {
	old := *h
	last := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	return last
}

// bytesOf adds up what the server says of the size of items.
func bytesOf(tasks []*task) int64 {
	var n int64
	for _, t := range tasks {
		n += t.Size
	}
	return n
}
