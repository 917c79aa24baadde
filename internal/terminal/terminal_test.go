package terminal_test

import (
	"bytes"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"mailferry/internal/terminal"
)

func TestForms(t *testing.T) {
	t.Parallel()
	const text = "a\r\nb\rc\nd\te\x1b[2J \u009b31m\u202Eexe.txt\u2069\u2028\x00\x7f\xff é \"q\" \\"
	for form, want := range map[terminal.Form]string{
		terminal.Lines:  "a\nb\nc\nd\te\\x1b[2J \\u009b31m\\u202eexe.txt\\u2069\\u2028\\x00\\x7f\uFFFD é \"q\" \\",
		terminal.Line:   "a b c d e\\x1b[2J \\u009b31m\\u202eexe.txt\\u2069\\u2028\\x00\\x7f\uFFFD é \"q\" \\",
		terminal.Quoted: `"a\r\nb\rc\nd\te\x1b[2J \u009b31m\u202eexe.txt\u2069\u2028\x00\x7f` + "\uFFFD" + ` é \"q\" \\"`,
	} {
		if got := terminal.Text(text, form); got != want {
			t.Errorf("%d: %q\nwant %q", form, got, want)
		}
	}
}

// FuzzWriter prints any bytes in pieces of any size: the pieces make no
// difference, and nothing that steers a terminal comes out.
func FuzzWriter(f *testing.F) {
	f.Add([]byte("a\r\nb\x1b]0;x\a\u202e語\xff\xe8\xaa"), 1)
	f.Add([]byte("\r"), 3)
	f.Fuzz(func(t *testing.T, text []byte, piece int) {
		for _, form := range []terminal.Form{terminal.Lines, terminal.Line, terminal.Quoted} {
			var out bytes.Buffer
			w := terminal.NewWriter(&out, form)
			for rest := text; len(rest) > 0; {
				n := min(max(piece, 1), len(rest))
				if _, err := w.Write(rest[:n]); err != nil {
					t.Fatal(err)
				}
				rest = rest[n:]
			}
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			got := out.String()
			if whole := terminal.Text(string(text), form); got != whole {
				t.Errorf("in pieces %q, whole %q", got, whole)
			}
			harmful := func(r rune) bool {
				return unicode.IsControl(r) && (form != terminal.Lines || r != '\n' && r != '\t') || unicode.Is(unicode.Bidi_Control, r)
			}
			if !utf8.ValidString(got) || strings.ContainsFunc(got, harmful) {
				t.Errorf("%q is printed as %q", text, got)
			}
		}
	})
}
