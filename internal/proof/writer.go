package proof

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"mailferry/internal/atomicfile"
)

// Partial is added to the name of a proof file while it is written.
const Partial = ".partial"

// Writer writes a proof file. Several goroutines may use it.
type Writer struct {
	mu     sync.Mutex
	name   string
	file   *os.File
	buf    *bufio.Writer
	hash   hash.Hash
	out    io.Writer // buf and hash
	totals Totals
	err    error
}

// Create begins a proof file under its name with [Partial] added; a file that
// was left there by a run that did not end is replaced.
func Create(name string, h Header) (*Writer, error) {
	f, err := os.OpenFile(name+Partial, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, fmt.Errorf("write the proof file: %w", err)
	}
	w := &Writer{name: name, file: f, buf: bufio.NewWriterSize(f, 64<<10), hash: sha256.New()}
	w.out = io.MultiWriter(w.buf, w.hash)
	h.Format, h.Started = Format, h.Started.UTC().Truncate(time.Second)
	for _, text := range []*string{&h.Program, &h.Mailbox, &h.Target, &h.Server} {
		*text = plain(*text)
	}
	if err := w.line(h); err != nil {
		f.Close()
		return nil, err
	}
	return w, nil
}

// plain makes text what JSON gives back as it was.
func plain(text string) string { return strings.ToValidUTF8(text, "?") }

func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v) // ends with a line end
	return b.Bytes(), err
}

func (w *Writer) line(v any) error {
	if w.err != nil {
		return w.err
	}
	b, err := encode(v)
	if err == nil {
		_, err = w.out.Write(b)
	}
	if err != nil {
		w.err = fmt.Errorf("write the proof file: %w", err)
	}
	return w.err
}

// The most of what a line names, so that no item makes a line too long to check.
const (
	mostReasons = 100
	longReason  = 400 // bytes
)

// Item writes a line for an item, which names the first 100 reasons.
func (w *Writer) Item(it Item) error {
	reasons := make([]string, 0, min(len(it.Reasons), mostReasons+1))
	for i, reason := range it.Reasons {
		if i == mostReasons {
			reasons = append(reasons, fmt.Sprintf("and %d more", len(it.Reasons)-i))
			break
		}
		reasons = append(reasons, plain(reason[:min(len(reason), longReason)]))
	}
	it.Item, it.Target, it.Reasons = plain(it.Item), plain(it.Target), reasons
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.totals.count(it.Result) {
		return fmt.Errorf("write the proof file: unknown result %q", it.Result)
	}
	return w.line(it)
}

// Finish writes the end, and gives the file its name once it is on the disk.
// sign, if there is one, makes a signature of the whole file, which gets the
// name with ".sig" added before.
func (w *Writer) Finish(end Finished, sign func(io.Reader) ([]byte, error)) (Totals, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	defer w.file.Close()
	end.Finished, end.ServerVersion = end.Finished.UTC().Truncate(time.Second), plain(end.ServerVersion)
	if err := w.line(end); err != nil {
		return w.totals, err
	}
	if err := w.line(last{w.totals, hex.EncodeToString(w.hash.Sum(nil))}); err != nil {
		return w.totals, err
	}
	if err := w.finish(sign); err != nil {
		return w.totals, fmt.Errorf("write the proof file: %w", err)
	}
	return w.totals, nil
}

func (w *Writer) finish(sign func(io.Reader) ([]byte, error)) error {
	if err := w.buf.Flush(); err != nil {
		return err
	}
	if err := w.file.Sync(); err != nil {
		return err
	}
	if sign != nil {
		if _, err := w.file.Seek(0, io.SeekStart); err != nil {
			return err
		}
		signature, err := sign(w.file)
		if err != nil {
			return err
		}
		if err := atomicfile.Write(w.name+".sig", signature, 0o600); err != nil {
			return err
		}
	}
	if err := w.file.Close(); err != nil {
		return err
	}
	if err := os.Rename(w.name+Partial, w.name); err != nil {
		return err
	}
	return atomicfile.SyncDir(filepath.Dir(w.name))
}

// Abandon closes a file that is not finished; what was written stays under the
// name with [Partial] added.
func (w *Writer) Abandon() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.buf.Flush()
	w.file.Close()
}
