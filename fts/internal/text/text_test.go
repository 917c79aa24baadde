package text

import (
	"bytes"
	"encoding/binary"
	"strings"
	"testing"
	"unicode/utf16"
)

func TestText(t *testing.T) {
	for _, c := range []struct {
		cp   uint16
		raw  string
		want string
	}{
		{1200, "", ""},
		{1200, "\x00\x00", ""},
		{1200, "a\x00", "a"},                     // no terminator
		{1200, "a\x00\x00\x00", "a"},             // one
		{1200, "a\x00\x00\x00\x00\x00", "a\x00"}, // a NUL and one
		{1200, "\x00\x00a\x00", "\x00a"},
		{1200, "=\xD8\x00\xDE\x00\x00", "😀"},
		{1200, "=\xD8\x00\x00", "\xed\xa0\xbd"},
		{1200, "=\xD8=\xD8\x00\xDE", "\xed\xa0\xbd😀"},
		{1200, "\x00\xDEx\x00", "\xed\xb8\x80x"},
		{1200, "a\x00b", "a\uFFFD"},
		{1201, "\x00a\x20\xac\x00\x00", "a€"},
		{1252, "a\x80\x00", "a€"},
		{1252, "a\x00b\x00", "a\x00b"},
		{1251, "\xcf\xf0\x00", "Пр"},
		{932, "\x82\xa0\x00", "あ"},
		{936, "\xc4\xda\x00", "内"},
		{949, "\xb0\xa1\x00", "가"},
		{950, "\xa4\xa4\x00", "中"},
		{20866, "\xC1\x00", "а"},
		{1361, "\xe4\x00", "ä"}, // unknown here: taken for Latin-1
	} {
		if got := Decode(c.cp, []byte(c.raw)); got != c.want {
			t.Errorf("%d %q: %q, want %q", c.cp, c.raw, got, c.want)
		}
		// In pieces of any size it is the same.
		for n := 1; n < 5; n++ {
			var d Decoder
			var out bytes.Buffer
			d.Reset(c.cp, &out)
			for b := []byte(c.raw); len(b) > 0; b = b[min(n, len(b)):] {
				d.Write(b[:min(n, len(b))])
			}
			if d.Close(); out.String() != c.want {
				t.Errorf("%d %q by %d: %q, want %q", c.cp, c.raw, n, out.String(), c.want)
			}
		}
		if b, ok := Encode(c.cp, c.want); ok && Decode(c.cp, b) != c.want {
			t.Errorf("%d %q does not come back", c.cp, c.want)
		}
	}
}

// UTF-16 of any kind comes back as it was.
func TestUTF16ComesBack(t *testing.T) {
	var raw []byte
	for i := range 1 << 17 {
		u := uint16(i * 40503)
		if i%3 == 0 {
			u = 0xD800 + u%0x800
		}
		if u == 0 {
			u = 'x'
		}
		raw = binary.LittleEndian.AppendUint16(raw, u)
	}
	s := Decode(1200, raw)
	if got := AppendUTF16(nil, s); !bytes.Equal(got, raw) {
		t.Fatal("surrogates are not kept")
	}
	long := strings.Repeat("wörld 😀 ", 5000)
	var b []byte
	for _, u := range utf16.Encode([]rune(long)) {
		b = binary.LittleEndian.AppendUint16(b, u)
	}
	if Decode(1200, b) != long || !bytes.Equal(AppendUTF16(nil, long), b) {
		t.Error("a long text differs from unicode/utf16's")
	}
	if got := Decode(1200, AppendUTF16(nil, "bad\xff\xed\xa0")); got != "bad\uFFFD\uFFFD\uFFFD" {
		t.Errorf("%q", got)
	}
}
