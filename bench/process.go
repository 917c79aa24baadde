package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime/debug"
	"slices"
	"strings"
	"time"
)

// usage is what one run of a program took.
type usage struct {
	wall   time.Duration
	cpu    time.Duration // user and system
	maxRSS int64         // bytes; 0 where the system doesn't tell
}

// run runs a program to its end and measures it. Its output is only shown when
// it fails.
func run(ctx context.Context, env []string, name string, args ...string) (usage, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	cmd.Env = append(os.Environ(), env...)
	// Linux counts the memory of the process that starts another one as that
	// one's own, up to its exec: so this one is kept small.
	debug.FreeOSMemory()
	began := time.Now()
	err := cmd.Run()
	u := usage{wall: time.Since(began)}
	if cmd.ProcessState != nil {
		u.cpu = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
		u.maxRSS = maxRSS(cmd.ProcessState)
	}
	if err != nil {
		return u, fmt.Errorf("%s %s: %w\n%s", name, strings.Join(args, " "), err, tail(out.Bytes()))
	}
	return u, nil
}

func tail(b []byte) []byte {
	const most = 4 << 10
	if len(b) > most {
		b = b[len(b)-most:]
	}
	return b
}

// median returns the middle of the runs, field by field.
func median(all []usage) usage {
	pick := func(get func(usage) int64) int64 {
		values := make([]int64, 0, len(all))
		for _, u := range all {
			values = append(values, get(u))
		}
		slices.Sort(values)
		return values[len(values)/2]
	}
	return usage{
		wall:   time.Duration(pick(func(u usage) int64 { return int64(u.wall) })),
		cpu:    time.Duration(pick(func(u usage) int64 { return int64(u.cpu) })),
		maxRSS: pick(func(u usage) int64 { return u.maxRSS }),
	}
}

// cpuPerGB is CPU seconds for 10^9 bytes of blobs.
func (u usage) cpuPerGB(bytes int64) float64 { return u.cpu.Seconds() / (float64(bytes) / 1e9) }
