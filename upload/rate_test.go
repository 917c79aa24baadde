package upload

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"mailferry/internal/event"
	"mailferry/internal/pace"
	"mailferry/upload/plan"
)

// readBlobs reads blobs of n bytes, several at a time, and returns how long it took.
func readBlobs(t *testing.T, r *run, blobs, n int) time.Duration {
	t.Helper()
	began := time.Now()
	var all sync.WaitGroup
	for range blobs {
		all.Go(func() {
			b := &blobReader{ReadCloser: io.NopCloser(bytes.NewReader(make([]byte, n))), ctx: t.Context(), r: r}
			if got, err := io.Copy(io.Discard, b); err != nil || got != int64(n) {
				t.Errorf("%d bytes, %v", got, err)
			}
			if err := b.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	return time.Since(began)
}

func TestBlobsGoByAtTheRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told int64
		r := &run{limit: pace.New(pace.Constant(1e6)), Teller: plan.Teller{Events: func(e event.Event) { told += e.Bytes }}}
		if d := readBlobs(t, r, 4, 5e6); d < 19*time.Second || d > 20*time.Second {
			t.Errorf("4 blobs of 5 MB at 1 MB/s took %v", d)
		}
		if told != 20e6 {
			t.Errorf("%d bytes were told of", told)
		}
		r.limit = nil
		if d := readBlobs(t, r, 4, 5e6); d != 0 {
			t.Errorf("without a limit: %v", d)
		}
		now := time.Now().Truncate(time.Minute)
		table, err := pace.ParseTimetable(fmt.Sprintf("%s,100KB/s %s,off", now.Format("15:04"), now.Add(2*time.Minute).Format("15:04")))
		if err != nil {
			t.Fatal(err)
		}
		r.limit = pace.New(table)
		if d := readBlobs(t, r, 4, 50e6); d < time.Minute || d > 2*time.Minute {
			t.Errorf("the limit ends while the blobs are read: %v", d)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		r.limit = pace.New(pace.Constant(1))
		b := &blobReader{ReadCloser: io.NopCloser(bytes.NewReader(make([]byte, 10000))), ctx: ctx, r: r}
		if _, err := io.Copy(io.Discard, b); err == nil {
			t.Error("a cancelled run waits for the rate")
		}
	})
}
