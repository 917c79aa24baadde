package eml

import (
	"encoding/base64"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	softLine = 76  // bytes of a line of a header where it can be broken
	hardLine = 998 // of any line
	maxToken = 900 // of what can't be broken
)

// field is a header field whose value is in tokens that folding may part. They
// are printable ASCII without spaces, and at most maxToken bytes each.
type field struct {
	name   string
	tokens []string
	raw    string // instead, a value that is folded already
}

// String is the field with its line end.
func (f field) String() string {
	var b strings.Builder
	b.WriteString(f.name)
	b.WriteByte(':')
	if f.raw != "" {
		b.WriteByte(' ')
		b.WriteString(f.raw)
	}
	line := b.Len()
	for i, t := range f.tokens {
		if i > 0 && line+1+len(t) > softLine || line+1+len(t) > hardLine {
			b.WriteString("\r\n")
			line = 0
		}
		b.WriteByte(' ')
		b.WriteString(t)
		line += 1 + len(t)
	}
	b.WriteString("\r\n")
	return b.String()
}

// textField is a field whose value is free text.
func textField(name, text string) field {
	text = clean(text)
	if !plain(text) {
		return field{name: name, tokens: encodedWords(text)}
	}
	return field{name: name, tokens: strings.Split(text, " ")}
}

// clean makes text of one line: valid UTF-8 without control characters.
func clean(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == '\u2028' || r == '\u2029' {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "\uFFFD"))
}

// plain says whether text can stand in a header as it is, and is read as it was.
func plain(text string) bool {
	if text == "" || text != strings.TrimSpace(text) || strings.Contains(text, "  ") || strings.Contains(text, "=?") {
		return false
	}
	for _, token := range strings.Split(text, " ") {
		if len(token) > softLine-2 {
			return false
		}
	}
	return printable(text)
}

// printable says whether text is ASCII that can be seen, and spaces.
func printable(text string) bool {
	for i := range len(text) {
		if text[i] < ' ' || text[i] > '~' {
			return false
		}
	}
	return true
}

const (
	wordHead, wordTail = "=?utf-8?", "?="
	wordRoom           = 62 - len(wordHead+"q?"+wordTail) // bytes of the text of an encoded word, so that a line holds it with the name
)

// encodedWords writes text as RFC 2047 has it: by Q where most of it is ASCII,
// else by B. A character is never in two words, and only the last word of B is
// padded: there are programs that read no further.
func encodedWords(text string) []string {
	wide := 0
	for i := range len(text) {
		if text[i] >= utf8.RuneSelf {
			wide++
		}
	}
	if wide*3 >= len(text) {
		if words, ok := words("b?", text, 3, func(s string) int { return len(s) }, wordRoom/4*3, base64.StdEncoding.EncodeToString); ok {
			return words
		}
	}
	words, _ := words("q?", text, 1, qCost, wordRoom, func(b []byte) string { return qEncode(string(b)) })
	return words
}

// words parts text into encoded words, of which each but the last has a multiple of
// unit bytes and costs at most room: false if that can't be.
func words(kind, text string, unit int, cost func(string) int, room int, encode func([]byte) string) (all []string, ok bool) {
	for text != "" {
		size, end, spent := 0, 0, 0
		for end < len(text) {
			_, n := utf8.DecodeRuneInString(text[end:])
			if spent += cost(text[end : end+n]); spent > room {
				break
			}
			if end += n; end%unit == 0 || end == len(text) {
				size = end
			}
		}
		if size == 0 {
			return nil, false
		}
		all = append(all, wordHead+kind+encode([]byte(text[:size]))+wordTail)
		text = text[size:]
	}
	return all, true
}

// qLiteral says whether Q leaves a byte as it is, also in a display name (RFC 2047, 5.3).
func qLiteral(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("!*+-/", c) >= 0
}

func qCost(s string) int {
	n := 0
	for i := range len(s) {
		if qLiteral(s[i]) || s[i] == ' ' {
			n++
		} else {
			n += 3
		}
	}
	return n
}

func qEncode(s string) string {
	var b strings.Builder
	for i := range len(s) {
		switch c := s[i]; {
		case c == ' ':
			b.WriteByte('_')
		case qLiteral(c):
			b.WriteByte(c)
		default:
			escape(&b, '=', c)
		}
	}
	return b.String()
}

// escape writes a byte as a sign and two hexadecimal digits.
func escape(b *strings.Builder, sign, c byte) {
	const digits = "0123456789ABCDEF"
	b.WriteByte(sign)
	b.WriteByte(digits[c>>4])
	b.WriteByte(digits[c&15])
}
