package plan

import (
	"fmt"
	"strings"

	"mailferry/internal/selection"
	"mailferry/store"
)

// JournalName is the name of the journal of a target mailbox, and of the target
// in failures and summaries. Each folder that a tree was put into has its own;
// other words for the same folder give the journal that there is.
func JournalName(st *store.Store, target, into string) (string, error) {
	target = strings.ToLower(target)
	if into == "" {
		return target, nil
	}
	name := target + "/" + into
	names, err := st.Targets()
	if err != nil {
		return "", fmt.Errorf("read the journals: %w", err)
	}
	for _, known := range names {
		if known == name {
			return name, nil
		}
	}
	for _, known := range names {
		if rest, ok := strings.CutPrefix(known, target+"/"); ok && sameFolder(rest, into) {
			return known, nil
		}
	}
	return name, nil
}

// sameFolder says that two paths of the target are one for Exchange: case makes
// no difference, nor do spaces at the ends of names, and some well-known folders
// have several names.
func sameFolder(a, b string) bool { return plainPath(a) == plainPath(b) }

func plainPath(path string) string {
	root, rest := selection.CutRoot(path)
	if role, ok := selection.WellKnown(root); ok {
		if root = "#" + role; role == "root" || role == "msgfolderroot" {
			root = ""
		}
	}
	names := selection.SplitPath(rest)
	for i, name := range names {
		names[i] = strings.ToLower(strings.TrimSpace(name))
	}
	return root + "\x00" + selection.JoinPath(names...)
}
