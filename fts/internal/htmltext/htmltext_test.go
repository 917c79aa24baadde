package htmltext

import (
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"mailferry/internal/memtest"
)

func TestReader(t *testing.T) {
	for in, want := range map[string]string{
		"":        "",
		" a \n b": "a b",
		"<html><head><title>T</title><style>p{x:y}</style></head><body><p>One<br>Two</p><P class='>'>Three &amp; &#8364;&nbsp;4</P></body></html>": "One\r\nTwo\r\n\r\nThree & € 4",
		"a<!-- x > y --->b<![if !mso]>c<?xml x?>d":                           "abcd",
		"<script>if (a<b) {}</script>x<script>y":                             "x",
		"<table><tr><td>1</td><td>2</td></tr><tr><td>3</td></tr></table>end": "1\t2\r\n3\r\nend",
		"<ul><li>a<li>b</ul>":                                                "- a\r\n- b",
		"<pre>  a\r\n\tb\n\nc\rd</pre>e":                                     "  a\r\n\tb\r\n\r\nc\r\nd\r\n\r\ne",
		"1 < 2 &lt; 3 &copy &unknown; & &#x41;&#0;":                          "1 < 2 < 3 © &unknown; & A\uFFFD",
		"a<br><br><br><br><br><br>b":                                         "a\r\n\r\n\r\nb",
		"naïve <b>内</b>容":                                                    "naïve 内容",
		"<":                                                                  "<",
		"<a href=\"x":                                                        "",
	} {
		for _, r := range []io.Reader{strings.NewReader(in), iotest.OneByteReader(strings.NewReader(in))} {
			got, err := io.ReadAll(NewReader(r))
			if string(got) != want || err != nil {
				t.Errorf("%q: %q, %v, want %q", in, got, err, want)
			}
		}
	}
}

func FuzzReader(f *testing.F) {
	f.Add("<p>a&amp;b<pre>\r\n</pre><li><!-- --><style>x</style><td>")
	f.Fuzz(func(t *testing.T, s string) {
		defer memtest.Bound(t, 64<<20)()
		got, err := io.ReadAll(NewReader(strings.NewReader(s)))
		slow, slowErr := io.ReadAll(NewReader(iotest.OneByteReader(strings.NewReader(s))))
		if string(got) != string(slow) || err != nil || slowErr != nil {
			t.Fatalf("%q, %v and slowly %q, %v", got, err, slow, slowErr)
		}
		if len(got) > 3*len(s)+16 {
			t.Fatalf("%d bytes became %d", len(s), len(got))
		}
	})
}
