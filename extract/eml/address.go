package eml

import (
	"cmp"
	"strings"

	"mailferry/fts"
)

// nowhere is the domain of addresses that are none of the internet. It is
// reserved, so that nothing is ever sent there.
const nowhere = "imcea.invalid"

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
	address := addrSpec(p)
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

// addrSpec is the address of a person.
func addrSpec(p fts.Person) string {
	address := strings.TrimSpace(p.Address)
	if p.Type == "" {
		// Mail programs of old put an address between apostrophes.
		if n := len(address); n > 2 && address[0] == '\'' && address[n-1] == '\'' {
			address = address[1 : n-1]
		}
		if spec, ok := internetAddress(address); ok {
			return spec
		}
	}
	kind := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' {
			return r - 'a' + 'A'
		}
		if r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, p.Type)
	switch {
	case address == "":
		kind, address = "INVALID", strings.TrimSpace(clean(p.Name))
	case p.Type == "" && strings.HasPrefix(strings.ToLower(address), "/o="):
		kind = "EX"
	case p.Type == "":
		kind = "SMTP"
	}
	return encapsulated(kind[:min(len(kind), 20)], address)
}

// internetAddress writes an SMTP address; false if it can't be one.
func internetAddress(address string) (string, bool) {
	at := strings.LastIndexByte(address, '@')
	if at < 1 || at > 200 || len(address)-at > 256 {
		return "", false
	}
	local, domain := address[:at], address[at+1:]
	if domain == "" || strings.Trim(domain, alphanumeric+"-_.") != "" || !dotted(domain) || !printable(local) {
		return "", false
	}
	if strings.Trim(local, atomText+".") != "" || !dotted(local) {
		if strings.Contains(local, " ") || strings.Contains(local, "=?") {
			return "", false // could be folded, or taken for an encoded word
		}
		local = quoted(local)
	}
	return local + "@" + domain, true
}

// dotted says whether there is something before, between and after dots.
func dotted(s string) bool {
	return s[0] != '.' && s[len(s)-1] != '.' && !strings.Contains(s, "..")
}

// encapsulated writes an address of another kind as one of the internet
// ([MS-OXCMAIL] 2.1.3.4.5).
func encapsulated(kind, address string) string {
	var b strings.Builder
	b.WriteString("IMCEA" + cmp.Or(kind, "INVALID") + "-")
	for i := 0; i < len(address) && b.Len() < maxToken-50; i++ {
		switch c := address[i]; {
		case c == '/':
			b.WriteByte('_')
		case c == '-' || c == '=' || strings.IndexByte(alphanumeric, c) >= 0:
			b.WriteByte(c)
		default:
			escape(&b, '+', c)
		}
	}
	return b.String() + "@" + nowhere
}
