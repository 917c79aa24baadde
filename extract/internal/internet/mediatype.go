package internet

import "strings"

// MediaType returns a MIME type that an item tells, or that of any data where it
// is none, or one of those whose content has parts: no program could read it as
// such once it is encoded.
func MediaType(text string) string {
	const anything = "application/octet-stream"
	text, _, _ = strings.Cut(text, ";")
	text = strings.ToLower(strings.TrimSpace(text))
	major, minor, ok := strings.Cut(text, "/")
	token := func(s string) bool {
		return s != "" && len(s) <= 100 && strings.Trim(s, alphanumeric+"!#$&-^_.+") == ""
	}
	if !ok || !token(major) || !token(minor) || major == "multipart" || major == "message" {
		return anything
	}
	return text
}
