package eml

import (
	"strings"

	"mailferry/extract/internal/internet"
	"mailferry/fts"
)

// addressField is a field that names people.
func addressField(name string, people []fts.Person) (field, bool) {
	f := field{name: name}
	for _, p := range people {
		tokens := mailbox(p)
		if len(tokens) == 0 {
			continue
		}
		if n := len(f.tokens); n > 0 {
			f.tokens[n-1] += ","
		}
		f.tokens = append(f.tokens, tokens...)
	}
	return f, len(f.tokens) > 0
}

// mailbox writes a person as RFC 5322 has it; nothing if the item says neither
// name nor address.
func mailbox(p fts.Person) []string {
	name := strings.TrimSpace(clean(p.Name))
	if name == "" && strings.TrimSpace(p.Address) == "" {
		return nil
	}
	address := internet.Address(p)
	if name == "" {
		return []string{address}
	}
	return append(phrase(name), "<"+address+">")
}

// phrase writes a display name.
func phrase(name string) []string {
	switch {
	case !plain(name) || len(name) > softLine-4:
		return encodedWords(name)
	case strings.Trim(name, atomText+" ") == "":
		return strings.Split(name, " ")
	}
	// The spaces in a quoted string are part of it also where it is folded.
	return strings.Split(quoted(name), " ")
}

func quoted(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

const (
	alphanumeric = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
	atomText     = alphanumeric + "!#$%&'*+-/=?^_`{|}~"
)
