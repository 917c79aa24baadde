package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
)

// encrypted measures an export into an encrypted store against one into a store
// that is not, turn by turn over the same mailbox.
func (l *lab) encrypted(ctx context.Context, w workload, bound float64) error {
	s, err := l.simulate(ctx, sourceMailbox+"="+w.spec())
	if err != nil {
		return err
	}
	defer s.stop()
	passphrase := filepath.Join(l.dir, "passphrase")
	if err := os.WriteFile(passphrase, []byte("a passphrase of the benchmark\n"), 0o600); err != nil {
		return err
	}
	var plain, sealed []usage
	for range l.runs {
		dir, err := os.MkdirTemp(l.dir, "run-")
		if err != nil {
			return err
		}
		u, err := l.ferry(ctx, s, "basic", filepath.Join(dir, "plain"), "export", sourceMailbox)
		if err != nil {
			return err
		}
		plain = append(plain, u)
		store := filepath.Join(dir, "sealed")
		if _, err := run(ctx, nil, l.mailferry, "store", "init", "--encrypt", "--store", store, "--passphrase-file", passphrase); err != nil {
			return err
		}
		u, err = l.ferry(ctx, s, "basic", store, "export", sourceMailbox, "--passphrase-file", passphrase)
		if err != nil {
			return err
		}
		sealed = append(sealed, u)
		if err := os.RemoveAll(dir); err != nil {
			return err
		}
	}
	name := "export, encrypted, " + w.String()
	open, closed := median(plain), median(sealed)
	l.rows(name, w, closed)
	l.table.value(name+": not encrypted, wall", fmt.Sprintf("%.2f s", open.wall.Seconds()))
	l.table.atLeast(name+": throughput, ratio to not encrypted", open.wall.Seconds()/closed.wall.Seconds(), bound, "%.2fx")
	return nil
}
