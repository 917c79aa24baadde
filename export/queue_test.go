package export

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"mailferry/internal/batch"
	"mailferry/store"
)

// queueOf is a queue over items of the given sizes.
func queueOf(limits batch.Limits, sizes ...int64) *queue {
	r := &run{sizer: batch.NewSizer(limits), halt: make(chan struct{}), out: &emitter{}}
	n := 0
	return &queue{r: r, wake: make(chan struct{}), end: func() {}, pull: func() (*task, error, bool) {
		if n == len(sizes) {
			return nil, nil, false
		}
		n++
		return &task{Pending: store.Pending{ItemKey: store.ItemKey{ID: fmt.Sprint(n)}, Size: sizes[n-1]}}, nil, true
	}}
}

func ids(tasks []*task) string {
	text := ""
	for _, t := range tasks {
		text += t.ID + " "
	}
	return text
}

func take(t *testing.T, q *queue, want string) []*task {
	t.Helper()
	tasks, err := q.take(t.Context())
	if err != nil || ids(tasks) != want {
		t.Fatalf("got %q, %v; want %q", ids(tasks), err, want)
	}
	return tasks
}

func TestQueueCutsBatchesAndTriesAgainWhenDue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := queueOf(batch.Limits{Items: 3, Bytes: 100}, 10, 10, 10, 10, 500, 60, 50)
		first := take(t, q, "1 2 3 ")
		take(t, q, "4 ")
		take(t, q, "5 ") // a large one goes alone
		take(t, q, "6 ")
		first[0].due = time.Now().Add(time.Minute)
		first[1].due, first[1].alone = time.Now(), true
		first[2].due = time.Now()
		q.done(first)
		began := time.Now()
		take(t, q, "2 ")
		take(t, q, "3 7 ")
		q.done(nil)
		take(t, q, "1 ")
		if waited := time.Since(began); waited < time.Minute || waited > 2*time.Minute {
			t.Errorf("the last was due in a minute and came after %v", waited)
		}
		for range 5 {
			q.done(nil)
		}
		take(t, q, "")
	})
}

func TestQueueWaitsForThoseUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := queueOf(batch.Limits{Items: 3, Bytes: 100}, 10)
		tasks := take(t, q, "1 ")
		got := make(chan string)
		go func() {
			more, err := q.take(t.Context())
			got <- fmt.Sprint(ids(more), err)
		}()
		synctest.Wait()
		q.done(tasks) // it must be tried again: the other worker gets it
		if text := <-got; text != "1 <nil>" {
			t.Errorf("%q", text)
		}
		go func() {
			more, err := q.take(t.Context())
			got <- fmt.Sprint(ids(more), err)
		}()
		synctest.Wait()
		q.r.stop(nil)
		if text := <-got; text != "<nil>" {
			t.Errorf("after the stop: %q", text)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := q.take(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled: %v", err)
		}
	})
}

func TestQueueBeginsNothingNewWhileManyWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sizes := make([]int64, 2*maxLater)
		q := queueOf(batch.Limits{Items: maxLater, Bytes: 1 << 40}, sizes...)
		first, err := q.take(t.Context())
		if err != nil || len(first) != maxLater {
			t.Fatalf("%d, %v", len(first), err)
		}
		for _, one := range first {
			one.due = time.Now().Add(time.Hour)
		}
		q.done(first)
		began := time.Now()
		if _, err := q.take(t.Context()); err != nil || time.Since(began) < time.Hour {
			t.Errorf("new items were begun after %v, %v", time.Since(began), err)
		}
	})
}

// A truncated item is said to pass in minutes or hours, so its pauses grow.
func TestPatienceGrows(t *testing.T) {
	for name, pauses := range map[string][]time.Duration{"truncated": defaultTruncated, "retry": defaultRetry} {
		if !slices.IsSorted(pauses) || pauses[len(pauses)-1] < 10*pauses[0] {
			t.Errorf("%s: %v", name, pauses)
		}
	}
	k := &worker{}
	pauses := []time.Duration{time.Second, time.Minute, time.Hour}
	for n, most := range append(pauses, time.Hour, time.Hour) { // the last for all that follow
		if d := k.pause(pauses, n); d < most/2 || d > most {
			t.Errorf("pause %d is %v", n, d)
		}
	}
}
