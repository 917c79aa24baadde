package extract

import (
	"crypto/sha256"
	"encoding/base32"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Bounds of names. File systems allow 255 bytes (Linux), or as many units of
// UTF-16 (Windows, macOS), and some of the tools on them 260 for a whole path.
const (
	maxName  = 120  // bytes of a name, without what makes it unique
	maxPath  = 1000 // bytes of the path of a folder; what is deeper lies in one folder
	maxDepth = 50   // levels of folders
)

// safeName makes a name that is safe on every system of any text: without
// separators and signs that a system reserves, without what can't be seen or turns
// the direction of text, not a device, not hidden, and not too long. It may be
// empty.
func safeName(text string) string {
	var b strings.Builder
	space := false
	for _, r := range norm.NFC.String(strings.ToValidUTF8(text, "_")) {
		switch {
		case unicode.IsSpace(r):
			space = true
			continue
		case strings.ContainsRune(`<>:"/\|?*`, r), unicode.IsControl(r), r == utf8.RuneError:
			r = '_'
		case unicode.In(r, unicode.Cf, unicode.Co, unicode.Cs, unicode.Noncharacter_Code_Point, unicode.Variation_Selector), !unicode.IsPrint(r):
			continue
		}
		if space && b.Len() > 0 {
			b.WriteByte(' ')
		}
		space = false
		if b.Len()+utf8.RuneLen(r) > maxName {
			break
		}
		b.WriteRune(r)
	}
	// Windows drops dots and spaces at the end; a dot in front hides, a dash in
	// front is taken for a flag, a tilde for a home.
	name := strings.TrimRight(strings.TrimLeft(b.String(), ".-~ "), ". ")
	if isDevice(name) {
		name = "_" + name
	}
	return name
}

// isDevice says whether Windows takes a name for a device, with any extension.
func isDevice(name string) bool {
	base, _, _ := strings.Cut(name, ".")
	base = strings.ToUpper(strings.TrimRight(base, " "))
	switch base {
	case "CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$", "CLOCK$":
		return true
	}
	for _, port := range []string{"COM", "LPT"} {
		if n, ok := strings.CutPrefix(base, port); ok && strings.ContainsAny(n, "0123456789¹²³") && utf8.RuneCountInString(n) == 1 {
			return true
		}
	}
	return false
}

// mark is a short text that tells things apart whose names look alike, also where
// a file system does not tell upper case from lower.
func mark(of ...string) string {
	h := sha256.New()
	for _, s := range of {
		h.Write([]byte(s))
		h.Write([]byte{0})
	}
	return strings.ToLower(base32.StdEncoding.EncodeToString(h.Sum(nil))[:12])
}

// fileName names the file of an item: when, what, and a mark of which it is. It
// has no extension.
func fileName(at time.Time, subject string, which ...string) string {
	parts := make([]string, 0, 3)
	if !at.IsZero() {
		parts = append(parts, at.UTC().Format("2006-01-02 1504"))
	}
	if name := safeName(subject); name != "" {
		parts = append(parts, name)
	}
	return strings.Join(append(parts, "["+mark(which...)+"]"), " ")
}

// folderName names a folder. One whose name had to be changed has a mark of what
// it was, so that no two fall together, and so has one that looks like a root.
func folderName(name string) string {
	safe := safeName(name)
	if safe == name && !strings.HasPrefix(name, "#") {
		return safe
	}
	return strings.TrimLeft(safe+" ["+mark(name)+"]", " ")
}

// folderPath is where the folder with these names lies below a root ("" or
// "#archive"), by "/".
func folderPath(root string, names []string) string {
	var b strings.Builder
	b.WriteString(root)
	for i, name := range names {
		next := folderName(name)
		if b.Len() > 0 {
			next = "/" + next
		}
		if i == maxDepth || b.Len()+len(next) > maxPath {
			b.WriteString("/[" + mark(names[i:]...) + "]")
			break
		}
		b.WriteString(next)
	}
	return b.String()
}
