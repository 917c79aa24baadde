package main

import (
	"encoding/json"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"

	"mailferry/internal/event"
)

// lineEvery is how often a run that is not watched on a terminal tells where
// it is.
const lineEvery = 10 * time.Second

// progress shows the events of one run: as JSON lines on stdout, as a bar on a
// terminal, or as plain lines. Its methods may be called by several workers.
type progress struct {
	a     *app
	mu    sync.Mutex
	json  *json.Encoder
	bar   *progressbar.ProgressBar
	plain io.Writer // nil: no progress is shown
	plan  io.Writer // where a dry run's plan goes; nil outside dry runs

	phase             string
	items, totalItems int
	bytes, totalBytes int64
	failed            int
	began             time.Time
	stop, stopped     chan struct{}
	firstErr          error // of writing JSON
}

// newProgress begins to show a run; finish ends it.
func (a *app) newProgress(dryRun bool) *progress {
	p := &progress{a: a, began: time.Now()}
	switch {
	case a.global.json:
		p.json = json.NewEncoder(a.stdout)
		return p
	case a.global.quiet, a.global.noProgress:
	case terminal(a.stderr) && !dryRun:
		p.bar = progressbar.NewOptions64(-1,
			progressbar.OptionSetWriter(a.stderr), progressbar.OptionShowBytes(true), progressbar.OptionShowTotalBytes(true),
			progressbar.OptionSetPredictTime(true), progressbar.OptionThrottle(200*time.Millisecond),
			progressbar.OptionClearOnFinish(), progressbar.OptionUseANSICodes(true))
	default:
		p.plain = a.stderr
		p.stop, p.stopped = make(chan struct{}), make(chan struct{})
		go p.tick()
	}
	if dryRun && !a.global.quiet {
		p.plan = a.stdout
	}
	return p
}

// handle takes one event of the run.
func (p *progress) handle(e event.Event) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if e.Time.IsZero() {
		e.Time = time.Now().UTC()
	}
	if p.json != nil {
		if e.Kind != event.Progress { // bytes going by are for people to watch
			if err := p.json.Encode(e); err != nil && p.firstErr == nil {
				p.firstErr = err
			}
		}
		return
	}
	switch e.Kind {
	case event.Phase:
		p.phase = e.Text
		p.say(e.Text)
		p.describe("")
	case event.Planned:
		p.totalItems, p.totalBytes = e.Items, e.Bytes
		if p.bar != nil && e.Bytes > 0 {
			p.bar.ChangeMax64(e.Bytes)
		}
	case event.Progress:
		p.bytes += e.Bytes
		if p.bar != nil {
			_ = p.bar.Add64(e.Bytes) // the bar can't fail the run
		}
	case event.Item:
		p.items++
		p.describe("")
	case event.Failure:
		p.failed++
		p.describe("")
	case event.Wait:
		text := fmt.Sprintf("%s: waiting %s", e.Text, durationText(e.Wait))
		p.say(text)
		p.describe(text)
	case event.Warning:
		p.line("warning: " + e.Text)
	case event.Stop:
		p.line(e.Text)
	}
	if p.plan != nil {
		p.planLine(e)
	}
}

// planLine prints what a dry run would do.
func (p *progress) planLine(e event.Event) {
	switch e.Kind {
	case event.Folder:
		fmt.Fprintf(p.plan, "folder  %-14s %s%s\n", e.Action, oneLine(e.Folder), arrow(oneLine(e.Text)))
	case event.Item:
		fmt.Fprintf(p.plan, "item    %-14s %s  %s  %s  %s\n", e.Action, oneLine(e.Folder)+arrow(oneLine(e.Text)), bytesText(e.Bytes), oneLine(e.Class), oneLine(e.Subject))
	}
}

func arrow(text string) string {
	if text == "" {
		return ""
	}
	return " -> " + text
}

// describe sets the text before the bar: the phase, the items, a wait.
func (p *progress) describe(wait string) {
	if p.bar == nil {
		return
	}
	text := p.phase
	if p.totalItems > 0 {
		text += fmt.Sprintf(" %s/%s items", number(p.items), number(p.totalItems))
	}
	if p.failed > 0 {
		text += fmt.Sprintf(", %s failed", number(p.failed))
	}
	if wait != "" {
		text += ", " + wait
	}
	p.bar.Describe(text)
}

// line prints a line that is read also where no progress is shown.
func (p *progress) line(text string) {
	if p.bar != nil {
		_ = p.bar.Clear()
	}
	if !p.a.global.quiet {
		fmt.Fprintln(p.a.stderr, oneLine(text))
	}
}

func (p *progress) say(text string) {
	if p.plain != nil {
		fmt.Fprintln(p.plain, oneLine(text))
	}
}

func (p *progress) tick() {
	defer close(p.stopped)
	ticker := time.NewTicker(lineEvery)
	defer ticker.Stop()
	for {
		select {
		case <-p.stop:
			return
		case <-ticker.C:
		}
		p.mu.Lock()
		elapsed := time.Since(p.began)
		text := fmt.Sprintf("%s: %s of %s items, %s of %s, %s", p.phase, number(p.items), number(p.totalItems),
			bytesText(p.bytes), bytesText(p.totalBytes), rateText(p.bytes, elapsed))
		if p.bytes > 0 && p.totalBytes > p.bytes {
			text += ", " + durationText(time.Duration(float64(elapsed)*float64(p.totalBytes-p.bytes)/float64(p.bytes))) + " left"
		}
		if p.failed > 0 {
			text += fmt.Sprintf(", %s failed", number(p.failed))
		}
		p.say(text)
		p.mu.Unlock()
	}
}

// stopShowing ends the showing of a run that did not begin.
func (p *progress) stopShowing() { _ = p.finish() }

// finish ends the showing; nothing may be handled after it.
func (p *progress) finish() error {
	if p.bar != nil {
		_ = p.bar.Finish()
	}
	if p.stop != nil {
		close(p.stop)
		<-p.stopped
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.firstErr
}
