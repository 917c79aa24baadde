package vcf

import "mailferry/internal/contentline"

// phone is a property with a number, and the types that say of which kind. A
// first type of "pref" is the preference.
type phone struct {
	id     uint16
	v3, v4 []string
}

var phones = []phone{
	{0x3A1A, []string{"voice", "pref"}, []string{"voice"}}, // primary
	{0x3A08, []string{"work", "voice"}, []string{"work", "voice"}},
	{0x3A1B, []string{"work", "voice"}, []string{"work", "voice"}},
	{0x3A57, []string{"work", "voice"}, []string{"work", "voice"}}, // of the company
	{0x3A09, []string{"home", "voice"}, []string{"home", "voice"}},
	{0x3A2F, []string{"home", "voice"}, []string{"home", "voice"}},
	{0x3A1C, []string{"cell", "voice"}, []string{"cell", "voice"}},
	{0x3A1E, []string{"car", "voice"}, []string{"voice", "x-car"}},
	{0x3A1D, []string{"voice", "x-radio"}, []string{"voice", "x-radio"}},
	{0x3A1F, []string{"voice"}, []string{"voice"}}, // other
	{0x3A02, []string{"voice", "x-callback"}, []string{"voice", "x-callback"}},
	{0x3A2E, []string{"voice", "x-assistant"}, []string{"voice", "x-assistant"}},
	{0x3A21, []string{"pager"}, []string{"pager"}},
	{0x3A24, []string{"work", "fax"}, []string{"work", "fax"}},
	{0x3A25, []string{"home", "fax"}, []string{"home", "fax"}},
	{0x3A23, []string{"fax"}, []string{"fax"}},
	{0x3A2D, []string{"isdn"}, []string{"x-isdn"}},
	{0x3A2C, []string{"x-telex"}, []string{"x-telex"}},
	{0x3A4B, []string{"x-textphone"}, []string{"textphone"}},
}

func (c *card) phones() {
	for i, p := range phones {
		number := c.tag(p.id)
		if number == "" {
			continue
		}
		kinds := p.v4
		if c.v == V3 {
			kinds = p.v3
		}
		params := []contentline.Param{contentline.P("TYPE", kinds...)}
		if i == 0 && c.v == V4 {
			params = append(params, contentline.P("PREF", "1"))
		}
		c.Text("TEL", number, params...)
	}
}
