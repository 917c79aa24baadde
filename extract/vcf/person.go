package vcf

import (
	"cmp"
	"net/url"
	"strings"
	"time"

	"mailferry/extract/internal/internet"
	"mailferry/fts"
	"mailferry/internal/contentline"
)

// Properties of contacts ([MS-OXOCNTC] 2.2.1).
const (
	idGeneration  = 0x3A05
	idGivenName   = 0x3A06
	idSurname     = 0x3A11
	idCompany     = 0x3A16
	idTitle       = 0x3A17
	idDepartment  = 0x3A18
	idAssistant   = 0x3A30
	idAnniversary = 0x3A41
	idBirthday    = 0x3A42
	idMiddleName  = 0x3A44
	idPrefix      = 0x3A45
	idProfession  = 0x3A46
	idSpouse      = 0x3A48
	idManager     = 0x3A4E
	idNickname    = 0x3A4F
	idHomePage    = 0x3A50
	idWorkPage    = 0x3A51
	idDisplayName = 0x3001

	lidFileUnder        = 0x8005
	lidInstantMessaging = 0x8062
	lidBirthday         = 0x80DE // a day, in no time zone
	lidAnniversary      = 0x80DF
)

// lidEmails are the first of the properties of each of three addresses.
var lidEmails = [...]uint32{0x8080, 0x8090, 0x80A0}

func (c *card) names() {
	c.Text("FN", cmp.Or(c.tag(idDisplayName), strings.TrimSpace(c.m.Subject()), c.lid(lidFileUnder), c.tag(idCompany), c.email(0).Address, "?"))
	var n [][]string
	for _, id := range []uint16{idSurname, idGivenName, idMiddleName, idPrefix, idGeneration} {
		n = append(n, []string{c.tag(id)})
	}
	c.Fields("N", n)
	c.text("NICKNAME", c.tag(idNickname))
	if company, department := c.tag(idCompany), c.tag(idDepartment); department != "" {
		c.Fields("ORG", [][]string{{company}, {department}})
	} else if company != "" {
		c.Fields("ORG", [][]string{{company}})
	}
	c.text("TITLE", c.tag(idTitle))
	c.text("ROLE", c.tag(idProfession))
}

// email is one of the addresses of a contact ([MS-OXOCNTC] 2.2.1.2). One of an
// Exchange organisation has its SMTP address in its original display name.
func (c *card) email(i int) fts.Person {
	const display, kind, address, original, entryID = 0, 2, 3, 4, 5
	first := lidEmails[i]
	p := fts.Person{Name: c.lid(first + display), Address: c.lid(first + address), Type: c.lid(first + kind)}
	if strings.EqualFold(p.Type, "SMTP") {
		p.Type = ""
	}
	if p.Type == "" && strings.Contains(p.Address, "@") {
		return p
	}
	if smtp := c.lid(first + original); strings.Contains(smtp, "@") && !strings.ContainsAny(smtp, " /") {
		return fts.Person{Name: p.Name, Address: smtp}
	}
	if id, ok := fts.NamedValue[[]byte](c.m.Props, fts.LID(fts.PSETIDAddress, first+entryID)); ok && p.Address == "" {
		if named, ok := fts.ParseEntryID(id); ok {
			return named
		}
	}
	return p
}

func (c *card) addresses() {
	first := true
	for i := range lidEmails {
		p := c.email(i)
		if p.Address == "" {
			continue
		}
		kind := []contentline.Param{contentline.P("TYPE", "INTERNET")}
		switch {
		case c.v == V3 && first:
			kind = []contentline.Param{contentline.P("TYPE", "INTERNET", "pref")}
		case c.v == V4:
			kind = nil
			if first {
				kind = []contentline.Param{contentline.P("PREF", "1")}
			}
		}
		first = false
		c.Text("EMAIL", internet.Address(p), kind...)
	}
	if im := c.lid(lidInstantMessaging); im != "" {
		if u, err := url.Parse(im); err != nil || u.Scheme == "" {
			im = "im:" + url.PathEscape(im)
		}
		c.Raw("IMPP", im)
	}
	for _, page := range []struct {
		id   uint16
		kind string
	}{{idWorkPage, "work"}, {idHomePage, "home"}} {
		if at := c.tag(page.id); at != "" {
			c.Raw("URL", at, contentline.P("TYPE", page.kind))
		}
	}
}

func (c *card) days() {
	if day := c.day(lidBirthday, idBirthday); !day.IsZero() {
		c.Raw("BDAY", day.Format(c.either("2006-01-02", "20060102")), c.dateOnly()...)
	}
	if day := c.day(lidAnniversary, idAnniversary); !day.IsZero() {
		c.Raw(c.either("X-ANNIVERSARY", "ANNIVERSARY"), day.Format(c.either("2006-01-02", "20060102")))
	}
}

func (c *card) dateOnly() []contentline.Param {
	if c.v == V3 {
		return []contentline.Param{contentline.P("VALUE", "date")}
	}
	return nil
}

// day returns a day of the calendar. The older property is midnight where the
// contact was written, told in UTC, or 11:59 UTC ([MS-OXOCNTC] 2.2.1.5.1).
func (c *card) day(local uint32, utc uint16) time.Time {
	day := c.m.Props.Time(utc).Add(12 * time.Hour)
	if t, ok := fts.NamedValue[fts.FileTime](c.m.Props, fts.LID(fts.PSETIDAddress, local)); ok {
		day = t.Time()
	}
	// Outlook has 4501 for none.
	if day.Year() < 1602 || day.Year() > 4500 {
		return time.Time{}
	}
	return day.UTC().Truncate(24 * time.Hour)
}

func (c *card) relations() {
	if c.v == V4 {
		c.text("RELATED", c.tag(idSpouse), contentline.P("TYPE", "spouse"), contentline.P("VALUE", "text"))
	} else {
		c.text("X-SPOUSE", c.tag(idSpouse))
	}
	c.text("X-MANAGER", c.tag(idManager))
	c.text("X-ASSISTANT", c.tag(idAssistant))
}
