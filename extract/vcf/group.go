package vcf

import (
	"cmp"
	"strings"

	"mailferry/extract/internal/internet"
	"mailferry/fts"
	"mailferry/internal/contentline"
)

// Properties of distribution lists ([MS-OXOCNTC] 2.2.2). Their values stand at the
// same place for the same member.
const (
	lidListName    = 0x8053
	lidListOneOffs = 0x8054
	lidListMembers = 0x8055
)

func (c *card) group() {
	name := cmp.Or(c.lid(lidListName), c.tag(idDisplayName), strings.TrimSpace(c.m.Subject()), "?")
	c.Raw(c.either("X-ADDRESSBOOKSERVER-KIND", "KIND"), "group")
	c.Text("FN", name)
	if c.v == V3 {
		c.Fields("N", [][]string{{name}, nil, nil, nil, nil})
	}
	for _, p := range c.members() {
		var params []contentline.Param
		if p.Name != "" {
			params = append(params, contentline.P("X-CN", p.Name))
		}
		c.Raw(c.either("X-ADDRESSBOOKSERVER-MEMBER", "MEMBER"), internet.Mailto(p), params...)
	}
}

// members are the persons of a list. An entry id may name a contact, of which only
// the one-off entry beside it tells the address.
func (c *card) members() (all []fts.Person) {
	ids, _ := fts.NamedValue[[][]byte](c.m.Props, fts.LID(fts.PSETIDAddress, lidListMembers))
	oneOffs, _ := fts.NamedValue[[][]byte](c.m.Props, fts.LID(fts.PSETIDAddress, lidListOneOffs))
	for i := range max(len(ids), len(oneOffs)) {
		var best fts.Person
		for _, list := range [][][]byte{oneOffs, ids} {
			if i >= len(list) {
				continue
			}
			if p, ok := fts.ParseEntryID(list[i]); ok && (best.Address == "" || best.Type != "" && p.Type == "" && p.Address != "") {
				p.Name = cmp.Or(p.Name, best.Name)
				best = p
			}
		}
		if best.Name != "" || best.Address != "" {
			all = append(all, best)
		}
	}
	return all
}
