package internet

import (
	"cmp"
	"fmt"
	"strings"
	"unicode"

	"mailferry/fts"
)

// nowhere is the domain of addresses that are none of the internet. It is
// reserved, so that nothing is ever sent there.
const nowhere = "imcea.invalid"

const (
	maxAddress   = 850 // bytes of what is encapsulated, so that a line of a mail can hold it
	alphanumeric = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
	atomText     = alphanumeric + "!#$%&'*+-/=?^_`{|}~"
)

// Address is the address of a person as RFC 5322 has it. One that is none of the
// internet is encapsulated, as Exchange itself does it.
func Address(p fts.Person) string {
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
		kind, address = "INVALID", strings.TrimSpace(oneLine(p.Name))
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
	for i := 0; i < len(address) && b.Len() < maxAddress; i++ {
		switch c := address[i]; {
		case c == '/':
			b.WriteByte('_')
		case c == '-' || c == '=' || strings.IndexByte(alphanumeric, c) >= 0:
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, "+%02X", c)
		}
	}
	return b.String() + "@" + nowhere
}

// Mailto is the address of a person as a URI (RFC 6068).
func Mailto(p fts.Person) string {
	var b strings.Builder
	b.WriteString("mailto:")
	address := Address(p)
	for i := range len(address) {
		if c := address[i]; strings.IndexByte(alphanumeric+"!$'*+-._~@", c) >= 0 {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

func quoted(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

// printable says whether text is ASCII that can be seen, and spaces.
func printable(text string) bool {
	return strings.IndexFunc(text, func(r rune) bool { return r < ' ' || r > '~' }) < 0
}

// oneLine makes text valid UTF-8 without control characters.
func oneLine(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == '\u2028' || r == '\u2029' {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "\uFFFD"))
}
