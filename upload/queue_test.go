package upload

import (
	"errors"
	"slices"
	"testing"

	"mailferry/store"
)

// cut returns the number of items of each batch.
func cut(t *testing.T, q *queue) []int {
	t.Helper()
	var sizes []int
	for {
		batch, err := q.batch()
		if err != nil {
			t.Fatal(err)
		}
		if len(batch) == 0 {
			return sizes
		}
		sizes = append(sizes, len(batch))
	}
}

func feed(sizes ...int64) func() (*job, error, bool) {
	return func() (*job, error, bool) {
		if len(sizes) == 0 {
			return nil, nil, false
		}
		j := &job{item: store.Item{Size: sizes[0]}}
		sizes = sizes[1:]
		return j, nil, true
	}
}

func TestBatchesAreCutByBytesAndCount(t *testing.T) {
	for name, c := range map[string]struct {
		sizes []int64
		want  []int
	}{
		"none":                   {nil, nil},
		"by count":               {[]int64{1, 1, 1, 1, 1, 1, 1}, []int{3, 3, 1}},
		"by bytes":               {[]int64{30e3, 30e3, 30e3, 30e3}, []int{2, 2}},
		"a large item is alone":  {[]int64{1, 500e3, 1, 1}, []int{1, 1, 2}},
		"large ones in a row":    {[]int64{500e3, 500e3}, []int{1, 1}},
		"the last one that fits": {[]int64{36e3, 36e3, 1}, []int{1, 2}},
	} {
		q := &queue{next: feed(c.sizes...), items: 3, bytes: 100e3}
		if got := cut(t, q); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

func TestWhatIsSentAgainGoesFirstAndInSmallerBatches(t *testing.T) {
	q := &queue{next: feed(1, 1, 1, 1), items: 4, bytes: 100e3}
	var again []*job
	for range 5 {
		again = append(again, &job{item: store.Item{Size: 1}, most: 2})
	}
	q.again(again)
	if got := cut(t, q); !slices.Equal(got, []int{2, 2, 2, 3}) {
		t.Errorf("batches of %v", got)
	}
}

func TestAnErrorComesAfterWhatWasThere(t *testing.T) {
	fed := false
	boom := errors.New("boom")
	q := &queue{items: 4, bytes: 100e3, next: func() (*job, error, bool) {
		if !fed {
			fed = true
			return &job{item: store.Item{Size: 1}}, nil, true
		}
		return nil, boom, true
	}}
	batch, err := q.batch()
	if len(batch) != 1 || !errors.Is(err, boom) {
		t.Errorf("%d items, %v", len(batch), err)
	}
	if batch, err := q.batch(); len(batch) != 0 || err != nil {
		t.Errorf("after the error: %d items, %v", len(batch), err)
	}
}
