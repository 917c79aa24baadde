package extract

import (
	"bytes"
	"regexp"
	"strings"
	"testing"
)

// FuzzMbox writes any message in pieces of any size into an mbox: no line of it
// begins a message, and without the quotes it is what it was.
func FuzzMbox(f *testing.F) {
	f.Add("From a\r\n>From b\r\n>>From c\nFrom\r\n", 1)
	f.Add("Fro\r\rm \r", 3)
	f.Add(strings.Repeat(">", 300)+"From x", 7)
	f.Add("\n\nFFrom \nFFrom ", 2)
	f.Add(">", 1)
	f.Fuzz(func(t *testing.T, message string, size int) {
		var b bytes.Buffer
		w := &mboxWriter{w: &b, start: true}
		size = 1 + max(size, -size, 0)%100
		for rest := message; rest != ""; {
			piece := rest[:min(len(rest), size)]
			if n, err := w.Write([]byte(piece)); n != len(piece) || err != nil {
				t.Fatal(n, err)
			}
			rest = rest[len(piece):]
		}
		if err := w.end(); err != nil {
			t.Fatal(err)
		}
		got := b.String()
		if regexp.MustCompile(`(?m)^From `).MatchString(got) {
			t.Errorf("%q could be several messages", got)
		}
		want := strings.ReplaceAll(message, "\r\n", "\n")
		if !strings.HasSuffix(want, "\n") && want != "" {
			want += "\n"
		}
		if plain := regexp.MustCompile(`(?m)^>(>*From )`).ReplaceAllString(got, "$1"); plain != want+"\n" {
			t.Errorf("%q, want %q", plain, want+"\n")
		}
	})
}
