package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"mailferry/ews"
	"mailferry/ews/ewsauth"
	"mailferry/ews/ewstest"
	"mailferry/export"
	"mailferry/internal/event"
	"mailferry/store"
	"mailferry/upload"
)

// pstModule carries a real mailbox of 2,178 messages that may be read freely.
const pstModule = "github.com/mooijtech/go-pst/v6"

type demoOptions struct {
	keep string
	pst  string
}

func newDemoCommand(a *app) *cobra.Command {
	var o demoOptions
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Do the whole job against two simulated Exchange servers on this machine",
		Long: `Start two simulated Exchange servers on loopback, export mailboxes from the one
over NTLM, upload them to the other, whose folders have German names, and verify
every item by its content. One mailbox is made up (400 items of every kind); the
other is a real one of 2,178 messages, found in a Go module when demo runs in a
checkout, or given with --pst.`,
		Args: exactArgs(0, "no argument"),
		RunE: func(cmd *cobra.Command, _ []string) error { return a.demo(cmd.Context(), o) },
	}
	cmd.Flags().StringVar(&o.keep, "keep", "", "keep the store in this `DIR` to look into it")
	cmd.Flags().StringVar(&o.pst, "pst", "", "load the second mailbox from this PST `FILE`")
	return cmd
}

// demoJob is one mailbox on its way.
type demoJob struct{ name, content string }

func (a *app) demo(ctx context.Context, o demoOptions) error {
	jobs := []demoJob{{"sample", "sample:400"}}
	pst := o.pst
	if pst == "" {
		pst = findPST(ctx)
	}
	if pst == "" {
		a.tell("no PST file: the real mailbox is left out (run in a checkout with Go, or give --pst FILE)")
	} else {
		if _, err := os.Stat(pst); err != nil {
			return usagef("--pst: %w", err)
		}
		jobs = append([]demoJob{{"real", "pst:" + pst}}, jobs...)
	}
	dir := o.keep
	if dir == "" {
		temp, err := os.MkdirTemp("", "mailferry-demo-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(temp)
		dir = temp
	}
	dir = filepath.Join(dir, "store")

	a.tell("starting two simulated Exchange servers")
	source, err := startDemoServer("old.example", "en", jobs)
	if err != nil {
		return err
	}
	defer source.Close()
	for i := range jobs {
		jobs[i].content = "empty"
	}
	target, err := startDemoServer("new.example", "de", jobs)
	if err != nil {
		return err
	}
	defer target.Close()
	st, err := a.openStore(dir, store.OpenOptions{Create: true})
	if err != nil {
		return err
	}
	defer st.Close()
	items := 0
	for _, job := range jobs {
		n, err := a.demoMailbox(ctx, st, dir, source, target, job.name)
		if err != nil {
			return err
		}
		items += n
	}
	if o.keep != "" {
		a.tell("the store is kept: try 'mailferry ls --store " + dir + "'")
	}
	a.tell(fmt.Sprintf("All %s went from one server to the other, and each was found there once and equal in content.", counted(items, "item")))
	return nil
}

// tell prints a line of the demo's story.
func (a *app) tell(line string) {
	switch {
	case a.global.quiet:
	case a.global.json:
		fmt.Fprintln(a.stderr, line)
	default:
		fmt.Fprintln(a.stdout, line)
	}
}

const demoUser, demoPassword = `EXAMPLE\svc-migrate`, "Demo-Passw0rd!"

func startDemoServer(domain, language string, jobs []demoJob) (*ewstest.Server, error) {
	options := ewstest.Options{Auth: []string{"ntlm"}, Users: []ewstest.User{{Name: demoUser, Password: demoPassword}}}
	for _, job := range jobs {
		options.Mailboxes = append(options.Mailboxes, ewstest.MailboxSpec{
			Address: job.name + "@" + domain, Content: job.content, Language: language,
		})
	}
	server, err := ewstest.NewServer(options)
	if err != nil {
		return nil, err
	}
	return server, server.Start("127.0.0.1:0")
}

// demoMailbox exports, uploads and verifies one mailbox, as the three commands
// would, and returns how many items went the whole way.
func (a *app) demoMailbox(ctx context.Context, st *store.Store, dir string, source, target *ewstest.Server, name string) (int, error) {
	from, to := name+"@old.example", name+"@new.example"
	all := chosen{associated: true, hidden: true}

	a.tell(fmt.Sprintf("\n$ mailferry export %s --store DIR --associated --hidden", from))
	show := a.newProgress(false)
	client, err := a.demoClient(source, from, show)
	if err != nil {
		return 0, err
	}
	started := time.Now().UTC()
	exported, err := export.Run(ctx, export.Options{
		Client: client, ServerURL: source.URL(), Store: st, Mailbox: from, Associated: all.associated, Hidden: all.hidden,
		Drain: a.watchDrain(), Events: show.handle,
	})
	client.Close()
	if err := a.conclude(conclusion{
		command: "export", storeDir: dir, store: st, started: started, show: show,
		summaries: []event.Summary{exported}, direction: store.Export, err: err,
	}); err != nil {
		return 0, err
	}

	a.tell(fmt.Sprintf("\n$ mailferry upload %s %s --store DIR --associated --hidden", from, to))
	show = a.newProgress(false)
	if client, err = a.demoClient(target, to, show); err != nil {
		return 0, err
	}
	defer client.Close()
	started = time.Now().UTC()
	uploaded, err := upload.Run(ctx, upload.Options{
		Client: client, Store: st, Mailbox: from, Target: to, Associated: all.associated, Hidden: all.hidden,
		IfExists: upload.Skip, Drain: a.watchDrain(), Events: show.handle,
	})
	if err := a.conclude(conclusion{
		command: "upload", storeDir: dir, store: st, started: started, show: show,
		summaries: []event.Summary{uploaded}, direction: store.Upload, err: err,
	}); err != nil {
		return 0, err
	}

	a.tell(fmt.Sprintf("\n$ mailferry verify %s %s --store DIR --associated --hidden --level content", from, to))
	show = a.newProgress(false)
	began := time.Now()
	report, err := upload.Verify(ctx, upload.VerifyOptions{
		Client: client, Store: st, Mailbox: from, Target: to, Level: upload.LevelContent, Sample: 1,
		Associated: all.associated, Hidden: all.hidden, Events: show.handle,
	})
	if finishErr := show.finish(); err == nil {
		err = finishErr
	}
	if err != nil {
		return 0, err
	}
	if err := a.printVerify(report, from, to, time.Since(began)); err != nil {
		return 0, err
	}
	if !report.OK() {
		return 0, errIncomplete
	}
	return report.Checked, nil
}

func (a *app) demoClient(server *ewstest.Server, mailbox string, show *progress) (*ews.Client, error) {
	p := profile{URL: server.URL(), Auth: "ntlm", User: demoUser, Access: "impersonate"}
	newTransport, err := ewsauth.New(ewsauth.Options{Scheme: ewsauth.SchemeNTLM, User: p.User, Password: ewsauth.NewSecret(demoPassword)})
	if err != nil {
		return nil, err
	}
	return a.newClient(newTransport, p, mailbox, 4, "", show)
}

// findPST finds the real mailbox in the module cache of the machine, or
// returns "".
func findPST(ctx context.Context) string {
	out, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}", pstModule).Output()
	if err != nil {
		return ""
	}
	file := filepath.Join(strings.TrimSpace(string(out)), "data", "enron.pst")
	if _, err := os.Stat(file); err != nil {
		return ""
	}
	return file
}
