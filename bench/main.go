// Command bench measures what mailferry claims of its speed and memory, against
// other programs in the same run on the same machine: curl, which does nothing
// but move the bytes, and exchangelib, a complete client. Everything runs
// against the simulator in a process of its own, over loopback.
//
//	go run ./bench            all of it, some minutes
//	go run ./bench -quick     smaller data, one run each: to see that it works
//	go run ./bench -only upload
//
// Times are medians of several runs. What a missing program would have shown
// is said to be not measured.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
)

func main() {
	quick := flag.Bool("quick", false, "smaller data and one run each")
	runs := flag.Int("runs", 3, "runs of each measurement, of which the median counts")
	keep := flag.String("dir", "", "work in this folder (it must have room for some GB); else in the system's temporary folder")
	only := flag.String("only", "", "the parts whose names hold this: export, upload, encrypted, memory, unchanged, find")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := bench(ctx, *keep, *runs, *quick, *only); err != nil {
		fmt.Fprintln(os.Stderr, "bench: "+err.Error())
		stop()
		os.Exit(1)
	}
}

// lab is where everything is measured.
type lab struct {
	dir       string // scratch
	mailferry string // the built program
	runs      int
	table     *table
}

func bench(ctx context.Context, dir string, runs int, quick bool, only string) error {
	dir, err := os.MkdirTemp(dir, "mailferry-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	l := &lab{dir: dir, mailferry: filepath.Join(dir, "mailferry"+exeSuffix), runs: runs, table: &table{out: os.Stdout}}
	build := exec.CommandContext(ctx, "go", "build", "-o", l.mailferry, "mailferry/cmd/mailferry")
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		return fmt.Errorf("build mailferry: %w", err)
	}
	small, large, huge := workload{2000, 100_000}, workload{20, 25_000_000}, workload{8, 150_000_000}
	folders, items := 300, 20_000
	if quick {
		small, large, huge = workload{400, 100_000}, workload{4, 25_000_000}, workload{2, 150_000_000}
		folders, items, l.runs = 30, 2_000, 1
	}
	l.table.header()
	parts := []struct {
		name string
		run  func() error
	}{
		{"export", func() error { return each(ctx, l.export, 1.6, small, large) }},
		{"upload", func() error { return each(ctx, l.upload, 1.02, small, large) }},
		// Four times as many: what the passphrase costs once, about 0.2 s, is no throughput.
		{"encrypted", func() error { return each(ctx, l.encrypted, 0.7, small.times(4), large.times(4)) }},
		{"memory", func() error { return l.memory(ctx, huge, 96) }},
		{"unchanged", func() error { return l.unchanged(ctx, folders, items) }},
		{"find", func() error { return l.find(ctx, items*5) }},
	}
	for _, part := range parts {
		if !strings.Contains(part.name, only) {
			continue
		}
		if err := part.run(); err != nil {
			return fmt.Errorf("%s: %w", part.name, err)
		}
	}
	return l.table.verdict()
}

// workload is a bulk mailbox: so many items of so many bytes.
type workload struct {
	items int
	size  int64
}

func (w workload) times(n int) workload { return workload{w.items * n, w.size} }

func (w workload) String() string { return fmt.Sprintf("%d items of %s", w.items, megabytes(w.size)) }

func (w workload) bytes() int64 { return int64(w.items) * w.size }

func (w workload) spec() string { return fmt.Sprintf("bulk:%d:%d", w.items, w.size) }

func megabytes(n int64) string {
	if n < 1_000_000 {
		return fmt.Sprintf("%d KB", n/1000)
	}
	return fmt.Sprintf("%d MB", n/1_000_000)
}

// each measures one workload after the other.
func each(ctx context.Context, measure func(context.Context, workload, float64) error, bound float64, all ...workload) error {
	for _, w := range all {
		if err := measure(ctx, w, bound); err != nil {
			return fmt.Errorf("%s: %w", w, err)
		}
	}
	return nil
}
