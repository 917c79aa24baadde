// Package wire carries the bodies of a simulated EWS server: counted, compressed
// where the client asked for it, at the pace of a bandwidth, and cut, stalled or
// slowed as faults want it.
package wire

import (
	"context"
	"io"
	"net/http"
	"time"

	"github.com/klauspost/compress/gzip"

	"mailferry/ews/ewstest/inject"
)

// Writer carries an answer to the client: it counts, compresses where the client
// asked for it, keeps to the bandwidth, and goes wrong as faults want it.
type Writer struct {
	Context   context.Context
	To        http.ResponseWriter
	Status    int
	Gzip      bool // the client takes it
	Plain     bool // the answer would cost too much to compress
	Bandwidth int64
	Faults    map[string]*inject.Fault // of the request, by kind
	Count     func(n int)              // told of the bytes that went out

	Started bool  // the head of the answer is out
	Sent    int64 // bytes that went out

	out   io.Writer // behind the compression
	gz    *gzip.Writer
	began time.Time
	held  []byte // last piece, held back to be cut
}

// Cut closes the connection, whatever was promised to the client.
func Cut() { panic(http.ErrAbortHandler) }

func (x *Writer) start() {
	x.Started = true
	x.began = time.Now()
	if x.Faults["drop-after-commit"] != nil {
		Cut()
	}
	x.out = sink{x}
	h := x.To.Header()
	h.Set("Content-Type", "text/xml; charset=utf-8")
	if x.Gzip && !x.Plain {
		h.Set("Content-Encoding", "gzip")
		x.gz, _ = gzip.NewWriterLevel(x.out, gzip.BestSpeed)
		x.out = x.gz
	}
	x.To.WriteHeader(x.Status)
}

func (x *Writer) Write(p []byte) (int, error) {
	if !x.Started {
		x.start()
	}
	return x.out.Write(p)
}

// Finish ends the answer.
func (x *Writer) Finish() {
	if !x.Started {
		x.start()
	}
	if x.gz != nil {
		_ = x.gz.Close()
	}
	if x.held != nil {
		half := x.held[:len(x.held)/2]
		if x.Sent > 0 && len(half) > 64 {
			half = half[:64]
		}
		x.held = nil
		_ = x.send(half)
		x.interrupt()
	}
}

// interrupt does what drop-mid-response and stall do in the middle.
func (x *Writer) interrupt() {
	_ = http.NewResponseController(x.To).Flush()
	if f := x.Faults["stall"]; f != nil {
		Pause(x.Context, f.Delay(time.Hour))
	}
	Cut()
}

// sink is the end of the wire.
type sink struct{ x *Writer }

func (s sink) Write(p []byte) (int, error) {
	x := s.x
	f := x.Faults["drop-mid-response"]
	if f == nil {
		f = x.Faults["stall"]
	}
	if f == nil {
		return len(p), x.send(p)
	}
	if f.After > 0 {
		if x.Sent+int64(len(p)) >= f.After {
			_ = x.send(p[:f.After-x.Sent])
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

func (x *Writer) send(p []byte) error {
	piece, delay := len(p), time.Duration(0)
	if f := x.Faults["slow"]; f != nil {
		piece, delay = 1024, f.Delay(20*time.Millisecond)
	} else if x.Bandwidth > 0 {
		piece = 16 << 10
	}
	for len(p) > 0 {
		n := min(piece, len(p))
		if _, err := x.To.Write(p[:n]); err != nil {
			return err
		}
		p = p[n:]
		x.Sent += int64(n)
		x.Count(n)
		if x.Bandwidth > 0 {
			delay = time.Until(x.began.Add(time.Duration(float64(x.Sent) / float64(x.Bandwidth) * float64(time.Second))))
		}
		if delay > 0 {
			_ = http.NewResponseController(x.To).Flush()
			if !Pause(x.Context, delay) {
				return x.Context.Err()
			}
		}
	}
	return nil
}

// Pause waits; it says whether the time passed before the client went away.
func Pause(ctx context.Context, d time.Duration) bool {
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

// Reader counts a request body and keeps it to the bandwidth.
type Reader struct {
	Context   context.Context
	From      io.Reader
	Limit     int64 // bytes; 0 is none
	Bandwidth int64
	Began     time.Time

	N    int64 // bytes read
	Over bool  // the limit was exceeded
}

func (b *Reader) Read(p []byte) (int, error) {
	if b.Bandwidth > 0 && len(p) > 16<<10 {
		p = p[:16<<10]
	}
	n, err := b.From.Read(p)
	b.N += int64(n)
	if b.Limit > 0 && b.N > b.Limit {
		b.Over = true
		return 0, ErrTooLarge
	}
	if b.Bandwidth > 0 {
		Pause(b.Context, time.Until(b.Began.Add(time.Duration(float64(b.N)/float64(b.Bandwidth)*float64(time.Second)))))
	}
	return n, err
}

type tooLarge struct{}

func (tooLarge) Error() string { return "the request is above the limit" }

// ErrTooLarge is what a Reader returns beyond its limit.
var ErrTooLarge error = tooLarge{}
