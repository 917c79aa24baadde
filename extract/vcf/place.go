package vcf

import (
	"mailferry/fts"
	"mailferry/internal/contentline"
)

const (
	idOffice           = 0x3A19
	lidPostalAddressID = 0x8022 // which of the addresses is for letters ([MS-OXOCNTC] 2.2.1.3.9)
)

// place is an address of a contact: box, street, city, region, code, country.
type place struct {
	kind   string
	number int32  // in lidPostalAddressID
	whole  uint32 // as one text
	tags   [6]uint16
	lids   [6]uint32
}

var places = []place{
	{kind: "work", number: 2, whole: 0x801B, lids: [6]uint32{0x804A, 0x8045, 0x8046, 0x8047, 0x8048, 0x8049}},
	{kind: "home", number: 1, whole: 0x801A, tags: [6]uint16{0x3A5E, 0x3A5D, 0x3A59, 0x3A5C, 0x3A5B, 0x3A5A}},
	{number: 3, whole: 0x801C, tags: [6]uint16{0x3A64, 0x3A63, 0x3A5F, 0x3A62, 0x3A61, 0x3A60}},
}

func (c *card) places() {
	letters, _ := fts.NamedValue[int32](c.m.Props, fts.LID(fts.PSETIDAddress, lidPostalAddressID))
	for _, p := range places {
		var parts [6]string
		some := false
		for i := range parts {
			if p.lids[i] != 0 {
				parts[i] = c.lid(p.lids[i])
			} else {
				parts[i] = c.tag(p.tags[i])
			}
			some = some || parts[i] != ""
		}
		office := ""
		if p.kind == "work" {
			office = c.tag(idOffice)
		}
		whole := c.lid(p.whole)
		if !some && office == "" && whole == "" {
			continue
		}
		var kinds []string
		if p.kind != "" {
			kinds = append(kinds, p.kind)
		}
		var params []contentline.Param
		switch {
		case letters != p.number:
		case c.v == V3:
			kinds = append(kinds, "pref")
		default:
			params = append(params, contentline.P("PREF", "1"))
		}
		if len(kinds) > 0 {
			params = append(params, contentline.P("TYPE", kinds...))
		}
		if c.v == V3 {
			c.text("LABEL", whole, params...)
		} else if whole != "" {
			params = append(params, contentline.P("LABEL", whole))
		}
		if some || office != "" || c.v == V4 {
			c.Fields("ADR", [][]string{{parts[0]}, {office}, {parts[1]}, {parts[2]}, {parts[3]}, {parts[4]}, {parts[5]}}, params...)
		}
	}
}
