package watch

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"strings"
	"testing"
)

func TestGunzipRefusesABomb(t *testing.T) {
	var bomb bytes.Buffer
	z := gzip.NewWriter(&bomb)
	z.Write(make([]byte, 64<<20))
	z.Close()
	var d Dog
	d.Received.Store(int64(bomb.Len()))
	n, err := io.Copy(io.Discard, &gunzip{dog: &d, in: &bomb, suspect: 1 << 20})
	var bad *BadAnswerError
	if !errors.As(err, &bad) || n > 32<<20 {
		t.Errorf("%d bytes were believed, %v", n, err)
	}
}

func TestAtMost(t *testing.T) {
	if b, err := io.ReadAll(AtMost(strings.NewReader("12345"), 5)); string(b) != "12345" || err != nil {
		t.Errorf("got %q, %v", b, err)
	}
	var bad *BadAnswerError
	if _, err := io.ReadAll(AtMost(strings.NewReader("123456"), 5)); !errors.As(err, &bad) {
		t.Errorf("got %v", err)
	}
}
