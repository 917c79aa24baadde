package upload_test

import (
	"strings"
	"testing"
	"time"

	"mailferry/internal/pace"
	"mailferry/upload"
)

func TestWholeMailboxIntoALocalisedOne(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "sample:120")
	s := w.run()
	want := w.held(alice)
	if s.Moved != total(want) || s.Failed != 0 || s.Left != 0 || s.Bytes == 0 || s.Requests == 0 || s.Target != bob {
		t.Errorf("summary %+v for %d items", s, total(want))
	}
	w.same()
	classes := func(address string) map[string]int {
		held := make(map[string]int)
		for _, f := range w.inventory(address).Folders {
			if f.Distinguished == "" && !f.Search && !f.Hidden && !f.Archive && f.Class != "" {
				held[f.Class+" "+strings.TrimSpace(f.Name)]++
			}
		}
		return held
	}
	w.equal(classes(alice), only(classes(bob), classes(alice)))
	s = w.run()
	if s.Moved != 0 || s.Already != total(want) {
		t.Errorf("second run: %+v", s)
	}
	w.same()
	for _, level := range []upload.Level{upload.LevelCount, upload.LevelKey, upload.LevelContent} {
		if r := w.verify(level); !r.OK() || r.Checked != total(want) || level == upload.LevelContent && r.Equal != r.Checked {
			t.Errorf("verify %s: %+v", level, r)
		}
	}
}

// The rate is chosen by a run without a limit, so that no machine is too slow or
// too fast for the comparison.
func TestARunKeepsTheRate(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "bulk:40:20000")
	free := w.run()
	atLeast := 3*free.Elapsed + time.Second/2
	rate := int64(float64(free.Bytes) / atLeast.Seconds())
	held := w.run(func(o *upload.Options) { o.Into, o.LimitRate = "Slowly", pace.Constant(rate) })
	if held.Bytes != free.Bytes || held.Elapsed < atLeast-time.Second/4 {
		t.Errorf("%d bytes at %d a second took %v; without a limit %v", held.Bytes, rate, held.Elapsed, free.Elapsed)
	}
}
