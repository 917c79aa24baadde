package main

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"sync/atomic"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/term"

	"mailferry/internal/fault"
)

// app is what every command shares: the streams, the global flags, and how the
// run is told to stop.
type app struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	global         globalFlags
	log            *slog.Logger
	logFile        io.Closer
	logins         map[string]func() http.RoundTripper // by server, as far as asked for
	discovered     map[string]string                   // EWS addresses that Autodiscover found, by server and mailbox
	files          fault.FS                            // below every store; nil: the disk
	patience       patience

	started     bool          // flags were read and a command began
	drain       chan struct{} // closed at the first interrupt
	drainable   atomic.Bool   // the command watches drain
	interrupted atomic.Bool
}

func newApp(stdin io.Reader, stdout, stderr io.Writer) *app {
	return &app{stdin: stdin, stdout: stdout, stderr: stderr, drain: make(chan struct{}), logins: make(map[string]func() http.RoundTripper), discovered: make(map[string]string), log: slog.New(slog.DiscardHandler)}
}

// globalFlags are the flags of every command.
type globalFlags struct {
	config     string
	json       bool
	quiet      bool
	noProgress bool
	logLevel   string
	logFormat  string
	logFile    string
	unlock     unlockFlags
}

func (g *globalFlags) addFlags(fs *pflag.FlagSet) {
	fs.StringVar(&g.config, "config", "", "config `FILE` with the server profiles (default mailferry/config.toml in your config folder)")
	fs.BoolVar(&g.json, "json", false, "events and results as JSON lines on stdout, nothing else there")
	fs.BoolVarP(&g.quiet, "quiet", "q", false, "no progress, no table: only errors and the exit code")
	fs.BoolVar(&g.noProgress, "no-progress", false, "no progress bar and no progress lines")
	fs.StringVar(&g.logLevel, "log-level", "warn", "how much to log: debug, info, warn or error")
	fs.StringVar(&g.logFormat, "log-format", "text", "how to log: text or json")
	fs.StringVar(&g.logFile, "log-file", "", "log to this `FILE` instead of stderr")
	g.unlock.addFlags(fs)
}

// newRootCommand assembles the command tree.
func newRootCommand(a *app) *cobra.Command {
	root := &cobra.Command{
		Use:   "mailferry",
		Short: "Export, restore and migrate Exchange mailboxes at full fidelity",
		Long: `mailferry takes each item of an Exchange mailbox out as the server's own opaque
blob (EWS ExportItems), keeps the blobs in a local store, and gives them back
unchanged to the same server or to another one (EWS UploadItems).

  mailferry export alice@old.example --store DIR    mailbox -> store; again = resume and take the changes
  mailferry upload alice@old.example bob@new.example --store DIR    store -> mailbox; again = only what is missing
  mailferry restore alice@old.example --folder Projects --store DIR    chosen items back where they were
  mailferry verify alice@old.example bob@new.example --store DIR    prove that nothing is missing, doubled or changed

A mailbox is [SERVER:]user@domain[/Folder/Path]; SERVER is a profile of the
config file. Without a profile, flags say where the mailbox is that the command
talks to: --user, --url (else Autodiscover looks for it), and where they are
needed --auth (default ntlm), --password-file (else $MAILFERRY_PASSWORD, else a
prompt), --access and --ca-file. "mailferry server add" makes profiles, and
"mailferry doctor" tells what is wrong on the way to a mailbox. Try "mailferry
demo" to see the whole job on simulated servers.

Every flag can be set by an environment variable: --batch-items is
MAILFERRY_BATCH_ITEMS. A flag that may be repeated takes one value a line there.

Exit codes: 0 all done; 1 failed, as by an unknown mailbox; 2 wrong usage;
3 finished, but some items failed and nobody accepted that; 4 login or rights
refused; 5 store locked, damaged, of a newer format or not opened by this key;
130 interrupted, what was moved is kept.`,
		SilenceErrors:     true,
		SilenceUsage:      true,
		CompletionOptions: cobra.CompletionOptions{DisableDefaultCmd: true},
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error { return a.begin(cmd) },
	}
	root.SetIn(a.stdin)
	root.SetOut(a.stdout)
	root.SetErr(a.stderr)
	a.global.addFlags(root.PersistentFlags())
	root.AddCommand(
		newExportCommand(a), newUploadCommand(a), newRestoreCommand(a), newVerifyCommand(a),
		newLsCommand(a), newFindCommand(a), newShowCommand(a), newExtractCommand(a), newFailuresCommand(a), newStoreCommand(a),
		newServerCommand(a), newDoctorCommand(a),
		newSimulateCommand(a), newDemoCommand(a),
		newCompletionCommand(), newGenerateCommand(), newVersionCommand(a),
	)
	return root
}

// begin runs before every command: the environment fills the flags that were
// not given, then logging starts.
func (a *app) begin(cmd *cobra.Command) error {
	if err := refuseProxyPassword(cmd.Flags()); err != nil {
		return err
	}
	if err := flagsFromEnvironment(cmd.Flags()); err != nil {
		return err
	}
	if a.global.json && a.global.quiet {
		return usagef("--json and --quiet exclude each other")
	}
	if err := a.openLog(); err != nil {
		return err
	}
	a.started = true
	return nil
}

// flagsFromEnvironment sets each flag that was not given from MAILFERRY_NAME.
func flagsFromEnvironment(flags *pflag.FlagSet) error {
	var failed error
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Changed || failed != nil || f.Name == "help" {
			return
		}
		variable := "MAILFERRY_" + strings.ToUpper(strings.ReplaceAll(f.Name, "-", "_"))
		value, ok := os.LookupEnv(variable)
		if !ok {
			return
		}
		values := []string{value}
		if _, list := f.Value.(pflag.SliceValue); list {
			values = strings.Split(strings.TrimSuffix(value, "\n"), "\n")
		}
		for _, v := range values {
			if err := flags.Set(f.Name, v); err != nil {
				failed = fmt.Errorf("environment variable %s: %w", variable, errors.Unwrap(err))
			}
		}
	})
	return failed
}

func (a *app) openLog() error {
	var level slog.Level
	if err := level.UnmarshalText([]byte(a.global.logLevel)); err != nil {
		return usagef("unknown --log-level %q: use debug, info, warn or error", a.global.logLevel)
	}
	out := a.stderr
	if a.global.logFile != "" {
		f, err := os.OpenFile(a.global.logFile, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err != nil {
			return usagef("log file: %w", err)
		}
		a.logFile, out = f, f
	}
	options := &slog.HandlerOptions{Level: level}
	switch a.global.logFormat {
	case "text":
		a.log = slog.New(slog.NewTextHandler(out, options))
	case "json":
		a.log = slog.New(slog.NewJSONHandler(out, options))
	default:
		return usagef("unknown --log-format %q: use text or json", a.global.logFormat)
	}
	return nil
}

func (a *app) closeLog() error {
	if a.logFile == nil {
		return nil
	}
	return a.logFile.Close()
}

// watchDrain is called by commands that finish what is under way at the first
// interrupt; the others stop at once.
func (a *app) watchDrain() <-chan struct{} {
	a.drainable.Store(true)
	return a.drain
}

// terminal tells whether w is a terminal, on which a bar can be drawn.
func terminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// exactArgs and minArgs say in words which arguments a command wants.
func exactArgs(n int, want string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		if len(args) != n {
			return usagef("give %s (got %d arguments); see --help", want, len(args))
		}
		return nil
	}
}

func minArgs(n int, want string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		if len(args) < n {
			return usagef("give %s; see --help", want)
		}
		return nil
	}
}
