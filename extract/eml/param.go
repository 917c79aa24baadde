package eml

import (
	"fmt"
	"strings"
)

// parameters writes a parameter of a MIME field as tokens: as it is where it is
// short and plain, else as RFC 2231 has it, in pieces.
func parameters(name, value string) []string {
	value = clean(value)
	if printable(value) && len(value) < softLine-len(name)-5 && !strings.Contains(value, "=?") && !strings.Contains(value, "  ") && value == strings.TrimSpace(value) {
		return strings.Split(name+"="+quoted(value), " ")
	}
	const room = 50
	var pieces []string
	piece := strings.Builder{}
	piece.WriteString("utf-8''")
	for i := range len(value) {
		if c := value[i]; strings.IndexByte(alphanumeric+"-._", c) >= 0 {
			piece.WriteByte(c)
		} else {
			escape(&piece, '%', c)
		}
		if piece.Len() >= room && i < len(value)-1 {
			pieces = append(pieces, piece.String())
			piece.Reset()
		}
	}
	pieces = append(pieces, piece.String())
	if len(pieces) == 1 {
		return []string{name + "*=" + pieces[0]}
	}
	for i := range pieces {
		pieces[i] = fmt.Sprintf("%s*%d*=%s", name, i, pieces[i])
		if i < len(pieces)-1 {
			pieces[i] += ";"
		}
	}
	return pieces
}

// valued is a field of MIME: a value, and parameters that each are tokens.
func valued(name, value string, params ...[]string) field {
	f := field{name: name, tokens: []string{value}}
	for _, tokens := range params {
		if len(tokens) > 0 {
			f.tokens[len(f.tokens)-1] += ";"
			f.tokens = append(f.tokens, tokens...)
		}
	}
	return f
}
