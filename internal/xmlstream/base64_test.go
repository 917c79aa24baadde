package xmlstream

import (
	"bytes"
	"encoding/base64"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

func random(n int) []byte {
	r := rand.NewChaCha8([32]byte{byte(n)})
	b := make([]byte, n)
	r.Read(b)
	return b
}

func broken(text string, every int) string {
	var b strings.Builder
	for len(text) > every {
		b.WriteString(text[:every] + "\r\n")
		text = text[every:]
	}
	return b.String() + text + " "
}

func TestBase64Decodes(t *testing.T) {
	for _, n := range []int{0, 1, 2, 3, 4, 100, 3071, 3072, 3073, 24575, 24576, 24577, 100_001, 300_000} {
		want := random(n)
		text := base64.StdEncoding.EncodeToString(want)
		for name, in := range map[string]string{"plain": text, "lines of 76": broken(text, 76), "lines of 5": broken(text, 5)} {
			for _, r := range []io.Reader{strings.NewReader(in), iotest.HalfReader(strings.NewReader(in)), iotest.DataErrReader(strings.NewReader(in)), iotest.OneByteReader(strings.NewReader(in))} {
				got, err := io.ReadAll(struct{ io.Reader }{NewBase64Reader(r)})
				if err != nil || !bytes.Equal(got, want) {
					t.Fatalf("%d bytes, %s: %d bytes, %v", n, name, len(got), err)
				}
			}
		}
		var b bytes.Buffer
		if _, err := NewBase64Reader(strings.NewReader(text)).WriteTo(&b); err != nil || !bytes.Equal(b.Bytes(), want) {
			t.Fatalf("%d bytes, WriteTo: %v", n, err)
		}
	}
}

func TestBase64Refuses(t *testing.T) {
	long := base64.StdEncoding.EncodeToString(random(60_000))
	for _, c := range []struct {
		name, in string
		offset   int64
		whole    int // bytes to be had before the error
	}{
		{"garbage", "AAAA!AAA", 4, 3},
		{"garbage far in", long + "\x00AAA", 80_000, 60_000},
		{"URL alphabet", "AA-_", 2, 0},
		{"cut after one", "AAAAA", 5, 3},
		{"cut after three", "AAAAAAA", 7, 3},
		{"padding cut", "AAAAAA=", 7, 3},
		{"padding first", "=AAA", 0, 0},
		{"too much padding", "AAAAAA===", 8, 4},
		{"more after padding", "AA==AAAA", 4, 1},
		{"padding between blocks", long + "AA==" + long, 80_004, 60_001},
		{"character between padding", "AA=A", 3, 0},
		{"stray bits", "AB==", 3, 0},
		{"other stray bits", "AAB=", 3, 0},
		{"no ASCII", "AAAAé", 4, 3},
	} {
		for _, r := range []io.Reader{strings.NewReader(c.in), iotest.OneByteReader(strings.NewReader(c.in))} {
			got, err := io.ReadAll(struct{ io.Reader }{NewBase64Reader(r)})
			var bad *Base64Error
			if !errors.As(err, &bad) || bad.Offset != c.offset || len(got) != c.whole {
				t.Errorf("%s: %d bytes, %v; want %d bytes and offset %d", c.name, len(got), err, c.whole, c.offset)
			}
		}
	}
}

func TestBase64FindsTheMark(t *testing.T) {
	for n := range 9 {
		for _, before := range []int{0, 30_000, 32_768, 65_535} {
			text := strings.Repeat("A", before) + "QUJDREVGRw=="[:n] + TruncationMark
			for _, r := range []io.Reader{strings.NewReader(text), iotest.OneByteReader(strings.NewReader(text)), strings.NewReader(text + strings.Repeat(" ", 500))} {
				if _, err := io.ReadAll(struct{ io.Reader }{NewBase64Reader(r)}); !errors.Is(err, ErrTruncated) {
					t.Errorf("after %d+%d characters: %v", before, n, err)
				}
			}
		}
	}
}

func TestBase64KeepsTheReadersError(t *testing.T) {
	gone := errors.New("gone")
	got, err := io.ReadAll(NewBase64Reader(io.MultiReader(strings.NewReader("AAAAAA"), iotest.ErrReader(gone))))
	if len(got) != 3 || !errors.Is(err, gone) {
		t.Errorf("got %d bytes, %v", len(got), err)
	}
}

func FuzzBase64(f *testing.F) {
	for _, s := range []string{"", "AAAA", "AA==", "A A\n=\t=", "AB==", "AAAA" + TruncationMark, "AAAAA"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		stripped := strings.NewReplacer(" ", "", "\t", "", "\r", "", "\n", "").Replace(string(text))
		want, wantErr := base64.StdEncoding.Strict().DecodeString(stripped)
		got, err := io.ReadAll(struct{ io.Reader }{NewBase64Reader(bytes.NewReader(text))})
		slow, slowErr := io.ReadAll(struct{ io.Reader }{NewBase64Reader(iotest.OneByteReader(bytes.NewReader(text)))})
		if !bytes.Equal(got, slow) || fmt.Sprint(err) != fmt.Sprint(slowErr) {
			t.Fatalf("in one piece %x, %v; byte by byte %x, %v", got, err, slow, slowErr)
		}
		if (err == nil) != (wantErr == nil) || err == nil && !bytes.Equal(got, want) {
			t.Fatalf("got %x, %v; want %x, %v", got, err, want, wantErr)
		}
	})
}

func document(size int) []byte {
	return []byte("<a><b>" + base64.StdEncoding.EncodeToString(random(size)) + "</b></a>")
}

func decodeData(r io.Reader) (int64, error) {
	s := NewScanner(r)
	s.Next()
	s.Next()
	n, err := io.Copy(io.Discard, NewBase64Reader(s.Text()))
	if err != nil {
		return n, err
	}
	for err == nil {
		_, err = s.Next()
	}
	if err != io.EOF {
		return n, err
	}
	return n, nil
}

func decodeStd(r io.Reader) (int64, error) {
	var v struct {
		B string `xml:"b"`
	}
	if err := xml.NewDecoder(r).Decode(&v); err != nil {
		return 0, err
	}
	return io.Copy(io.Discard, base64.NewDecoder(base64.StdEncoding, strings.NewReader(v.B)))
}

// BenchmarkData reads one 32 MiB blob through scanner and decoder, and by
// encoding/xml in the same run: "ratio" is how many times faster.
func BenchmarkData(b *testing.B) {
	doc := document(32 << 20)
	b.SetBytes(int64(len(doc)))
	start := time.Now()
	if _, err := decodeStd(bytes.NewReader(doc)); err != nil {
		b.Fatal(err)
	}
	std := time.Since(start)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := decodeData(bytes.NewReader(doc)); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(std.Seconds()/(b.Elapsed().Seconds()/float64(b.N)), "ratio")
}

func BenchmarkLines(b *testing.B) {
	doc := []byte("<a><b>" + broken(base64.StdEncoding.EncodeToString(random(8<<20)), 76) + "</b></a>")
	b.SetBytes(int64(len(doc)))
	for b.Loop() {
		if _, err := decodeData(bytes.NewReader(doc)); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkTags(b *testing.B) {
	doc := []byte("<a xmlns:t='u'>" + strings.Repeat(`<t:Create><t:Message><t:ItemId Id="AAMkAGI=" ChangeKey="CQAAA"/></t:Message></t:Create>`, 5000) + "</a>")
	b.SetBytes(int64(len(doc)))
	b.ReportAllocs()
	for b.Loop() {
		s := NewScanner(bytes.NewReader(doc))
		var err error
		for err == nil {
			_, err = s.Next()
		}
		if err != io.EOF {
			b.Fatal(err)
		}
	}
}
