package selection

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Address is a mailbox as the command line names it:
// [SERVER:]user@domain[/Folder/Path].
type Address struct {
	Server  string // profile; empty: none
	Address string // user@domain, as written
	Folder  string // folder pattern or path; empty: the whole mailbox
}

// String writes the address as it is parsed.
func (a Address) String() string {
	s := a.Address
	if a.Server != "" {
		s = a.Server + ":" + s
	}
	if a.Folder != "" {
		s += "/" + a.Folder
	}
	return s
}

// ParseAddress reads a mailbox address. Errors are ErrUsage.
func ParseAddress(text string) (Address, error) {
	bad := func(why string) (Address, error) {
		return Address{}, usagef("mailbox %q: %s; write [SERVER:]user@domain[/Folder]", text, why)
	}
	var a Address
	rest := text
	at := strings.IndexByte(rest, '@')
	if at < 0 {
		return bad("there is no @ in it")
	}
	if colon := strings.IndexByte(rest[:at], ':'); colon >= 0 {
		a.Server, rest = rest[:colon], rest[colon+1:]
		at -= colon + 1
		if !validServer(a.Server) {
			return bad("the name of the server may hold letters, digits, -, _ and .")
		}
	}
	domain, folder, hasFolder := strings.Cut(rest[at+1:], "/")
	a.Address = rest[:at+1] + domain
	switch {
	case at == 0:
		return bad("there is nothing before the @")
	case domain == "":
		return bad("there is no domain after the @")
	case len(a.Address) > 320 || !utf8.ValidString(text):
		return bad("this is no mail address")
	case strings.ContainsFunc(a.Address, notInAddress), strings.Contains(domain, "@"):
		return bad("this is no mail address")
	case strings.HasPrefix(domain, ".") || strings.HasSuffix(domain, ".") || strings.Contains(domain, ".."):
		return bad("the domain is malformed")
	}
	if hasFolder {
		a.Folder = trimSlash(folder)
		if a.Folder != "" {
			if err := CheckPattern(a.Folder); err != nil {
				return Address{}, usagef("mailbox %q: folder: %v", text, err)
			}
		}
	}
	return a, nil
}

// trimSlash takes off one "/" at the end that is not escaped.
func trimSlash(folder string) string {
	trimmed, ok := strings.CutSuffix(folder, "/")
	if !ok {
		return folder
	}
	escapes := len(trimmed) - len(strings.TrimRight(trimmed, `\`))
	if escapes%2 == 1 {
		return folder
	}
	return trimmed
}

func notInAddress(r rune) bool {
	return unicode.IsSpace(r) || unicode.IsControl(r) || strings.ContainsRune(`<>()[],;:"\`, r)
}

func validServer(name string) bool {
	if name == "" {
		return false
	}
	return !strings.ContainsFunc(name, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_.", r))
	})
}
