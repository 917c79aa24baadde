package sshsig

import (
	"bytes"
	"encoding/base64"
)

const (
	begin = "-----BEGIN SSH SIGNATURE-----"
	end   = "-----END SSH SIGNATURE-----"
	width = 70
)

// MaxArmored is the size in bytes that no armored signature exceeds: those of
// the largest RSA keys have about 4,000.
const MaxArmored = 64 << 10

func armor(blob []byte) []byte {
	text := base64.StdEncoding.EncodeToString(blob)
	var b bytes.Buffer
	b.WriteString(begin + "\n")
	for len(text) > 0 {
		n := min(width, len(text))
		b.WriteString(text[:n])
		b.WriteByte('\n')
		text = text[n:]
	}
	b.WriteString(end + "\n")
	return b.Bytes()
}

// unarmor takes line ends of Windows too, as a file may get them on its way.
func unarmor(armored []byte) ([]byte, error) {
	if len(armored) > MaxArmored {
		return nil, malformed("it is too large")
	}
	text := bytes.TrimSpace(armored)
	text, ok := bytes.CutPrefix(text, []byte(begin))
	if !ok {
		return nil, malformed("its first line is missing")
	}
	text, ok = bytes.CutSuffix(text, []byte(end))
	if !ok {
		return nil, malformed("its last line is missing")
	}
	blob, err := base64.StdEncoding.Strict().DecodeString(string(text)) // skips line ends
	if err != nil {
		return nil, malformed("it is no base64")
	}
	return blob, nil
}
