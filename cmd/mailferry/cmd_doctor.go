package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"mailferry/ews"
	"mailferry/ews/ewsauth"
)

type doctorOptions struct {
	connect   connectFlags
	writeTest bool
}

func newDoctorCommand(a *app) *cobra.Command {
	var o doctorOptions
	cmd := &cobra.Command{
		Use:   "doctor [SERVER:]user@domain",
		Short: "Check the way to a mailbox step by step, and say what to do where it ends",
		Long: `Go the way to a mailbox step by step and tell what each one finds: the address of
the server, its name, the connection, TLS and the certificate, the login schemes
it offers, the login, version and clock, the right to open the mailbox, folders
with counts and sizes, whether ExportItems and UploadItems are offered, the
largest request that is taken, Extended Protection, and whether the server asks
to wait. A step that fails says what to do next; those that need it are not tried.

Nothing is changed, unless --write-test is given: then an item is made in Deleted
Items, exported, uploaded again, compared, and both are removed. A login by NTLM
is also tried once without Extended Protection, to see whether the server demands
it; that one may stand in the server's log as refused.

Exit code 0 if no step failed, 4 if the login or a right was refused, else 1.`,
		Example: `  mailferry doctor old:alice@old.example
  mailferry doctor alice@old.example --url https://mail.old.example/EWS/Exchange.asmx --user 'OLD\svc' --write-test`,
		Args: exactArgs(1, "a mailbox, [SERVER:]user@domain"),
		RunE: func(cmd *cobra.Command, args []string) error { return a.doctor(cmd.Context(), o, args[0]) },
	}
	o.connect.addFlags(cmd.Flags())
	cmd.Flags().BoolVar(&o.writeTest, "write-test", false, "also make a probe item in Deleted Items, export, upload and compare it, and remove it")
	return cmd
}

// doctorStep is one step. It is tried if none of those before it that it needs
// failed: a later step of the way needs all earlier ones.
type doctorStep struct {
	name  string
	needs []string
	run   func(*doctor, context.Context) finding
}

// The steps, in their order. What is below the login needs nothing but that.
var doctorSteps = []doctorStep{
	{"address", nil, (*doctor).address},
	{"name", []string{"address"}, (*doctor).resolve},
	{"connection", []string{"name"}, (*doctor).connection},
	{"tls", []string{"connection"}, (*doctor).tls},
	{"schemes", []string{"tls"}, (*doctor).schemes},
	{"login", []string{"schemes"}, (*doctor).login},
	{"version", []string{"login"}, (*doctor).version},
	{"clock", []string{"login"}, (*doctor).clock},
	{"protection", []string{"login"}, (*doctor).protection},
	{"access", []string{"login"}, (*doctor).access},
	{"folders", []string{"access"}, (*doctor).folders},
	{"export", []string{"folders"}, (*doctor).exportOffered},
	{"upload", []string{"access"}, (*doctor).uploadOffered},
	{"size", []string{"upload"}, (*doctor).requestSize},
	{"throttling", []string{"login"}, (*doctor).throttling},
	{"write test", []string{"folders", "export", "upload"}, (*doctor).writeTest},
}

// doctor is one examination, and what its steps leave for each other.
type doctor struct {
	a       *app
	o       doctorOptions
	mailbox mailboxAddress
	p       profile
	options ewsauth.Options
	way     way         // of the first request
	client  *ews.Client // for the mailbox, by the access that is asked for
	found   []ews.Folder
	waited  []string // what the server asked to wait for
	trip    time.Duration
	out     io.Writer
}

func (a *app) doctor(ctx context.Context, o doctorOptions, arg string) error {
	addresses, err := parseMailboxes([]string{arg})
	if err != nil {
		return err
	}
	if addresses[0].Folder != "" {
		return usagef("doctor looks at a whole mailbox: give %s", addresses[0].Address)
	}
	d := &doctor{a: a, o: o, mailbox: addresses[0], out: a.stdout}
	if err := d.prepare(ctx); err != nil {
		return err
	}
	defer func() {
		if d.client != nil {
			d.client.Close()
		}
	}()
	bad := make(map[string]bool)
	var first error
	counts := make(map[stepStatus]int)
	for _, step := range doctorSteps {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		began := time.Now()
		f, blocked := finding{}, ""
		for _, need := range step.needs {
			if bad[need] && blocked == "" {
				blocked = need
			}
		}
		if blocked != "" {
			f = notTried("since the step %q did not succeed", blocked)
		} else {
			f = d.within(ctx, step)
		}
		if f.status == stepFailed || blocked != "" {
			bad[step.name] = true
		}
		if f.status == stepFailed && first == nil {
			first = fmt.Errorf("doctor: the step %q failed: %w", step.name, f.err)
		}
		counts[f.status]++
		if err := d.show(step.name, f, time.Since(began)); err != nil {
			return err
		}
	}
	return d.conclude(counts, first)
}

// within runs one step in a bounded time.
func (d *doctor) within(ctx context.Context, step doctorStep) finding {
	limit := d.a.patience.doctor
	if limit <= 0 {
		limit = time.Minute
	}
	bounded, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	f := step.run(d, bounded)
	if f.status == stepFailed && bounded.Err() != nil && ctx.Err() == nil {
		reason := "the server took longer than " + limit.String()
		if len(d.waited) > 0 {
			reason += ", and asked to wait: " + d.waited[len(d.waited)-1]
		}
		f = failed(errors.New(reason), "try again later; if it stays so, have the throttling policy of the account raised, or look for what slows the server down")
	}
	return f
}

// prepare refuses wrong input before anything is sent.
func (d *doctor) prepare(ctx context.Context) error {
	conf, err := loadConfig(d.a.global.config)
	if err != nil {
		return err
	}
	base, err := conf.profile(d.mailbox.Server)
	if err != nil {
		return err
	}
	d.p = d.o.connect.over(base)
	if err := d.p.check(); err != nil {
		return err
	}
	if d.p.URL != "" {
		if err := checkURL(d.p.URL); err != nil {
			return err
		}
	}
	if err := d.o.connect.discover.check(); err != nil {
		return err
	}
	// The password is asked for here, once for all steps.
	d.a.warnInsecure(d.p)
	if d.options, err = d.a.loginOptions(ctx, d.mailbox.Server, d.p); err != nil {
		return err
	}
	newTransport, err := ewsauth.New(d.options)
	if err != nil {
		return usageError{err}
	}
	d.a.logins[d.mailbox.Server] = newTransport
	return nil
}

// show prints one step.
func (d *doctor) show(name string, f finding, took time.Duration) error {
	if d.a.global.json {
		line := map[string]any{"event": "step", "step": name, "status": f.status, "text": oneLine(f.text), "elapsed_ns": took}
		if f.next != "" {
			line["next"] = f.next
		}
		if len(f.data) > 0 {
			line["data"] = f.data
		}
		return json.NewEncoder(d.out).Encode(line)
	}
	if d.a.global.quiet {
		return nil
	}
	text := fmt.Sprintf("%-9s  %-10s  %s\n", f.status, name, oneLine(f.text))
	if f.next != "" {
		text += strings.Repeat(" ", 23) + "-> " + f.next + "\n"
	}
	_, err := io.WriteString(d.out, text)
	return err
}

// conclude says in a sentence what came out.
func (d *doctor) conclude(counts map[stepStatus]int, first error) error {
	tried := counts[stepOK] + counts[stepWarning] + counts[stepFailed]
	if d.a.global.json {
		verdict := map[string]any{"event": "verdict", "ok": counts[stepOK], "warnings": counts[stepWarning], "failed": counts[stepFailed], "not_tried": counts[stepNotTried]}
		if err := json.NewEncoder(d.out).Encode(verdict); err != nil {
			return err
		}
		return first
	}
	if first != nil || d.a.global.quiet {
		return first
	}
	text := fmt.Sprintf("None of %d steps failed: %s can be exported and restored.", tried, d.mailbox.Address)
	if n := counts[stepWarning]; n > 0 {
		text += fmt.Sprintf(" %s to look at.", counted(n, "warning"))
	}
	_, err := fmt.Fprintln(d.out, text)
	return err
}
