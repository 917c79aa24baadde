package rtf

// symbols are the words that stand for characters, as text and, where HTML has
// a name for them that [MS-OXRTFEX] 2.2.3.2 wants, as that.
var symbols = map[string][2]string{
	"par": {"\r\n"}, "line": {"\r\n"}, "sect": {"\r\n"}, "page": {"\r\n"}, "row": {"\r\n"}, "nestrow": {"\r\n"},
	"tab": {"\t"}, "cell": {"\t"}, "nestcell": {"\t"},
	"lquote": {"\u2018", "&lsquo;"}, "rquote": {"\u2019", "&rsquo;"}, "ldblquote": {"\u201C", "&ldquo;"}, "rdblquote": {"\u201D", "&rdquo;"},
	"bullet": {"\u2022", "&bull;"}, "endash": {"\u2013", "&ndash;"}, "emdash": {"\u2014", "&mdash;"},
	"~": {"\u00A0", "&nbsp;"}, "_": {"\u2011", "&shy;"}, "emspace": {"\u2003"}, "enspace": {"\u2002"}, "qmspace": {"\u2005"},
	"zwj": {"\u200D", "&zwj;"}, "zwnj": {"\u200C", "&zwnj;"}, "ltrmark": {"\u200E", "&lrm;"}, "rtlmark": {"\u200F", "&rlm;"},
}

// destinations are the groups whose text is not that of the document, beside all
// that begin with "\*" and are not known.
var destinations = map[string]bool{
	"colortbl": true, "stylesheet": true, "info": true, "pict": true, "object": true, "header": true, "headerl": true, "headerr": true,
	"headerf": true, "footer": true, "footerl": true, "footerr": true, "footerf": true, "footnote": true, "annotation": true,
	"ftnsep": true, "ftnsepc": true, "ftncn": true, "aftnsep": true, "aftnsepc": true, "aftncn": true, "listtable": true,
	"listoverridetable": true, "revtbl": true, "rsidtbl": true, "generator": true, "filetbl": true, "tc": true, "xe": true, "rxe": true,
	"bkmkstart": true, "bkmkend": true, "fldinst": true, "themedata": true, "colorschememapping": true, "latentstyles": true,
	"datastore": true, "nonshppict": true, "mhtmltag": true, "comment": true, "title": true, "author": true,
}

// control obeys a control word. first is set for the first one of a group.
func (d *Decoder) control(t token, first bool) {
	s := &d.now
	if d.omit > 0 && t.name != "u" {
		// To readers that don't know \u, a word may stand for a character.
		if symbols[t.name] != [2]string{} {
			d.omit--
			return
		}
		d.omit = 0
	}
	if first && d.destination(t) {
		return
	}
	switch t.name {
	case "u":
		d.unicode(t.param)
	case "uc":
		s.uc = uint8(min(max(t.param, 0), 255))
	case "ansicpg":
		if t.param > 0 {
			d.page = t.param
		}
	case "mac":
		d.page = 10000
	case "pc":
		d.page = 437
	case "pca":
		d.page = 850
	case "deff":
		s.font = int32(t.param)
	case "f":
		s.font = int32(t.param)
	case "fcharset":
		if cp := charsets[t.param]; s.fonts && cp != 0 {
			d.setFont(cp)
		}
	case "cpg":
		if s.fonts && t.param > 0 {
			d.setFont(t.param)
		}
	case "plain":
		s.hidden = false
		// The default font's code page counts again; [MS-OXRTFEX] keeps \htmlrtf.
	case "v":
		s.hidden = !t.has || t.param != 0
	case "htmlrtf":
		if d.kind == HTML {
			s.hideTag = !t.has || t.param != 0
		}
	default:
		d.symbol(t.name)
	}
}

func (d *Decoder) symbol(name string) {
	c, ok := symbols[name]
	switch {
	case !ok:
	case d.kind == HTML && c[1] != "":
		d.put(c[1])
	default:
		d.put(c[0])
	}
}

func (d *Decoder) setFont(cp int) {
	if len(d.fonts) < maxFonts {
		d.fonts[d.now.font] = cp
	}
}

// destination looks at the first word of a group; true if that was all there is
// to do about it.
func (d *Decoder) destination(t token) bool {
	s := &d.now
	switch {
	case t.name == "*":
		s.star = true
		return true
	case t.name == "fonttbl":
		s.fonts, s.skip, s.tag = true, true, false
	case t.name == "htmltag" && s.star && d.kind == HTML:
		// Shown also where \htmlrtf hides what is around it.
		s.tag = !s.skip
	case destinations[t.name] || s.star && t.name != "shptxt" || t.name == "pntext" && d.kind == HTML:
		// A \pntext is the bullet or number of a list; HTML has its own.
		s.skip, s.tag = true, false
	default:
		return false
	}
	return true
}
