package eml_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"mailferry/internal/sharedtest"
)

// TestSMIME: a signature of OpenSSL holds in the mail that is written, and what
// OpenSSL encrypted can be decrypted; also where they were stored with other line ends.
func TestSMIME(t *testing.T) {
	t.Parallel()
	program := sharedtest.Program(t, "openssl")
	dir := t.TempDir()
	openssl := func(stdin []byte, args ...string) []byte {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), program, args...)
		cmd.Dir, cmd.Stdin = dir, bytes.NewReader(stdin)
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("openssl %s: %v\n%s", args, err, stderr.Bytes())
		}
		return out
	}
	openssl(nil, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=alice@example.com", "-keyout", "key.pem", "-out", "cert.pem")
	const said = "Content-Type: text/plain; charset=utf-8\r\n\r\nI promise: Gr\xc3\xbc\xc3\x9fe\r\nFrom me\r\n"
	entity := func(made []byte) string {
		return strings.Replace(string(made), "MIME-Version: 1.0\r\n", "", 1)
	}
	signed := entity(openssl([]byte(said), "smime", "-sign", "-crlfeol", "-binary", "-signer", "cert.pem", "-inkey", "key.pem"))

	m := message(map[uint16]string{0x001A: "IPM.Note.SMIME.MultipartSigned", 0x0037: "Signed"})
	attach(m, "Subject: false\r\nBcc: eve@example.com\r\n"+signed, map[uint16]string{0x3707: "smime.p7m", 0x370E: "multipart/signed"})
	raw := write(t, m)
	if got := openssl(raw, "smime", "-verify", "-noverify", "-crlfeol"); string(got) != said {
		t.Errorf("OpenSSL reads %q, want %q", got, said)
	}
	if n := strings.Count(string(raw), "\nSubject:") + strings.Count(string(raw), "\nBcc:"); n != 1 {
		t.Errorf("fields of the content are in the header:\n%s", raw)
	}
	// Of a message that is attached it holds as well.
	outer := message(map[uint16]string{0x0037: "Outer", 0x1000: "see"})
	attach(outer, "", nil).Embedded = m
	got, err := readGo(write(t, outer))
	if err != nil || len(got.Attachments) != 1 || got.Attachments[0].Message == nil || len(got.Attachments[0].Message.Bodies) != 1 {
		t.Errorf("%v, %v", got, err)
	}
	// What does not look like it is attached as it is.
	m.Attachments = nil
	attach(m, "no MIME at all", map[uint16]string{0x3707: "smime.p7m", 0x370E: "multipart/signed"})
	if got, err := readGo(write(t, m)); err != nil || len(got.Attachments) != 1 || got.Attachments[0].Type != "application/octet-stream" {
		t.Errorf("%v, %v", got, err)
	}

	secret := openssl([]byte(said), "smime", "-encrypt", "-binary", "-aes256", "-outform", "DER", "cert.pem")
	m = message(map[uint16]string{0x001A: "IPM.Note.SMIME", 0x0037: "Secret"})
	attach(m, string(secret), map[uint16]string{0x3707: "smime.p7m", 0x370E: "application/pkcs7-mime;smime-type=enveloped-data;name=smime.p7m"})
	raw = write(t, m)
	checkClean(t, "secret", raw)
	if err := os.WriteFile(filepath.Join(dir, "secret.eml"), raw, 0o600); err != nil {
		t.Fatal(err)
	}
	if got := openssl(nil, "smime", "-decrypt", "-in", "secret.eml", "-recip", "cert.pem", "-inkey", "key.pem"); string(got) != said {
		t.Errorf("OpenSSL reads %q, want %q", got, said)
	}
	if !strings.Contains(string(raw), "\r\nContent-Type: application/pkcs7-mime; smime-type=\"enveloped-data\";") {
		t.Errorf("%.800s", raw)
	}
}
