package main

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"mailferry/internal/event"
)

func TestParseStopAfter(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]stopAfter{
		"":           {},
		"6h":         {time: 6 * time.Hour, timeText: "6h"},
		"90m":        {time: 90 * time.Minute, timeText: "90m"},
		"90M":        {bytes: 90e6, bytesText: "90M"},
		"50G,1h30m":  {time: 90 * time.Minute, timeText: "1h30m", bytes: 50e9, bytesText: "50G"},
		" 6h , 1GiB": {time: 6 * time.Hour, timeText: "6h", bytes: 1 << 30, bytesText: "1GiB"},
	} {
		if got, err := parseStopAfter(split(text)); err != nil || got != want {
			t.Errorf("%q: %+v, %v", text, got, err)
		}
	}
	for text, want := range map[string]string{
		"6": "write a time", "0": "write a time", "0s": "write a time", "-1h": "write a time", "soon": "write a time", "0G": "write a time", "6h,": "write a time",
		"6h,7h": "two times", "1G,2G": "two amounts",
	} {
		if _, err := parseStopAfter(split(text)); !errors.As(err, new(usageError)) || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func split(text string) []string {
	if text == "" {
		return nil
	}
	return strings.Split(text, ",")
}

// moved is what a run tells of an item.
func moved(n int64) event.Event {
	return event.Event{Kind: event.Item, Action: "exported", Bytes: n}
}

func TestARunIsEndedAfterATimeOrAnAmount(t *testing.T) {
	for name, c := range map[string]struct {
		after  stopAfter
		do     func(*app, *stopper)
		reason string // of the end; "-": the run goes on
	}{
		"time":           {stopAfter{time: 6 * time.Hour, timeText: "6h"}, func(*app, *stopper) { <-time.After(6*time.Hour + 1) }, "after 6h as asked"},
		"not yet":        {stopAfter{time: 6 * time.Hour, timeText: "6h"}, func(*app, *stopper) { <-time.After(6*time.Hour - 1) }, "-"},
		"amount":         {stopAfter{bytes: 100, bytesText: "100B"}, func(_ *app, s *stopper) { s.handle(moved(60)); s.handle(moved(40)) }, "after 100B as asked"},
		"less than that": {stopAfter{bytes: 100, bytesText: "100B"}, func(_ *app, s *stopper) { s.handle(moved(60)); s.handle(moved(39)) }, "-"},
		"not moved": {stopAfter{bytes: 100, bytesText: "100B"}, func(_ *app, s *stopper) {
			s.handle(event.Event{Kind: event.Item, Action: "there-already", Bytes: 1000})
			s.handle(event.Event{Kind: event.Progress, Bytes: 1000})
		}, "-"},
		"time before amount": {stopAfter{time: time.Hour, timeText: "1h", bytes: 100, bytesText: "100B"}, func(_ *app, s *stopper) {
			<-time.After(2 * time.Hour)
			s.handle(moved(1000))
		}, "after 1h as asked"},
		"interrupt": {stopAfter{time: time.Hour, timeText: "1h"}, func(a *app, s *stopper) {
			close(a.drain)
			<-s.drain
			<-time.After(2 * time.Hour)
		}, ""},
		"never": {stopAfter{}, func(_ *app, s *stopper) { s.handle(moved(1 << 50)); <-time.After(1000 * time.Hour) }, "-"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var out bytes.Buffer
				a := newApp(nil, &out, &out)
				a.global.json = true
				s := a.newStopper(c.after, a.newProgress(false))
				c.do(a, s)
				synctest.Wait()
				ended := false
				select {
				case <-s.drain:
					ended = true
				default:
				}
				s.end()
				if ended != (c.reason != "-") || ended && s.reason() != c.reason {
					t.Errorf("ended: %v, %q", ended, s.reason())
				}
				if told := strings.Contains(out.String(), `"event":"stop","text":"stopping after `); told != strings.HasPrefix(c.reason, "after") {
					t.Errorf("it tells:\n%s", out.String())
				}
			})
		})
	}
}

func FuzzStopAfter(f *testing.F) {
	for _, seed := range []string{"6h", "50G", "6h,50G", "1h30m,1.5GiB", "6", "-1h", "0s", ",", "90M,90m", "1e9h"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := parseStopAfter(split(text))
		switch {
		case err != nil && !errors.As(err, new(usageError)):
			t.Errorf("%q: %v", text, err)
		case err == nil && (s.time < 0 || s.bytes < 0 || (s.time > 0) != (s.timeText != "") || (s.bytes > 0) != (s.bytesText != "")):
			t.Errorf("%q: %+v", text, s)
		case err == nil && text != "" && s == stopAfter{}:
			t.Errorf("%q asks for nothing", text)
		}
	})
}
