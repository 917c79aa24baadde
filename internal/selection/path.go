package selection

import "strings"

// The first level of paths outside the visible tree.
const (
	ArchiveRoot     = "#archive"
	RecoverableRoot = "#recoverable"
	HiddenRoot      = "#root"
	PublicRoot      = "#public"
)

// JoinPath makes a path of folder names, from the root down.
func JoinPath(names ...string) string {
	var b strings.Builder
	for i, name := range names {
		if i > 0 {
			b.WriteByte('/')
		}
		for j := range len(name) {
			if c := name[j]; c == '/' || c == '\\' || c == '#' && i == 0 && j == 0 {
				b.WriteByte('\\')
			}
			b.WriteByte(name[j])
		}
	}
	return b.String()
}

// SplitPath gives the names that a path is made of. The first level of a path
// outside the visible tree ("#archive") counts as a name; CutRoot takes it off.
// The path "" has no names.
func SplitPath(path string) []string {
	if path == "" {
		return nil
	}
	var names []string
	var b strings.Builder
	for i := 0; i < len(path); i++ {
		switch c := path[i]; {
		case c == '\\' && i+1 < len(path):
			i++
			b.WriteByte(path[i])
		case c == '/':
			names = append(names, b.String())
			b.Reset()
		default:
			b.WriteByte(c)
		}
	}
	return append(names, b.String())
}

// CutRoot splits a path into its well-known first level ("#archive", "#inbox",
// in lower case) and the rest. root is empty for a path in the visible tree
// that begins with a name.
func CutRoot(path string) (root, rest string) {
	if !strings.HasPrefix(path, "#") {
		return "", path
	}
	root, rest, _ = strings.Cut(path, "/")
	return strings.ToLower(root), rest
}
