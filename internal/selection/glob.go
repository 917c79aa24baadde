package selection

import (
	"errors"
	"strings"
	"unicode"
)

// Tokens of a compiled pattern, beside runes. Texts use sep and mark too: a
// name may hold any rune, but never these.
const (
	sep       rune = -1 - iota // between two levels
	mark                       // begins a path outside the visible tree
	star                       // any text within a level
	deep                       // any text across levels
	anyLevels                  // no level or several whole ones
)

// maxPattern bounds the bytes of a pattern; matching takes time in proportion
// to the product of both lengths.
const maxPattern = 4096

// CheckPattern says what is wrong with a folder pattern.
func CheckPattern(p string) error {
	switch {
	case p == "":
		return errors.New("the pattern is empty; name a folder")
	case len(p) > maxPattern:
		return errors.New("the pattern is too long")
	case strings.HasPrefix(p, "/") || trimSlash(p) != p:
		return errors.New("a folder path has no / at its ends")
	}
	if name := firstLevel(p); name != "" {
		if _, ok := WellKnown(name); !ok {
			return errors.New("there is no such well-known folder; there are #inbox #sent #drafts #deleted #junk #calendar #contacts #tasks #notes #journal #outbox #root #archive #recoverable #public (a folder whose name begins with # is written \\#)")
		}
	}
	return nil
}

// IsGlob says whether a pattern may name more than one folder.
func IsGlob(p string) bool {
	for i := 0; i < len(p); i++ {
		switch p[i] {
		case '\\':
			i++
		case '*':
			return true
		}
	}
	return false
}

// matches says whether a pattern names a folder.
func (s Selection) matches(pattern, path, distinguished string) bool {
	if name := firstLevel(pattern); name != "" && !isPathRoot(name) {
		role, ok := WellKnown(name)
		if !ok {
			return false
		}
		_, rest := CutRoot(pattern)
		if rest == "" {
			return distinguished == role
		}
		base, ok := s.roles[role]
		if !ok {
			return false
		}
		return match(compile(literal(base)+"/"+rest), text(path))
	}
	return match(compile(pattern), text(path))
}

// literal makes a pattern that names exactly this path.
func literal(path string) string {
	return strings.ReplaceAll(path, "*", `\*`)
}

// compile makes tokens of a pattern.
func compile(p string) []rune {
	var out []rune
	if strings.HasPrefix(p, "#") {
		out = append(out, mark)
	}
	runes := []rune(p)
	for i := 0; i < len(runes); i++ {
		switch c := runes[i]; {
		case c == '\\' && i+1 < len(runes):
			i++
			out = append(out, fold(runes[i]))
		case c == '/':
			out = append(out, sep)
		case c != '*':
			out = append(out, fold(c))
		default:
			stars := 1
			for i+1 < len(runes) && runes[i+1] == '*' {
				i, stars = i+1, stars+1
			}
			whole := (len(out) == 0 || out[len(out)-1] == sep) && i+1 < len(runes) && runes[i+1] == '/'
			switch {
			case stars == 1:
				out = append(out, star)
			case whole:
				out = append(out, anyLevels)
				i++
			default:
				out = append(out, deep)
			}
		}
	}
	return out
}

// text makes of a path what compiled patterns are matched with.
func text(path string) []rune {
	var out []rune
	if strings.HasPrefix(path, "#") {
		out = append(out, mark)
	}
	runes := []rune(path)
	for i := 0; i < len(runes); i++ {
		switch c := runes[i]; {
		case c == '\\' && i+1 < len(runes):
			i++
			out = append(out, fold(runes[i]))
		case c == '/':
			out = append(out, sep)
		default:
			out = append(out, fold(c))
		}
	}
	return out
}

// fold gives one rune for all that differ in case only.
func fold(r rune) rune {
	least := r
	for next := unicode.SimpleFold(r); next != r; next = unicode.SimpleFold(next) {
		least = min(least, next)
	}
	return least
}

// match keeps, token by token, the positions of the text that the tokens so far
// can end at: no backtracking, whatever the pattern.
func match(pattern, txt []rune) bool {
	at := make([]bool, len(txt)+1)
	next := make([]bool, len(txt)+1)
	at[0] = true
	for _, token := range pattern {
		clear(next)
		switch token {
		case star, deep:
			open := false
			for i := range next {
				if i > 0 && token == star && txt[i-1] == sep {
					open = false
				}
				open = open || at[i]
				next[i] = open
			}
		case anyLevels:
			open := false
			for i := range next {
				next[i] = at[i] || open && txt[i-1] == sep
				open = open || at[i]
			}
		default:
			for i, r := range txt {
				next[i+1] = at[i] && r == token
			}
		}
		at, next = next, at
	}
	return at[len(txt)]
}

// MatchText compares a text, such as a message class, with a glob in which "*"
// is any text. Case makes no difference.
func MatchText(pattern, text string) bool {
	if len(pattern) > maxPattern || len(text) > maxPattern {
		return false
	}
	var tokens, txt []rune
	for _, r := range pattern {
		if r == '*' {
			tokens = append(tokens, deep)
		} else {
			tokens = append(tokens, fold(r))
		}
	}
	for _, r := range text {
		txt = append(txt, fold(r))
	}
	return match(tokens, txt)
}
