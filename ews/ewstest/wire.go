package ewstest

import (
	"context"
	"io"
	"net/http"
	"time"

	"github.com/klauspost/compress/gzip"
)

// wire carries an answer to the client: it counts, compresses where the client
// asked for it, keeps to the bandwidth, and goes wrong as faults want it.
type wire struct {
	ctx       context.Context
	w         http.ResponseWriter
	status    int
	gzip      bool // the client takes it
	plain     bool // the answer would cost too much to compress
	bandwidth int64
	faults    map[string]*Fault
	stats     *counters

	out     io.Writer // behind the compression
	gz      *gzip.Writer
	began   time.Time
	sent    int64
	held    []byte // last piece, held back to be cut
	started bool
}

// cut closes the connection, whatever was promised to the client.
func cut() { panic(http.ErrAbortHandler) }

func (x *wire) start() {
	x.started = true
	x.began = time.Now()
	if x.faults["drop-after-commit"] != nil {
		cut()
	}
	x.out = sink{x}
	h := x.w.Header()
	h.Set("Content-Type", "text/xml; charset=utf-8")
	if x.gzip && !x.plain {
		h.Set("Content-Encoding", "gzip")
		x.gz, _ = gzip.NewWriterLevel(x.out, gzip.BestSpeed)
		x.out = x.gz
	}
	x.w.WriteHeader(x.status)
}

func (x *wire) Write(p []byte) (int, error) {
	if !x.started {
		x.start()
	}
	return x.out.Write(p)
}

// finish ends the answer.
func (x *wire) finish() {
	if !x.started {
		x.start()
	}
	if x.gz != nil {
		_ = x.gz.Close()
	}
	if x.held != nil {
		half := x.held[:len(x.held)/2]
		if x.sent > 0 && len(half) > 64 {
			half = half[:64]
		}
		x.held = nil
		_ = x.send(half)
		x.interrupt()
	}
}

// interrupt does what drop-mid-response and stall do in the middle.
func (x *wire) interrupt() {
	_ = http.NewResponseController(x.w).Flush()
	if f := x.faults["stall"]; f != nil {
		pause(x.ctx, f.Delay(time.Hour))
	}
	cut()
}

// sink is the end of the wire.
type sink struct{ x *wire }

func (s sink) Write(p []byte) (int, error) {
	x := s.x
	f := x.faults["drop-mid-response"]
	if f == nil {
		f = x.faults["stall"]
	}
	if f == nil {
		return len(p), x.send(p)
	}
	if f.After > 0 {
		if x.sent+int64(len(p)) >= f.After {
			_ = x.send(p[:f.After-x.sent])
			x.interrupt()
		}
		return len(p), x.send(p)
	}
	// Without a place to cut at, the answer is cut in the middle of its last piece.
	if x.held != nil {
		if err := x.send(x.held); err != nil {
			return 0, err
		}
	}
	x.held = append([]byte(nil), p...)
	return len(p), nil
}

func (x *wire) send(p []byte) error {
	piece, delay := len(p), time.Duration(0)
	if f := x.faults["slow"]; f != nil {
		piece, delay = 1024, f.Delay(20*time.Millisecond)
	} else if x.bandwidth > 0 {
		piece = 16 << 10
	}
	for len(p) > 0 {
		n := min(piece, len(p))
		if _, err := x.w.Write(p[:n]); err != nil {
			return err
		}
		p = p[n:]
		x.sent += int64(n)
		x.stats.do(func(s *Stats) { s.BytesOut += int64(n) })
		if x.bandwidth > 0 {
			delay = time.Until(x.began.Add(time.Duration(float64(x.sent) / float64(x.bandwidth) * float64(time.Second))))
		}
		if delay > 0 {
			_ = http.NewResponseController(x.w).Flush()
			if !pause(x.ctx, delay) {
				return x.ctx.Err()
			}
		}
	}
	return nil
}

// pause waits; it says whether the time passed before the client went away.
func pause(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return true
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

// bodyReader counts a request body and keeps it to the bandwidth.
type bodyReader struct {
	ctx       context.Context
	r         io.Reader
	n         int64
	limit     int64 // 0 is none
	over      bool
	bandwidth int64
	began     time.Time
}

func (b *bodyReader) Read(p []byte) (int, error) {
	if b.bandwidth > 0 && len(p) > 16<<10 {
		p = p[:16<<10]
	}
	n, err := b.r.Read(p)
	b.n += int64(n)
	if b.limit > 0 && b.n > b.limit {
		b.over = true
		return 0, errTooLarge
	}
	if b.bandwidth > 0 {
		pause(b.ctx, time.Until(b.began.Add(time.Duration(float64(b.n)/float64(b.bandwidth)*float64(time.Second)))))
	}
	return n, err
}

type tooLarge struct{}

func (tooLarge) Error() string { return "the request is above the limit" }

var errTooLarge error = tooLarge{}
