package selection

import "strings"

// short are the names that people write, beside those that EWS uses.
var short = map[string]string{
	"sent":        "sentitems",
	"deleted":     "deleteditems",
	"junk":        "junkemail",
	"archive":     "archivemsgfolderroot",
	"recoverable": "recoverableitemsroot",
	"public":      "publicfoldersroot",
}

// roles are the distinguished folders of EWS (DistinguishedFolderIdNameType of
// the Exchange 2016 schema).
var roles = strings.Fields(`
	calendar contacts deleteditems drafts inbox journal notes outbox sentitems tasks
	msgfolderroot publicfoldersroot root junkemail searchfolders voicemail
	recoverableitemsroot recoverableitemsdeletions recoverableitemsversions
	recoverableitemspurges recoverableitemsdiscoveryholds
	archiveroot archivemsgfolderroot archivedeleteditems archiveinbox
	archiverecoverableitemsroot archiverecoverableitemsdeletions archiverecoverableitemsversions
	archiverecoverableitemspurges archiverecoverableitemsdiscoveryholds
	syncissues conflicts localfailures serverfailures recipientcache quickcontacts
	conversationhistory adminauditlogs todosearch mycontacts directory imcontactlist
	peopleconnect favorites mecontact personmetadata`)

// Roles returns the distinguished folder names of EWS that a mailbox may have.
func Roles() []string { return append([]string(nil), roles...) }

// WellKnown returns the name that EWS uses for a well-known folder name: the
// short ones (#inbox #sent #drafts #deleted #junk #calendar #contacts #tasks
// #notes #journal #outbox #root #archive #recoverable #public) and those of EWS
// itself ("#conversationhistory"). Case doesn't matter.
func WellKnown(name string) (distinguished string, ok bool) {
	rest, ok := strings.CutPrefix(strings.ToLower(name), "#")
	if !ok {
		return "", false
	}
	if d, ok := short[rest]; ok {
		return d, true
	}
	for _, r := range roles {
		if r == rest {
			return r, true
		}
	}
	return "", false
}

// ShortName returns the well-known name of a distinguished folder as people
// write it: "#sent" for "sentitems".
func ShortName(distinguished string) string {
	for s, d := range short {
		if d == distinguished {
			return "#" + s
		}
	}
	return "#" + distinguished
}

// isPathRoot says that a first level is how paths of another tree begin, so
// that it is matched as it stands.
func isPathRoot(level string) bool {
	switch strings.ToLower(level) {
	case ArchiveRoot, RecoverableRoot, HiddenRoot, PublicRoot:
		return true
	}
	return false
}

// Names says whether a folder pattern is about the tree whose paths begin with
// root ("#archive"), so that naming it is asking for it.
func (s Selection) Names(root string) bool {
	for _, p := range s.Folders {
		if first, _ := CutRoot(p); first == root {
			return true
		}
		if d, ok := WellKnown(firstLevel(p)); ok && rootOf(d) == root {
			return true
		}
	}
	return false
}

// rootOf returns the first level of the paths of a distinguished folder, or ""
// for the visible tree and where it is not known.
func rootOf(distinguished string) string {
	switch {
	case strings.HasPrefix(distinguished, "archive"):
		return ArchiveRoot
	case strings.HasPrefix(distinguished, "recoverableitems"):
		return RecoverableRoot
	}
	return ""
}

// firstLevel is the well-known name that a pattern begins with, or "".
func firstLevel(pattern string) string {
	root, _ := CutRoot(pattern)
	return root
}
