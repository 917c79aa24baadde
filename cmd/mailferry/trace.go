package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"mailferry/ews"
)

// newTracer writes one line of JSON a request into a new file in dir. What an
// event holds is decided by ews: no secret, no blob and no mail content.
func newTracer(dir string) (func(ews.TraceEvent), error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, usagef("--trace: %w", err)
	}
	name := filepath.Join(dir, fmt.Sprintf("mailferry-%s-%d.jsonl", time.Now().UTC().Format("20060102T150405.000000000Z"), os.Getpid()))
	f, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, usagef("--trace: %w", err)
	}
	// The file is closed by the end of the process: events may come from
	// requests that end late, and each is one write.
	var mu sync.Mutex
	encoder := json.NewEncoder(f)
	return func(e ews.TraceEvent) {
		mu.Lock()
		defer mu.Unlock()
		_ = encoder.Encode(e) // a full disk must not end the run for its trace
	}, nil
}
