package query

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// Bound stands between two texts of a field, so that no phrase reaches from one
// into the other. It is a word that no query can ask for.
const Bound = "\u241e"

// maxWord is the most bytes of a word that count: of a longer one, as in base64,
// this beginning does.
const maxWord = 64

// AppendWords appends the words of a text to dst, each behind a space, as they
// are compared: case folded, without accents and marks. The words are letters
// and digits, and need no quoting anywhere.
func AppendWords(dst []byte, text string) []byte {
	if !isASCII(text) {
		text = strings.ToValidUTF8(text, " ") // norm leaves alone what follows bytes that are no UTF-8
		text = norm.NFKD.String(cases.Fold().String(norm.NFKC.String(text)))
	}
	in := 0 // bytes of the word that is read; 0: none
	for _, r := range text {
		switch {
		case r >= 'A' && r <= 'Z':
			r += 'a' - 'A'
		case r < utf8.RuneSelf:
			if (r < 'a' || r > 'z') && (r < '0' || r > '9') {
				in = 0
				continue
			}
		case unicode.Is(unicode.M, r):
			continue // an accent
		case !unicode.IsLetter(r) && !unicode.IsNumber(r) || r == utf8.RuneError:
			in = 0
			continue
		case unicode.In(r, spaceless...):
			dst = utf8.AppendRune(append(dst, ' '), r)
			in = 0
			continue
		}
		r = unicode.ToLower(r) // of Cherokee, the folded letters are the large ones
		if in == 0 {
			dst = append(dst, ' ')
		}
		if in += utf8.RuneLen(r); in <= maxWord {
			dst = utf8.AppendRune(dst, r)
		}
	}
	return dst
}

// spaceless are the scripts that put no spaces between words.
var spaceless = []*unicode.RangeTable{unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar}

// Words returns the words of several texts, with Bound between them.
func Words(texts ...string) string {
	var b []byte
	for _, text := range texts {
		n := len(b)
		if n > 0 {
			b = append(b, " "+Bound...)
		}
		m := len(b)
		if b = AppendWords(b, text); len(b) == m {
			b = b[:n]
		}
	}
	return string(b)
}

// holds says whether words, as AppendWords makes them, hold a phrase, given in the
// same form.
func holds(words, phrase string, prefix bool) bool {
	for {
		i := strings.Index(words, phrase)
		if i < 0 {
			return false
		}
		if rest := words[i+len(phrase):]; prefix || rest == "" || rest[0] == ' ' {
			return true
		}
		words = words[i+1:]
	}
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
