package splice

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
)

func text(s string) Blob {
	return Blob{Size: int64(len(s)), Open: func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(s)), nil }}
}

func TestStream(t *testing.T) {
	open, size, err := New([]byte("<a></a><b></b>"), []int{3, 10}, []Blob{text("one"), text("four")})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		b, err := io.ReadAll(open())
		if string(b) != "<a>b25l</a><b>Zm91cg==</b>" || int64(len(b)) != size || err != nil {
			t.Errorf("got %s, %v, size %d", b, err, size)
		}
	}
}

func TestStreamNeverEndsWithABadBlob(t *testing.T) {
	for _, size := range []int64{3, 5} {
		bad := text("four")
		bad.Size = size
		open, _, err := New([]byte("<a></a>"), []int{3}, []Blob{bad})
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(open())
		var blob *BlobError
		if !errors.As(err, &blob) || string(b) != "<a>" {
			t.Errorf("size %d: %q, %v", size, b, err)
		}
	}
	r, _, _ := New([]byte("<a></a>"), []int{3}, []Blob{text("four")})
	s := r()
	s.Close()
	if _, err := s.Read(make([]byte, 1)); err == nil || err == io.EOF {
		t.Errorf("after Close: %v", err)
	}
}

func BenchmarkStream(b *testing.B) {
	raw := make([]byte, 16<<20)
	open, size, err := New([]byte("<a></a>"), []int{3}, []Blob{{Size: int64(len(raw)), Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(raw)), nil }}})
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(size)
	b.ReportAllocs()
	for b.Loop() {
		r := open()
		if n, err := io.Copy(io.Discard, struct{ io.Reader }{r}); n != size || err != nil {
			b.Fatal(n, err)
		}
	}
}
