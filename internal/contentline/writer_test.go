package contentline_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf8"

	"mailferry/internal/contentline"
	"mailferry/internal/memtest"
)

func written(t testing.TB, write func(*contentline.Writer)) string {
	t.Helper()
	var b bytes.Buffer
	w := contentline.NewWriter(&b)
	write(w)
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	if w.Written() != int64(b.Len()) {
		t.Errorf("%d octets are said, %d are written", w.Written(), b.Len())
	}
	return b.String()
}

func TestLines(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		write func(*contentline.Writer)
		want  string
	}{
		{func(w *contentline.Writer) { w.Text("NOTE", "a,b;c\\d\r\ne\nf\rg\th\x00\x7f: \"q\"") }, "NOTE:a\\,b\\;c\\\\d\\ne\\nf\\ng\th: \"q\"\r\n"},
		{func(w *contentline.Writer) { w.Text("NOTE", "\xff") }, "NOTE:\uFFFD\r\n"},
		{func(w *contentline.Writer) { w.Raw("DTSTART", "20250101T000000Z\r\nX:y") }, "DTSTART:20250101T000000ZX:y\r\n"},
		{func(w *contentline.Writer) { w.List("CATEGORIES", []string{"a,b", "c"}) }, "CATEGORIES:a\\,b,c\r\n"},
		{func(w *contentline.Writer) { w.Fields("N", [][]string{{"a;b"}, {"c", "d"}, nil}) }, "N:a\\;b;c,d;\r\n"},
		{
			func(w *contentline.Writer) {
				w.Raw("X", "v", contentline.P("CN", "Bob \"B\" ^x\r\ny"), contentline.P("TYPE", "a", "b:c"), contentline.P("E", ""))
			},
			"X;CN=Bob ^'B^' ^^x^ny;TYPE=a,\"b:c\";E=\"\":v\r\n",
		},
	} {
		if got := written(t, c.write); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}

// unfold takes lines apart, and checks how long they are.
func unfold(t testing.TB, s string) []string {
	t.Helper()
	for _, line := range strings.Split(s, "\r\n") {
		if len(line) > 75 {
			t.Errorf("%d octets: %q", len(line), line)
		}
		if !utf8.ValidString(line) {
			t.Errorf("a character is cut: %q", line)
		}
	}
	lines := strings.Split(strings.ReplaceAll(s, "\r\n ", ""), "\r\n")
	if last := len(lines) - 1; lines[last] != "" {
		t.Errorf("the last line has no end: %q", lines[last])
	}
	return lines[:len(lines)-1]
}

func TestFolding(t *testing.T) {
	t.Parallel()
	for size := range 200 {
		text := strings.Repeat("x", size) + strings.Repeat("語ä😀", 60)
		got := unfold(t, written(t, func(w *contentline.Writer) {
			w.Text("NOTE", text)
			w.Raw("URL", text, contentline.P("P", text))
			w.Base64("PHOTO", "data:x;base64,", func(to io.Writer) error { _, err := io.WriteString(to, text); return err })
		}))
		want := []string{"NOTE:" + text, "URL;P=" + text + ":" + text, "PHOTO:data:x;base64," + base64.StdEncoding.EncodeToString([]byte(text))}
		if strings.Join(got, "\n") != strings.Join(want, "\n") {
			t.Fatalf("%q", got)
		}
	}
}

func TestErrors(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	w := contentline.NewWriter(io.Discard)
	w.TextFrom("NOTE", iotest.ErrReader(broken))
	if err := w.Flush(); !errors.Is(err, broken) {
		t.Errorf("the text's reader: %v", err)
	}
	w = contentline.NewWriter(io.Discard)
	w.Base64("PHOTO", "", func(io.Writer) error { return broken })
	if err := w.Flush(); !errors.Is(err, broken) {
		t.Errorf("the data's writer: %v", err)
	}
}

// TestFlat: a value's size costs no memory.
func TestFlat(t *testing.T) {
	defer memtest.Bound(t, 1<<20)()
	w := contentline.NewWriter(io.Discard)
	w.TextFrom("NOTE", io.LimitReader(zeros('x'), 20<<20))
	w.Base64("PHOTO", "", func(to io.Writer) error {
		_, err := io.Copy(to, io.LimitReader(zeros(0), 20<<20))
		return err
	})
	if err := w.Flush(); err != nil || w.Written() < 40<<20 {
		t.Errorf("%d octets, %v", w.Written(), err)
	}
}

type zeros byte

func (z zeros) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(z)
	}
	return len(p), nil
}

func FuzzLines(f *testing.F) {
	f.Add("text\r\nEND:VCARD", "a\"b", "語")
	f.Fuzz(func(t *testing.T, text, param, raw string) {
		defer memtest.Bound(t, 16<<20)()
		lines := unfold(t, written(t, func(w *contentline.Writer) {
			w.Text("NOTE", text, contentline.P("X", param))
			w.Raw("URL", raw)
			w.Fields("N", [][]string{{text, param}, {raw}})
		}))
		if len(lines) != 3 || !strings.HasPrefix(lines[0], "NOTE;X=") || !strings.HasPrefix(lines[1], "URL:") || !strings.HasPrefix(lines[2], "N:") {
			t.Errorf("%q", lines)
		}
	})
}
