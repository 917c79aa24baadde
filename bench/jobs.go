package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
)

// flags are what every mailferry command gets to reach the simulator.
func (l *lab) flags(s *simulator, auth, store string) ([]string, error) {
	password := filepath.Join(l.dir, "password")
	if err := os.WriteFile(password, []byte(benchPassword+"\n"), 0o600); err != nil {
		return nil, err
	}
	return []string{
		"--url", s.url(), "--user", benchUser, "--password-file", password, "--auth", auth, "--store", store,
		"--batch-items", strconv.Itoa(batchItems), "--batch-bytes", strconv.Itoa(batchBytes), "--no-progress",
	}, nil
}

func (l *lab) ferry(ctx context.Context, s *simulator, auth, store string, args ...string) (usage, error) {
	flags, err := l.flags(s, auth, store)
	if err != nil {
		return usage{}, err
	}
	return run(ctx, nil, l.mailferry, append(args, flags...)...)
}

// repeat measures once a run, each time in a fresh folder.
func (l *lab) repeat(once func(dir string) (usage, error)) (usage, error) {
	var all []usage
	for range l.runs {
		dir, err := os.MkdirTemp(l.dir, "run-")
		if err != nil {
			return usage{}, err
		}
		u, err := once(dir)
		os.RemoveAll(dir)
		if err != nil {
			return usage{}, err
		}
		all = append(all, u)
	}
	return median(all), nil
}

// export measures mailferry against curl and exchangelib over the same mailbox.
func (l *lab) export(ctx context.Context, w workload, bound float64) error {
	s, err := l.simulate(ctx, sourceMailbox+"="+w.spec())
	if err != nil {
		return err
	}
	defer s.stop()
	name := "export, " + w.String()
	ours, err := l.repeat(func(dir string) (usage, error) {
		return l.ferry(ctx, s, "basic", filepath.Join(dir, "store"), "export", sourceMailbox)
	})
	if err != nil {
		return err
	}
	l.rows(name, w, ours)
	if err := haveCurl(); err != nil {
		l.table.notMeasured(name+": wall time, ratio to curl", err.Error())
	} else {
		job, err := l.exportJob(ctx, s, w)
		if err != nil {
			return err
		}
		curl, err := l.repeat(func(string) (usage, error) { return l.curl(ctx, job) })
		if err != nil {
			return err
		}
		l.table.value(name+": curl, wall", fmt.Sprintf("%.2f s", curl.wall.Seconds()))
		l.table.atMost(name+": wall time, ratio to curl", ours.wall.Seconds()/curl.wall.Seconds(), bound, "%.2fx")
	}
	dir := filepath.Join(l.dir, "exchangelib")
	defer os.RemoveAll(dir)
	theirs, err := l.exchangelib(ctx, s, w, "export", sourceMailbox, dir)
	return l.against(name, w, ours, theirs, err, 1.0/20)
}

// against compares with exchangelib, which is slow enough to run once only.
// Bound 0 is none.
func (l *lab) against(name string, w workload, ours, theirs usage, err error, bound float64) error {
	what := name + ": CPU, ratio to exchangelib"
	switch {
	case errors.Is(err, errNotThere):
		l.table.notMeasured(what, "python3-exchangelib is "+err.Error())
		return nil
	case err != nil:
		return err
	}
	l.table.value(name+": exchangelib, wall", fmt.Sprintf("%.2f s", theirs.wall.Seconds()))
	l.table.value(name+": exchangelib, CPU a GB", fmt.Sprintf("%.1f s", theirs.cpuPerGB(w.bytes())))
	ratio := ours.cpu.Seconds() / theirs.cpu.Seconds()
	if bound > 0 {
		l.table.atMost(what, ratio, bound, "%.3fx")
	} else {
		l.table.value(what, fmt.Sprintf("%.3fx", ratio))
	}
	return nil
}

func (l *lab) rows(name string, w workload, u usage) {
	l.table.value(name+": mailferry, wall", fmt.Sprintf("%.2f s", u.wall.Seconds()))
	l.table.value(name+": mailferry, CPU a GB", fmt.Sprintf("%.1f s", u.cpuPerGB(w.bytes())))
	l.table.value(name+": mailferry, peak memory", mebibytes(u.maxRSS))
}

func mebibytes(n int64) string { return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20)) }

// upload measures the way back: the exported items into an empty mailbox, over
// Basic and over NTLM, and curl posting the same bodies.
func (l *lab) upload(ctx context.Context, w workload, bound float64) error {
	source, err := l.simulate(ctx, sourceMailbox+"="+w.spec())
	if err != nil {
		return err
	}
	store := filepath.Join(l.dir, "store")
	defer os.RemoveAll(store)
	_, err = l.ferry(ctx, source, "basic", store, "export", sourceMailbox)
	source.stop()
	if err != nil {
		return err
	}
	name := "upload, " + w.String()
	bodies := make(map[string]int64)
	into := func(auth string) func(string) (usage, error) {
		return func(dir string) (usage, error) {
			// A fresh server and a fresh copy of the store: an upload is done only once.
			target, err := l.simulate(ctx, targetMailbox+"=empty")
			if err != nil {
				return usage{}, err
			}
			defer target.stop()
			copied := filepath.Join(dir, "store")
			if err := os.CopyFS(copied, os.DirFS(store)); err != nil {
				return usage{}, err
			}
			u, err := l.ferry(ctx, target, auth, copied, "upload", sourceMailbox, targetMailbox)
			if err != nil {
				return u, err
			}
			st, err := target.stats(ctx)
			bodies[auth] = st.BytesIn
			return u, err
		}
	}
	ours, err := l.repeat(into("basic"))
	if err != nil {
		return err
	}
	l.rows(name, w, ours)
	if _, err := l.repeat(into("ntlm")); err != nil {
		return err
	}
	ideal := float64(w.bytes()+2) / 3 * 4
	l.table.atMost(name+": bytes sent over Basic, ratio to base64 of the blobs", float64(bodies["basic"])/ideal, bound, "%.3fx")
	l.table.atMost(name+": bytes sent over NTLM, ratio to base64 of the blobs", float64(bodies["ntlm"])/ideal, bound, "%.3fx")
	return l.uploadByOthers(ctx, w, name, ours)
}

// uploadByOthers posts the same amount of blobs with curl, and does the job
// with exchangelib. The blobs come from exchangelib's own export, so that they
// are not ours.
func (l *lab) uploadByOthers(ctx context.Context, w workload, name string, ours usage) error {
	s, err := l.simulate(ctx, sourceMailbox+"="+w.spec(), targetMailbox+"=empty")
	if err != nil {
		return err
	}
	defer s.stop()
	blobs := filepath.Join(l.dir, "blobs")
	defer os.RemoveAll(blobs)
	if err := haveCurl(); err != nil {
		l.table.notMeasured(name+": wall time, ratio to curl", err.Error())
	} else {
		if err := l.fetchBlobs(ctx, s, w, blobs); err != nil {
			return err
		}
		job, err := l.uploadJob(ctx, s, w, blobs)
		if err != nil {
			return err
		}
		curl, err := l.repeat(func(string) (usage, error) { return l.curl(ctx, job) })
		if err != nil {
			return err
		}
		l.table.value(name+": curl, wall", fmt.Sprintf("%.2f s", curl.wall.Seconds()))
		l.table.value(name+": wall time, ratio to curl", fmt.Sprintf("%.2fx", ours.wall.Seconds()/curl.wall.Seconds()))
	}
	theirs, err := l.exchangelib(ctx, s, w, "upload", targetMailbox, blobs)
	return l.against(name, w, ours, theirs, err, 0)
}

// memory measures the peak memory of export and upload with eight workers on
// very large items at the same time.
func (l *lab) memory(ctx context.Context, w workload, bound float64) error {
	s, err := l.simulate(ctx, sourceMailbox+"="+w.spec(), targetMailbox+"=empty")
	if err != nil {
		return err
	}
	defer s.stop()
	store := filepath.Join(l.dir, "store-memory")
	defer os.RemoveAll(store)
	for _, step := range [][]string{{"export", sourceMailbox}, {"upload", sourceMailbox, targetMailbox}} {
		u, err := l.ferry(ctx, s, "ntlm", store, append(step, "--workers", "8")...)
		if err != nil {
			return err
		}
		what := fmt.Sprintf("%s, %s, 8 workers: peak memory, MiB", step[0], w)
		if u.maxRSS == 0 {
			l.table.notMeasured(what, "this system does not tell")
			continue
		}
		l.table.atMost(what, float64(u.maxRSS)/(1<<20), bound, "%.1f")
	}
	return nil
}

// unchanged counts the requests of a second export of a mailbox in which
// nothing changed.
func (l *lab) unchanged(ctx context.Context, folders, items int) error {
	s, err := l.simulate(ctx, fmt.Sprintf("%s=bulk:%d:1000:folders=%d", sourceMailbox, items, folders))
	if err != nil {
		return err
	}
	defer s.stop()
	store := filepath.Join(l.dir, "store-unchanged")
	defer os.RemoveAll(store)
	first, err := l.ferry(ctx, s, "basic", store, "export", sourceMailbox)
	if err != nil {
		return err
	}
	inv, err := s.inventory(ctx, sourceMailbox)
	if err != nil {
		return err
	}
	before, err := s.stats(ctx)
	if err != nil {
		return err
	}
	second, err := l.ferry(ctx, s, "basic", store, "export", sourceMailbox)
	if err != nil {
		return err
	}
	after, err := s.stats(ctx)
	if err != nil {
		return err
	}
	name := fmt.Sprintf("export, %d items of 1 KB in %d folders", items, folders)
	l.table.value(name+": first time, wall", fmt.Sprintf("%.2f s", first.wall.Seconds()))
	l.table.value(name+": nothing changed, wall", fmt.Sprintf("%.2f s", second.wall.Seconds()))
	l.table.atMost(name+": nothing changed, requests", float64(after.total()-before.total()), float64(len(inv.Folders)+5), "%.0f")
	return nil
}
