package upload

// maxFindings is how many findings a report lists; all are counted.
const maxFindings = 1000

// FindingKind says what is wrong with an item.
type FindingKind string

// The kinds of findings.
const (
	Missing      FindingKind = "missing"      // the target does not have it
	Doubled      FindingKind = "doubled"      // the target has it more often than the store
	Different    FindingKind = "different"    // the target's content is not the stored one
	Unverifiable FindingKind = "unverifiable" // it is there, and could not be compared
)

// Finding is one item that is not as it should be. Folder and Subject are mail
// content: they belong in a report, not in a log.
type Finding struct {
	Kind     FindingKind `json:"kind"`
	Folder   string      `json:"folder"` // path at the source
	Subject  string      `json:"subject,omitempty"`
	Class    string      `json:"class,omitempty"`
	Item     string      `json:"item,omitempty"`      // source item id
	TargetID string      `json:"target_id,omitempty"` // id at the target
	What     string      `json:"what"`                // "missing PidTagSubject (0x0037)", ...
	Count    int         `json:"count,omitempty"`     // LevelCount: how many items of the folder
}

// Group counts the items with one and the same finding.
type Group struct {
	What    string   `json:"what"`
	Items   int      `json:"items"`
	Folders []string `json:"folders"` // the first ones, by path
}

// VerifyReport is what Verify came to.
type VerifyReport struct {
	Level        Level `json:"level"`
	Folders      int   `json:"folders"`  // folders that were looked at
	Checked      int   `json:"checked"`  // items that were looked for
	Compared     int   `json:"compared"` // items whose content was compared
	Equal        int   `json:"equal"`    // of these
	Different    int   `json:"different"`
	Missing      int   `json:"missing"`
	Doubled      int   `json:"doubled"`
	Unverifiable int   `json:"unverifiable"`
	Accepted     int   `json:"accepted"` // not at the target, as a person accepted; not among Missing

	Findings []Finding `json:"findings,omitempty"` // the first ones
	Unlisted int       `json:"unlisted,omitempty"` // findings beyond these
	Groups   []Group   `json:"groups,omitempty"`   // the most frequent first
}

// OK says that everything that was looked for is there, once, and equal as far
// as it was compared.
func (r VerifyReport) OK() bool {
	return r.Missing == 0 && r.Doubled == 0 && r.Different == 0 && r.Unverifiable == 0
}
