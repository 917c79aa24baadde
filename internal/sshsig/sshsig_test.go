package sshsig_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mailferry/internal/memtest"
	"mailferry/internal/sharedtest"
	"mailferry/internal/sshsig"
)

const (
	namespace = "mailferry-proof"
	message   = "what is signed\n"
)

// keygen runs ssh-keygen in a folder, and returns what it prints.
func keygen(t testing.TB, dir, stdin string, args ...string) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), sharedtest.Program(t, "ssh-keygen"), args...)
	cmd.Dir = dir
	cmd.Stdin = strings.NewReader(stdin)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func must(t testing.TB, out string, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("ssh-keygen: %v\n%s", err, out)
	}
}

// world makes a key with ssh-keygen, and a list that allows it to alice.
func world(t testing.TB, passphrase string, kind ...string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	out, err := keygen(t, dir, "", append([]string{"-q", "-N", passphrase, "-C", "c", "-f", "key", "-t"}, kind...)...)
	must(t, out, err)
	public, err := os.ReadFile(filepath.Join(dir, "key.pub"))
	must(t, "", err)
	write(t, dir, "signers", "# who may sign\nalice@example.com "+string(public))
	write(t, dir, "message", message)
	return dir
}

func write(t testing.TB, dir, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func read(t testing.TB, dir, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func readKey(t testing.TB, dir, passphrase string) *sshsig.Key {
	t.Helper()
	key, err := sshsig.ReadKey(read(t, dir, "key"), func() (string, error) { return passphrase, nil })
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func TestSSHKeygenAndWeAgree(t *testing.T) {
	t.Parallel()
	for _, kind := range [][]string{{"ed25519"}, {"ecdsa", "-b", "256"}, {"ecdsa", "-b", "521"}, {"rsa", "-b", "2048"}} {
		t.Run(strings.Join(kind, ""), func(t *testing.T) {
			t.Parallel()
			dir := world(t, "", kind...)
			ours, err := readKey(t, dir, "").Sign(namespace, strings.NewReader(message))
			if err != nil {
				t.Fatal(err)
			}
			write(t, dir, "ours.sig", string(ours))
			verify := []string{"-Y", "verify", "-f", "signers", "-I", "alice@example.com", "-n", namespace, "-s", "ours.sig"}
			out, err := keygen(t, dir, message, verify...)
			must(t, out, err)
			if out, err := keygen(t, dir, message+"x", verify...); err == nil {
				t.Errorf("ssh-keygen takes it for another message: %s", out)
			}
			for _, hash := range []string{"sha256", "sha512"} {
				os.Remove(filepath.Join(dir, "message.sig"))
				out, err := keygen(t, dir, "", "-Y", "sign", "-f", "key", "-n", namespace, "-O", "hashalg="+hash, "message")
				must(t, out, err)
				s, err := sshsig.Parse(read(t, dir, "message.sig"))
				if err != nil {
					t.Fatal(err)
				}
				if err := s.Verify(namespace, strings.NewReader(message)); err != nil {
					t.Errorf("%s: %v", hash, err)
				}
				if err := s.AllowedSigner(bytes.NewReader(read(t, dir, "signers")), "alice@example.com", time.Now()); err != nil {
					t.Errorf("%s: %v", hash, err)
				}
				if err := s.Verify(namespace, strings.NewReader(message+"x")); !errors.Is(err, sshsig.ErrMismatch) {
					t.Errorf("%s: another message: %v", hash, err)
				}
				if err := s.Verify("file", strings.NewReader(message)); !errors.Is(err, sshsig.ErrMismatch) {
					t.Errorf("%s: another namespace: %v", hash, err)
				}
				if out, _ := keygen(t, dir, "", "-l", "-f", "key.pub"); !strings.Contains(out, s.Fingerprint()) {
					t.Errorf("fingerprint %s, ssh-keygen: %s", s.Fingerprint(), out)
				}
			}
		})
	}
}

// What ssh-keygen says of a line of allowed signers, we say too.
func TestAllowedSignersAreReadAsBySSHKeygen(t *testing.T) {
	t.Parallel()
	dir := world(t, "", "ed25519")
	key := strings.TrimSpace(string(read(t, dir, "key.pub")))
	other := strings.TrimSpace(string(read(t, world(t, "", "ed25519"), "key.pub")))
	armored, err := readKey(t, dir, "").Sign(namespace, strings.NewReader(message))
	if err != nil {
		t.Fatal(err)
	}
	write(t, dir, "m.sig", string(armored))
	s, err := sshsig.Parse(armored)
	if err != nil {
		t.Fatal(err)
	}
	for list, want := range map[string]bool{
		"alice@example.com " + key:                                          true,
		"alice@example.com\t" + key:                                         true,
		"  alice@example.com " + key:                                        true,
		"bob@example.com " + key:                                            false,
		"alice@example.com " + other:                                        false,
		"alice@example.com " + other + "\nalice@example.com " + key:         true,
		"*@example.com " + key:                                              true,
		"*e.com " + key:                                                     true,
		"al?ce@example.com " + key:                                          true,
		"[a]lice@example.com " + key:                                        false,
		"*@example.com,!alice@example.com " + key:                           false,
		"!alice@example.com,* " + key:                                       false,
		"bob@example.com,alice@example.com " + key:                          true,
		`"alice@example.com" ` + key:                                        true,
		`alice@example.com namespaces="mailferry-proof" ` + key:             true,
		`alice@example.com namespaces="file,mailferry-*" ` + key:            true,
		`alice@example.com namespaces="file" ` + key:                        false,
		`alice@example.com valid-after="20200101Z" ` + key:                  true,
		`alice@example.com valid-after="29990101" ` + key:                   false,
		`alice@example.com valid-before="20200101" ` + key:                  false,
		`alice@example.com valid-before="299901010000Z" ` + key:             true,
		`alice@example.com valid-before="x" ` + key:                         false,
		`alice@example.com cert-authority ` + key:                           false,
		`alice@example.com forbid-all ` + key:                               false,
		"alice@example.com ssh-ed25519 AAAA":                                false,
		"alice@example.com":                                                 false,
		"":                                                                  false,
		"# only a note":                                                     false,
		"\n# a note\n\nalice@example.com " + key + "\n":                     true,
		`alice@example.com valid-after="20200101",namespaces="file" ` + key: false,
	} {
		write(t, dir, "list", list+"\n")
		out, err := keygen(t, dir, message, "-Y", "verify", "-f", "list", "-I", "alice@example.com", "-n", namespace, "-s", "m.sig")
		if (err == nil) != want {
			t.Errorf("%q: ssh-keygen says %v: %s", list, err, out)
		}
		if err := s.AllowedSigner(strings.NewReader(list+"\n"), "alice@example.com", time.Now()); (err == nil) != want {
			t.Errorf("%q: we say %v", list, err)
		}
	}
}

func TestKeysThatDoNotOpen(t *testing.T) {
	t.Parallel()
	dir := world(t, "correct horse", "ed25519")
	file := read(t, dir, "key")
	give := func(s string) func() (string, error) { return func() (string, error) { return s, nil } }
	if _, err := sshsig.ReadKey(file, give("")); !errors.Is(err, sshsig.ErrNoPassphrase) {
		t.Errorf("no passphrase: %v", err)
	}
	if _, err := sshsig.ReadKey(file, give("battery staple")); !errors.Is(err, sshsig.ErrWrongPassphrase) {
		t.Errorf("a wrong one: %v", err)
	}
	if _, err := sshsig.ReadKey(file, func() (string, error) { return "", io.ErrUnexpectedEOF }); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("no way to ask: %v", err)
	}
	signature, err := readKey(t, dir, "correct horse").Sign(namespace, strings.NewReader(message))
	if err != nil {
		t.Fatal(err)
	}
	if s, err := sshsig.Parse(signature); err != nil || s.Verify(namespace, strings.NewReader(message)) != nil {
		t.Errorf("the right one: %v", err)
	}
	for name, text := range map[string][]byte{"empty": nil, "a public key": read(t, dir, "key.pub"), "cut": file[:len(file)/2]} {
		if _, err := sshsig.ReadKey(text, give("")); !errors.Is(err, sshsig.ErrNoKey) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := readKey(t, dir, "correct horse").Sign("", strings.NewReader(message)); err == nil {
		t.Error("a signature for no purpose")
	}
}

// No byte of a signature may change but its outer blanks.
func TestChangedSignaturesAreRefused(t *testing.T) {
	t.Parallel()
	dir := world(t, "", "ed25519")
	armored, err := readKey(t, dir, "").Sign(namespace, strings.NewReader(message))
	if err != nil {
		t.Fatal(err)
	}
	list := string(read(t, dir, "signers"))
	for i := range bytes.TrimSpace(armored) {
		if armored[i] == '\n' {
			continue // where the lines end means nothing
		}
		changed := bytes.Clone(armored)
		changed[i] ^= 1
		if s, err := sshsig.Parse(changed); err == nil && s.Verify(namespace, strings.NewReader(message)) == nil &&
			s.AllowedSigner(strings.NewReader(list), "alice@example.com", time.Now()) == nil {
			t.Errorf("byte %d is %q instead of %q, and nobody sees it", i, changed[i], armored[i])
		}
	}
	if s, err := sshsig.Parse(bytes.ReplaceAll(armored, []byte("\n"), []byte("\r\n"))); err != nil || s.Verify(namespace, strings.NewReader(message)) != nil {
		t.Errorf("with the line ends of Windows: %v", err)
	}
}

// The begin of a signature, made up by hand.
const example = `-----BEGIN SSH SIGNATURE-----
U1NIU0lHAAAAAQAAADMAAAALc3NoLWVkMjU1MTkAAAAgAAAAAAAAAAAAAAAAAAAAAAAAAA
-----END SSH SIGNATURE-----
`

func FuzzParse(f *testing.F) {
	dir := world(f, "", "ed25519")
	armored, err := readKey(f, dir, "").Sign(namespace, strings.NewReader(message))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(armored)
	f.Add([]byte(example))
	f.Fuzz(func(t *testing.T, b []byte) {
		defer memtest.Bound(t, 1<<20+32*uint64(len(b)))()
		s, err := sshsig.Parse(b)
		if err != nil {
			if !errors.Is(err, sshsig.ErrMalformed) {
				t.Errorf("%v", err)
			}
			return
		}
		_ = s.Verify(s.Namespace, strings.NewReader(message))
	})
}

func FuzzAllowedSigner(f *testing.F) {
	dir := world(f, "", "ed25519")
	armored, err := readKey(f, dir, "").Sign(namespace, strings.NewReader(message))
	if err != nil {
		f.Fatal(err)
	}
	s, err := sshsig.Parse(armored)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(read(f, dir, "signers"))
	f.Add([]byte(`"a b" namespaces="x",valid-after="20240101Z" ssh-ed25519 AAAA`))
	f.Fuzz(func(t *testing.T, b []byte) {
		defer memtest.Bound(t, 1<<20+64*uint64(len(b)))()
		if s.AllowedSigner(bytes.NewReader(b), "mallory", time.Now()) == nil && !bytes.ContainsAny(b, "*?") && !bytes.Contains(b, []byte("mallory")) {
			t.Errorf("%q allows a signer that it does not name", b)
		}
	})
}
