package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"mailferry/internal/proof"
	"mailferry/internal/sharedtest"
)

// Any byte of a proof file, or of its signature, that is not what it was ends
// the check with one line and exit code 1.
func TestEachFlippedByteOfAProofIsSeen(t *testing.T) {
	t.Parallel()
	keygen := sharedtest.Program(t, "ssh-keygen")
	dir := t.TempDir()
	name, key := filepath.Join(dir, "p"), filepath.Join(dir, "key")
	if out, err := exec.CommandContext(t.Context(), keygen, "-q", "-t", "ed25519", "-N", "", "-f", key).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	a := newApp(strings.NewReader(""), new(bytes.Buffer), new(bytes.Buffer))
	p, err := a.prepareProof(proofFlags{file: name, key: key})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.begin(a, proof.Header{Mailbox: "a@old.example", Target: "b@new.example", Level: "content", Sample: 1}); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"AAMk+1=", "AAMk+2="} {
		if err := p.Item(proof.Item{Item: id, SHA256: strings.Repeat("0f", 32), Target: "T" + id, Result: proof.Equal}); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.end("15.2.1.2", true); err != nil {
		t.Fatal(err)
	}
	public, err := os.ReadFile(key + ".pub")
	if err != nil {
		t.Fatal(err)
	}
	signers := filepath.Join(dir, "signers")
	put(t, signers, append([]byte("admin "), public...))
	check := func(args ...string) (int, string) {
		var stderr bytes.Buffer
		code := run(append([]string{"verify", "--proof", name}, args...), strings.NewReader(""), new(bytes.Buffer), &stderr)
		return code, stderr.String()
	}
	if code, line := check("--allowed-signers", signers, "--signer", "admin"); code != exitDone {
		t.Fatalf("the clean file: %d %s", code, line)
	}
	for file, args := range map[string][]string{
		name:                   nil, // without a signature
		name + signatureSuffix: {"--allowed-signers", signers, "--signer", "admin"},
	} {
		good, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		signature, err := os.ReadFile(name + signatureSuffix)
		if err != nil {
			t.Fatal(err)
		}
		if args == nil {
			if err := os.Remove(name + signatureSuffix); err != nil {
				t.Fatal(err)
			}
		}
		for i := range good {
			if file != name && good[i] == '\n' {
				continue // where the lines of a signature end means nothing
			}
			changed := bytes.Clone(good)
			changed[i] ^= 1
			put(t, file, changed)
			if code, line := check(args...); code != exitFailed || strings.Count(line, "\n") != 1 {
				t.Errorf("%s with byte %d (%q) changed: %d %q", filepath.Base(file), i, good[i], code, line)
			}
		}
		put(t, file, good)
		put(t, name+signatureSuffix, signature)
	}
}

func put(t *testing.T, name string, text []byte) {
	t.Helper()
	if err := os.WriteFile(name, text, 0o600); err != nil {
		t.Fatal(err)
	}
}
