package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"time"

	"mailferry/internal/proof"
	"mailferry/internal/sshsig"
)

// forChecking refuses what makes no sense when a proof file is checked.
func (f *proofFlags) forChecking() error {
	switch {
	case f.key != "":
		return usagef("--sign signs a proof file as it is written: give the mailboxes too")
	case (f.allowed == "") != (f.signer == ""):
		return usagef("give --allowed-signers FILE and --signer NAME together")
	}
	return nil
}

// signatureCheck is what is known of a proof file's signature.
type signatureCheck struct {
	Signed bool   `json:"signed"`
	Signer string `json:"signer,omitempty"` // who vouches for it; empty: nobody known
	Key    string `json:"key,omitempty"`    // fingerprint
}

// checkProof checks a proof file, for which nothing else is needed.
func (a *app) checkProof(f proofFlags) error {
	if err := f.forChecking(); err != nil {
		return err
	}
	file, err := os.Open(f.file)
	if err != nil {
		return usagef("proof file: %w", err)
	}
	defer file.Close()
	found, err := proof.Check(file)
	if err != nil {
		return fmt.Errorf("the proof file %s does not hold: %w", f.file, err)
	}
	signature, err := f.checkSignature(file)
	if err != nil {
		return fmt.Errorf("the signature of %s does not hold: %w", f.file, err)
	}
	if err := a.printProof(f.file, found, signature); err != nil {
		return err
	}
	if !found.OK() {
		return errIncomplete
	}
	return nil
}

// checkSignature checks the signature of a file if there is one; there must be
// one if it is said whose.
func (f *proofFlags) checkSignature(file io.ReadSeeker) (signatureCheck, error) {
	name := f.file + signatureSuffix
	text, err := readSmall(name, sshsig.MaxArmored)
	if errors.Is(err, fs.ErrNotExist) {
		if f.signer != "" {
			return signatureCheck{}, fmt.Errorf("there is no %s", name)
		}
		return signatureCheck{}, nil
	}
	if err != nil {
		return signatureCheck{}, err
	}
	s, err := sshsig.Parse(text)
	if err != nil {
		return signatureCheck{}, fmt.Errorf("%s: %w", name, err)
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return signatureCheck{}, err
	}
	if err := s.Verify(proofNamespace, file); err != nil {
		return signatureCheck{}, err
	}
	check := signatureCheck{Signed: true, Key: s.Fingerprint()}
	if f.signer == "" {
		return check, nil
	}
	list, err := os.Open(f.allowed)
	if err != nil {
		return check, usagef("--allowed-signers: %w", err)
	}
	defer list.Close()
	if err := s.AllowedSigner(list, f.signer, time.Now()); err != nil {
		return check, fmt.Errorf("signer %s: %w", f.signer, err)
	}
	check.Signer = f.signer
	return check, nil
}

func (a *app) printProof(name string, p proof.Checked, s signatureCheck) error {
	if a.global.json {
		return json.NewEncoder(a.stdout).Encode(struct {
			Event     string         `json:"event"`
			File      string         `json:"file"`
			Header    proof.Header   `json:"header"`
			Finished  proof.Finished `json:"end"`
			Totals    proof.Totals   `json:"totals"`
			Signature signatureCheck `json:"signature"`
		}{"proof", name, p.Header, p.Finished, p.Totals, s})
	}
	if a.global.quiet {
		return nil
	}
	_, err := fmt.Fprintf(a.stdout, "%s\n%s\n%s\n", oneLine(proofOrigin(name, p)), oneLine(proofSentence(p)), oneLine(s.sentence()))
	return err
}

// proofOrigin says what the file is of.
func proofOrigin(name string, p proof.Checked) string {
	text := fmt.Sprintf("%s is whole: %s on %s (%s), level %s, %s to %s", name, p.Mailbox, p.Target, p.Server, p.Level,
		p.Started.Format(time.RFC3339), p.Finished.Finished.Format(time.RFC3339))
	if p.Level == "content" && p.Sample < 1 {
		text += fmt.Sprintf(", a sample of %g%% (seed %d)", p.Sample*100, p.Seed)
	}
	if p.Selected {
		text += ", of chosen items only"
	}
	if len(p.Trees) > 0 {
		text += ", with " + strings.Join(p.Trees, ", ")
	}
	return text + "."
}

// proofSentence is the verdict of the file, counted anew.
func proofSentence(p proof.Checked) string {
	var parts []string
	for _, part := range []struct {
		n    int
		what string
	}{
		{p.Equal, "equal in content"},
		{p.There, "there, content not compared"},
		{p.Accepted, "accepted as they are"},
		{p.Missing, "missing"},
		{p.Doubled, "doubled"},
		{p.Different, "different"},
		{p.Unverifiable, "could not be compared"},
	} {
		if part.n > 0 {
			parts = append(parts, number(part.n)+" "+part.what)
		}
	}
	if len(parts) == 0 {
		return "It tells of no item."
	}
	return fmt.Sprintf("It tells of %s: %s.", counted(p.Items, "item"), strings.Join(parts, ", "))
}

func (s signatureCheck) sentence() string {
	switch {
	case !s.Signed:
		return "It is not signed: the hash shows damage, but not who wrote it."
	case s.Signer == "":
		return fmt.Sprintf("It is signed by the key %s. Whose key that is was not checked: give --allowed-signers and --signer.", s.Key)
	}
	return fmt.Sprintf("It is signed by %s, with the key %s.", s.Signer, s.Key)
}
