package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/spf13/pflag"

	"mailferry/internal/proof"
	"mailferry/internal/sshsig"
	"mailferry/upload"
)

// proofNamespace keeps signatures of proof files from serving for anything else.
const proofNamespace = "mailferry-proof"

// signatureSuffix is added to a proof file's name for its signature.
const signatureSuffix = ".sig"

// proofFlags say what becomes of a proof file.
type proofFlags struct {
	file    string
	key     string // signs it
	allowed string // with signer: checks its signature
	signer  string
}

func (f *proofFlags) addFlags(fs *pflag.FlagSet) {
	fs.StringVar(&f.file, "proof", "", "write what was found of each item to this `FILE`; without mailboxes: check the FILE")
	fs.StringVar(&f.key, "sign", "", "sign the proof file with the SSH key in this `KEYFILE`; the signature goes to FILE"+signatureSuffix)
	fs.StringVar(&f.allowed, "allowed-signers", "", "check the proof file's signature by this list of allowed signers (ssh-keygen has the format); needs --signer")
	fs.StringVar(&f.signer, "signer", "", "the `NAME` in the list of allowed signers whose signature it must be")
}

// forWriting refuses what makes no sense when a proof file is written.
func (f *proofFlags) forWriting(level upload.Level) error {
	switch {
	case f.allowed != "" || f.signer != "":
		return usagef("--allowed-signers and --signer check a proof file: give --proof FILE and no mailboxes")
	case f.file == "" && f.key != "":
		return usagef("--sign signs a proof file: give --proof FILE too")
	case f.file != "" && level == upload.LevelCount:
		return usagef("--proof tells of each item, which --level count does not look at: use key or content")
	}
	return nil
}

// proofWriting is a proof file that is being written. A nil one does nothing.
type proofWriting struct {
	*proof.Writer
	file string
	key  *sshsig.Key
}

// prepareProof reads the key, and sees to it that nothing is overwritten, before
// anything is asked of the server.
func (a *app) prepareProof(f proofFlags) (*proofWriting, error) {
	if f.file == "" {
		return nil, nil
	}
	if _, err := os.Lstat(f.file); err == nil {
		return nil, usagef("the proof file %s is there already: give another name, or move it away", f.file)
	} else if !errors.Is(err, fs.ErrNotExist) {
		return nil, usagef("proof file: %w", err)
	}
	p := &proofWriting{file: f.file}
	if f.key == "" {
		if _, err := os.Lstat(f.file + signatureSuffix); err == nil {
			return nil, usagef("there is a signature %s of another proof file: move it away, or give another name", f.file+signatureSuffix)
		}
		return p, nil
	}
	text, err := readSmall(f.key, sshsig.MaxKey)
	if err != nil {
		return nil, usagef("--sign: %w", err)
	}
	p.key, err = sshsig.ReadKey(text, func() (string, error) { return a.ask("passphrase of the key " + f.key + ": ") })
	if errors.Is(err, sshsig.ErrNoPassphrase) {
		return nil, usagef("--sign %s: %w; start mailferry on a terminal, where it can ask, or use a key without one", f.key, err)
	}
	if err != nil {
		return nil, usagef("--sign %s: %w", f.key, err)
	}
	return p, nil
}

// begin begins the file.
func (p *proofWriting) begin(a *app, h proof.Header) error {
	if p == nil {
		return nil
	}
	if _, err := os.Lstat(p.file + proof.Partial); err == nil {
		fmt.Fprintf(a.stderr, "%s is of a verify that did not end: starting over\n", p.file+proof.Partial)
	}
	h.Program, h.Started = buildVersion(), time.Now()
	var err error
	p.Writer, err = proof.Create(p.file, h)
	return err
}

// record is where the findings go, nil if nowhere.
func (p *proofWriting) record() func(proof.Item) error {
	if p == nil {
		return nil
	}
	return p.Item
}

// end gives the file its name if the check got to its end. serverVersion is that
// of the target's server.
func (p *proofWriting) end(serverVersion string, complete bool) error {
	if p == nil {
		return nil
	}
	if !complete {
		p.Abandon()
		return nil
	}
	var sign func(io.Reader) ([]byte, error)
	if p.key != nil {
		sign = func(r io.Reader) ([]byte, error) { return p.key.Sign(proofNamespace, r) }
	}
	_, err := p.Finish(proof.Finished{Finished: time.Now(), ServerVersion: serverVersion}, sign)
	return err
}

// header says what a verify was told.
func (o verifyOptions) header(choose chosen, source, target string, sample float64) proof.Header {
	h := proof.Header{
		Mailbox: source, Target: target, Level: o.level, Sample: sample, Seed: o.seed,
		Selected: !choose.choosesNothing(),
	}
	for _, tree := range []struct {
		name string
		in   bool
	}{{"archive", choose.archive}, {"recoverable", choose.recoverable}, {"public", choose.public}, {"hidden", choose.hidden}, {"associated", choose.associated}} {
		if tree.in {
			h.Trees = append(h.Trees, tree.name)
		}
	}
	return h
}
