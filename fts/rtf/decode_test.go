package rtf

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"mailferry/internal/memtest"
)

const head = `{\rtf1\ansi\ansicpg1251\fromhtml1 \deff0{\fonttbl{\f0\fswiss Arial;}{\f1\fmodern\fcharset128 \'82\'6c\'82\'72;}{\f2\fcharset204 X;}{\f3\fcharset0 Y;}}` +
	`{\colortbl\red0\green0\blue0;}{\*\generator x;}` + "\r\n"

func TestDecode(t *testing.T) {
	for name, c := range map[string]struct {
		rtf, want string
		kind      Kind
	}{
		"html": {
			head + `\uc1\pard\plain\deftab360 \f0\fs24 {\*\htmltag19 <html>}{\*\mhtmltag83 <a href=1>}{\*\htmltag84 <a href="2">}\htmlrtf {\b \htmlrtf0 bold` +
				`\htmlrtf }\htmlrtf0 {\*\htmltag92 </a>}\htmlrtf\par gone\htmlrtf0{\*\htmltag27 </html>}}`,
			`<html><a href="2">bold</a></html>`, HTML,
		},
		"line ends in tags": {head + `{\*\htmltag \par <p\tab class=\{x\}\\>}text\par\line}`, "\r\n<p\tclass={x}\\>text\r\n\r\n", HTML},
		"entities":          {head + `\lquote a\rquote\ldblquote b\rdblquote\bullet\endash\emdash\~\_}`, "&lsquo;a&rsquo;&ldquo;b&rdquo;&bull;&ndash;&mdash;&nbsp;&shy;", HTML},
		"code pages": {
			head + `\f1\'93\'fa\'96{\*\htmltag \'ef}{\f2\'ef}\f3\'ef\f0\'ef}`,
			"日\uFFFDпп\u00efп", HTML,
		},
		"hidden tag":         {head + `\htmlrtf{\b{\*\htmltag <b>}}\htmlrtf0 x}`, "<b>x", HTML},
		"tag in what is not": {head + `{\*\unknown {\*\htmltag <b>}}x}`, "x", HTML},
		"list number":        {head + `{\pntext 1.\tab}x}`, "x", HTML},
		"group ends htmlrtf": {head + `{\htmlrtf gone}there}`, "there", HTML},
		"unicode":            {head + `\u1046?\u-10179?\u-8694?\uc2\u233\'a9\'b9\uc0\u8364 x{\uc3\u65 abcd}{\u66}e}`, "Ж😊é€xAdBe", HTML},
		"unicode alone":      {head + `\u-10179?x\u-8694?}`, "\uFFFDx\uFFFD", HTML},
		"text":               {`{\rtf1\ansi\ansicpg1252\fromtext \fbidi \deff0{\fonttbl{\f0 x;}}\uc1\pard Line 1\par` + "\r\n" + `\'fcber <b>\line\tab end\lquote}`, "Line 1\r\nüber <b>\r\n\tend\u2018", Text},
		"native": {
			`{\rtf1\ansi\deff0{\fonttbl{\f0 A;}}{\info{\title T}{\author me}}{\header H}Rich {\b text}{\v hidden}{\field{\*\fldinst HYPERLINK "u"}{\fldrslt link}}` +
				`{\pict\wmetafile8 0123}{\pntext\'b7\tab}item\par{\*\shppict{\pict 00}}\trowd a\cell b\cell\row}`,
			"Rich textlink\u00b7\titem\r\na\tb\t\r\n", Native,
		},
		"binary":          {`{\rtf1 a{\pict\bin5 }{}\\}b\bin3 xyzc}`, "abc", Native},
		"no end":          {`{\rtf1 a{b`, "ab", Native},
		"after the end":   {`{\rtf1 a}b{c}`, "a", Native},
		"mac":             {`{\rtf1\mac \'8a}`, "ä", Native},
		"fromhtml late":   {`{\rtf1\ansi\ansicpg1252\deff0\deflang1033\a\b0\c\d\e\fromhtml1 x}`, "x", Native},
		"fromhtml0":       {`{\rtf1\ansi\fromhtml0 x}`, "x", Native},
		"odd escapes":     {`{\rtf1 \'zz\-\|\:\b-x \b-12 y\` + "\n" + `z\tab` + "\t}", "zzx y\r\nz\t\t", Native},
		"unknown charset": {`{\rtf1\ansicpg99999 \'e9}`, "é", Native},
		"nothing":         {`{\rtf`, "", Native},
	} {
		for _, r := range []io.Reader{strings.NewReader(c.rtf), iotest.OneByteReader(strings.NewReader(c.rtf))} {
			d, err := NewDecoder(r)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			got, err := io.ReadAll(d)
			if string(got) != c.want || err != nil || d.Kind() != c.kind {
				t.Errorf("%s: %q, kind %d, %v; want %q, kind %d", name, got, d.Kind(), err, c.want, c.kind)
			}
		}
	}
}

func TestNoRTF(t *testing.T) {
	for _, s := range []string{"", "{", "<html>", "rtf1"} {
		if _, err := NewDecoder(strings.NewReader(s)); err != ErrNoRTF {
			t.Errorf("%q: %v", s, err)
		}
	}
	broken := errors.New("broken")
	if _, err := NewDecoder(iotest.ErrReader(broken)); !errors.Is(err, broken) {
		t.Error(err)
	}
	d, err := NewDecoder(io.MultiReader(strings.NewReader(`{\rtf1 `+strings.Repeat("x", 9000)), iotest.ErrReader(broken)))
	if err == nil {
		_, err = io.ReadAll(d)
	}
	if !errors.Is(err, broken) {
		t.Error(err)
	}
	d, err = NewDecoder(strings.NewReader(`{\rtf1 ` + strings.Repeat("{", maxDepth+1)))
	if err == nil {
		_, err = io.ReadAll(d)
	}
	if err == nil {
		t.Error("groups inside each other have no limit")
	}
}

func FuzzDecoder(f *testing.F) {
	f.Add([]byte(head + `{\*\htmltag <p>}\'e9\u8364?\htmlrtf x\htmlrtf0}`))
	f.Add([]byte(`{\rtf1\ansi\fromtext a\par\f1\bin2 xx\ansicpg932 \'83A}`))
	f.Add(sample()[:500])
	f.Fuzz(func(t *testing.T, b []byte) {
		defer memtest.Bound(t, 64<<20)()
		read := func(r io.Reader) ([]byte, Kind, error) {
			d, err := NewDecoder(r)
			if err != nil {
				return nil, 0, err
			}
			got, err := io.ReadAll(d)
			return got, d.Kind(), err
		}
		got, kind, err := read(bytes.NewReader(b))
		slow, slowKind, slowErr := read(iotest.OneByteReader(bytes.NewReader(b)))
		if !bytes.Equal(got, slow) || kind != slowKind || (err == nil) != (slowErr == nil) {
			t.Fatalf("a slow reader changes %q, %v to %q, %v", got, err, slow, slowErr)
		}
		if len(got) > 16*len(b)+64 {
			t.Fatalf("%d bytes became %d", len(b), len(got))
		}
	})
}

func FuzzReader(f *testing.F) {
	f.Add(wrap(sample()[:3000]), true)
	f.Add([]byte(`{\rtf1 x}`), false)
	f.Add([]byte("\x0e\x00\x00\x00\x02\x00\x00\x00LZFu\x00\x00\x00\x00\xff\x00"), true)
	f.Fuzz(func(t *testing.T, b []byte, raw bool) {
		defer memtest.Bound(t, 64<<20)()
		if !raw {
			if len(b) > 6000 {
				return
			}
			got, err := io.ReadAll(NewReader(bytes.NewReader(wrap(b))))
			if err != nil || !bytes.Equal(got, b) {
				t.Fatalf("%q became %q, %v", b, got, err)
			}
			return
		}
		got, err := io.ReadAll(NewReader(bytes.NewReader(b)))
		slow, slowErr := io.ReadAll(NewReader(iotest.OneByteReader(bytes.NewReader(b))))
		if !bytes.Equal(got, slow) || (err == nil) != (slowErr == nil) {
			t.Fatalf("a slow reader changes %v to %v", err, slowErr)
		}
	})
}
