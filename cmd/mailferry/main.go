// Command mailferry exports, restores and migrates Exchange mailboxes at full
// fidelity: it takes each item out as the server's own opaque blob, keeps the
// blobs in a local store, and gives them back unchanged to the same server or
// to another one.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// run is the whole program: scripts call it in tests as main does. It returns
// the exit code of the contract (see exit.go).
func run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	return newApp(stdin, stdout, stderr).run(args)
}

func (a *app) run(args []string) int {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	defer a.watchSignals(cancel)()

	root := newRootCommand(a)
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err != nil && !a.started {
		// cobra has no type for "no such command" or a bad flag: whatever
		// fails before a command began is wrong usage.
		err = usageError{err}
	}
	if closeErr := a.closeLog(); err == nil {
		err = closeErr
	}
	code, line := verdictOf(ctx, err)
	if line != "" {
		fmt.Fprintln(a.stderr, "mailferry: "+line)
	}
	return code
}

// watchSignals turns the first interrupt into a drain (finish and commit what
// is under way, begin nothing new) and the second into a stop at once.
func (a *app) watchSignals(cancel context.CancelFunc) (stop func()) {
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	done := make(chan struct{})
	go func() {
		for count := 0; ; count++ {
			select {
			case <-done:
				return
			case <-signals:
			}
			if count > 0 || !a.drainable.Load() {
				a.interrupted.Store(true)
				cancel()
				return
			}
			a.interrupted.Store(true)
			close(a.drain)
			fmt.Fprintln(a.stderr, "stopping: what is under way is finished and kept; interrupt again to stop at once")
		}
	}()
	return func() {
		signal.Stop(signals)
		close(done)
	}
}
