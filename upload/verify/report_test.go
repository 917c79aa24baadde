package verify

import (
	"fmt"
	"testing"
)

// However many kinds of differences there are, each item counts in some group.
func TestGroupsAreBoundedAndComplete(t *testing.T) {
	const kinds = 3 * maxFindings
	tally := tally{groups: make(map[string]*Group)}
	for i := range kinds {
		tally.group(fmt.Sprintf("changed 0x%08X", i), "Inbox", 1)
	}
	items, others := 0, 0
	report := tally.finish()
	for _, g := range report.Groups {
		items += g.Items
		if g.What == otherGroup {
			others = g.Items
		}
	}
	if items != kinds || len(report.Groups) != maxFindings+1 || others != kinds-maxFindings {
		t.Errorf("%d items in %d groups, %d of them in others", items, len(report.Groups), others)
	}
}
