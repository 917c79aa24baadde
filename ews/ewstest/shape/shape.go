package shape

import (
	"strconv"
	"strings"

	"mailferry/ews/ewstest/ewsid"
	"mailferry/ews/ewstest/schema"
	"mailferry/ews/ewstest/soap"
	"mailferry/fts"
)

// Shape says which properties an answer holds.
type Shape struct {
	kind     string // "folder" or "item"
	base     string // IdOnly, Default, AllProperties
	fields   map[string]bool
	extended []*extended
	mime     bool
	text     bool // bodies as plain text
}

// extended is an ExtendedFieldURI.
type extended struct {
	attrs []string // as they are written in answers
	typ   string
	tag   uint16
	name  *fts.Name
}

var propertySets = map[string]fts.GUID{
	"Meeting": fts.PSETIDMeeting, "Appointment": fts.PSETIDAppointment, "Common": fts.PSETIDCommon, "PublicStrings": fts.PSPublicStrings,
	"Address": fts.PSETIDAddress, "InternetHeaders": fts.PSInternetHeaders, "CalendarAssistant": fts.PSETIDCalendarAssistant,
	"UnifiedMessaging": fts.PSETIDUnifiedMessaging, "Task": fts.PSETIDTask, "Sharing": fts.PSETIDSharing,
}

func New(n *schema.Node, kind string) (*Shape, *soap.Error) {
	s := &Shape{kind: kind, base: n.ChildText("t:BaseShape"), fields: map[string]bool{}}
	mime := n.ChildText("t:IncludeMimeContent")
	s.mime = mime == "true" || mime == "1"
	s.text = n.ChildText("t:BodyType") == "Text"
	additional := n.Child("t:AdditionalProperties")
	if additional == nil {
		return s, nil
	}
	for _, p := range additional.Children {
		switch p.Name {
		case "t:FieldURI":
			s.fields[p.Value("FieldURI")] = true
			if p.Value("FieldURI") == "item:MimeContent" {
				s.mime = true
			}
		case "t:ExtendedFieldURI":
			e, err := newExtended(p)
			if err != nil {
				return nil, err
			}
			s.extended = append(s.extended, e)
		}
	}
	return s, nil
}

// newExtended reads an ExtendedFieldURI and refuses what Exchange refuses.
func newExtended(n *schema.Node) (*extended, *soap.Error) {
	e := &extended{typ: n.Value("PropertyType")}
	switch e.typ {
	case "Error", "Null", "Object", "ObjectArray":
		return nil, soap.Fail("ErrorUnsupportedMapiPropertyType", "The property type is not supported.")
	}
	invalid := soap.Fail("ErrorInvalidExtendedProperty", "Extended property attribute combination is invalid.")
	set, hasSet := n.Attr("PropertySetId")
	known, hasKnown := n.Attr("DistinguishedPropertySetId")
	tag, hasTag := n.Attr("PropertyTag")
	name, hasName := n.Attr("PropertyName")
	lid, hasLID := n.Attr("PropertyId")
	if hasTag {
		if hasSet || hasKnown || hasName || hasLID {
			return nil, invalid
		}
		v, err := strconv.ParseUint(strings.TrimSpace(tag), 0, 16)
		if err != nil {
			return nil, invalid
		}
		if v >= 0x8000 {
			return nil, soap.Fail("ErrorNoPropertyTagForCustomProperties", "Property tags above 0x8000 can't be used for custom properties.")
		}
		e.tag = uint16(v)
		e.attrs = []string{"PropertyTag", "0x" + strconv.FormatUint(v, 16), "PropertyType", e.typ}
		return e, nil
	}
	if hasSet == hasKnown || hasName == hasLID {
		return nil, invalid
	}
	e.name = &fts.Name{Text: name}
	if hasKnown {
		e.name.Set = propertySets[known]
		e.attrs = []string{"DistinguishedPropertySetId", known}
	} else {
		copy(e.name.Set[:], ewsid.GUIDBytes(set))
		e.attrs = []string{"PropertySetId", strings.ToLower(set)}
	}
	if hasLID {
		n, _ := strconv.Atoi(strings.TrimSpace(lid)) // the schema check let only numbers in
		e.name.LID = uint32(n)
		e.attrs = append(e.attrs, "PropertyId", strings.TrimSpace(lid))
	} else {
		e.attrs = append(e.attrs, "PropertyName", name)
	}
	e.attrs = append(e.attrs, "PropertyType", e.typ)
	return e, nil
}

// wants says whether a property is asked for. in is the smallest base shape
// that has it: "IdOnly", "Default", "AllProperties", "" none.
func (s *Shape) wants(uri, in string) bool {
	switch {
	case s.fields[uri], in == "IdOnly":
		return true
	case in == "Default":
		return s.base != "IdOnly"
	case in == "AllProperties":
		return s.base == "AllProperties"
	}
	return false
}

// writeExtended writes one ExtendedProperty, nothing where the value is absent
// or of another type than was asked for.
func writeExtended(a *soap.Writer, e *extended, value any, ok bool, most int) {
	if !ok {
		return
	}
	values, array, ok := texts(e.typ, value)
	if !ok {
		return
	}
	a.Start("t:ExtendedProperty")
	a.Empty("t:ExtendedFieldURI", e.attrs...)
	if array {
		a.Start("t:Values")
	}
	for _, v := range values {
		if most > 0 && len(v) > most && (e.typ == "String" || e.typ == "Binary") {
			v = clip(v, most, e.typ)
		}
		a.Text("t:Value", v)
	}
	if array {
		a.End()
	}
	a.End()
}

// clip cuts a long value as FindItem does.
func clip(v string, most int, typ string) string {
	if typ == "Binary" {
		return v[:most/3*4]
	}
	r := []rune(v)
	return string(r[:min(len(r), most)])
}
