package export

import (
	"testing"
	"testing/synctest"
	"time"

	"mailferry/internal/event"
)

func TestProgressIsAddedUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told, bytes int64
		e := &emitter{mailbox: "a@example.com", told: time.Now(), to: func(ev event.Event) {
			if ev.Kind != event.Progress || ev.Mailbox != "a@example.com" || ev.Time.IsZero() {
				t.Errorf("%+v", ev)
			}
			told++
			bytes += ev.Bytes
		}}
		for range 1000 {
			e.progress(10_000)
		}
		e.flush()
		e.flush()
		if bytes != 10_000_000 || told > 12 {
			t.Errorf("%d bytes in %d events", bytes, told)
		}
	})
}
