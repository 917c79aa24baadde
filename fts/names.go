package fts

import (
	_ "embed"
	"fmt"
	"strconv"
	"strings"
	"sync"
)

// PropertyName names a property for people: "PidTagSubject (0x0037)",
// "PidLidLocation (0x8208)", `PS_INTERNET_HEADERS "x-mailer"`. n is nil for ids
// below 0x8000. The text of a name comes from the item, so it is quoted and cut.
func PropertyName(t Tag, n *Name) string {
	if n == nil {
		if s := propertyNames().tags[t.ID()]; s != "" {
			if t.ID() == idAttachData && t.Type() == ObjectType {
				s = "PidTagAttachDataObject"
			}
			return fmt.Sprintf("%s (0x%04X)", s, t.ID())
		}
		return fmt.Sprintf("0x%04X", t.ID())
	}
	if s := propertyNames().names[*n]; s != "" {
		if n.Text != "" {
			return s
		}
		return fmt.Sprintf("%s (0x%04X)", s, n.LID)
	}
	set := setNames[n.Set]
	if set == "" {
		set = "{" + n.Set.String() + "}"
	}
	if n.Text == "" {
		return fmt.Sprintf("%s 0x%04X", set, n.LID)
	}
	text := n.Text
	if len(text) > 100 {
		text = text[:100] + "..."
	}
	return set + " " + strconv.Quote(text)
}

// setNames names the property sets of [MS-OXPROPS] 1.3.2.
var setNames = map[GUID]string{
	PSMapi:                  "PS_MAPI",
	PSPublicStrings:         "PS_PUBLIC_STRINGS",
	PSInternetHeaders:       "PS_INTERNET_HEADERS",
	PSETIDAppointment:       "PSETID_Appointment",
	PSETIDTask:              "PSETID_Task",
	PSETIDAddress:           "PSETID_Address",
	PSETIDCommon:            "PSETID_Common",
	PSETIDLog:               "PSETID_Log",
	PSETIDNote:              "PSETID_Note",
	PSETIDSharing:           "PSETID_Sharing",
	PSETIDPostRss:           "PSETID_PostRss",
	PSETIDMeeting:           "PSETID_Meeting",
	PSETIDCalendarAssistant: "PSETID_CalendarAssistant",
	PSETIDUnifiedMessaging:  "PSETID_UnifiedMessaging",
	PSETIDMessaging:         "PSETID_Messaging",
	PSETIDAirSync:           "PSETID_AirSync",
}

//go:embed properties.txt
var properties string

type nameTable struct {
	tags  map[uint16]string
	names map[Name]string
}

// propertyNames reads properties.txt, once. A line that is wrong is left out; a
// test finds it.
var propertyNames = sync.OnceValue(func() nameTable {
	t := nameTable{map[uint16]string{}, map[Name]string{}}
	sets := map[string]GUID{}
	for g, s := range setNames {
		sets[s] = g
	}
	for line := range strings.Lines(properties) {
		f := strings.Fields(line)
		switch {
		case len(f) == 2:
			if id, err := strconv.ParseUint(f[0], 16, 16); err == nil {
				t.tags[uint16(id)] = f[1]
			}
		case len(f) == 3:
			n := Name{Set: sets[f[0]]}
			if text, err := strconv.Unquote(f[1]); err == nil {
				n.Text = text
			} else if lid, err := strconv.ParseUint(f[1], 16, 32); err == nil {
				n.LID = uint32(lid)
			}
			t.names[n] = f[2]
		}
	}
	return t
})
