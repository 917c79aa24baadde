package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"mailferry/store"
	"mailferry/upload"
)

type verifyOptions struct {
	connect connectFlags
	choose  selectionFlags
	place   placeFlags
	store   string
	level   string
	sample  string
	seed    uint64
	workers int
	proof   proofFlags
}

func newVerifyCommand(a *app) *cobra.Command {
	var o verifyOptions
	cmd := &cobra.Command{
		Use:   "verify MAILBOX [SERVER:]TARGET[/FOLDER] --store DIR | --proof FILE",
		Short: "Prove that a mailbox holds what the store holds: nothing missing, doubled or changed",
		Long: `Compare what the store holds of MAILBOX with the target mailbox. Nothing is
changed at the target.

  --level count     each folder has as many items as it should
  --level key       each item is there, exactly once
  --level content   each item is fetched again and compared property by property

The comparison leaves out what a server assigns itself to every item it writes:
ids, creation and modification time, size, conversation id.
Give the same --into and --map as for upload.

With --proof FILE, what was found of each item is written to FILE: ids, hashes
and names of properties, no mail content. --sign signs it. Without mailboxes,
--proof FILE checks such a file; the store and the servers are not needed.
The exit code is 1 if it was changed, and 3 if it is whole but tells of items
that are not as they should be.`,
		Example: `  mailferry verify alice@old.example new:alice@new.example --store /backup/alice --level content
  mailferry verify alice@old.example new:alice@new.example --store /backup/alice --level content --sample 5%
  mailferry verify alice@old.example new:alice@new.example --store /backup/alice --level content --proof alice.proof --sign ~/.ssh/id_ed25519
  mailferry verify --proof alice.proof --allowed-signers signers --signer admin@new.example`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 && o.proof.file != "" {
				return nil
			}
			return exactArgs(2, "a mailbox of the store and the target, [SERVER:]user@domain[/Folder]")(cmd, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return a.checkProof(o.proof)
			}
			return a.verify(cmd.Context(), o, args[0], args[1])
		},
	}
	fs := cmd.Flags()
	addStoreFlag(fs, &o.store)
	o.connect.addFlags(fs)
	o.choose.addFlags(fs)
	o.place.addFlags(fs)
	fs.StringVar(&o.level, "level", "key", "how closely to look: count, key or content")
	fs.StringVar(&o.sample, "sample", "100%", "compare the content of this share of the items, for example 5%")
	fs.Uint64Var(&o.seed, "seed", 0, "choose the items of the sample by this `NUMBER`: the same number, the same items")
	o.proof.addFlags(fs)
	fs.IntVar(&o.workers, "workers", 4, "at most this many requests at a time")
	return cmd
}

// parseSample reads a share of the items, "5%" or "0.05".
func parseSample(text string) (float64, error) {
	number, percent := strings.CutSuffix(text, "%")
	share, err := strconv.ParseFloat(number, 64)
	if percent {
		share /= 100
	}
	if err != nil || !(share > 0 && share <= 1) {
		return 0, usagef("--sample %q: give a share above 0%% and up to 100%%, for example 5%%", text)
	}
	return share, nil
}

func (a *app) verify(ctx context.Context, o verifyOptions, from, to string) error {
	if err := requireStore(o.store); err != nil {
		return err
	}
	targets, err := parseMailboxes([]string{to})
	if err != nil {
		return err
	}
	target := targets[0]
	into, mapping, err := o.place.parse(target)
	if err != nil {
		return err
	}
	level := upload.Level(o.level)
	if level != upload.LevelCount && level != upload.LevelKey && level != upload.LevelContent {
		return usagef("unknown --level %q: use count, key or content", o.level)
	}
	sample, err := parseSample(o.sample)
	if err != nil {
		return err
	}
	if o.workers < 1 || o.workers > 64 {
		return usagef("--workers %d: use 1 to 64", o.workers)
	}
	if err := o.proof.forWriting(level); err != nil {
		return err
	}
	written, err := a.prepareProof(o.proof)
	if err != nil {
		return err
	}
	st, err := a.openReadable(o.store, store.OpenOptions{ReadOnly: true})
	if err != nil {
		return err
	}
	defer st.Close()
	source, err := storedMailbox(st, from)
	if err != nil {
		return err
	}
	choose, err := a.chooseStored(ctx, st, source, o.choose)
	if err != nil {
		return err
	}
	show := a.newProgress(false)
	client, err := a.connect(ctx, o.connect, target, o.workers, show)
	if err != nil {
		show.stopShowing()
		return err
	}
	defer client.Close()
	header := o.header(choose.chosen, source.Address, target.Address, sample)
	header.Server, header.Into = client.Host(), into != "" || len(mapping) > 0
	if err := written.begin(a, header); err != nil {
		show.stopShowing()
		return err
	}
	began := time.Now()
	report, err := upload.Verify(ctx, upload.VerifyOptions{
		Client: client, Store: st, Mailbox: source.Address, Target: target.Address, Into: into, Map: mapping,
		Level: level, Sample: sample, Seed: o.seed, Record: written.record(), Selection: choose.Selection, Match: choose.match, IncludeDeleted: choose.deleted, Associated: choose.associated, Hidden: choose.hidden,
		Archive: choose.archive, Recoverable: choose.recoverable, Public: choose.public, Workers: o.workers, Events: show.handle,
	})
	err = errors.Join(err, written.end(client.ServerVersion().String(), err == nil))
	if finishErr := show.finish(); err == nil {
		err = finishErr
	}
	if err != nil {
		return fmt.Errorf("verify %s: %w", target.Address, err)
	}
	if err := a.printVerify(report, source.Address, target.Address, time.Since(began)); err != nil {
		return err
	}
	if !report.OK() {
		return errIncomplete
	}
	return nil
}

// printVerify prints the findings, grouped, and the verdict.
func (a *app) printVerify(r upload.VerifyReport, source, target string, elapsed time.Duration) error {
	sentence := verifySentence(r, source, target)
	switch {
	case a.global.json:
		encoder := json.NewEncoder(a.stdout)
		for _, f := range r.Findings {
			if err := encoder.Encode(struct {
				Event string `json:"event"`
				upload.Finding
			}{"finding", f}); err != nil {
				return err
			}
		}
		r.Findings = nil // told one by one above
		return encoder.Encode(struct {
			Event string `json:"event"`
			upload.VerifyReport
			Elapsed time.Duration `json:"elapsed_ns"`
			Verdict string        `json:"verdict"`
		}{"verified", r, elapsed, sentence})
	case a.global.quiet:
		return nil
	}
	if err := printFindings(a.stdout, r); err != nil {
		return err
	}
	_, err := fmt.Fprintf(a.stdout, "%s (%s)\n", sentence, durationText(elapsed))
	return err
}

func printFindings(w io.Writer, r upload.VerifyReport) error {
	for _, g := range r.Groups {
		if _, err := fmt.Fprintf(w, "%s: %s, in %s\n", g.What, counted(g.Items, "item"), oneLine(strings.Join(g.Folders, ", "))); err != nil {
			return err
		}
	}
	for _, f := range r.Findings {
		if _, err := fmt.Fprintf(w, "  %s  %s  %s: %s\n", f.Kind, oneLine(f.Folder), oneLine(f.Subject), oneLine(f.What)); err != nil {
			return err
		}
	}
	if r.Unlisted > 0 {
		if _, err := fmt.Fprintf(w, "  and %s more\n", counted(r.Unlisted, "finding")); err != nil {
			return err
		}
	}
	return nil
}

// verifySentence is the verdict in plain words.
func verifySentence(r upload.VerifyReport, source, target string) string {
	how := map[upload.Level]string{
		upload.LevelCount: "were counted", upload.LevelKey: "are there, each exactly once", upload.LevelContent: "are there, each exactly once and equal in content",
	}[r.Level]
	if r.OK() {
		text := fmt.Sprintf("All %s of %s that should be on %s %s.", counted(r.Checked, "item"), source, target, how)
		if r.Level == upload.LevelContent && r.Compared < r.Checked {
			text += fmt.Sprintf(" The content of %s was compared.", counted(r.Compared, "item"))
		}
		return text
	}
	var parts []string
	for _, part := range []struct {
		n    int
		what string
	}{{r.Missing, "missing"}, {r.Doubled, "doubled"}, {r.Different, "different"}, {r.Unverifiable, "could not be compared"}} {
		if part.n > 0 {
			parts = append(parts, number(part.n)+" "+part.what)
		}
	}
	return fmt.Sprintf("%s of %s were looked for on %s: %s.", counted(r.Checked, "item"), source, target, strings.Join(parts, ", "))
}
